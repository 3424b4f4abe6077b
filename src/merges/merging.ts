/** Making one customer of two: the plan, and carrying it out in one transaction. */
import { sql } from 'drizzle-orm';
import { type Known, readKnown } from '../customers/changes.js';
import { loadSources } from '../customers/definitions.js';
import { type CustomerRow, columnOf, scalarFields } from '../customers/fields.js';
import { writePrimaries } from '../customers/managers.js';
import type { CustomerReferenceIn } from '../customers/references.js';
import { writeRows } from '../customers/writes.js';
import { array, json, type Tx } from '../db/client.js';
import type { Guarded } from '../platform/approvals/guarded.js';
import type { Ctx } from '../platform/context.js';
import { DomainError, fieldError, notFound } from '../platform/errors.js';
import { newId } from '../platform/ids.js';
import { instantOf, microsOf } from '../platform/instants.js';
import type { Kept, Sides } from '../platform/reassignment.js';
import type { Effect } from '../platform/transact.js';
import { type Mark, markCustomers, type Touched } from '../reviews/service.js';
import { reassignments } from './reassignments.js';
import { findPair, lockSides, refuseSame } from './sides.js';
import { sealSnapshot } from './stored.js';
import { type Choices, decideSurvivorship, fieldsOf, type Survivorship } from './survivorship.js';

export type MergeInput = {
  survivor: CustomerReferenceIn;
  merged: CustomerReferenceIn;
  survivorship: Choices;
  authority: 'decision' | 'source_of_record';
  source: string | null;
};
export type MergeValue = { id: string };

type Decided = { survivor: Known; merged: Known; outcome: Survivorship; affected: string[] };

export const mergeGuard: Guarded<MergeInput, MergeValue> = {
  operation: 'createMerge',
  scope: 'merges:write',

  async plan(tx, ctx, input) {
    const { survivor, merged, outcome } = await decide(tx, ctx, input);
    const [survivorId, mergedId] = [survivor.row.id, merged.row.id];
    return {
      subject: { type: 'customer', id: survivorId },
      customers: [survivorId, mergedId],
      summary: `Merge customer ${mergedId} into ${survivorId}`,
      content: {
        survivor: { id: survivorId, version: survivor.row.version },
        merged: { id: mergedId, version: merged.row.version },
        authority: input.authority,
        source: input.source,
        fields: outcome.decisions,
        moves: await countRows(tx, mergedId),
      },
      // what the core has merged is one customer there: there is nothing left to decide
      weighty: input.authority === 'decision',
    };
  },

  async execute(tx, ctx, input) {
    return merge(tx, ctx, input, await decide(tx, ctx, input));
  },
};

/** What is moved, as far as it stays the same from one moment to the next. */
async function countRows(tx: Tx, customerId: string): Promise<Record<string, number>> {
  const [row] = await tx.rows<Record<string, number>>(sql`
    select (select count(*)::int from identifiers where customer_id = ${customerId} and status <> 'removed') as identifiers,
      (select count(*)::int from contact_points where customer_id = ${customerId}) as contact_points,
      (select count(*)::int from relationships where customer_id = ${customerId}) as relationships,
      (select count(*)::int from holdings where customer_id = ${customerId}) as holdings`);
  return row ?? {};
}

/** On the customers as they stay until the transaction ends. Throws what refuses it. */
async function decide(tx: Tx, ctx: Ctx, input: MergeInput): Promise<Decided> {
  const named = await findPair(tx, ctx, input);
  refuseSame(named);
  const { affected } = await lockSides(tx, ctx, named.survivor.id, named.merged.id);
  const locked = await findPair(tx, ctx, input);
  if (locked.survivor.id !== named.survivor.id || locked.merged.id !== named.merged.id) {
    throw new DomainError('conflict', 'One of the two was merged with another customer meanwhile.');
  }
  const known = await readKnown(tx, ctx, [named.survivor.id, named.merged.id]);
  const survivor = known.get(named.survivor.id);
  const merged = known.get(named.merged.id);
  if (survivor === undefined || merged === undefined) throw notFound('customer');
  if (survivor.row.kind !== merged.row.kind && !survivor.row.stub && !merged.row.stub) {
    throw fieldError('/merged', 'other_kind', `A ${merged.row.kind} does not become a ${survivor.row.kind}.`);
  }
  refuseUnknownFields(input.survivorship, survivor, merged);
  const outcome = decideSurvivorship(survivor, merged, await loadSources(tx), input.survivorship);
  return { survivor, merged, outcome, affected };
}

function refuseUnknownFields(choices: Choices, survivor: Known, merged: Known): void {
  const known = new Set<string>([...scalarFields, ...fieldsOf(survivor.row, merged.row)]);
  const unknown = Object.keys(choices).find((field) => !known.has(field));
  if (unknown === undefined) return;
  throw fieldError(`/survivorship/${unknown}`, 'unknown_field', 'Neither customer has a field of that name.');
}

const touches = async (tx: Tx, ids: readonly string[]): Promise<Touched[]> => {
  const types = await tx.rows<{ type: string }>(
    sql`select distinct type from activity_totals where customer_id = any(${array(ids, 'uuid')})`,
  );
  const activities = types.map(({ type }): Touched => `activity:${type}`);
  return ['merge', 'customer', 'identifiers', 'relationships', 'holdings', 'loyalty', ...activities];
};

