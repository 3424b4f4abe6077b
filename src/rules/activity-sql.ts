/**
 * What a condition on activities reads of the database. Conditions on the same types share one scan of the index
 * (customer, type, time), from the earliest bound that any of them has; those that look at other columns than the
 * amount share a second one. Conditions on any type share one of the index (customer, time). All-time counts and sums come from `activity_totals`, which outlive the activities:
 * what lies in the future is taken off again, and looked for only where there is something.
 */
import { type SQL, sql } from 'drizzle-orm';
import { activities, activityTotals } from '../db/tables/activities.js';
import { customers } from '../db/tables/customers.js';
import { fieldOf, passesSql } from './activity-fields.js';
import { keyOfTypes, ofTypesSql } from './activity-types.js';
import { calendarRange, insideCalendarSql, isPresent } from './calendar.js';
import type { ActivityTypes, MeasuredActivity } from './schema.js';
import type { Frame, Source } from './statement.js';
import { holdsSql } from './values.js';
import type { Window } from './window-schema.js';
import { endSql, insideSql, instantSql, type WindowRange } from './windows.js';

/** Aggregates over the activities that count; each is asked for only where it is used. */
export type ActivityParts = {
  count: () => SQL;
  /** null where there are some, and each has an amount without a value in the bank's currency */
  sum: () => SQL;
  /** how many have a value in the bank's currency, and the sum of it */
  valued: () => { count: SQL; sum: SQL };
  min: () => SQL;
  max: () => SQL;
  firstAt: () => SQL;
  lastAt: () => SQL;
  distinct: () => SQL;
  /** when the first, or the last, of them leaves the window */
  leaving: (which: 'first' | 'last') => SQL | null;
  /** when the next one begins to count; null where that is at a turn */
  beginning: () => SQL | null;
};

const at = sql`${activities.occurredAt}`;
const amount = sql`${activities.reportingAmount}`;

const rowsOf = (activity: ActivityTypes) =>
  sql`from ${activities} where ${ofTypesSql(sql`${activities.type}`, activity)} and ${activities.state} = 'current'`;

/** What the index tells. */
const indexed = ['amount', 'type'];

const filtered = (aggregate: SQL, conditions: readonly SQL[]) =>
  conditions.length === 0
    ? aggregate
    : sql`${aggregate} filter (where ${sql.join([...conditions], sql` and `)})`;

const absent = (): never => {
  throw new Error('totals do not tell this');
};

export function scannedParts(condition: MeasuredActivity, frame: Frame): ActivityParts {
  const { activity, where = [], window, of } = condition;
  const bounds = boundsOf(window, frame);
  const needsRow = [...where.map(({ field }) => field), of ?? 'type'].some((name) => !indexed.includes(name));
  const all = rowsOf(activity);
  const source: Source = {
    name: `activities:${needsRow ? 'rows' : 'index'}:${keyOfTypes(activity)}`,
    customerId: sql`${activities.customerId}`,
    rows: (since) => (since === null ? all : sql`${all} and ${at} >= ${instantSql(since)}`),
  };
  const filters = passesSql(where);
  const inside = [bounds.inside, ...filters];
  const key = JSON.stringify([where, window ?? null, of ?? null]);
  const counting = { key, condition: sql.join(inside, sql` and `) };
  const column = (name: string, aggregate: SQL) =>
    frame.column(source, `${name} ${key}`, () => aggregate, bounds.lowest, counting);
  const count = (name: string, aggregate: SQL) =>
    frame.count(source, `${name} ${key}`, () => aggregate, bounds.lowest, counting);
  const columnAmong = (name: string, aggregate: SQL, conditions: readonly SQL[]) =>
    frame.column(source, `${name} ${key}`, () => filtered(aggregate, conditions), bounds.lowest);
  const counted = of === undefined ? undefined : fieldOf(of, undefined);
  return {
    count: () => count('count', sql`count(*)`),
    sum: () => {
      // looked for only where no sum is known: the index does not hold the amount as it was stated
      const ofCustomer = sql`${activities.customerId} = ${customers.id} and ${activities.amount} is null`;
      const withoutAmount = sql`(select true ${all} and ${sql.join([...inside, ofCustomer], sql` and `)} limit 1)`;
      const [sum, number] = [column('sum', sql`sum(${amount})`), count('count', sql`count(*)`)];
      return sql`(case when ${sum} is not null then ${sum} when ${number} = 0 or ${withoutAmount} then 0 end)`;
    },
    valued: () => ({
      count: count('valued', sql`count(${amount})`),
      sum: column('sum', sql`sum(${amount})`),
    }),
    min: () => column('min', sql`min(${amount})`),
    max: () => column('max', sql`max(${amount})`),
    firstAt: () => column('first', sql`min(${at})`),
    lastAt: () => column('last', sql`max(${at})`),
    distinct: () => count('distinct', sql`count(distinct ${counted?.sql ?? absent()})`),
    leaving: (which) => {
      if (bounds.turn !== undefined) {
        // what lies behind a period leaves it, what lies in a later one comes in, all at a turn
        const since = sql`${at} >= ${instantSql(bounds.lowest)}`;
        const some = bounds.isPresent
          ? column('moving', sql`bool_or(true)`)
          : columnAmong('moving', sql`bool_or(true)`, [since, ...filters]);
        return sql`(case when ${some} then ${instantSql(bounds.turn)} end)`;
      }
      if (bounds.range === undefined) return null;
      const pick = sql.raw(which === 'first' ? 'min' : 'max');
      // what occurred first ends first, so one addition a customer is enough
      if (bounds.range.monotone) return endSql(column(which, sql`${pick}(${at})`), bounds.range);
      return column(`${which} to end`, sql`${pick}(${endSql(at, bounds.range)})`);
    },
    beginning: () => {
      if (bounds.turn !== undefined && !bounds.isPresent) return null;
      const ahead = sql`${at} > ${instantSql(frame.moment.nowMicros)}`;
      return columnAmong('beginning', sql`min(${at})`, [ahead, ...filters]);
    },
  };
}

