/** A bucket of customers is reviewed by one worker at a time: whoever holds its lease, until it runs out. */
import { sql } from 'drizzle-orm';
import type { Database, Tx } from '../db/client.js';
import { realNow } from '../platform/clock.js';
import { instantOf, microsOf } from '../platform/instants.js';
import { isWhole } from '../reviews/service.js';

/** `token` goes up with each lease: work under an older one changes nothing. */
export type Lease = { bucket: number; token: number };

const leaseSeconds = 30;
const inSeconds = (seconds: number) => instantOf(microsOf(realNow()) + seconds * 1_000_000);

/** Leases a bucket in which something is due at `now` and that nobody holds: the one that was left first. */
export async function takeLease(database: Database, now: string): Promise<Lease | undefined> {
  const [lease] = await database.rows<Lease>(sql`
    update review_leases set token = token + 1, leased_until = ${inSeconds(leaseSeconds)}
    where bucket = (
      select l.bucket from review_leases l
      where l.leased_until <= ${realNow()} and (
        exists (select from review_state r where r.bucket = l.bucket and r.marked_at is not null and ${isWhole})
        or exists (select from review_state r where r.bucket = l.bucket and r.next_change_at <= ${now} and ${isWhole}))
      order by l.leased_until limit 1 for update skip locked)
    returning bucket, token`);
  return lease;
}

/** Part of every transaction of the work: it fails where another has taken over. */
export async function extendLease(tx: Tx, { bucket, token }: Lease): Promise<boolean> {
  const until = inSeconds(leaseSeconds);
  return (
    (await tx.run(
      sql`update review_leases set leased_until = ${until} where bucket = ${bucket} and token = ${token}`,
    )) === 1
  );
}

export async function returnLease(database: Database, { bucket, token }: Lease): Promise<void> {
  await database.rows(
    sql`update review_leases set leased_until = ${realNow()} where bucket = ${bucket} and token = ${token}`,
  );
}
