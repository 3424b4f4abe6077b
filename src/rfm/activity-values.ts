/**
 * Recency, frequency and monetary value of one customer's activities: those that the customer initiated, that are no
 * transfer between own accounts and are not reversed, of the types and in the window that the model says. Recency is
 * the days since the last of them, frequency how many they are, monetary the sum of their amounts in the bank's
 * currency. Without any, frequency and monetary are 0 and recency is missing; where each amount has no rate, monetary
 * is missing.
 */
import { Big } from 'big.js';
import { type SQL, sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import { activities } from '../db/tables/activities.js';
import { microsOf } from '../platform/instants.js';
import { earliest } from '../rules/conditions.js';
import { type Moment, zonedOf } from '../rules/moment.js';
import type { CustomerPicture } from '../rules/picture.js';
import type { Frame, Source } from '../rules/statement.js';
import { endOf, endSql, insideSql, instantSql } from '../rules/windows.js';

export type RfmModel = {
  /** null: of every type */
  types: readonly string[] | null;
  /** ISO 8601 duration */
  last: string;
};

const at = sql`${activities.occurredAt}`;

const sourceOf = ({ types }: RfmModel): Source => {
  const ofTypes = types === null ? sql`` : sql` and ${activities.type} = any(${sql.param(types)}::text[])`;
  return {
    name: 'rfm',
    customerId: sql`${activities.customerId}`,
    rows: (since) => sql`from ${activities} where ${activities.state} = 'current'
      and ${activities.initiatedBy} = 'customer' and not ${activities.ownTransfer}${ofTypes}${
        since === null ? sql`` : sql` and ${at} >= ${instantSql(since)}`
      }`,
  };
};

export function valuesSql(model: RfmModel, frame: Frame) {
  const { moment } = frame;
  const source = sourceOf(model);
  const range = frame.range(model.last);
  const inside = insideSql(at, range, moment);
  const column = (name: string, aggregate: SQL, condition = inside) =>
    frame.column(source, name, () => sql`${aggregate} filter (where ${condition})`, range.lowest);
  const frequency = () =>
    frame.count(source, 'frequency', () => sql`count(*) filter (where ${inside})`, range.lowest);
  const lastAt = () => column('last', sql`max(${at})`);
  const lastDay = () => sql`(${lastAt()} at time zone ${moment.timeZone})::date`;
  return {
    frequency,
    recency: () => sql`(${moment.today}::date - ${lastDay()})`,
    monetary: () => {
      const sum = column('sum', sql`sum(${activities.reportingAmount})`);
      const withoutValue = sql`${inside} and ${activities.amount} is not null and ${activities.reportingAmount} is null`;
      const unvalued = column('unvalued', sql`count(*)`, withoutValue);
      return sql`(case when ${frequency()} > 0 and ${frequency()} = ${unvalued} then null else coalesce(${sum}, 0) end)`;
    },
    /** the day on which recency is n days */
    reaches: (n: SQL) => sql`(${lastDay()} + ${n})`,
    beginning: () => column('beginning', sql`min(${at})`, sql`${at} > ${instantSql(moment.nowMicros)}`),
    /** when the last activity, or the first that does, leaves the window */
    lastEnd: () => endSql(lastAt(), range),
    firstEnd: () =>
      range.monotone
        ? endSql(column('first', sql`min(${at})`), range)
        : column('first to end', sql`min(${endSql(at, range)})`),
  };
}

/** The same in memory, of one customer: instants in microseconds, days as dates. */
export function valuesOf({ types, last }: RfmModel, picture: CustomerPicture, moment: Moment) {
  const { nowMicros, timeZone } = moment;
  const duration = Temporal.Duration.from(last);
  const counting = picture.activities
    .filter(({ state, type }) => state === 'current' && (types === null || types.includes(type)))
    .filter((each) => each.initiated_by === 'customer' && !each.own_transfer)
    .map((activity) => ({ activity, at: microsOf(activity.occurred_at) }));
  const inside = counting
    .filter((each) => each.at <= nowMicros)
    .map((each) => ({ ...each, end: endOf(each.at, duration, timeZone) }))
    .filter((each) => each.end > nowMicros);
  const newest = inside.reduce<(typeof inside)[number] | null>(
    (found, each) => (found === null || each.at > found.at ? each : found),
    null,
  );
  const lastDay = newest === null ? null : zonedOf(newest.at, timeZone).toPlainDate();
  const valued = inside.flatMap(({ activity }) =>
    activity.reporting_amount === null ? [] : [new Big(activity.reporting_amount)],
  );
  const unvalued = inside.filter(
    ({ activity }) => activity.amount !== null && activity.reporting_amount === null,
  );
  const sum = valued.reduce((total, each) => total.plus(each), new Big(0));
  return {
    frequency: inside.length,
    recency: lastDay === null ? null : lastDay.until(moment.today).days,
    monetary: inside.length > 0 && unvalued.length === inside.length ? null : sum.toFixed(),
    reaches: (n: number) => lastDay?.add({ days: n }).toString() ?? null,
    beginning: earliest(counting.map((each) => each.at).filter((each) => each > nowMicros)),
    lastEnd: newest?.end ?? null,
    firstEnd: earliest(inside.map((each) => each.end)),
  };
}
