/**
 * Activities of a type, of several or of any, measured: in a window or of all time, those that are current (superseded and reversed
 * ones are in no measure) and that have happened. Amounts are those in the bank's currency; one without a rate
 * has none and is left out, never counted as zero. A sum of no activities is 0; where each of them has an
 * amount without a rate it is missing, as average, min, max and the instants of nothing are.
 */
import { Big } from 'big.js';
import { type SQL, sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import { instantOf, microsOf } from '../platform/instants.js';
import { fieldOf, passes } from './activity-fields.js';
import { type ActivityParts, scannedParts, totalColumns, totalledParts } from './activity-sql.js';
import { isOfTypes, keyOfTypes } from './activity-types.js';
import { calendarRange, isPresent } from './calendar.js';
import { earliest, latest, type Quantity, type SeenQuantity } from './conditions.js';
import type { Moment } from './moment.js';
import type { ActivityPart, ActivityTotalPart, CustomerPicture } from './picture.js';
import type { Comparison, Measure, MeasuredActivity, Operator } from './schema.js';
import type { Frame } from './statement.js';
import { type FactValue, holds, jsonSql, operatorsOf, type ValueType } from './values.js';
import type { Window } from './window-schema.js';
import { endOf, rangeOf } from './windows.js';

export const measureType: Readonly<Record<Measure, ValueType>> = {
  count: 'integer',
  distinct: 'integer',
  sum: 'money',
  average: 'money',
  min: 'money',
  max: 'money',
  first_at: 'instant',
  last_at: 'instant',
};

/** An average is seldom a decimal that could be listed. */
export const measureOperators = (measure: Measure): readonly Operator[] =>
  operatorsOf[measureType[measure]].filter((op) => measure !== 'average' || (op !== 'in' && op !== 'not_in'));

const totalled: readonly Measure[] = ['count', 'sum', 'first_at', 'last_at'];

/** Whether the totals kept at ingestion tell it. */
export const usesTotals = ({ window, where = [], measure }: MeasuredActivity): boolean =>
  window === undefined && totalled.includes(measure) && where.every(({ field }) => field in totalColumns);

/** A count that is asked only whether it is zero flips when the last activity leaves, not the first. */
function leavesLast({ measure }: MeasuredActivity, comparison?: Comparison): boolean {
  if (measure !== 'count' || comparison === undefined) return false;
  const { op, value } = comparison;
  return op === 'gte' || op === 'lt' ? value === 1 : ['gt', 'lte', 'eq', 'ne'].includes(op) && value === 0;
}

/** @param comparison what it is held against, where that is a constant */
export function activityQuantity(
  measured: MeasuredActivity,
  frame: Frame,
  comparison?: Comparison,
): Quantity {
  const parts = usesTotals(measured) ? totalledParts(measured, frame) : scannedParts(measured, frame);
  const quantity = measuredSql(measured, parts, frame);
  if (!frame.looksAhead) return { ...quantity, instants: [], days: [] };
  const leaving = parts.leaving(leavesLast(measured, comparison) ? 'last' : 'first');
  const instants = [parts.beginning(), leaving].filter((each) => each !== null);
  return { ...quantity, instants, days: [] };
}

/** Conditions that measure the same share what was measured. */
function measuredSql(
  measured: MeasuredActivity,
  parts: ActivityParts,
  frame: Frame,
): Omit<Quantity, 'instants' | 'days'> {
  const { activity, where = [], window = null, measure, of = null } = measured;
  const type = measureType[measure];
  const key = `activity:${JSON.stringify([keyOfTypes(activity), where, window, measure, of])}`;
  if (measure === 'average') {
    const sum = frame.value(`${key} sum`, () => parts.valued().sum);
    const count = frame.value(`${key} count`, () => parts.valued().count);
    return { type, amount: sum, per: count, value: jsonSql(type, quotientSql(sum, count)) };
  }
  const amount = frame.value(key, () => measureSql(measure, parts));
  return { type, amount, value: jsonSql(type, amount) };
}

function measureSql(measure: Exclude<Measure, 'average'>, parts: ActivityParts): SQL {
  switch (measure) {
    case 'count':
      return parts.count();
    case 'distinct':
      return parts.distinct();
    case 'sum':
      return parts.sum();
    case 'min':
      return parts.min();
    case 'max':
      return parts.max();
    case 'first_at':
      return parts.firstAt();
    case 'last_at':
      return parts.lastAt();
  }
}

/** To six digits, halves away from zero: numeric division would round before. */
const quotientSql = (sum: SQL, count: SQL): SQL =>
  sql`(case when ${count} > 0 then sign(${sum}) * div(abs(${sum}) * 2000000 + ${count}, 2 * ${count}) / 1000000 end)`;

/** What the measures are made of, as `ActivityParts` are in SQL. */
type Amounts = { count: number; unvalued: number; sum: Big; firstAt: number | null; lastAt: number | null };

export function activitySeen(
  measured: MeasuredActivity,
  picture: CustomerPicture,
  moment: Moment,
  comparison?: Comparison,
): SeenQuantity {
  const { activity: types, where = [], window } = measured;
  const { nowMicros } = moment;
  const all = picture.activities
    .filter((each) => isOfTypes(types, each.type) && each.state === 'current' && passes(each, where))
    .map((activity) => ({ activity, at: microsOf(activity.occurred_at) }))
    .sort((a, b) => b.at - a.at);
  const ahead = all.filter((each) => each.at > nowMicros);
  const begun = all.filter((each) => each.at <= nowMicros);
  const isLast = leavesLast(measured, comparison);
  const { counted, next, since } = windowed(window, begun, ahead, isLast, moment);
  const amounts = usesTotals(measured)
    ? totalsOf(measured, picture, ahead, begun, nowMicros)
    : amountsOf(counted);
  return {
    type: measureType[measured.measure],
    ...measuredOf(measured, amounts, counted),
    nextChange: next,
    counted: counted.slice(0, 20).map((each) => each.activity.id),
    ...(since === null ? {} : { since: instantOf(since) }),
  };
}

type Windowed = { counted: readonly Dated[]; next: number | null; since: number | null };

/** Which of them count, and when others can. */
function windowed(
  window: Window | undefined,
  begun: readonly Dated[],
  ahead: readonly Dated[],
  isLast: boolean,
  moment: Moment,
): Windowed {
  const { nowMicros, timeZone } = moment;
  const beginning = ahead.at(-1)?.at ?? null;
  if (window === undefined) return { counted: begun, next: beginning, since: null };
  if ('calendar' in window) {
    const range = calendarRange(window, moment);
    const { from, until, turn } = range;
    const counted = begun.filter((each) => each.at >= from && each.at < until);
    const moving = isPresent(range) ? counted : [...begun, ...ahead].filter((each) => each.at >= from);
    const next = earliest([moving.length > 0 ? turn : null, isPresent(range) ? beginning : null]);
    return { counted, next, since: from };
  }
  const duration = Temporal.Duration.from(window.last);
  const ends = begun.map((each) => endOf(each.at, duration, timeZone));
  const counted = begun.filter((_, index) => (ends[index] as number) > nowMicros);
  const leaving = ends.filter((end) => end > nowMicros);
  const first = isLast ? Math.max(...leaving) : Math.min(...leaving);
  const next = earliest([leaving.length === 0 ? null : first, beginning]);
  return { counted, next, since: rangeOf(window.last, moment).lowest };
}

type Dated = { activity: ActivityPart; at: number };

const amountsIn = (activities: readonly Dated[]) =>
  activities.flatMap(({ activity }) =>
    activity.reporting_amount === null ? [] : [new Big(activity.reporting_amount)],
  );

const unvaluedIn = (activities: readonly Dated[]) =>
  activities.filter(({ activity }) => activity.amount !== null && activity.reporting_amount === null).length;

const total = (amounts: readonly Big[]) => amounts.reduce((sum, each) => sum.plus(each), new Big(0));

function amountsOf(counted: readonly Dated[]): Amounts {
  return {
    count: counted.length,
    unvalued: unvaluedIn(counted),
    sum: total(amountsIn(counted)),
    firstAt: counted.at(-1)?.at ?? null,
    lastAt: counted[0]?.at ?? null,
  };
}

function totalsOf(
  { activity: types, where = [] }: MeasuredActivity,
  picture: CustomerPicture,
  ahead: readonly Dated[],
  begun: readonly Dated[],
  now: number,
): Amounts {
  const totals = picture.activityTotals.filter(
    (each) =>
      isOfTypes(types, each.type) &&
      where.every((filter) => holds('text', totalValue(each, filter.field), filter)),
  );
  const sumOf = (pick: (each: (typeof totals)[number]) => number) =>
    totals.reduce((sum, each) => sum + pick(each), 0);
  const past = (instants: readonly string[]) => instants.map(microsOf).filter((each) => each <= now);
  const lasts = past(totals.map((each) => each.last_at));
  return {
    count: sumOf((each) => each.count) - ahead.length,
    unvalued: sumOf((each) => each.unvalued) - unvaluedIn(ahead),
    sum: total(totals.map((each) => new Big(each.amount))).minus(total(amountsIn(ahead))),
    firstAt: earliest(past(totals.map((each) => each.first_at))),
    lastAt: latest([...lasts, begun[0]?.at ?? null]),
  };
}

const totalValue = (each: ActivityTotalPart, field: string): string =>
  field === 'type' ? each.type : field === 'direction' ? each.direction : each.initiated_by;

function measuredOf(
  { measure, of }: MeasuredActivity,
  { count, unvalued, sum, firstAt, lastAt }: Amounts,
  counted: readonly Dated[],
): Pick<SeenQuantity, 'value' | 'ratio'> {
  const seen = (value: FactValue | null) => ({ value });
  const instant = (micros: number | null) => seen(micros === null ? null : instantOf(micros));
  switch (measure) {
    case 'count':
      return seen(count);
    case 'distinct': {
      const field = fieldOf(of as string, undefined);
      const values = counted
        .map(({ activity }) => field?.value(activity) ?? null)
        .filter((value) => value !== null);
      return seen(new Set(values).size);
    }
    case 'sum':
      return seen(count > 0 && unvalued === count ? null : sum.toFixed());
    case 'average': {
      const valued = amountsIn(counted).length;
      if (valued === 0) return seen(null);
      return { value: sum.div(valued).toFixed(6), ratio: { amount: sum, per: valued } };
    }
    case 'min':
    case 'max': {
      const amounts = amountsIn(counted).sort((a, b) => a.cmp(b));
      return seen(amounts.at(measure === 'min' ? 0 : -1)?.toFixed() ?? null);
    }
    case 'first_at':
      return instant(firstAt);
    case 'last_at':
      return instant(lastAt);
  }
}
