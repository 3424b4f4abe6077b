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
  for (const work of works)
    if (work.error === undefined) work.error = refusalOf(ctx, work, known.get(work.customerId));
  await giveUpClaims(tx, works);

  const open = works.filter((work) => work.error === undefined);
  const first = open.map((work) => ({
    work,
    change: decideChange(ctx, work, known.get(work.customerId) ?? emptyRow(ctx, work)),
  }));
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
  const locked = await readKnown(tx, existingIds(changing.map(({ work }) => work)));
  const decided = changing.flatMap(({ work }) => {
    const now = locked.get(work.customerId) ?? emptyRow(ctx, work);
    work.error = refusalOf(ctx, work, work.isNew ? undefined : now) ?? refusalOfVersion(work, now);
    return work.error === undefined ? [{ work, change: decideChange(ctx, work, now) }] : [];
  });
  await writeChanges(
    tx,
    ctx,
    decided.filter(({ change, work }) => work.isNew || change.isChange),
    marks,
  );
  report(effect, works, new Map([...first, ...decided].map((one) => [one.work, one.change])), marks, ctx);
}

const existingIds = (works: readonly Work[]) =>
  works.filter((work) => !work.isNew && work.error === undefined).map((work) => work.customerId);

function touchedBy(decided: readonly { work: Work; change: Change }[], customerId: string): Touched[] {
  const one = decided.find(({ work }) => work.customerId === customerId);
  if (one === undefined) return [];
  return one.work.claimed.length > 0 ? ['customer', 'identifiers'] : ['customer'];
}

/** Who may not know that a customer exists is told so first: what else is wrong would tell that it does. */
async function refuseUnseen(tx: Tx, ctx: Ctx, works: readonly Work[]): Promise<void> {
  const targeted = works.filter((work) => work.target !== undefined);
  if (targeted.length === 0) return;
  const known = await readKnown(
    tx,
    targeted.map((work) => work.customerId),
  );
  for (const work of targeted) {
    const row = known.get(work.customerId)?.row;
    if (row === undefined || !inScope(ctx.dataScope, row)) work.error = notFound('customer');
  }
}

/** Why a customer cannot be new. */
function refusalOfNew(ctx: Ctx, { prepared, customerId }: Work): DomainError | undefined {
  if (prepared.kind === undefined) {
    return fieldError('/kind', 'required', 'No customer has this identifier yet; a new one needs a kind.');
  }
  return outsideScope(
    ctx,
    customerId,
    prepared.fields.get('branch'),
    prepared.fields.get('relationship_manager'),
  );
}

function outsideScope(ctx: Ctx, id: string, branch: unknown, manager: unknown): DomainError | undefined {
  const place = {
    id,
    branch: (branch ?? null) as string | null,
    manager: (manager ?? null) as string | null,
  };
  if (inScope(ctx.dataScope, place)) return undefined;
  return fieldError(
    '/branch',
    'outside_data_scope',
    'The customer would lie outside the data scope of this key.',
  );
}

/** Why a known customer cannot be changed by this item. */
function refusalOf(ctx: Ctx, work: Work, known: Known | undefined): DomainError | undefined {
  if (work.isNew) return undefined;
  if (known === undefined || !inScope(ctx.dataScope, known.row)) return notFound('customer');
  const { kind, fields } = work.prepared;
  if (kind !== undefined && kind !== known.row.kind && !known.row.stub) {
    return fieldError('/kind', 'immutable', `The customer is of kind ${known.row.kind}.`);
  }
  const { branch, manager } = known.row;
  const moved = fields.has('branch') || fields.has('relationship_manager');
  return moved
    ? outsideScope(
        ctx,
        work.customerId,
        fields.get('branch') ?? branch,
        fields.get('relationship_manager') ?? manager,
      )
    : undefined;
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
