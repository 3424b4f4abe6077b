/** A fact held against a value. */
import { type SQL, sql } from 'drizzle-orm';
import { microsOf } from '../platform/instants.js';
import { earliest, type Judged, type Quantity, type Seen, type SeenQuantity } from './conditions.js';
import { type Fact, type Passing, passingsOf } from './facts.js';
import { type Moment, startOfDay } from './moment.js';
import type { CustomerPicture } from './picture.js';
import type { Comparison, MeasuredFact } from './schema.js';
import type { Frame } from './statement.js';
import { holds, holdsSql, jsonSql } from './values.js';

/** Of a number that grows: the values at whose reaching the comparison can flip. From 0 on it is there at all. */
export function crossingsOf({ op, value }: Comparison, atMost: number): number[] {
  const bounds = (Array.isArray(value) ? value : [value]).filter((each) => typeof each === 'number');
  const crossings = bounds.flatMap((bound, index) => {
    if (op === 'lt' || op === 'gte') return [bound];
    if (op === 'gt' || op === 'lte') return [bound + 1];
    if (op === 'between') return [bound + index];
    return [bound, bound + 1];
  });
  return [...new Set([0, ...crossings])].filter((each) => each >= 0 && each <= atMost);
}

type ConstantFact = MeasuredFact & Comparison;

export function judgeFact(condition: ConstantFact, fact: Fact, frame: Frame): Judged {
  const { amount, type, ...judged } = factQuantity(fact, frame, condition);
  return { ...judged, verdict: holdsSql(type, amount, condition) };
}

/** @param comparison what it is held against, where that is a constant: otherwise each other value may count */
export function factQuantity(fact: Fact, frame: Frame, comparison?: Comparison): Quantity {
  const amount = frame.value(`fact:${fact.name}`, () => fact.sql(frame));
  const quantity: Quantity = {
    type: fact.type,
    amount,
    value: jsonSql(fact.type, amount),
    instants: [],
    days: [],
  };
  for (const passing of frame.looksAhead ? passingsOf(fact) : []) {
    if (passing.kind === 'instant') quantity.instants.push(passing.sql(frame));
    else if (passing.kind === 'day') quantity.days.push(passing.sql(frame));
    else if (comparison === undefined) quantity.days.push(growingDay(fact, passing, frame));
    else quantity.days.push(...reachingDays(comparison, passing, frame));
  }
  return quantity;
}

type Reaching = Extract<Passing, { kind: 'reaches' }>;

const laterDay = (passing: Reaching, frame: Frame, n: SQL): SQL => {
  const day = passing.sql(frame, n);
  return sql`case when ${day} > ${frame.moment.today}::date then ${day} end`;
};

function reachingDays(comparison: Comparison, passing: Reaching, frame: Frame): SQL[] {
  const crossings = crossingsOf(comparison, passing.atMost);
  if (crossings.length <= 4) return crossings.map((n) => laterDay(passing, frame, sql`${n}::integer`));
  const later = laterDay(passing, frame, sql`n`);
  return [sql`(select min(${later}) from unnest(${sql.param(crossings)}::integer[]) as n)`];
}

/** When it is the next number. */
function growingDay(fact: Fact, passing: Reaching, frame: Frame): SQL {
  const next = sql`(coalesce(${fact.sql(frame)}, -1) + 1)::integer`;
  return sql`(select ${laterDay(passing, frame, sql`n`)} from (select ${next} as n) as g where n <= ${passing.atMost}::integer)`;
}

export function seeFact(condition: ConstantFact, fact: Fact, picture: CustomerPicture, moment: Moment): Seen {
  const { type, ...seen } = factSeen(fact, picture, moment, condition);
  return { ...seen, verdict: holds(type, seen.value, condition) };
}

export function factSeen(
  fact: Fact,
  picture: CustomerPicture,
  moment: Moment,
  comparison?: Comparison,
): SeenQuantity {
  const value = fact.value(picture, moment);
  const next = passingsOf(fact).map((passing) => {
    const crossings =
      passing.kind !== 'reaches'
        ? []
        : comparison === undefined
          ? [Number(value ?? -1) + 1].filter((n) => n <= passing.atMost)
          : crossingsOf(comparison, passing.atMost);
    return nextPassing(crossings, passing, picture, moment);
  });
  return { type: fact.type, value, nextChange: earliest(next) };
}

function nextPassing(
  crossings: readonly number[],
  passing: Passing,
  picture: CustomerPicture,
  moment: Moment,
): number | null {
  if (passing.kind === 'instant') {
    const instant = passing.value(picture, moment);
    return instant === null ? null : microsOf(instant);
  }
  const days =
    passing.kind === 'day'
      ? [passing.value(picture, moment)]
      : crossings.map((n) => passing.value(picture, moment, n));
  const next = days.filter((day) => day !== null && day > moment.today).sort()[0];
  return next === undefined || next === null ? null : startOfDay(next, moment.timeZone);
}