type Bounds = { inside: SQL } & (
  | { lowest?: undefined; range?: undefined; turn?: undefined }
  | { lowest: number; range: WindowRange; turn?: undefined }
  | { lowest: number; range?: undefined; turn: number; isPresent: boolean }
);

function boundsOf(window: Window | undefined, { moment, range: rangeOf }: Frame): Bounds {
  if (window === undefined) return { inside: insideSql(at, null, moment) };
  if ('last' in window) {
    const range = rangeOf(window.last);
    return { inside: insideSql(at, range, moment), lowest: range.lowest, range };
  }
  const range = calendarRange(window, moment);
  const { from: lowest, turn } = range;
  return { inside: insideCalendarSql(at, range, moment), lowest, turn, isPresent: isPresent(range) };
}

/** Only of a condition that `usesTotals`. */
export function totalledParts(condition: MeasuredActivity, frame: Frame): ActivityParts {
  const { activity, where = [] } = condition;
  const types = keyOfTypes(activity);
  const key = JSON.stringify(where);
  const now = instantSql(frame.moment.nowMicros);
  const totals: Source = {
    name: `totals:${types}`,
    customerId: sql`${activityTotals.customerId}`,
    rows: () => sql`from ${activityTotals} where ${ofTypesSql(sql`${activityTotals.type}`, activity)}`,
  };
  const ofTotals = where.map((filter) => holdsSql('text', totalColumns[filter.field] ?? absent(), filter));
  const total = (name: string, aggregate: SQL, extra: readonly SQL[] = []) =>
    frame.column(totals, `${name} ${key}`, () => filtered(aggregate, [...ofTotals, ...extra]));
  const hasFuture = frame.column(totals, 'ahead', () => sql`bool_or(${activityTotals.lastAt} > ${now})`);
  const ahead: Source = {
    name: `ahead:${types}`,
    customerId: sql`${activities.customerId}`,
    rows: () => sql`${rowsOf(activity)} and ${at} > ${now}`,
    gate: hasFuture,
    rare: true,
  };
  const begun: Source = {
    name: `begun:${types}`,
    customerId: sql`${activities.customerId}`,
    rows: () => sql`${rowsOf(activity)} and ${at} <= ${now}`,
    gate: hasFuture,
    rare: true,
  };
  const filters = passesSql(where);
  const later = (name: string, aggregate: SQL) =>
    frame.column(ahead, `${name} ${key}`, () => filtered(aggregate, filters));
  const { count, unvalued, amount: totalAmount, firstAt, lastAt } = activityTotals;
  const numberOf = () => less(total('count', sql`sum(${count})`), later('count', sql`count(*)`));
  return {
    count: numberOf,
    sum: () => {
      const unvaluedLater = sql`count(*) filter (where ${sql.join([...filters, sql`${activities.amount} is not null and ${amount} is null`], sql` and `)})`;
      const noValue = less(
        total('unvalued', sql`sum(${unvalued})`),
        frame.column(ahead, `unvalued ${key}`, () => unvaluedLater),
      );
      const sum = less(total('sum', sql`sum(${totalAmount})`), later('sum', sql`sum(${amount})`));
      return sql`(case when ${numberOf()} > 0 and ${numberOf()} = ${noValue} then null else ${sum} end)`;
    },
    valued: absent,
    firstAt: () => total('first', sql`min(${firstAt})`, [sql`${firstAt} <= ${now}`]),
    lastAt: () => {
      const known = total('last', sql`max(${lastAt})`, [sql`${lastAt} <= ${now}`]);
      return sql`greatest(${known}, ${frame.column(begun, `last ${key}`, () => filtered(sql`max(${at})`, filters))})`;
    },
    min: absent,
    max: absent,
    distinct: absent,
    leaving: () => null,
    beginning: () => later('beginning', sql`min(${at})`),
  };
}

/** What totals are kept by. */
export const totalColumns: Readonly<Record<string, SQL>> = {
  direction: sql`${activityTotals.direction}`,
  initiated_by: sql`${activityTotals.initiatedBy}`,
  type: sql`${activityTotals.type}`,
};

const less = (all: SQL, later: SQL) => sql`(coalesce(${all}, 0) - coalesce(${later}, 0))`;
