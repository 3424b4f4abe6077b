/**
 * Whose a holding with several owners is: the primary owner's (the default), each owner's by share, or in full every
 * owner's. An owner without a share has none, but the primary owner has what the others leave. A role counts from its
 * first day to before its last.
 */
import { Big } from 'big.js';
import { type SQL, sql } from 'drizzle-orm';
import { holdingParties } from '../db/tables/holdings.js';
import type { OwnerPart } from '../rules/picture.js';

export const attributions = ['primary_owner', 'by_share', 'full'] as const;
export type Attribution = (typeof attributions)[number];

type Dated = Pick<OwnerPart, 'starts_on' | 'ends_on'>;

export const standsOn = ({ starts_on: from, ends_on: to }: Dated, day: string): boolean =>
  (from === null || from <= day) && (to === null || to > day);

/** Of `holding_parties` as the alias. */
export const standsOnSql = (alias: string, day: SQL): SQL => {
  const [from, to] = [sql.raw(`${alias}.starts_on`), sql.raw(`${alias}.ends_on`)];
  return sql`((${from} is null or ${from} <= ${day}) and (${to} is null or ${to} > ${day}))`;
};

/** The percentage of a holding that counts for an owner on a day. */
export function weightOn(attribution: Attribution, owner: OwnerPart, day: string): Big {
  if (attribution !== 'by_share') return new Big(100);
  if (owner.role !== 'primary_owner') return new Big(owner.share ?? 0);
  if (owner.share !== null) return new Big(owner.share);
  return owner.others
    .filter((other) => standsOn(other, day))
    .reduce((left, other) => left.minus(other.share ?? 0), new Big(100));
}

/** The same of a row of `holding_parties`. */
export function weightSql(attribution: Attribution, day: SQL): SQL {
  if (attribution !== 'by_share') return sql`100`;
  const { role, share, holdingId } = holdingParties;
  return sql`(case when ${role} <> 'primary_owner' then coalesce(${share}, 0) else coalesce(${share}, 100 - (
    select coalesce(sum(o.share), 0) from holding_parties o
    where o.holding_id = ${holdingId} and o.role = 'joint_owner' and ${standsOnSql('o', day)})) end)`;
}

/** The next day after today on which another owner, or another share of one, can count. */
export function nextDay(owner: OwnerPart, today: string): string | null {
  const dates = [owner, ...(owner.role === 'primary_owner' ? owner.others : [])]
    .flatMap(({ starts_on, ends_on }) => [starts_on, ends_on])
    .filter((day): day is string => day !== null && day > today);
  return dates.sort()[0] ?? null;
}

/** The same of a row of `holding_parties`. */
export function nextDaySql(today: SQL): SQL {
  const { role, startsOn, endsOn, holdingId } = holdingParties;
  const after = (day: SQL) => sql`case when ${day} > ${today} then ${day} end`;
  return sql`least(${after(sql`${startsOn}`)}, ${after(sql`${endsOn}`)}, case when ${role} = 'primary_owner' then (
    select min(least(${after(sql.raw('o.starts_on'))}, ${after(sql.raw('o.ends_on'))})) from holding_parties o
    where o.holding_id = ${holdingId} and o.role = 'joint_owner') end)`;
}
