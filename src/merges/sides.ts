/** The two customers of a merge: found, locked, and fit to be made one. */

import { sql } from 'drizzle-orm';
import { loadDefinitions } from '../customers/definitions.js';
import { findNamed } from '../customers/named.js';
import { prepareIdentifier } from '../customers/preparation.js';
import { type CustomerReferenceIn, type FoundCustomer, makeStubs } from '../customers/references.js';
import { array, type Reader, type Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { DomainError, fieldError } from '../platform/errors.js';
import { transact } from '../platform/transact.js';
import { markCustomers } from '../reviews/service.js';

export type Pair = { survivor: FoundCustomer; merged: FoundCustomer };

/** The customers that are named, in the caller's scope. Throws a 404 that names the place. */
export async function findPair(
  reader: Reader,
  ctx: Ctx,
  input: { survivor: CustomerReferenceIn; merged: CustomerReferenceIn },
): Promise<Pair> {
  const named = [input.survivor, input.merged] as const;
  const [survivor, merged] = await findNamed(reader, ctx, named, ['/survivor', '/merged']);
  return { survivor, merged };
}

export const refuseSame = ({ survivor, merged }: Pair): void => {
  if (survivor.id === merged.id) throw fieldError('/merged', 'same_customer', 'The two are one already.');
};

/**
 * Locks the two and all whose rows name them: keys first, then customers in the order of their ids, as everywhere.
 * Throws 409 while an earlier merge of either is still moving, and where they were merged meanwhile.
 */
export async function lockSides(
  tx: Tx,
  ctx: Ctx,
  survivorId: string,
  mergedId: string,
): Promise<{ affected: string[] }> {
  const pair = array([survivorId, mergedId], 'uuid');
  await tx.rows(sql`
    select from identifier_keys k join identifiers i on i.scheme = k.scheme and i.value_index = k.value_index
    where i.customer_id = any(${pair}) and k.customer_id = i.customer_id
    order by k.scheme collate "C", k.value_index collate "C" for update of k`);
  await tx.rows(sql`
    select from holding_keys k join holdings h on h.id = k.holding_id and h.customer_id = k.customer_id
    where h.customer_id = any(${pair}) order by k.source collate "C", k.number_index collate "C" for update of k`);
  const others = await tx.rows<{ id: string }>(sql`
    select related_customer_id as id from relationships where customer_id = any(${pair})
    union
    select p.customer_id from holdings h join holding_parties p on p.holding_id = h.id where h.customer_id = any(${pair})`);
  const affected = [...new Set([survivorId, mergedId, ...others.map(({ id }) => id)])];
  await markCustomers(tx, ctx, affected, [], 'expected');
  const [state] = await tx.rows<{ moving: boolean }>(sql`
    select bool_or(arriving_from is not null or leaving_origins is not null) as moving
    from review_state where customer_id = any(${pair})`);
  if (state?.moving === true) {
    throw new DomainError('conflict', 'Activities of one of them are still being moved by an earlier merge.');
  }
  return { affected };
}

/**
 * The core merges numbers of whom nothing was told here yet: what comes for such a number later is to reach the survivor,
 * so it becomes a customer first of whom nothing but the number is known.
 */
export async function makeKnown(
  ctx: Ctx,
  merged: CustomerReferenceIn,
  source: string,
  error: unknown,
): Promise<void> {
  const isUnknown = error instanceof DomainError && error.details.errors?.[0]?.pointer === '/merged';
  if (!isUnknown || 'id' in merged || ctx.dataScope !== null) throw error;
  // a transaction of its own: the merge that follows has the key of the request
  const own = { ...ctx, idempotency: undefined };
  await transact(own, async (tx) => {
    const world = { keyring: ctx.keyring, definitions: await loadDefinitions(tx) };
    const identifier = prepareIdentifier(world, merged, '/merged', []);
    if (identifier === undefined) throw error;
    const made = await makeStubs(tx, own, [{ identifier, source, sourceTime: ctx.now }]);
    return { value: null, ...made };
  });
}
