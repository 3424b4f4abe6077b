/**
 * Creates and updates holdings, a batch at a time, set-based throughout; an item that cannot be is told so, the
 * others go on. What changes nothing takes no lock. What does is decided again once the holding is locked.
 */
import { isDeepStrictEqual } from 'node:util';
import { findCustomers, referenceText } from '../customers/references.js';
import type { Tx } from '../db/client.js';
import { type Ctx, today } from '../platform/context.js';
import { DomainError, notFound } from '../platform/errors.js';
import { checkVersion } from '../platform/http/versions.js';
import { microsOf } from '../platform/instants.js';
import { type Mark, markCustomers, mergedMeanwhile } from '../reviews/service.js';
import { noBalances } from './balance-intervals.js';
import { type BalancesOf, writeBalances } from './balances.js';
import { decideHolding, type HoldingChange, ownerOf } from './changes.js';
import { dropHoldingKeys, lockHoldingKeys, numberKeyText } from './keys.js';
import { noteLateBalances } from './late-balances.js';
import { followHoldings } from './owners.js';
import type { PartiesStatement, Party } from './parties.js';
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
  const concerned = groups.filter((group) => isChanging(group) || balancesDiffer(group));
  const made = await lockGroups(tx, ctx, concerned, customers);
  const effective = concerned.filter(isChanging);
  const confirmed = concerned.filter((group) => !isChanging(group) && balancesDiffer(group));
  const marks = await markCustomers(
    tx,
    ctx,
    effective.flatMap((group) => partiesOf(group, today(ctx))),
    ['holdings'],
  );
  await checkNamed(tx, ctx, effective, customers);
  const owners = await readOwners(tx, ctx, effective);
  const written = effective.filter((group) => owners.has(group.place.holdingId));
  await dropHoldingKeys(
    tx,
    made.filter((group) => !owners.has(group.place.holdingId)).map((group) => group.place.holdingId),
  );
  await writeHoldings(tx, ctx, written, (id) => instantOf(marks, id, ctx));
  await writeBalances(tx, [...written, ...confirmed].flatMap(balancesOf), microsOf(ctx.now));
  await noteLateBalances(tx, ctx, written, (group) => statedDaysOf(group)?.[0]);
  const followed = await followHoldings(tx, ctx, written);
  const report = reportHoldings(ctx, groups, written, customers, owners, marks);
  return {
    outcomes: report.outcomes,
    audit: [...audit, ...followed.audit, ...report.audit],
    events: [...events, ...followed.events, ...report.events],
  };
}

/** Whoever was named as a merged customer still is the survivor, now that it is locked. */
async function checkNamed(tx: Tx, ctx: Ctx, groups: readonly Group[], customers: Customers): Promise<void> {
  const named = groups
    .flatMap(({ works }) => works.flatMap(({ item }) => item.prepared.parties ?? []))
    .map(({ customer }) => customer)
    .filter((customer) => (customers.get(referenceText(customer))?.origin ?? null) !== null);
  if (named.length === 0) return;
  const found = await findCustomers(tx, ctx, named);
  for (const customer of named) {
    const text = referenceText(customer);
    if (found.get(text)?.id !== customers.get(text)?.id) throw mergedMeanwhile();
  }
}

const instantOf = (marks: ReadonlyMap<string, Mark>, customerId: string, ctx: Ctx) =>
  marks.get(customerId)?.instant ?? ctx.now;

const isChanging = (group: Group) =>
  group.works.some(({ decision }) => decision?.ok === true && decision.changed.length > 0);

/** That a day was stated is kept, also where it says nothing new: it takes the holding's lock, and marks nobody. */
const balancesDiffer = ({ before, after }: Group) =>
  after !== undefined && after.balances !== (before?.balances ?? noBalances);

const balancesOf = ({ place, after }: Group): BalancesOf[] =>
  after === undefined
    ? []
    : [{ holdingId: place.holdingId, customerId: ownerOf(after), balances: after.balances }];

/** The first and the last day that the group states a balance of, or may. */
function statedDaysOf({ works }: Group): [string, string] | undefined {
  const days = works
    .flatMap(({ item: { prepared } }) => {
      const { balance, balance_date: day } = prepared.fields;
      return balance === undefined && day === undefined ? [] : [day ?? prepared.sourceDay];
    })
    .sort();
  const [first, last] = [days[0], days.at(-1)];
  return first === undefined || last === undefined ? undefined : [first, last];
}

/** Everybody whose picture the change alters: who has ceased to be a party, too, where it is about days before. */
function partiesOf(group: Group, day: string): string[] {
  const { before, after } = group;
  const former = before?.parties ?? [];
  const since = firstDayOf(group, day);
  const stands = ({ endsOn }: Party) => endsOn === null || endsOn > since;
  const changed = (after?.parties ?? []).filter(
    (party) => stands(party) || !former.some((one) => isDeepStrictEqual(one, party)),
  );
  return [...former.filter(stands), ...changed].map((party) => party.customerId);
}

/** The first day of which something changes: a balance that is stated late, or a closing. */
function firstDayOf(group: Group, day: string): string {
  const { before, after } = group;
  const closings = before?.closed_on === after?.closed_on ? [] : [before?.closed_on, after?.closed_on];
  const stated = balancesDiffer(group) ? statedDaysOf(group)?.[0] : undefined;
  return [day, stated, ...closings].filter((one) => one !== undefined && one !== null).sort()[0] ?? day;
}

async function decideGroups(tx: Tx, ctx: Ctx, groups: readonly Group[], customers: Customers): Promise<void> {
  const known = groups
    .filter((group) => !isNew(group))
    .map((group) => ({ place: group.place, days: statedDaysOf(group) }));
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
    const decision = decideHolding(group.after, changeOf(group, work, customers, ctx), ctx.bank.currency);
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

function changeOf(group: Group, { item }: Work, customers: Customers, ctx: Ctx): HoldingChange {
  const { onUnknown: _onUnknown, parties, ...change } = item.prepared;
  return {
    ...change,
    recordedAt: ctx.now,
    recordedDay: today(ctx),
    parties: partiesStatement(group, item, parties, customers),
  };
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
    ctx,
    unseen.map((group) => ({ id: group.place.customerId })),
  );
  for (const [id, customer] of others) customers.set(id, customer);
  for (const group of known) refuseHidden(group, customers);
  await decideGroups(tx, ctx, known, customers);
  return made;
}

/** The primary owners as they are now that they are locked, by holding; without those that have left the scope. */
async function readOwners(tx: Tx, ctx: Ctx, groups: readonly Group[]): Promise<Customers> {
  const found = await findCustomers(
    tx,
    ctx,
    groups.flatMap(({ after }) => (after === undefined ? [] : [{ id: ownerOf(after) }])),
  );
  const owners: Customers = new Map();
  for (const group of groups) {
    const owner = group.after && found.get(ownerOf(group.after));
    if (owner?.in_reach === true) owners.set(group.place.holdingId, owner);
    else for (const work of group.works) work.decision = { ok: false, error: notFound('customer') };
  }
  return owners;
}
