/**
 * Which holding each item of a batch is about, and which customers it names. Items about one holding are one group:
 * they are decided one after the other, and written once. All that must refuse an item is known before anything is
 * inserted, so that a refused item leaves nothing behind.
 */

import {
  type FoundCustomer,
  findCustomers,
  makeStubs,
  type PreparedReference,
  referenceText,
} from '../customers/references.js';
import type { Tx } from '../db/client.js';
import type { AuditEntry } from '../platform/audit.js';
import type { Ctx } from '../platform/context.js';
import { type DomainError, fieldError, namesNone, notFound } from '../platform/errors.js';
import { newId } from '../platform/ids.js';
import type { OutboxEvent } from '../platform/outbox.js';
import type { HoldingDecision, HoldingState } from './changes.js';
import { findHoldingKeys, findHoldings, type HoldingPlace, numberKeyText } from './keys.js';
import type { HoldingKey, PreparedHolding, PreparedParty } from './preparation.js';
import type { StoredHolding } from './stored.js';

export type HoldingItem = {
  /** by its number it may be new, by its id it may not */
  key: HoldingKey | { holdingId: string };
  prepared: PreparedHolding;
  /** what the stated parties are: all who stand, or more of them */
  partiesMode?: 'replace' | 'add';
  /** a change of one party */
  partyChange?: { partyId: string } & Pick<PreparedParty, 'share' | 'startsOn' | 'endsOn'>;
  /** what is said supposes that the holding is there */
  isKnown?: true;
  /** the versions that If-Match names; undefined for any */
  versions?: number[] | undefined;
};

export type Work = {
  position: number;
  item: HoldingItem;
  /** it cannot be, whatever the holding is by then */
  refusal: DomainError | undefined;
  decision: HoldingDecision | { ok: false; error: DomainError } | undefined;
};

export type Group = {
  place: HoldingPlace;
  number: string | undefined;
  works: Work[];
  before: StoredHolding | undefined;
  after: HoldingState | undefined;
};

export type Customers = Map<string, FoundCustomer>;

/** Deals the items to the holdings that they are about. A holding that is not known gets an id. */
export async function groupItems(tx: Tx, items: readonly HoldingItem[]): Promise<Group[]> {
  const byKey = await findHoldingKeys(
    tx,
    items.flatMap(({ key }) => ('holdingId' in key ? [] : [key])),
  );
  const byId = await findHoldings(
    tx,
    items.flatMap(({ key }) => ('holdingId' in key ? [key.holdingId] : [])),
  );
  const groups = new Map<string, Group>();
  items.forEach((item, position) => {
    const { key } = item;
    const known = 'holdingId' in key ? byId.get(key.holdingId) : byKey.get(numberKeyText(key));
    const name = known?.holdingId ?? ('holdingId' in key ? key.holdingId : numberKeyText(key));
    const supposes = 'holdingId' in key || item.isKnown === true;
    const refusal = known === undefined && supposes ? notFound('holding') : undefined;
    const group = groups.get(name) ?? {
      place: known ?? newPlace(key),
      number: 'holdingId' in key ? undefined : key.number,
      works: [],
      before: undefined,
      after: undefined,
    };
    group.works.push({ position, item, refusal, decision: undefined });
    groups.set(name, group);
  });
  return [...groups.values()];
}

const newPlace = (key: HoldingItem['key']): HoldingPlace =>
  'holdingId' in key
    ? { source: '', numberIndex: '', holdingId: key.holdingId, customerId: '' }
    : { source: key.source, numberIndex: key.numberIndex, holdingId: newId(), customerId: '' };

export const isNew = (group: Group): boolean => group.place.customerId === '';

/** Refuses what is said of a holding before anybody said enough to make it. */
export function refuseIncomplete(groups: readonly Group[]): void {
  for (const group of groups.filter(isNew)) {
    let known = false;
    for (const work of group.works) {
      if (!known) work.refusal ??= missing(work.item.prepared);
      known ||= work.refusal === undefined;
    }
  }
}

function missing({ fields, parties }: PreparedHolding): DomainError | undefined {
  if (fields.category === undefined) {
    return fieldError(
      '/category',
      'required',
      'No holding of this source has the number; a new one needs a category.',
    );
  }
  const owner = parties?.some((party) => party.role === 'primary_owner' && (party.endsOn ?? null) === null);
  return owner === true
    ? undefined
    : fieldError('/parties', 'primary_owner_required', 'A new holding needs a primary owner.');
}

const referencesOf = (works: readonly Work[]) =>
  works.flatMap(({ item, refusal }) => (refusal === undefined ? (item.prepared.parties ?? []) : []));

const openWorks = (groups: readonly Group[]) =>
  groups.flatMap((group) => group.works.filter((work) => work.refusal === undefined));

/** Finds all customers that are named, refuses what the caller may not see, and makes the stubs that are asked for. */
export async function resolveCustomers(
  tx: Tx,
  ctx: Ctx,
  groups: readonly Group[],
): Promise<{ customers: Customers; audit: AuditEntry[]; events: OutboxEvent[] }> {
  const references: PreparedReference[] = [
    ...referencesOf(openWorks(groups)).map((party) => party.customer),
    ...groups.filter((group) => !isNew(group)).map((group) => ({ id: group.place.customerId })),
  ];
  const customers = await findCustomers(tx, ctx, references);
  for (const group of groups) refuseHidden(group, customers);
  for (const work of openWorks(groups)) work.refusal = unknownParty(ctx, work, customers);
  const requests = openWorks(groups).flatMap(({ item: { prepared, key } }) =>
    (prepared.parties ?? []).flatMap(({ customer }) =>
      'id' in customer || customers.has(referenceText(customer))
        ? []
        : [
            {
              identifier: customer,
              source: 'source' in key ? key.source : 'manual',
              sourceTime: prepared.sourceTime,
            },
          ],
    ),
  );
  const { audit, events } = await makeStubs(tx, ctx, requests);
  const made = await findCustomers(
    tx,
    ctx,
    requests.map((request) => request.identifier),
  );
  for (const [text, customer] of made) customers.set(text, customer);
  return { customers, audit, events };
}

/** A holding is its primary owner's: who may not see the owner may not change it. */
export function refuseHidden(group: Group, customers: Customers): void {
  if (isNew(group)) return;
  const owner = customers.get(group.place.customerId);
  if (owner?.in_reach === true) return;
  for (const work of group.works) work.refusal ??= notFound('holding');
}

/** A stub would lie outside of any scope but the whole bank's, so to others it is as unknown as it is. */
function unknownParty(ctx: Ctx, { item }: Work, customers: Customers): DomainError | undefined {
  const { parties = [], onUnknown } = item.prepared;
  const position = parties.findIndex(({ customer }) => {
    const found = customers.get(referenceText(customer));
    if (found !== undefined) return !found.in_reach;
    return 'id' in customer || onUnknown === 'reject' || ctx.dataScope !== null;
  });
  if (position < 0) return undefined;
  const pointer = item.partiesMode === 'add' ? '/customer' : `/parties/${position}/customer`;
  return namesNone(pointer, 'customer');
}
