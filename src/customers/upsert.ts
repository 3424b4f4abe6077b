/**
 * Creates and updates customers, a batch at a time: one call is a batch of one, an import is one of a thousand.
 * Set-based throughout; an item that cannot be is told so, the others go on.
 */
import type { Tx } from '../db/client.js';
import type { AuditEntry } from '../platform/audit.js';
import type { Ctx } from '../platform/context.js';
import { staysInReach } from '../platform/data-scope.js';
import { type DomainError, fieldError, notFound } from '../platform/errors.js';
import { checkVersion } from '../platform/http/versions.js';
import type { OutboxEvent } from '../platform/outbox.js';
import { type Mark, markCustomers, type Touched } from '../reviews/service.js';
import { type Change, decideChange, emptyRow, type Known, readKnown } from './changes.js';
import { loadSources } from './definitions.js';
import { moveKeys } from './keys.js';
import type { IgnoredField } from './provenance.js';
import {
  checkOrigins,
  claimIdentifiers,
  type Item,
  resolveCustomers,
  type Work,
  waves,
} from './resolution.js';
import type { Sources } from './sources.js';
import { writeChanges, writeStatements } from './writes.js';

export type Outcome =
  | {
      ok: true;
      customerId: string;
      outcome: 'created' | 'updated' | 'unchanged';
      ignored: IgnoredField[];
    }
  | { ok: false; error: DomainError };

export type BatchEffect = { outcomes: Outcome[]; audit: AuditEntry[]; events: OutboxEvent[] };

export async function upsertCustomers(tx: Tx, ctx: Ctx, items: readonly Item[]): Promise<BatchEffect> {
  const effect: BatchEffect = { outcomes: new Array(items.length), audit: [], events: [] };
  const sources = await loadSources(tx);
  for (const wave of waves(items)) await upsertWave(tx, ctx, sources, wave, effect);
  return effect;
}

async function upsertWave(
  tx: Tx,
  ctx: Ctx,
  sources: Sources,
  wave: { position: number; item: Item }[],
  effect: BatchEffect,
) {
  const works = await resolveCustomers(tx, wave);
  await refuseUnseen(tx, ctx, works);
  for (const work of works) if (work.isNew && work.error === undefined) work.error = refusalOfNew(ctx, work);
  await claimIdentifiers(tx, works);
  const known = await readKnown(tx, ctx, existingIds(works));
  const first = decide(ctx, sources, works, known);
  await giveUpClaims(tx, works);
  const changing = first.filter(
    ({ change, work }) => work.isNew || change.isChange || change.confirms || work.versions !== undefined,
  );
  const marks = await markCustomers(
    tx,
    ctx,
    changing.map(({ work }) => work.customerId),
    (id) => touchedBy(first, id),
  );
  // decided again on what stands now that the customers are locked
  const lockedWorks = changing.map(({ work }) => work);
  await checkOrigins(tx, lockedWorks);
  const locked = await readKnown(tx, ctx, existingIds(lockedWorks));
  const decided = decide(ctx, sources, lockedWorks, locked);
  await giveUpClaims(tx, lockedWorks);
  await writeChanges(
    tx,
    ctx,
    decided.filter(({ change, work }) => work.isNew || change.isChange),
    marks,
  );
  await writeStatements(
    tx,
    decided.filter(({ change, work }) => !work.isNew && change.confirms),
  );
  report(effect, works, new Map([...first, ...decided].map((one) => [one.work, one.change])), marks, ctx);
}

type Decided = { work: Work; change: Change };

/** What each item changes, on what is known. Those that cannot be are refused, and left out. */
function decide(
  ctx: Ctx,
  sources: Sources,
  works: readonly Work[],
  known: ReadonlyMap<string, Known>,
): Decided[] {
  return works.flatMap((work) => {
    const before = known.get(work.customerId);
    work.error ??= refusalOf(work, before);
    if (work.error !== undefined) return [];
    const change = decideChange(ctx, sources, work, before ?? emptyRow(ctx, work));
    if (leavesReach(ctx, before, change)) work.error = outsideScope(ctx);
    return work.error === undefined ? [{ work, change }] : [];
  });
}

const existingIds = (works: readonly Work[]) =>
  works.filter((work) => !work.isNew && work.error === undefined).map((work) => work.customerId);

function touchedBy(decided: readonly Decided[], customerId: string): Touched[] {
  const one = decided.find(({ work }) => work.customerId === customerId);
  if (one === undefined || one.change.confirms) return [];
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
    ctx,
    named.map((work) => work.customerId),
  );
  for (const work of named) {
    const found = known.get(work.customerId);
    if (found?.inReach !== true || found.row.merged_into !== null) work.error = notFound('customer');
  }
}

/** Why a customer cannot be new. */
function refusalOfNew(ctx: Ctx, { prepared, customerId }: Work): DomainError | undefined {
  if (prepared.kind === undefined) {
    return fieldError('/kind', 'required', 'No customer has this identifier yet; a new one needs a kind.');
  }
  const stated = (field: string) => (prepared.fields.get(field) ?? null) as string | null;
  const branch = stated('branch');
  const manager = stated('relationship_manager');
  return staysInReach(ctx, { id: customerId, branch, manager, assisted: false })
    ? undefined
    : outsideScope(ctx);
}

/** What is not changed takes nobody out of reach, though the list of who looks after whom can be ahead of the row. */
const leavesReach = (ctx: Ctx, before: Known | undefined, { row }: Change): boolean =>
  (before === undefined || before.row.branch !== row.branch || before.row.manager !== row.manager) &&
  !staysInReach(ctx, { ...row, assisted: before?.assisted === true });

function outsideScope({ dataScope }: Ctx): DomainError {
  const pointer = dataScope !== null && 'manager' in dataScope ? '/relationship_manager' : '/branch';
  const message = 'The customer would lie outside the data scope of this caller.';
  return fieldError(pointer, 'outside_data_scope', message);
}

/** Why a known customer cannot be changed by this item. */
function refusalOf(work: Work, known: Known | undefined): DomainError | undefined {
  if (work.isNew) return undefined;
  if (known?.inReach !== true) return notFound('customer');
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
