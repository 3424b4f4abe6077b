/**
 * A snapshot names all that its source holds of what the feed speaks of: what it does not name any more is closed as of
 * its business date. Left alone is what was opened, or told of, after that date: the file could not know it.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { Reader } from '../db/client.js';
import { upsertHoldings } from '../holdings/upsert.js';
import type { Ctx } from '../platform/context.js';
import { transact } from '../platform/transact.js';
import { endOfDate } from './business-dates.js';
import { type Claim, ClaimLost, leaseEnd } from './claims.js';
import { findFeed } from './feeds.js';
import type { ClosePlan, ImportRow } from './rows.js';

type Snapshot = Pick<ImportRow, 'id' | 'source' | 'feed' | 'business_date'>;

/** The open holdings, as `h`, that the snapshot speaks of. */
async function spokenOf(
  reader: Reader,
  ctx: Ctx,
  row: Snapshot,
): Promise<{ open: SQL; maxClosePercent: number }> {
  const feed = await findFeed(reader, row.feed ?? '');
  const date = row.business_date ?? '';
  const categories = feed?.categories ?? null;
  const listed = categories === null ? sql`` : sql` and h.category = any(${sql.param(categories)}::text[])`;
  const open = sql`h.source = ${row.source} and h.status <> 'closed'${listed}
    and (h.opened_on is null or h.opened_on <= ${date}::date)
    and (h.source_time is null or h.source_time <= ${endOfDate(ctx, date)})`;
  return { open, maxClosePercent: feed?.max_close_percent ?? 0 };
}

const isNotNamed = ({ id }: Snapshot) => sql`not exists (
  select from import_mentions m where m.import_id = ${id}::uuid and m.number_index = h.number_index)`;

/** What would be closed. */
export async function planClosing(
  reader: Reader,
  ctx: Ctx,
  row: Snapshot,
  unreadable: number,
): Promise<ClosePlan> {
  const { open, maxClosePercent } = await spokenOf(reader, ctx, row);
  const [counts] = await reader.rows<{ open: number; closing: number }>(sql`
    select count(*) as open, count(*) filter (where ${isNotNamed(row)}) as closing from holdings h where ${open}`);
  return {
    open: counts?.open ?? 0,
    closing: counts?.closing ?? 0,
    unreadable,
    max_close_percent: maxClosePercent,
  };
}

const holdingsATime = 500;

/** Closes what is not named, a piece at a time. False where the turn ended before it was done. */
export async function closeUnnamed(
  contextNow: () => Promise<Ctx>,
  { row, token }: Claim,
  until: number,
): Promise<boolean> {
  for (let after: string | undefined = ''; after !== undefined; ) {
    if (performance.now() >= until) return false;
    after = await closeSome(await contextNow(), { row, token }, after);
  }
  return true;
}

/** The last holding that was looked at; undefined where there are no more. */
function closeSome(ctx: Ctx, { row, token }: Claim, after: string): Promise<string | undefined> {
  return transact(ctx, async (tx) => {
    const { open } = await spokenOf(tx, ctx, row);
    const unnamed = await tx.rows<{ id: string; place: string }>(sql`
      select h.id, h.customer_id || ' ' || h.id as place from holdings h
      where ${open} and ${isNotNamed(row)}
        ${after === '' ? sql`` : sql`and (h.customer_id, h.id) > (${after.slice(0, 36)}::uuid, ${after.slice(37)}::uuid)`}
      order by h.customer_id, h.id limit ${holdingsATime}`);
    const sourceTime = endOfDate(ctx, row.business_date ?? '');
    const effect = await upsertHoldings(
      tx,
      ctx,
      unnamed.map(({ id }) => ({
        key: { holdingId: id },
        prepared: {
          fields: { status: 'closed', closed_on: row.business_date },
          attributes: undefined,
          parties: undefined,
          sourceTime,
          sourceDay: row.business_date ?? '',
          byHand: false,
          onUnknown: 'reject',
        },
      })),
    );
    const closed = effect.outcomes.filter((one) => one.ok && one.outcome === 'updated').length;
    const moved = await tx.run(sql`
      update imports set closed_rows = closed_rows + ${closed}, leased_until = ${leaseEnd()}, version = version + 1
      where id = ${row.id} and lease_token = ${token} and state = 'running'`);
    if (moved === 0) throw new ClaimLost();
    const last = unnamed.length < holdingsATime ? undefined : unnamed.at(-1)?.place;
    return { value: last ?? null, audit: effect.audit, events: effect.events };
  }).then((last) => last ?? undefined);
}
