/** How items of a batch name customers: by our id, or by any identifier of theirs. */
import type { Reader, Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import type { FieldProblem } from '../platform/errors.js';
import type { Definitions } from './definitions.js';
import { findKeys, keyText } from './keys.js';
import { type PreparedIdentifier, prepareIdentifier } from './preparation.js';
import { type BatchEffect, upsertCustomers } from './upsert.js';

export type CustomerReferenceIn = { id: string } | { scheme: string; value: string };
export type PreparedReference = { id: string } | PreparedIdentifier;
export type FoundCustomer = { id: string; branch: string | null; manager: string | null; status: string };

/** One text a customer named: two spellings of an identifier have the same. */
export const referenceText = (reference: PreparedReference): string =>
  'id' in reference ? reference.id : keyText(reference);

export function prepareReference(
  world: { keyring: Ctx['keyring']; definitions: Definitions },
  reference: CustomerReferenceIn,
  pointer: string,
  problems: FieldProblem[],
): PreparedReference | undefined {
  if ('id' in reference) return { id: reference.id.toLowerCase() };
  return prepareIdentifier(world, reference, pointer, problems);
}

/** The customers that are known by the references, by `referenceText`, in the caller's scope or not. */
export async function findCustomers(
  reader: Reader,
  references: readonly PreparedReference[],
): Promise<Map<string, FoundCustomer>> {
  const ids = new Map<string, string>();
  const identifiers: PreparedIdentifier[] = [];
  for (const reference of references) {
    if ('id' in reference) ids.set(reference.id, reference.id);
    else identifiers.push(reference);
  }
  for (const [text, id] of await findKeys(reader, identifiers)) ids.set(text, id);
  if (ids.size === 0) return new Map();
  const rows = await reader.named<FoundCustomer>(
    'find_customers',
    'select id, branch, manager, status from customers where id = any($1::uuid[])',
    [[...new Set(ids.values())]],
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  return new Map(
    [...ids].flatMap(([text, id]) => {
      const found = byId.get(id);
      return found === undefined ? [] : [[text, found] as const];
    }),
  );
}

export type StubRequest = { identifier: PreparedIdentifier; source: string; sourceTime: string };

/**
 * Makes stub customers of identifiers that nobody has, one each however many ask at once. Only identifier keys and
 * customers that nobody else can see yet are locked, so key tables may be locked after it.
 */
export async function makeStubs(
  tx: Tx,
  ctx: Ctx,
  requests: readonly StubRequest[],
): Promise<Omit<BatchEffect, 'outcomes'>> {
  const byKey = new Map(requests.map((request) => [keyText(request.identifier), request]));
  if (byKey.size === 0) return { audit: [], events: [] };
  const { audit, events } = await upsertCustomers(
    tx,
    ctx,
    [...byKey.values()].map(({ identifier, source, sourceTime }) => ({
      mode: 'upsert',
      prepared: {
        // whoever states something of it later says what it is
        kind: 'person',
        fields: new Map(),
        identifiers: [identifier],
        contactPoints: undefined,
        source,
        sourceTime,
        stub: true,
      },
    })),
  );
  return { audit, events };
}
