/** What an account says: its entries, the latest first, and its lots. A page costs the same however long the history is. */
import { Readable } from 'node:stream';
import { sql } from 'drizzle-orm';
import type { Ctx } from '../platform/context.js';
import { csvLine } from '../platform/csv.js';
import { microsOf } from '../platform/instants.js';
import type { PageRequest } from '../platform/pagination.js';
import type { MemberKey } from './accruals.js';
import { readPlace, refuseOthers } from './members.js';
import type { LoyaltyEntryOut, LoyaltyLotOut } from './schemas.js';

async function refuseUnknown(ctx: Ctx, { id, programme }: MemberKey): Promise<void> {
  await readPlace(ctx.database, ctx, id);
  await refuseOthers(ctx.database, id, programme);
}

export type EntryFilters = { from?: string; to?: string; operation_id?: string };

/** A page of entries, booked during [from, to), the latest first. */
export async function listEntries(
  ctx: Ctx,
  key: MemberKey,
  filters: EntryFilters,
  page: Pick<PageRequest, 'limit' | 'after'>,
): Promise<LoyaltyEntryOut[]> {
  await refuseUnknown(ctx, key);
  return readEntries(ctx, key, filters, page);
}

const exported = [
  'booked_at',
  'recorded_at',
  'account_id',
  'number',
  'operation_id',
  'kind',
  'points',
  'balance_after',
  'reason',
  'reverses_id',
] as const;
type Exported = Record<(typeof exported)[number], string | number | null>;
export const exportedEntry = (row: Exported): string => csvLine(exported.map((name) => row[name]));
export const exportHead = csvLine(exported);
const exportedAtATime = 1000;

/** All of them as CSV, in the same order, read in pieces: nobody holds a snapshot open for a slow reader. */
export async function exportEntries(ctx: Ctx, key: MemberKey, filters: EntryFilters): Promise<Readable> {
  await refuseUnknown(ctx, key);
  return Readable.from(piecesOf(ctx, key, filters), { objectMode: false });
}

async function* piecesOf(ctx: Ctx, key: MemberKey, filters: EntryFilters): AsyncGenerator<string> {
  yield exportHead;
  for (let after: unknown[] | undefined; ; ) {
    const rows = await readEntries(ctx, key, filters, { limit: exportedAtATime, after });
    const piece = rows.slice(0, exportedAtATime);
    // what is posted after the stream began is not in it
    const known = piece.filter((row) => microsOf(row.recorded_at) <= microsOf(ctx.now));
    if (known.length > 0) yield known.map(exportedEntry).join('');
    const last = piece.at(-1);
    if (rows.length <= exportedAtATime || last === undefined) return;
    after = [last.booked_at, last.account_id, last.number];
  }
}

async function readEntries(
  ctx: Ctx,
  key: MemberKey,
  { from, to, operation_id: operation }: EntryFilters,
  page: Pick<PageRequest, 'limit' | 'after'>,
): Promise<LoyaltyEntryOut[]> {
  const conditions = [
    sql`e.customer_id = ${key.id} and e.programme = ${key.programme}`,
    ...(from === undefined ? [] : [sql`e.booked_at >= ${from}`]),
    ...(to === undefined ? [] : [sql`e.booked_at < ${to}`]),
    ...(operation === undefined ? [] : [sql`e.operation_id = ${operation}`]),
    ...(page.after === undefined
      ? []
      : [
          sql`(e.booked_at, e.account_id, e.number) < (${page.after[0]}::timestamptz, ${page.after[1]}::uuid, ${page.after[2]}::integer)`,
        ]),
  ];
  return ctx.database.rows<LoyaltyEntryOut>(sql`
    with entry as (
      select * from loyalty_entries e where ${sql.join(conditions, sql` and `)}
      order by e.booked_at desc, e.account_id desc, e.number desc limit ${page.limit + 1}
    )
    select e.account_id, e.number, e.operation_id, e.kind, e.points, e.balance_after, e.booked_at, e.recorded_at, e.reason,
      e.reference, e.reverses_id, p.postings
    from entry e cross join lateral (
      select json_agg(json_build_object('ledger', ledger, 'lot_id', lot_id, 'points', points) order by leg) as postings
      from loyalty_postings p
      where p.customer_id = e.customer_id and p.account_id = e.account_id and p.number = e.number
    ) p
    order by e.booked_at desc, e.account_id desc, e.number desc`);
}

/** A page of lots, the latest that was issued first; those with something left alone where `open` says so. */
export async function listLots(
  ctx: Ctx,
  key: MemberKey,
  { open }: { open: boolean },
  page: PageRequest,
): Promise<LoyaltyLotOut[]> {
  await refuseUnknown(ctx, key);
  const { now } = ctx;
  return ctx.database.rows<LoyaltyLotOut>(sql`
    select account_id, lot_id, earned_at, available_at, expires_at, operation_id, amount, remaining, held,
      case when expires_at <= ${now} then 'expired' when remaining = 0 then 'used'
        when available_at > ${now} then 'pending' else 'usable' end as state
    from loyalty_lots
    where customer_id = ${key.id} and programme = ${key.programme} and ${open ? sql`remaining > 0` : sql`true`}
      and ${page.after === undefined ? sql`true` : sql`(lot_id, account_id) < (${page.after[0]}::uuid, ${page.after[1]}::uuid)`}
    order by lot_id desc, account_id desc limit ${page.limit + 1}`);
}
