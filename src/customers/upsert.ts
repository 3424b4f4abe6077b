/**
 * Creates and updates customers, a batch at a time: one call is a batch of one, an import is one of a thousand.
 * Set-based throughout; an item that cannot be is told so, the others go on.
 */
import type { Tx } from '../db/client.js';
import type { AuditEntry } from '../platform/audit.js';
import type { Ctx } from '../platform/context.js';
import { inScope } from '../platform/data-scope.js';
import { type DomainError, fieldError, notFound } from '../platform/errors.js';
import { checkVersion } from '../platform/http/versions.js';
import type { OutboxEvent } from '../platform/outbox.js';
import { type Mark, markCustomers, type Touched } from '../reviews/service.js';
import { type Change, decideChange, emptyRow, type Known, readKnown } from './changes.js';
import { moveKeys } from './keys.js';
import { claimIdentifiers, type Item, resolveCustomers, type Work, waves } from './resolution.js';
import { writeChanges } from './writes.js';

export type Outcome =
  | {
      ok: true;
      customerId: string;
      outcome: 'created' | 'updated' | 'unchanged';
      ignored: { field: string; reason: 'older' }[];
    }
  | { ok: false; error: DomainError };

export type BatchEffect = { outcomes: Outcome[]; audit: AuditEntry[]; events: OutboxEvent[] };

export async function upsertCustomers(tx: Tx, ctx: Ctx, items: readonly Item[]): Promise<BatchEffect> {
  const effect: BatchEffect = { outcomes: new Array(items.length), audit: [], events: [] };
  for (const wave of waves(items)) await upsertWave(tx, ctx, wave, effect);
  return effect;
}

async function upsertWave(tx: Tx, ctx: Ctx, wave: { position: number; item: Item }[], effect: BatchEffect) {
  const works = await resolveCustomers(tx, wave);
  await refuseUnseen(tx, ctx, works);
  for (const work of works) if (work.isNew && work.error === undefined) work.error = refusalOfNew(ctx, work);
  await claimIdentifiers(tx, works);
  const known = await readKnown(tx, existingIds(works));
  const first = decide(ctx, works, known);
  await giveUpClaims(tx, works);
  const changing = first.filter(
    ({ change, work }) => work.isNew || change.isChange || work.versions !== undefined,
  );
  const marks = await markCustomers(
    tx,
    ctx,
    changing.map(({ work }) => work.customerId),
    (id) => touchedBy(first, id),
  );
  // decided again on what stands now that the customers are locked
  const lockedWorks = changing.map(({ work }) => work);
  const locked = await readKnown(tx, existingIds(lockedWorks));
  const decided = decide(ctx, lockedWorks, locked);
  await giveUpClaims(tx, lockedWorks);
  await writeChanges(
    tx,
    ctx,
    decided.filter(({ change, work }) => work.isNew || change.isChange),
    marks,
  );
  report(effect, works, new Map([...first, ...decided].map((one) => [one.work, one.change])), marks, ctx);
}

type Decided = { work: Work; change: Change };

/** What each item changes, on what is known. Those that cannot be are refused, and left out. */
function decide(ctx: Ctx, works: readonly Work[], known: ReadonlyMap<string, Known>): Decided[] {
  return works.flatMap((work) => {
    const before = known.get(work.customerId);
    work.error ??= refusalOf(ctx, work, before);
    if (work.error !== undefined) return [];
    const change = decideChange(ctx, work, before ?? emptyRow(ctx, work));
    work.error = outsideScope(ctx, change.row);
    return work.error === undefined ? [{ work, change }] : [];
  });
}

const existingIds = (works: readonly Work[]) =>
  works.filter((work) => !work.isNew && work.error === undefined).map((work) => work.customerId);

function touchedBy(decided: readonly Decided[], customerId: string): Touched[] {
  const one = decided.find(({ work }) => work.customerId === customerId);
  if (one === undefined) return [];
  return one.work.claimed.length > 0 ? ['customer', 'identifiers'] : ['customer'];
}

