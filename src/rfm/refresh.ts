/**
 * All scores are refreshed at once: one statement reads everybody's activities, cuts the order into fifths, and counts
 * who has which scores, by branch. So the grid, the cuts and their population are of the same instant. A new version of
 * the model answers from its first refresh on.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.js';
import { customers } from '../db/tables/customers.js';
import type { Ctx } from '../platform/context.js';
import { transact } from '../platform/transact.js';
import { isDue, keepCuts, lookAtEverybody, readCuts } from '../ranks/cuts.js';
import { type CutRow, cutRows, cutsOfRows, rankedCustomers } from '../rules/cut-statement.js';
import type { Cuts } from '../rules/cuts.js';
import { momentOf } from '../rules/moment.js';
import { newFrame } from '../rules/statement.js';
import { type RfmModel, valuesSql } from './activity-values.js';
import { cutOf, dimensions, reachedSql, scoreName, typeOf } from './scores.js';

/** A statement over everybody may take so long. */
const patienceSeconds = 600;

type Version = RfmModel & { version: number; refresh_every: string; live_at: string | null };

/** Refreshes the scores where that is due. False where it is not, or another worker does. */
export function refreshScores(ctx: Ctx): Promise<boolean> {
  return transact(ctx, async (tx) => {
    const nothing = { value: false, audit: [] };
    const [lock] = await tx.rows<{ taken: boolean }>(
      sql`select pg_try_advisory_xact_lock(hashtextextended('rfm_refresh', 0)) as taken`,
    );
    const [model] = await tx.rows<Version>(sql`
      select types, window_last as last, version, refresh_every, live_at
      from rfm_models order by version desc limit 1`);
    if (lock?.taken !== true || model === undefined) return nothing;
    const key = scoreName('frequency');
    const last = (await readCuts(tx, [key], ctx.now)).get(key);
    if (model.live_at !== null && !isDue(last, model.refresh_every, ctx)) return nothing;
    await keepCuts(tx, ctx, await scoreEverybody(tx, ctx, model));
    if (model.live_at === null) {
      await tx.run(sql`update rfm_models set live_at = ${ctx.now} where version = ${model.version}`);
      await lookAtEverybody(tx);
    }
    return nothing;
  });
}

/** Writes the grid anew, and returns the cuts. */
async function scoreEverybody(tx: Tx, ctx: Ctx, model: RfmModel): Promise<Cuts> {
  await tx.run(sql`delete from rfm_grid`);
  const rows = await tx.rowsWithin<CutRow>(patienceSeconds, scoringSql(ctx, model));
  const cuts = cutsOfRows(rows, ctx.now);
  return new Map(cuts.map((cut, index) => [scoreName(dimensions[index] ?? 'recency'), cut]));
}

export function scoringSql(ctx: Ctx, model: RfmModel): SQL {
  const context = { now: ctx.now, timeZone: ctx.bank.timeZone, currency: ctx.bank.currency };
  const frame = newFrame(momentOf(context), true);
  const values = valuesSql(model, frame);
  const columns = dimensions.map((name) => ({ name, type: typeOf(name) }));
  const cuts = dimensions.map((name, column) => ({ column, places: cutOf(name).places }));
  const seen = sql`coalesce(${customers.branch}, '') as branch, ${values.recency()} as recency,
    ${values.frequency()} as frequency, ${values.monetary()} as monetary`;
  const bounds = (cut: number) =>
    [0, 1, 2, 3].map(
      (place) => sql`(select bound::numeric from cuts where cut = ${cut} and place = ${place})`,
    );
  return sql`
    with everybody as (${frame.rows(rankedCustomers, seen)}),
    ranked as materialized (select branch, recency, frequency, monetary from everybody where frequency > 0),
    cuts as materialized (${cutRows(sql`ranked`, columns, cuts)}),
    grid as (
      insert into rfm_grid (branch, recency_score, frequency_score, customers, valued, monetary)
      select branch, ${reachedSql('recency', sql`recency`, bounds(0))}, ${reachedSql('frequency', sql`frequency`, bounds(1))},
        count(*), count(monetary), coalesce(sum(monetary), 0)
      from ranked group by 1, 2, 3)
    select cut, place, population, bound from cuts`;
}
