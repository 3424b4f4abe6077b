/** A fact held against a value. */
import { type SQL, sql } from 'drizzle-orm';
import { microsOf } from '../platform/instants.js';
import type { Judged, Seen } from './conditions.js';
import type { Fact } from './facts.js';
import { type Moment, startOfDay } from './moment.js';
import type { CustomerPicture } from './picture.js';
import type { Comparison, FactCondition } from './schema.js';
import type { Frame } from './statement.js';
import { holds, holdsSql } from './values.js';

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

export function judgeFact(condition: FactCondition, fact: Fact, frame: Frame): Judged {
  const judged: Judged = { verdict: holdsSql(fact.type, fact.sql(frame), condition), instants: [], days: [] };
  const { passing } = fact;
  if (passing?.kind === 'instant') judged.instants.push(passing.sql(frame));
  if (passing?.kind === 'day') judged.days.push(passing.sql(frame));
  if (passing?.kind === 'reaches') {
    const later = (n: SQL) => {
      const day = passing.sql(frame, n);
      return sql`case when ${day} > ${frame.moment.today}::date then ${day} end`;
    };
    const crossings = crossingsOf(condition, passing.atMost);
    if (crossings.length <= 4) judged.days.push(...crossings.map((n) => later(sql`${n}::integer`)));
    else
      judged.days.push(
        sql`(select min(${later(sql`n`)}) from unnest(${sql.param(crossings)}::integer[]) as n)`,
      );
  }
  return judged;
}

export function seeFact(
  condition: FactCondition,
  fact: Fact,
  picture: CustomerPicture,
  moment: Moment,
): Seen {
  const value = fact.value(picture, moment);
  return {
    verdict: holds(fact.type, value, condition),
    value,
    nextChange: nextOf(condition, fact, picture, moment),
  };
}

function nextOf(
  condition: FactCondition,
  fact: Fact,
  picture: CustomerPicture,
  moment: Moment,
): number | null {
  const { passing } = fact;
  if (passing === undefined) return null;
  if (passing.kind === 'instant') {
    const instant = passing.value(picture, moment);
    return instant === null ? null : microsOf(instant);
  }
  const days =
    passing.kind === 'day'
      ? [passing.value(picture, moment)]
      : crossingsOf(condition, passing.atMost).map((n) => passing.value(picture, moment, n));
  const next = days.filter((day) => day !== null && day > moment.today).sort()[0];
  return next === undefined || next === null ? null : startOfDay(next, moment.timeZone);
}