/** Locks again what is locked, gives it its next version, and marks it for review. */
export const markSides = async (tx: Tx, ctx: Ctx, pair: readonly string[], affected: readonly string[]) => {
  const touched = await touches(tx, pair);
  return markCustomers(
    tx,
    ctx,
    affected,
    (id) => (pair.includes(id) ? touched : ['relationships', 'holdings']),
    'expected',
  );
};

/** What is left of a customer that was merged: its id, for ever. */
const emptied = (row: CustomerRow): CustomerRow => ({
  ...row,
  ...Object.fromEntries(scalarFields.map((field) => [columnOf(field), null])),
  status: 'merged',
  stub: false,
  attributes: {},
});

async function merge(
  tx: Tx,
  ctx: Ctx,
  input: MergeInput,
  { survivor, merged, outcome, affected }: Decided,
): Promise<Effect<MergeValue>> {
  const sides: Sides = {
    survivorId: survivor.row.id,
    mergedId: merged.row.id,
    origins: [merged.row.id, ...(merged.row.merged_from ?? [])],
  };
  const pair = [sides.survivorId, sides.mergedId];
  const marks = await markSides(tx, ctx, pair, affected);
  const instant = latest(
    pair.map((one) => marks.get(one)),
    ctx.now,
  );
  const kept: Kept = { dropped: [], altered: [], notes: {} };
  const moved: Record<string, number> = {};
  for (const each of reassignments) Object.assign(moved, await each.merge(tx, ctx, sides, kept));
  // above both: whoever has kept a reply for either id is told that it is another one
  const version = Math.max(survivor.row.version, merged.row.version) + 1;
  const mergedFrom = [...(survivor.row.merged_from ?? []), ...sides.origins];
  const after = { ...outcome.row, version, updated_at: instant, merged_from: mergedFrom };
  await writeRows(tx, [after, { ...emptied(merged.row), version, updated_at: instant }]);
  await changeManager(tx, ctx, survivor.row, after);
  await tx.run(sql`
    update customers set merged_from = ${array(mergedFrom, 'uuid')}, preferred_origins = ${outcome.preferred === null ? null : json(outcome.preferred)}
    where id = ${sides.survivorId}`);
  await tx.run(sql`update customers set merged_into = ${sides.survivorId}, merged_from = null, preferred_origins = null
    where id = any(${array(sides.origins, 'uuid')})`);
  const id = newId();
  const state = (await isMoving(tx, sides.survivorId)) ? 'moving' : 'merged';
  const snapshot = { survivor, merged, after, kept };
  await tx.run(sql`
    insert into merges (id, survivor_id, merged_id, authority, source, state, survivorship, report, before_sealed,
      created_by, merged_at, version)
    values (${id}, ${sides.survivorId}, ${sides.mergedId}, ${input.authority}, ${input.source}, ${state},
      ${json(input.survivorship)}, ${json({ moved })}, ${sealSnapshot(ctx, id, snapshot)}, ${ctx.actor}, ${instant}, 1)`);
  return {
    value: { id },
    ...told(ctx, 'merged', id, sides, { survivor: after, merged: merged.row }, marks, version),
  };
}

/** Whoever looks after a customer by now is assigned from now on. */
export async function changeManager(
  tx: Tx,
  ctx: Ctx,
  before: CustomerRow,
  after: CustomerRow,
): Promise<void> {
  if (before.manager === after.manager) return;
  const open = { until: null, source: null, reason: null, transferId: null };
  await writePrimaries(tx, ctx, [
    { customerId: after.id, staff: after.manager, at: after.updated_at, ...open },
  ]);
}

/** Instants have texts of two lengths: they are compared as numbers. */
const latest = (marks: readonly (Mark | undefined)[], now: string): string =>
  instantOf(Math.max(...marks.map((mark) => microsOf(mark?.instant ?? now))));

/** Whether activities are still on their way to the customer. */
export async function isMoving(tx: Tx, customerId: string): Promise<boolean> {
  const rows = await tx.rows(
    sql`select from review_state where customer_id = ${customerId} and arriving_from is not null`,
  );
  return rows.length > 0;
}

type Places = Record<'survivor' | 'merged', Pick<CustomerRow, 'id' | 'branch' | 'manager'>>;

/** What the audit and the feed are told of each of the two. */
export function told(
  ctx: Ctx,
  verb: 'merged' | 'merge_reverted',
  mergeId: string,
  { survivorId, mergedId }: Sides,
  places: Places,
  marks: ReadonlyMap<string, Mark>,
  version: number,
): Pick<Effect<unknown>, 'audit' | 'events'> {
  const data = { merge_id: mergeId, survivor_id: survivorId, merged_id: mergedId, version };
  const sides = [places.survivor, places.merged];
  return {
    audit: sides.map(({ id }) => ({
      action: `customer.${verb}`,
      subjectType: 'customer',
      subjectId: id,
      details: data,
    })),
    events: sides.map(({ id, branch, manager }) => ({
      type: `customer.${verb}`,
      subject: id,
      subjectVersion: marks.get(id)?.version ?? 0,
      occurredAt: marks.get(id)?.instant ?? ctx.now,
      scope: { customer: id, branch, manager },
      data,
    })),
  };
}
