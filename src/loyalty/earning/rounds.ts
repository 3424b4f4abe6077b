/** Rounds over all members of a programme, a page at a time: each goes on where it was, whoever does the next page. */
import { sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import { json, type Tx } from '../../db/client.js';
import { bankDays } from '../../platform/bank-days.js';
import type { Ctx } from '../../platform/context.js';
import { instantOf, microsOf } from '../../platform/instants.js';
import { startOfDay } from '../../rules/moment.js';
import type { StoredProgramme } from '../programme.js';

type RoundKind = 'occasions' | 'notices';
export type Round = { programme: string; on_date: string | null; after: readonly string[] | null };

/** One that is due, which nobody else does a page of meanwhile. */
export async function takeRound(tx: Tx, { now }: Ctx, kind: RoundKind): Promise<Round | undefined> {
  const [round] = await tx.rows<Round>(sql`
    select programme, on_date, after from loyalty_rounds where kind = ${kind} and due_at <= ${now}
    order by due_at, programme limit 1 for update skip locked`);
  return round;
}

/** After this page, or at the end of the round: then the next one is due at `dueAt`. */
export async function goOn(
  tx: Tx,
  kind: RoundKind,
  { programme }: Round,
  next: { after: readonly string[] } | { dueAt: string; onDate: string | null },
): Promise<void> {
  const set =
    'after' in next
      ? sql`after = ${json(next.after)}`
      : sql`after = null, due_at = ${next.dueAt}, on_date = ${next.onDate}::date`;
  await tx.run(sql`update loyalty_rounds set ${set} where programme = ${programme} and kind = ${kind}`);
}

/** The day after, and its first instant in a time zone. */
export function dayAfter(day: string, timeZone: string): { onDate: string; dueAt: string } {
  const onDate = Temporal.PlainDate.from(day).add({ days: 1 }).toString();
  return { onDate, dueAt: instantOf(startOfDay(onDate, timeZone)) };
}

/** The rounds of a programme begin with the day after its first rule of an occasion. */
export async function planOccasions(tx: Tx, { now }: Ctx, { key, content }: StoredProgramme): Promise<void> {
  const today = bankDays(content.time_zone).dateOf(microsOf(now) / 1000);
  const { onDate, dueAt } = dayAfter(today, content.time_zone);
  await tx.run(sql`
    insert into loyalty_rounds (programme, kind, on_date, due_at)
    values (${key}, 'occasions', ${onDate}::date, ${dueAt}) on conflict do nothing`);
}
