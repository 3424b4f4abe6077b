/** (source, source_id) -> activity: inserted first, so that what is sent again, from anywhere, counts once. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { hexArray, plainArray, textArray } from '../db/array-literals.js';
import type { Reader, Tx } from '../db/client.js';
import { copyInto, copyText } from '../db/copy.js';
import { keyOf, type PlacedActivity, type PreparedActivity } from './preparation.js';

type Named = Pick<PreparedActivity, 'source' | 'sourceId'>;

export type ActivityKey = {
  activityId: string;
  customerId: string;
  occurredAt: string;
  contentHash: string;
  version: number;
  /** the source id of what it reverses */
  reverses: string | null;
};

/** What stands for an activity that a reversal names before it has come: a key that is taken, and no activity. */
const awaitedId = '00000000-0000-0000-0000-000000000000';
export const isAwaited = ({ activityId }: ActivityKey): boolean => activityId === awaitedId;

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
    occurred_at: string;
    content_hash: string;
    source_version: number;
    reverses_source_id: string | null;
  }>(
    'find_activity_keys',
    `select k.source, k.source_id, k.customer_id, k.activity_id, k.occurred_at,
       encode(k.content_hash, 'hex') as content_hash, k.source_version, k.reverses_source_id
     from unnest($1::text[], $2::text[]) as wanted(source, source_id)
     join activity_keys k using (source, source_id)`,
    [plainArray(named.map(({ source }) => source)), textArray(named.map(({ sourceId }) => sourceId))],
  );
  return new Map(
    rows.map((row) => [
      keyOf(row.source, row.source_id),
      {
        activityId: row.activity_id,
        customerId: row.customer_id,
        occurredAt: row.occurred_at,
        contentHash: row.content_hash,
        version: row.source_version,
        reverses: row.reverses_source_id,
      },
    ]),
  );
}

const byKey = ({ activity: left }: PlacedActivity, { activity: right }: PlacedActivity) =>
  left.key < right.key ? -1 : 1;

/**
 * Claims the keys of activities, in the order of keys, each of them once in the list. Waits for whoever claims the
 * same. Returns the keys that stood before; all others are claimed. `foresee` is told of those that are found to
 * stand before anything is claimed, so that it can lock what comes first.
 */
export async function claimActivityKeys(
  tx: Tx,
  activities: readonly PlacedActivity[],
  foresee: (known: ReadonlyMap<string, ActivityKey>) => Promise<void>,
): Promise<Map<string, ActivityKey>> {
  if (activities.length === 0) return new Map();
  const sorted = [...activities].sort(byKey);
  // as a rule all are new, and taken at half the price of looking for conflicts
  if (await claimAll(tx, sorted)) return new Map();
  const all = sorted.map(({ activity }) => activity);
  const known = await findActivityKeys(tx, all);
  await foresee(known);
  const unknown = sorted.filter(({ activity }) => !known.has(activity.key));
  if (unknown.length > 0) await claimWhatIsNew(tx, unknown);
  const mine = new Set(all.map(({ id }) => id));
  const found = await findActivityKeys(tx, all);
  for (const [key, { activityId }] of found) if (mine.has(activityId)) found.delete(key);
  return found;
}

const columns =
  'source, source_id, customer_id, activity_id, occurred_at, content_hash, source_version, reverses_source_id';

/** Keys that reversals name and nobody knows yet: whoever brings one finds it standing, and that it is reversed. */
export async function awaitActivityKeys(tx: Tx, named: readonly Named[]): Promise<void> {
  if (named.length === 0) return;
  await tx.named(
    'await_activity_keys',
    `insert into activity_keys (${columns})
     select source, source_id, '${awaitedId}'::uuid, '${awaitedId}'::uuid, 'epoch'::timestamptz, ''::bytea, -1, null::text
     from unnest($1::text[], $2::text[]) as awaited(source, source_id) order by source, source_id
     on conflict do nothing`,
    [plainArray(named.map(({ source }) => source)), textArray(named.map(({ sourceId }) => sourceId))],
  );
}

const uniqueViolation = '23505';

async function claimAll(tx: Tx, sorted: readonly PlacedActivity[]): Promise<boolean> {
  await nextTurn();
  const lines = sorted.map(
    ({ activity: one, customerId }) =>
      `${one.source}\t${copyText(one.sourceId)}\t${customerId}\t${one.id}\t${one.occurredAt}\t\\\\x${one.contentHash}\t${one.sourceVersion}\t${copyText(one.reverses?.sourceId ?? null)}\n`,
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
     select source, source_id, customer_id, activity_id, occurred_at, content_hash, source_version,
       reverses_source_id
     from unnest($1::text[], $2::text[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::bytea[], $7::bigint[], $8::text[])
       as claim(source, source_id, customer_id, activity_id, occurred_at, content_hash, source_version, reverses_source_id)
     on conflict do nothing`,
    [
      plainArray(sorted.map(({ activity }) => activity.source)),
      textArray(sorted.map(({ activity }) => activity.sourceId)),
      plainArray(sorted.map(({ customerId }) => customerId)),
      plainArray(sorted.map(({ activity }) => activity.id)),
      plainArray(sorted.map(({ activity }) => activity.occurredAt)),
      hexArray(sorted.map(({ activity }) => activity.contentHash)),
      plainArray(sorted.map(({ activity }) => activity.sourceVersion)),
      textArray(sorted.map(({ activity }) => activity.reverses?.sourceId ?? null)),
    ],
  );
}
