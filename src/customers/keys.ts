/** identifier -> customer: finding, claiming and moving the keys that make identifiers unique. */

import { sql } from 'drizzle-orm';
import { plainArray, textArray } from '../db/array-literals.js';
import { array, type Reader, type Tx } from '../db/client.js';

export type IdentifierKey = { scheme: string; index: string };
export const keyText = (key: IdentifierKey): string => `${key.scheme} ${key.index}`;

/** Whose a key is, and of which record it spoke first, where that was merged into the customer. */
export type Holder = { customerId: string; origin: string | null };

/**
 * Who holds the keys, by `keyText`. One statement, whatever their number, and one text as its answer: rows would cost
 * more than the look-ups.
 */
export async function findHolders(
  reader: Reader,
  keys: readonly IdentifierKey[],
): Promise<Map<string, Holder>> {
  if (keys.length === 0) return new Map();
  const [row] = await reader.named<{ holders: string }>(
    'find_identifier_holders',
    `select string_agg(coalesce(k.customer_id::text || coalesce(' ' || k.origin_customer_id::text, ''), ''), ','
       order by wanted.place) as holders
     from unnest($1::text[], $2::text[]) with ordinality as wanted(scheme, value_index, place)
     left join identifier_keys k using (scheme, value_index)`,
    [plainArray(keys.map((key) => key.scheme)), textArray(keys.map((key) => key.index))],
  );
  const found = new Map<string, Holder>();
  (row?.holders ?? '').split(',').forEach((holder, place) => {
    const key = keys[place];
    if (holder === '' || key === undefined) return;
    const [customerId = '', origin = null] = holder.split(' ');
    found.set(keyText(key), { customerId, origin });
  });
  return found;
}

/** The customers that hold the keys, by `keyText`. */
export async function findKeys(reader: Reader, keys: readonly IdentifierKey[]): Promise<Map<string, string>> {
  const holders = await findHolders(reader, keys);
  return new Map([...holders].map(([key, { customerId }]) => [key, customerId]));
}

/**
 * Claims keys for customers, in the order of keys. Waits for whoever claims the same one; keys that are taken stay
 * with their customer. Returns those that were claimed here.
 */
export async function claimKeys(
  tx: Tx,
  claims: readonly { key: IdentifierKey; customerId: string; origin: string | null }[],
): Promise<Set<string>> {
  if (claims.length === 0) return new Set();
  const rows = await tx.rows<{ scheme: string; value_index: string }>(sql`
    insert into identifier_keys (scheme, value_index, customer_id, origin_customer_id)
    select scheme, value_index, customer_id, origin from unnest(
      ${array(
        claims.map((claim) => claim.key.scheme),
        'text',
      )}, ${array(
        claims.map((claim) => claim.key.index),
        'text',
      )},
      ${array(
        claims.map((claim) => claim.customerId),
        'uuid',
      )}, ${array(
        claims.map((claim) => claim.origin),
        'uuid',
      )}
    ) as claim(scheme, value_index, customer_id, origin)
    order by scheme collate "C", value_index collate "C"
    on conflict do nothing
    returning scheme, value_index`);
  return new Set(rows.map((row) => `${row.scheme} ${row.value_index}`));
}

/** Hands keys that were claimed in this transaction to the customer that they turned out to belong to, or gives them up. */
export async function moveKeys(
  tx: Tx,
  moves: readonly { key: IdentifierKey; customerId: string | null; origin?: string | null }[],
): Promise<void> {
  if (moves.length === 0) return;
  await tx.run(sql`
    with move as (
      select * from unnest(
        ${array(
          moves.map((move) => move.key.scheme),
          'text',
        )}, ${array(
          moves.map((move) => move.key.index),
          'text',
        )},
        ${array(
          moves.map((move) => move.customerId),
          'uuid',
        )}, ${array(
          moves.map((move) => move.origin ?? null),
          'uuid',
        )}) as m(scheme, value_index, customer_id, origin)
    ), given_up as (
      delete from identifier_keys k using move m
      where k.scheme = m.scheme and k.value_index = m.value_index and m.customer_id is null
    )
    update identifier_keys k set customer_id = m.customer_id, origin_customer_id = m.origin from move m
    where k.scheme = m.scheme and k.value_index = m.value_index and m.customer_id is not null`);
}
