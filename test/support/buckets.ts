/** One batch of a bucket's reviews, whoever holds its lease. */
import { sql } from 'drizzle-orm';
import { type Lease, returnLease } from '../../src/segments/leases.js';
import { reviewBatch } from '../../src/segments/review.js';
import type { TestApp } from './app.js';

export async function reviewOnce(t: TestApp, bucket: number): Promise<boolean> {
  const [lease] = await t.database.rows<Lease>(
    sql`update review_leases set token = token + 1 where bucket = ${bucket} returning bucket, token`,
  );
  if (lease === undefined) throw new Error(`no bucket ${bucket}`);
  const reviewed = await reviewBatch(await t.context(), t.deps.facts, lease);
  await returnLease(t.database, lease);
  return reviewed > 0;
}
