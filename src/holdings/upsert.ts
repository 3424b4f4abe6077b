/**
 * Creates and updates holdings, a batch at a time, set-based throughout; an item that cannot be is told so, the
 * others go on. What changes nothing takes no lock. What does is decided again once the holding is locked.
 */
import { isDeepStrictEqual } from 'node:util';
import { findCustomers, referenceText } from '../customers/references.js';
import type { Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { inScope } from '../platform/data-scope.js';
import { DomainError, notFound } from '../platform/errors.js';
import { checkVersion } from '../platform/http/versions.js';
import { type Mark, markCustomers } from '../reviews/service.js';
import { decideHolding, type HoldingChange, ownerOf } from './changes.js';
import { dropHoldingKeys, lockHoldingKeys, numberKeyText } from './keys.js';
import { activateOwners } from './owners.js';
import type { PartiesStatement } from './parties.js';
import { type HoldingBatch, reportHoldings } from './reports.js';
import {
  type Customers,
  type Group,
  groupItems,
  type HoldingItem,
  isNew,
  refuseHidden,
  refuseIncomplete,
  resolveCustomers,
  type Work,
} from './resolution.js';
import { readStored } from './stored.js';
import { writeHoldings } from './writes.js';

export async function upsertHoldings(tx: Tx, ctx: Ctx, items: readonly HoldingItem[]): Promise<HoldingBatch> {
  const groups = await groupItems(tx, items);
  refuseIncomplete(groups);
  const { customers, audit, events } = await resolveCustomers(tx, ctx, groups);
  await decideGroups(tx, ctx, groups, customers);
  const changing = groups.filter(isChanging);
  const made = await lockGroups(tx, ctx, changing, customers);
  const effective = changing.filter(isChanging);
  const marks = await markCustomers(tx, ctx, effective.flatMap(partiesOf), ['holdings']);
  const owners = await readOwners(tx, ctx, effective);
  const written = effective.filter((group) => owners.has(group.place.holdingId));
  await dropHoldingKeys(
    tx,
    made.filter((group) => !owners.has(group.place.holdingId)).map((group) => group.place.holdingId),
  );
  const activation = await activateOwners(tx, ctx, written, owners);
  await writeHoldings(tx, ctx, written, (id) => instantOf(marks, id, ctx));
  const report = reportHoldings(ctx, groups, written, customers, owners, marks);
  return {
    outcomes: report.outcomes,
    audit: [...audit, ...activation.audit, ...report.audit],
    events: [...events, ...activation.events, ...report.events],
  };
}

const instantOf = (marks: ReadonlyMap<string, Mark>, customerId: string, ctx: Ctx) =>
  marks.get(customerId)?.instant ?? ctx.now;

const isChanging = (group: Group) =>
  group.works.some(({ decision }) => decision?.ok === true && decision.changed.length > 0);

/** Everybody whose picture the change alters. */
function partiesOf({ before, after }: Group): string[] {
  const former = before?.parties ?? [];
  const changed = (after?.parties ?? []).filter(
    (party) => party.endsOn === null || !former.some((one) => isDeepStrictEqual(one, party)),
  );
  return [...former.filter((party) => party.endsOn === null), ...changed].map((party) => party.customerId);
}

async function decideGroups(tx: Tx, ctx: Ctx, groups: readonly Group[], customers: Customers): Promise<void> {
  const known = groups.filter((group) => !isNew(group)).map((group) => group.place);
  const stored = await readStored(tx, ctx, known);
  for (const group of groups) {
    group.before = stored.get(group.place.holdingId);
    group.after = group.before;
    for (const work of group.works) decideWork(ctx, group, work, customers);
  }
}

function decideWork(ctx: Ctx, group: Group, work: Work, customers: Customers): void {
  if (work.refusal !== undefined) {
    work.decision = { ok: false, error: work.refusal };
    return;
  }
  try {
    if (group.before !== undefined) checkVersion(work.item.versions, group.before.version);
    const { partyChange } = work.item;
    if (partyChange !== undefined && !canChangeParty(group, partyChange.partyId)) throw notFound('party');
    const decision = decideHolding(group.after, changeOf(group, work, customers), ctx.bank.currency);
    work.decision = decision;
    if (decision.ok) group.after = decision.state;
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    work.decision = { ok: false, error };
  }
}

function canChangeParty({ before }: Group, partyId: string): boolean {
  const party = before?.parties.find(({ id }) => id === partyId);
  return party !== undefined && !before?.hidden.has(party.customerId);
}

function changeOf(group: Group, { item }: Work, customers: Customers): HoldingChange {
  const { onUnknown: _onUnknown, parties, ...change } = item.prepared;
  return { ...change, parties: partiesStatement(group, item, parties, customers) };
}

function partiesStatement(
  { before }: Group,
  { partiesMode, partyChange }: HoldingItem,
  parties: HoldingItem['prepared']['parties'],
  customers: Customers,
): PartiesStatement | undefined {
  if (partyChange !== undefined) {
    const { partyId, ...change } = partyChange;
    return { mode: 'change', partyId, change };
  }
  if (parties === undefined) return undefined;
  const stated = parties.map(({ customer, ...party }) => ({
    ...party,
    customerId: customers.get(referenceText(customer))?.id ?? '',
  }));
  return partiesMode === 'add'
    ? { mode: 'add', parties: stated }
    : { mode: 'replace', parties: stated, mayEnd: (id) => before?.hidden.has(id) !== true };
}

/** Locks the holdings and decides again on what stands by then. Returns those that are made here. */
async function lockGroups(
  tx: Tx,
  ctx: Ctx,
  groups: readonly Group[],
  customers: Customers,
): Promise<Group[]> {
  const wasNew = new Set(groups.filter(isNew));
  for (const group of wasNew) if (group.after !== undefined) group.place.customerId = ownerOf(group.after);
  const places = await lockHoldingKeys(
    tx,
    groups.map((group) => group.place),
  );
  const made: Group[] = [];
  const known: Group[] = [];
  for (const group of groups) {
    const place = places.get(numberKeyText(group.place));
    const isMine = wasNew.has(group) && place?.holdingId === group.place.holdingId;
    (isMine ? made : known).push(group);
    if (place !== undefined) group.place = place;
  }
  const unseen = known.filter((group) => !customers.has(group.place.customerId));
  const others = await findCustomers(
    tx,
    unseen.map((group) => ({ id: group.place.customerId })),
  );
  for (const [id, customer] of others) customers.set(id, customer);
  for (const group of known) refuseHidden(ctx, group, customers);
  await decideGroups(tx, ctx, known, customers);
  return made;
}

/** The primary owners as they are now that they are locked, by holding; without those that have left the scope. */
async function readOwners(tx: Tx, ctx: Ctx, groups: readonly Group[]): Promise<Customers> {
  const found = await findCustomers(
    tx,
    groups.flatMap(({ after }) => (after === undefined ? [] : [{ id: ownerOf(after) }])),
  );
  const owners: Customers = new Map();
  for (const group of groups) {
    const owner = group.after && found.get(ownerOf(group.after));
    if (owner !== undefined && inScope(ctx.dataScope, owner)) owners.set(group.place.holdingId, owner);
    else for (const work of group.works) work.decision = { ok: false, error: notFound('customer') };
  }
  return owners;
}