/**
 * Who may not know that a customer exists is told so first, before anything is inserted: what else is wrong would
 * tell that it does.
 */
async function refuseUnseen(tx: Tx, ctx: Ctx, works: readonly Work[]): Promise<void> {
  const named = works.filter(
    (work) =>
      work.target !== undefined || (ctx.dataScope !== null && !work.isNew && work.error === undefined),
  );
  if (named.length === 0) return;
  const known = await readKnown(
    tx,
    named.map((work) => work.customerId),
  );
  for (const work of named) {
    const row = known.get(work.customerId)?.row;
    if (row === undefined || !inScope(ctx.dataScope, row)) work.error = notFound('customer');
  }
}

/** Why a customer cannot be new. */
function refusalOfNew(ctx: Ctx, { prepared, customerId }: Work): DomainError | undefined {
  if (prepared.kind === undefined) {
    return fieldError('/kind', 'required', 'No customer has this identifier yet; a new one needs a kind.');
  }
  const stated = (field: string) => (prepared.fields.get(field) ?? null) as string | null;
  return outsideScope(ctx, {
    id: customerId,
    branch: stated('branch'),
    manager: stated('relationship_manager'),
  });
}

function outsideScope(
  { dataScope }: Ctx,
  place: { id: string; branch: string | null; manager: string | null },
): DomainError | undefined {
  if (inScope(dataScope, place)) return undefined;
  const pointer = dataScope !== null && 'manager' in dataScope ? '/relationship_manager' : '/branch';
  const message = 'The customer would lie outside the data scope of this caller.';
  return fieldError(pointer, 'outside_data_scope', message);
}

/** Why a known customer cannot be changed by this item. */
function refusalOf(ctx: Ctx, work: Work, known: Known | undefined): DomainError | undefined {
  if (work.isNew) return undefined;
  if (known === undefined || !inScope(ctx.dataScope, known.row)) return notFound('customer');
  const { kind } = work.prepared;
  if (kind !== undefined && kind !== known.row.kind && !known.row.stub) {
    return fieldError('/kind', 'immutable', `The customer is of kind ${known.row.kind}.`);
  }
  return refusalOfVersion(work, known);
}

function refusalOfVersion(work: Work, known: Known): DomainError | undefined {
  try {
    if (work.mode === 'patch') checkVersion(work.versions, known.row.version);
    return undefined;
  } catch (error) {
    return error as DomainError;
  }
}

/** An item that came to nothing keeps no identifiers. */
async function giveUpClaims(tx: Tx, works: readonly Work[]): Promise<void> {
  const refused = works.filter((work) => work.error !== undefined);
  await moveKeys(
    tx,
    refused.flatMap((work) => work.claimed.splice(0).map((key) => ({ key, customerId: null }))),
  );
}

function report(
  effect: BatchEffect,
  works: readonly Work[],
  changes: ReadonlyMap<Work, Change>,
  marks: ReadonlyMap<string, Mark>,
  ctx: Ctx,
): void {
  for (const work of works) {
    const change = changes.get(work);
    if (work.error !== undefined || change === undefined) {
      effect.outcomes[work.position] = { ok: false, error: work.error ?? notFound('customer') };
      continue;
    }
    const outcome = work.isNew ? 'created' : change.isChange ? 'updated' : 'unchanged';
    effect.outcomes[work.position] = {
      ok: true,
      customerId: work.customerId,
      outcome,
      ignored: change.ignored,
    };
    if (outcome === 'unchanged') continue;
    const details = { version: change.row.version, fields: change.fieldNames, source: work.prepared.source };
    const mark = marks.get(work.customerId);
    effect.audit.push({
      action: `customer.${outcome}`,
      subjectType: 'customer',
      subjectId: work.customerId,
      details,
    });
    effect.events.push({
      type: `customer.${outcome}`,
      subject: work.customerId,
      subjectVersion: mark?.version ?? 0,
      occurredAt: mark?.instant ?? ctx.now,
      scope: { customer: work.customerId, branch: change.row.branch, manager: change.row.manager },
      data: { version: change.row.version, fields: change.fieldNames },
    });
  }
}
