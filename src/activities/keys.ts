/** (source, source_id) -> activity: inserted first, so that what is sent again, from anywhere, counts once. */
import { sql } from 'drizzle-orm';
import { hexArray, plainArray, textArray } from '../db/array-literals.js';
import type { Reader, Tx } from '../db/client.js';
import { copyInto, copyText } from '../db/copy.js';
import type { PlacedActivity, PreparedActivity } from './preparation.js';

type Named = Pick<PreparedActivity, 'source' | 'sourceId'>;

export type ActivityKey = { activityId: string; customerId: string; contentHash: string };

/** What is known under the source ids, by `key`. */
export async function findActivityKeys(
  reader: Reader,
  named: readonly Named[],
): Promise<Map<string, ActivityKey>> {
  if (named.length === 0) return new Map();
  const rows = await reader.named<{
    source: string;
    source_id: string;
    customer_id: string;
    activity_id: string;
    content_hash: string;
  }>(
    'find_activity_keys',
    `select k.source, k.source_id, k.customer_id, k.activity_id, encode(k.content_hash, 'hex') as content_hash
     from unnest($1::text[], $2::text[]) as wanted(source, source_id)
     join activity_keys k using (source, source_id)`,
    [plainArray(named.map(({ source }) => source)), textArray(named.map(({ sourceId }) => sourceId))],
  );
  return new Map(
    rows.map((row) => [
      `${row.source} ${row.source_id}`,
      { activityId: row.activity_id, customerId: row.customer_id, contentHash: row.content_hash },
    ]),
  );
}

const byKey = ({ activity: left }: PlacedActivity, { activity: right }: PlacedActivity) =>
  left.key < right.key ? -1 : 1;

/**
 * Claims the keys of activities, in the order of keys, each of them once in the list. Waits for whoever claims the
 * same. Returns the keys that stood before; all others are claimed.
 */
export async function claimActivityKeys(
  tx: Tx,
  activities: readonly PlacedActivity[],
): Promise<Map<string, ActivityKey>> {
  if (activities.length === 0) return new Map();
  const sorted = [...activities].sort(byKey);
  // as a rule all are new, and taken at half the price of looking for conflicts
  if (await claimAll(tx, sorted)) return new Map();
  await claimWhatIsNew(tx, sorted);
  const mine = new Set(sorted.map(({ activity }) => activity.id));
  const found = await findActivityKeys(
    tx,
    sorted.map(({ activity }) => activity),
  );
  for (const [key, { activityId }] of found) if (mine.has(activityId)) found.delete(key);
  return found;
}

const columns = 'source, source_id, customer_id, activity_id, occurred_at, content_hash, source_version';
const uniqueViolation = '23505';

async function claimAll(tx: Tx, sorted: readonly PlacedActivity[]): Promise<boolean> {
  const lines = sorted.map(
    ({ activity: one, customerId }) =>
      `${one.source}\t${copyText(one.sourceId)}\t${customerId}\t${one.id}\t${one.occurredAt}\t\\\\x${one.contentHash}\t0\n`,
  );
  await tx.run(sql`savepoint claim`);
  try {
    await copyInto(tx, `activity_keys (${columns})`, Buffer.from(lines.join('')));
  } catch (error) {
    if ((error as { code?: string }).code !== uniqueViolation) throw error;
    await tx.run(sql`rollback to savepoint claim`);
    return false;
  } finally {
    await tx.run(sql`release savepoint claim`).catch(() => 0);
  }
  return true;
}

async function claimWhatIsNew(tx: Tx, sorted: readonly PlacedActivity[]): Promise<void> {
  await tx.named(
    'claim_activity_keys',
    `insert into activity_keys (${columns})
     select source, source_id, customer_id, activity_id, occurred_at, content_hash, 0
     from unnest($1::text[], $2::text[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::bytea[])
       as claim(source, source_id, customer_id, activity_id, occurred_at, content_hash)
     on conflict do nothing`,
    [
      plainArray(sorted.map(({ activity }) => activity.source)),
      textArray(sorted.map(({ activity }) => activity.sourceId)),
      plainArray(sorted.map(({ customerId }) => customerId)),
      plainArray(sorted.map(({ activity }) => activity.id)),
      plainArray(sorted.map(({ activity }) => activity.occurredAt)),
      hexArray(sorted.map(({ activity }) => activity.contentHash)),
    ],
  );
}
