/** (source, source_id) -> activity: inserted first, so that what is sent again, from anywhere, counts once. */
import { hexArray, plainArray, textArray } from '../db/array-literals.js';
import type { Reader, Tx } from '../db/client.js';
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
  const { rowCount } = await tx.client.query({
    name: 'claim_activity_keys',
    text: `insert into activity_keys
       (source, source_id, customer_id, activity_id, occurred_at, content_hash, source_version)
     select source, source_id, customer_id, activity_id, occurred_at, content_hash, 0
     from unnest($1::text[], $2::text[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::bytea[])
       as claim(source, source_id, customer_id, activity_id, occurred_at, content_hash)
     on conflict do nothing`,
    values: [
      plainArray(sorted.map((one) => one.activity.source)),
      textArray(sorted.map((one) => one.activity.sourceId)),
      plainArray(sorted.map((one) => one.customerId)),
      plainArray(sorted.map((one) => one.activity.id)),
      plainArray(sorted.map((one) => one.activity.occurredAt)),
      hexArray(sorted.map((one) => one.activity.contentHash)),
    ],
  });
  // as a rule all are new, and the count says so without their being sent back
  if (rowCount === activities.length) return new Map();
  const mine = new Set(activities.map(({ activity }) => activity.id));
  const found = await findActivityKeys(
    tx,
    activities.map(({ activity }) => activity),
  );
  for (const [key, { activityId }] of found) if (mine.has(activityId)) found.delete(key);
  return found;
}
