/**
 * The customer's lock, version and mark for review are one row. Whoever changes something of a customer takes it
 * first, in the order of customer ids, and gets the version and the effective instant of the change.
 */
import { sql } from 'drizzle-orm';
import { plainArray, textArray } from '../db/array-literals.js';
import type { Tx } from '../db/client.js';
import { bucketCount } from '../db/tables/reviews.js';
import type { Ctx } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { instantOf, microsOf } from '../platform/instants.js';
import { TryAgain } from '../platform/transact.js';

/** What a write can touch, as rules name what they read. */
export type Touched =
  | 'customer'
  | 'identifiers'
  | 'relationships'
  | 'holdings'
  | 'level'
  | 'loyalty'
  | 'rules'
  | 'merge'
  | 'correction'
  | 'rank'
  | `activity:${string}`
  | `segment:${string}`;

export type Mark = { version: number; instant: string };

/** Of whom a merge moves activities: nothing is judged until all have arrived. Of `review_state` as r. */
export const isWhole = sql`r.arriving_from is null and r.leaving_origins is null`;

/** The last hexadecimal digit of a UUIDv7 is random: it deals customers evenly to the buckets. */
export const bucketOf = (customerId: string): number =>
  Number.parseInt(customerId.slice(-1), 16) % bucketCount;

type TouchedOf = readonly Touched[] | ((customerId: string) => readonly Touched[]);

const marking = `insert into review_state as state (customer_id, bucket, version, last_micros, marked_at, touched)
  select customer_id, bucket, 1, $3, case when touched <> '' then $4::timestamptz end, string_to_array(touched, ' ')
  from unnest($1::uuid[], $2::integer[], $5::text[]) as mark(customer_id, bucket, touched)
  order by customer_id
  on conflict (customer_id) do update set
    version = state.version + 1,
    last_micros = greatest(state.last_micros + 1, excluded.last_micros),
    marked_at = coalesce(state.marked_at, excluded.marked_at),
    touched = case when state.touched @> excluded.touched then state.touched else state.touched || excluded.touched end
  returning customer_id, version, last_micros, merged_into, leaving_origins`;

/** The customer was merged, or a merge of it taken back, while its lock was waited for. */
export const mergedMeanwhile = (): TryAgain =>
  new TryAgain('a customer was merged into another one, or parted from it');

function markingValues(ctx: Ctx, customerIds: Iterable<string>, touched: TouchedOf): unknown[] {
  const ids = [...new Set(customerIds)].sort();
  const touchedOf = typeof touched === 'function' ? touched : () => touched;
  return [
    plainArray(ids),
    plainArray(ids.map(bucketOf)),
    microsOf(ctx.now),
    ctx.now,
    textArray(ids.map((id) => touchedOf(id).join(' '))),
  ];
}

type Marked = { customer_id: string; last_micros: number; merged_into: string | null };

/**
 * Locks the customers, marks them for review, and gives each its next version and an instant that is later than
 * its last one. `touched` is one list for all, or one a customer; an empty one locks without a mark. Asks for another
 * try where one was merged meanwhile, unless `merged` are expected among them.
 */
export async function markCustomers(
  tx: Tx,
  ctx: Ctx,
  customerIds: Iterable<string>,
  touched: TouchedOf,
  merged: 'none' | 'expected' = 'none',
): Promise<Map<string, Mark>> {
  const ids = [...customerIds];
  if (ids.length === 0) return new Map();
  const rows = await tx.named<Marked & { version: number }>(
    'mark_customers',
    marking,
    markingValues(ctx, ids, touched),
  );
  if (merged === 'none' && rows.some((row) => row.merged_into !== null)) throw mergedMeanwhile();
  return new Map(
    rows.map((row) => [row.customer_id, { version: row.version, instant: instantOf(row.last_micros) }]),
  );
}

/**
 * The same for thousands at once, where versions are of no interest: returns the instants of those customers only
 * whose instant is not the context's, which are few. What comes to a merged one while its activities are being moved is
 * moved with them.
 */
export async function markManyCustomers(
  tx: Tx,
  ctx: Ctx,
  customerIds: Iterable<string>,
  touched: TouchedOf,
): Promise<Map<string, string>> {
  const rows = await tx.named<Marked>(
    'mark_many_customers',
    `with marked as (${marking}), noted as (
       select customer_id, last_micros, case when leaving_origins is null then merged_into end as merged_into from marked)
     select * from noted where last_micros <> $3 or merged_into is not null`,
    markingValues(ctx, customerIds, touched),
  );
  if (rows.some((row) => row.merged_into !== null)) throw mergedMeanwhile();
  return new Map(rows.map((row) => [row.customer_id, instantOf(row.last_micros)]));
}

/** How many customers wait for a review, and since when the oldest does: of the first 10,000, those in reach. */
export async function reviewBacklog(ctx: Ctx): Promise<{ count: number; oldest: string | null }> {
  // `offset 0`: one look-up for each that waits, however many are in reach
  const reach =
    ctx.dataScope === null
      ? sql`true`
      : sql`exists (
          select from customers c where c.id = waiting.customer_id and ${visibleCustomer(ctx, 'c')} offset 0)`;
  const [row] = await ctx.database.rows<{ count: number; oldest: string | null }>(sql`
    select count(*)::int as count, min(marked_at) as oldest
    from (select customer_id, marked_at from review_state where marked_at is not null limit 10000) as waiting
    where ${reach}`);
  return row ?? { count: 0, oldest: null };
}
