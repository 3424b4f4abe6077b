/**
 * (source, number) -> holding. The key's row is the holding's lock: whoever changes a holding or makes one takes it
 * first, in the order of keys, before the customers. So fifty who say the same at once make one holding.
 */
import { sql } from 'drizzle-orm';
import { array, type Reader, type Tx } from '../db/client.js';
import type { Keyring } from '../platform/secrets.js';
import { holdingNumberIndex } from './numbers.js';

export type NumberKey = { source: string; numberIndex: string };
export type HoldingPlace = NumberKey & {
  holdingId: string;
  customerId: string;
  /** whose it was first, where that customer was merged into its owner */
  origin?: string | null;
};

export const numberKeyText = (key: NumberKey): string => `${key.source} ${key.numberIndex}`;

type Row = {
  source: string;
  number_index: string;
  holding_id: string;
  customer_id: string;
  origin_customer_id?: string | null;
};

const placeOf = (row: Row): HoldingPlace => ({
  source: row.source,
  numberIndex: row.number_index,
  holdingId: row.holding_id,
  customerId: row.customer_id,
  origin: row.origin_customer_id ?? null,
});

/** Those of the keys that are known, by `numberKeyText`. */
export async function findHoldingKeys(
  reader: Reader,
  keys: readonly NumberKey[],
): Promise<Map<string, HoldingPlace>> {
  if (keys.length === 0) return new Map();
  const rows = await reader.named<Row>(
    'find_holding_keys_and_origins',
    `select k.source, k.number_index, k.holding_id, k.customer_id, k.origin_customer_id
     from unnest($1::text[], $2::text[]) as wanted(source, number_index)
     join holding_keys k using (source, number_index)`,
    [keys.map((key) => key.source), keys.map((key) => key.numberIndex)],
  );
  return new Map(rows.map((row) => [numberKeyText(placeOf(row)), placeOf(row)]));
}

/** Where holdings live, by their ids. */
export async function findHoldings(
  reader: Reader,
  holdingIds: readonly string[],
): Promise<Map<string, HoldingPlace>> {
  if (holdingIds.length === 0) return new Map();
  const rows = await reader.named<Row>(
    'find_holdings',
    'select source, number_index, holding_id, customer_id from holding_keys where holding_id = any($1::uuid[])',
    [holdingIds],
  );
  return new Map(rows.map((row) => [row.holding_id, placeOf(row)]));
}

/** Inserts keys that are new and locks those that are not. Returns where each holding lives, by `numberKeyText`. */
export async function lockHoldingKeys(
  tx: Tx,
  places: readonly HoldingPlace[],
): Promise<Map<string, HoldingPlace>> {
  if (places.length === 0) return new Map();
  const rows = await tx.named<Row>(
    'lock_holding_keys',
    `insert into holding_keys as known (source, number_index, holding_id, customer_id)
     select * from unnest($1::text[], $2::text[], $3::uuid[], $4::uuid[]) as k(source, number_index, holding_id, customer_id)
     order by source collate "C", number_index collate "C"
     on conflict (source, number_index) do update set holding_id = known.holding_id
     returning source, number_index, holding_id, customer_id`,
    [
      places.map((place) => place.source),
      places.map((place) => place.numberIndex),
      places.map((place) => place.holdingId),
      places.map((place) => place.customerId),
    ],
  );
  return new Map(rows.map((row) => [numberKeyText(placeOf(row)), placeOf(row)]));
}

/** Gives up keys that were inserted here and came to nothing. */
export async function dropHoldingKeys(tx: Tx, holdingIds: readonly string[]): Promise<void> {
  if (holdingIds.length === 0) return;
  await tx.run(sql`delete from holding_keys where holding_id = any(${array(holdingIds, 'uuid')})`);
}

/** A holding as other records name it. */
export type HoldingReference = { source: string; number: string } | { id: string };
export type ResolvedHolding = { holdingId: string; customerId: string };

/** The holding of each reference and its primary owner, in the order of the references; whoever may see it. */
export async function resolveHoldings(
  reader: Reader,
  keyring: Keyring,
  references: readonly HoldingReference[],
): Promise<(ResolvedHolding | undefined)[]> {
  const keys = references.map((reference) =>
    'id' in reference
      ? undefined
      : {
          source: reference.source,
          numberIndex: holdingNumberIndex(keyring, reference.source, reference.number),
        },
  );
  const byNumber = await findHoldingKeys(
    reader,
    keys.filter((key) => key !== undefined),
  );
  const ids = references.flatMap((reference) => ('id' in reference ? [reference.id.toLowerCase()] : []));
  const byId = await findHoldings(reader, ids);
  return references.map((reference, position) => {
    const key = keys[position];
    if (key !== undefined) return byNumber.get(numberKeyText(key));
    return 'id' in reference ? byId.get(reference.id.toLowerCase()) : undefined;
  });
}
