/**
 * Activities of a type, measured: in a window or of all time, those that are current (superseded and reversed
 * ones are in no measure) and that have happened. Amounts are those in the bank's currency; one without a rate
 * has none and is left out, never counted as zero. A sum of no activities is 0; where each of them has an
 * amount without a rate it is missing, as average, min, max and the instants of nothing are.
 */
import { Big } from 'big.js';
import type { SQL } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import { instantOf, microsOf } from '../platform/instants.js';
import { fieldOf, passes } from './activity-fields.js';
import { type ActivityParts, scannedParts, totalColumns, totalledParts } from './activity-sql.js';
import { earliest, type Judged, latest, type Seen } from './conditions.js';
import type { Moment } from './moment.js';
import type { ActivityPart, CustomerPicture } from './picture.js';
import type { ActivityCondition, Measure, Operator } from './schema.js';
import type { Frame } from './statement.js';
import { type FactValue, holds, holdsOrdered, holdsSql, operatorsOf, type ValueType } from './values.js';
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
export const usesTotals = ({ window, where = [], measure }: ActivityCondition): boolean =>
  window === undefined && totalled.includes(measure) && where.every(({ field }) => field in totalColumns);

/** A count that is asked only whether it is zero flips when the last activity leaves, not the first. */
function leavesLast({ measure, op, value }: ActivityCondition): boolean {
  if (measure !== 'count') return false;
  return op === 'gte' || op === 'lt' ? value === 1 : ['gt', 'lte', 'eq', 'ne'].includes(op) && value === 0;
}

export function judgeActivity(condition: ActivityCondition, frame: Frame): Judged {
  const parts = usesTotals(condition) ? totalledParts(condition, frame) : scannedParts(condition, frame);
  const leaving = parts.leaving(leavesLast(condition) ? 'last' : 'first');
  const instants = [parts.beginning(), ...(leaving === null ? [] : [leaving])];
  return { verdict: verdictSql(condition, parts), instants, days: [] };
}

function verdictSql(condition: ActivityCondition, parts: ActivityParts): SQL {
  const { measure } = condition;
  const type = measureType[measure];
  switch (measure) {
    case 'count':
      return holdsSql(type, parts.count(), condition);
    case 'distinct':
      return holdsSql(type, parts.distinct(), condition);
    case 'sum':
      return holdsSql(type, parts.sum(), condition);
    case 'average': {
      const { sum, count } = parts.valued();
      return holdsSql(type, sum, condition, count);
    }
    case 'min':
      return holdsSql(type, parts.min(), condition);
    case 'max':
      return holdsSql(type, parts.max(), condition);
    case 'first_at':
      return holdsSql(type, parts.firstAt(), condition);
    case 'last_at':
      return holdsSql(type, parts.lastAt(), condition);
  }
}

/** What the measures are made of, as `ActivityParts` are in SQL. */
type Amounts = { count: number; unvalued: number; sum: Big; firstAt: number | null; lastAt: number | null };

export function seeActivity(condition: ActivityCondition, picture: CustomerPicture, moment: Moment): Seen {
  const { activity: type, where = [], window } = condition;
  const { nowMicros, timeZone } = moment;
  const duration = window === undefined ? null : Temporal.Duration.from(window.last);
  const all = picture.activities
    .filter((each) => each.type === type && each.state === 'current' && passes(each, where))
    .map((activity) => ({ activity, at: microsOf(activity.occurred_at) }))
    .sort((a, b) => b.at - a.at);
  const ahead = all.filter((each) => each.at > nowMicros);
  const begun = all.filter((each) => each.at <= nowMicros);
  const ends = duration === null ? null : begun.map((each) => endOf(each.at, duration, timeZone));
  const counted = begun.filter((_, index) => ends === null || (ends[index] as number) > nowMicros);
  const leaving = (ends ?? []).filter((end) => end > nowMicros);
  const next = leavesLast(condition) ? Math.max(...leaving) : Math.min(...leaving);

  const amounts = usesTotals(condition)
    ? totalsOf(condition, picture, ahead, begun, nowMicros)
    : amountsOf(counted);
  const { value, verdict } = judgeAmounts(condition, amounts, counted);
  return {
    verdict,
    value,
    nextChange: earliest([leaving.length === 0 ? null : next, ahead.at(-1)?.at ?? null]),
    counted: counted.slice(0, 20).map((each) => each.activity.id),
    ...(window === undefined ? {} : { since: instantOf(rangeOf(window.last, moment).lowest) }),
  };
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
  { activity: type, where = [] }: ActivityCondition,
  picture: CustomerPicture,
  ahead: readonly Dated[],
  begun: readonly Dated[],
  now: number,
): Amounts {
  const totals = picture.activityTotals.filter(
    (each) =>
      each.type === type && where.every((filter) => holds('text', totalValue(each, filter.field), filter)),
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

const totalValue = (each: { direction: string; initiated_by: string }, field: string): string =>
  field === 'direction' ? each.direction : each.initiated_by;

function judgeAmounts(
  condition: ActivityCondition,
  { count, unvalued, sum, firstAt, lastAt }: Amounts,
  counted: readonly Dated[],
): { value: FactValue | null; verdict: boolean } {
  const { measure, of } = condition;
  const seen = (value: FactValue | null) => ({
    value,
    verdict: holds(measureType[measure], value, condition),
  });
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
      const value = valued === 0 ? null : sum.div(valued).toFixed(6);
      if (value === null || condition.op === 'exists' || condition.op === 'missing') return seen(value);
      // exactly, since the quotient may have no end
      return {
        value,
        verdict: holdsOrdered(condition, (bound) => sum.cmp(new Big(bound as string).times(valued))),
      };
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
