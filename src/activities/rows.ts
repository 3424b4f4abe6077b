/** Activities that are known, as corrections read and change them. */
import { hexArray, plainArray, textArray } from '../db/array-literals.js';
import type { Tx } from '../db/client.js';
import { TryAgain } from '../platform/transact.js';

/** Where the row is: its primary key. */
export type RowPlace = { activityId: string; customerId: string; occurredAt: string };

export type StoredActivity = {
  id: string;
  customer_id: string;
  occurred_at: string;
  type: string;
  direction: string;
  initiated_by: string;
  amount: string | null;
  currency: string | null;
  business_date: string;
  reverses_source_id: string | null;
  reverses_amount: string | null;
} & RowState;

/** What corrections change of it. */
export type RowState = {
  state: string;
  source_version: number;
  reporting_amount: string | null;
  rate_id: string | null;
  reversed_amount: string | null;
  reversed_reporting_amount: string | null;
  superseded_by: string | null;
};

const placesOf = (places: readonly RowPlace[]) => [
  plainArray(places.map((one) => one.customerId)),
  plainArray(places.map((one) => one.occurredAt)),
  plainArray(places.map((one) => one.activityId)),
];

/** By id. What is no longer kept is missing. */
export async function findActivities(
  tx: Tx,
  places: readonly RowPlace[],
): Promise<Map<string, StoredActivity>> {
  if (places.length === 0) return new Map();
  const rows = await tx.named<StoredActivity>(
    'find_activities',
    `select a.id, a.customer_id, a.occurred_at, a.type, a.direction, a.initiated_by, a.amount, a.currency, a.business_date,
       a.reverses_source_id, a.reverses_amount, a.state, a.source_version, a.reporting_amount, a.rate_id, a.reversed_amount,
       a.reversed_reporting_amount, a.superseded_by
     from unnest($1::uuid[], $2::timestamptz[], $3::uuid[]) as place(customer_id, occurred_at, id)
     join activities a using (customer_id, occurred_at, id)`,
    placesOf(places),
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** Between reading the row and locking its customer it has moved to another one, or has got its value. */
export const movedMeanwhile = (): TryAgain => new TryAgain('an activity is no longer as it was read');

export async function changeActivities(
  tx: Tx,
  changes: readonly { before: StoredActivity; after: RowState }[],
): Promise<void> {
  if (changes.length === 0) return;
  const states = changes.map(({ after }) => after);
  const befores = changes.map(({ before }) => before);
  const rows = await tx.named(
    'change_activities',
    `update activities a set state = c.state, source_version = c.source_version, reporting_amount = c.reporting_amount,
       reversed_amount = c.reversed_amount, reversed_reporting_amount = c.reversed_reporting_amount,
       superseded_by = c.superseded_by, rate_id = c.rate_id
     from unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::text[], $5::bigint[], $6::numeric[], $7::numeric[],
         $8::numeric[], $9::uuid[], $10::uuid[], $11::numeric[])
       as c(customer_id, occurred_at, id, state, source_version, reporting_amount, reversed_amount,
         reversed_reporting_amount, superseded_by, rate_id, former_amount)
     where a.customer_id = c.customer_id and a.occurred_at = c.occurred_at and a.id = c.id
       and a.reporting_amount is not distinct from c.former_amount returning a.id`,
    [
      ...placesOf(
        befores.map((one) => ({
          activityId: one.id,
          customerId: one.customer_id,
          occurredAt: one.occurred_at,
        })),
      ),
      plainArray(states.map((one) => one.state)),
      plainArray(states.map((one) => one.source_version)),
      plainArray(states.map((one) => one.reporting_amount)),
      plainArray(states.map((one) => one.reversed_amount)),
      plainArray(states.map((one) => one.reversed_reporting_amount)),
      plainArray(states.map((one) => one.superseded_by)),
      plainArray(states.map((one) => one.rate_id)),
      plainArray(befores.map((one) => one.reporting_amount)),
    ],
  );
  if (rows.length !== changes.length) throw movedMeanwhile();
}

export type KeyChange = {
  source: string;
  sourceId: string;
  standing: RowPlace & { contentHash: string; version: number };
  reverses: string | null;
};

/** What stands under keys from now on. */
export async function changeKeys(tx: Tx, changes: readonly KeyChange[]): Promise<void> {
  if (changes.length === 0) return;
  await tx.named(
    'change_activity_keys',
    `update activity_keys k set customer_id = c.customer_id, activity_id = c.activity_id, occurred_at = c.occurred_at,
       content_hash = c.content_hash, source_version = c.source_version, reverses_source_id = c.reverses_source_id
     from unnest($1::text[], $2::text[], $3::uuid[], $4::timestamptz[], $5::uuid[], $6::bytea[], $7::bigint[], $8::text[])
       as c(source, source_id, customer_id, occurred_at, activity_id, content_hash, source_version, reverses_source_id)
     where k.source = c.source and k.source_id = c.source_id`,
    [
      plainArray(changes.map((one) => one.source)),
      textArray(changes.map((one) => one.sourceId)),
      ...placesOf(changes.map((one) => one.standing)),
      hexArray(changes.map((one) => one.standing.contentHash)),
      plainArray(changes.map((one) => one.standing.version)),
      textArray(changes.map((one) => one.reverses)),
    ],
  );
}
