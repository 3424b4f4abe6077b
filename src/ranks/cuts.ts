/** The cuts that are kept: each refresh adds its own, so that a past instant can be judged by the cuts of then. */
import { type SQL, sql } from 'drizzle-orm';
import { array, type Reader, type Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { microsOf } from '../platform/instants.js';
import { takeRules } from '../reviews/rules-lock.js';
import type { Cut, Cuts } from '../rules/cuts.js';
import { microsOfZoned, zonedOf } from '../rules/moment.js';

/** As of their last refresh at an instant or before. */
export async function readCuts(reader: Reader, keys: readonly string[], at: string): Promise<Cuts> {
  if (keys.length === 0) return new Map();
  const rows = await reader.rows<Cut & { key: string }>(sql`
    select c.key, c.refreshed_at as as_of, c.population, c.bounds
    from unnest(${array(keys, 'text')}) as wanted(key) cross join lateral (
      select * from rank_cuts c where c.key = wanted.key and c.refreshed_at <= ${at}
      order by c.refreshed_at desc limit 1) c`);
  return new Map(rows.map(({ key, ...cut }) => [key, cut]));
}

/** Keeps what was refreshed now. Where a bound has moved, everybody is looked at by it, in the background. */
export async function keepCuts(tx: Tx, ctx: Ctx, cuts: Cuts): Promise<void> {
  // whoever judges by the former ones has done so before these are there
  await takeRules(tx);
  const before = await readCuts(tx, [...cuts.keys()], ctx.now);
  for (const [key, { population, bounds }] of cuts) {
    await tx.run(sql`
      insert into rank_cuts (key, refreshed_at, population, bounds)
      values (${key}, ${ctx.now}, ${population}, ${array(bounds, 'text')})
      on conflict (key, refreshed_at) do update set population = excluded.population, bounds = excluded.bounds`);
  }
  const moved = [...cuts].some(
    ([key, { bounds }]) => JSON.stringify(before.get(key)?.bounds ?? null) !== JSON.stringify(bounds),
  );
  if (moved) await lookAtEverybody(tx);
}

/** Begins with the first customer again. */
export async function lookAtEverybody(tx: Tx): Promise<void> {
  await tx.run(sql`update rank_marking set marked_to = null, marked_at = null`);
}

/** Whether a customer is still to be looked at by cuts that have moved. */
export const awaitsRanks = (id: SQL): SQL => sql`exists (
  select from rank_marking where marked_at is null and (marked_to is null or marked_to < ${id}))`;

const minute = 60_000_000;

/** Whether a cut is to be refreshed that is refreshed so often. One of nobody is tried again after a minute. */
export function isDue(
  cut: Cut | undefined,
  every: string,
  { now, bank }: Pick<Ctx, 'now' | 'bank'>,
): boolean {
  if (cut === undefined) return true;
  const last = microsOf(cut.as_of);
  const next = cut.population === 0 ? last + minute : microsOfZoned(zonedOf(last, bank.timeZone).add(every));
  return next <= microsOf(now);
}
