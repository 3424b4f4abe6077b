/** How items of a batch name customers: by our id, or by any identifier of theirs. */
import { sql } from 'drizzle-orm';
import { array, type Reader, type Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import type { FieldProblem } from '../platform/errors.js';
import type { Definitions } from './definitions.js';
import { findHolders, type Holder, keyText } from './keys.js';
import { type PreparedIdentifier, prepareIdentifier } from './preparation.js';
import { type BatchEffect, upsertCustomers } from './upsert.js';

export type CustomerReferenceIn = { id: string } | { scheme: string; value: string };
export type PreparedReference = { id: string } | PreparedIdentifier;
export type FoundCustomer = {
  id: string;
  branch: string | null;
  manager: string | null;
  status: string;
  /** whether the caller may know of it */
  in_reach: boolean;
  /** the merged customer that was named, of whose record this speaks; null: of its own */
  origin: string | null;
};

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
  ctx: Pick<Ctx, 'reach'>,
  references: readonly PreparedReference[],
): Promise<Map<string, FoundCustomer>> {
  const named = new Map<string, Holder>();
  const identifiers: PreparedIdentifier[] = [];
  for (const reference of references) {
    if ('id' in reference) named.set(reference.id, { customerId: reference.id, origin: null });
    else identifiers.push(reference);
  }
  for (const [text, holder] of await findHolders(reader, identifiers)) named.set(text, holder);
  if (named.size === 0) return new Map();
  const byId = await readFound(
    reader,
    ctx,
    [...named.values()].map(({ customerId }) => customerId),
  );
  const merged = [...byId.values()].flatMap(({ merged_into }) => merged_into ?? []);
  const survivors = merged.length === 0 ? byId : await readFound(reader, ctx, merged);
  return new Map(
    [...named].flatMap(([text, { customerId, origin }]) => {
      const found = byId.get(customerId);
      if (found === undefined) return [];
      // an id answers for ever: a merged one with its survivor
      const survivor = found.merged_into === null ? found : survivors.get(found.merged_into);
      if (survivor === undefined) return [];
      const { merged_into: _merged, ...customer } = survivor;
      return [[text, { ...customer, origin: found.merged_into === null ? origin : customerId }] as const];
    }),
  );
}

type FoundRow = Omit<FoundCustomer, 'origin'> & { merged_into: string | null };

async function readFound(
  reader: Reader,
  ctx: Pick<Ctx, 'reach'>,
  named: readonly string[],
): Promise<Map<string, FoundRow>> {
  const ids = [...new Set(named)];
  const rows: FoundRow[] =
    ctx.reach === null
      ? await reader.named(
          'find_customers_and_survivors',
          `select id, branch, manager, status, merged_into, true as in_reach
           from customers where id = any($1::uuid[])`,
          [ids],
        )
      : await reader.rows(sql`
          select id, branch, manager, status, merged_into, ${visibleCustomer(ctx)} as in_reach
          from customers where id = any(${array(ids, 'uuid')})`);
  return new Map(rows.map((row) => [row.id, row]));
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
        isTimed: false,
        stub: true,
      },
    })),
  );
  return { audit, events };
}
