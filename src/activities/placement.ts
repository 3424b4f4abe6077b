/** Whose each activity of a batch is. All that must refuse one is known before anything is inserted. */

import { findHolders } from '../customers/keys.js';
import type { PreparedIdentifier } from '../customers/preparation.js';
import { findCustomers, makeStubs, type PreparedReference } from '../customers/references.js';
import type { Tx } from '../db/client.js';
import { findHoldingKeys, type HoldingPlace, numberKeyText } from '../holdings/keys.js';
import type { AuditEntry } from '../platform/audit.js';
import type { Ctx } from '../platform/context.js';
import { DomainError, namesNone } from '../platform/errors.js';
import type { OutboxEvent } from '../platform/outbox.js';
import { mergedMeanwhile } from '../reviews/service.js';
import { findActivityKeys } from './keys.js';
import type { PlacedActivity, PreparedActivity } from './preparation.js';
import type { OnUnknown } from './schemas.js';

export type Placement = {
  /** in the order of the batch */
  places: (PlacedActivity | DomainError)[];
  audit: AuditEntry[];
  events: OutboxEvent[];
};

const unknown = (field: 'customer' | 'holding') => namesNone(`/${field}`, field);

/** A customer, and the merged one that was named, of whom this was told. */
type Who = { id: string; origin: string | null };

type Found = {
  holdings: ReadonlyMap<string, HoldingPlace>;
  /** by the text of a reference */
  customers: ReadonlyMap<string, Who>;
};

/** Finds the customer of each activity in the caller's scope, and makes the stubs that `onUnknown` asks for. */
export async function placeActivities(
  tx: Tx,
  ctx: Ctx,
  activities: readonly PreparedActivity[],
  onUnknown: OnUnknown,
): Promise<Placement> {
  const found = await find(tx, ctx, activities);
  const places = activities.map((activity) => place(activity, found));
  // a stub would lie outside of any scope but the whole bank's, so to others the customer is as unknown as it is
  if (onUnknown === 'reject' || ctx.dataScope !== null) return { places, audit: [], events: [] };
  const nameless = activities.filter(
    ({ customerText, holding }) =>
      customerText !== undefined &&
      !found.customers.has(customerText) &&
      (holding === undefined || found.holdings.has(numberKeyText(holding))),
  );
  // what is known in the same version names another customer by now: it is refused, and makes no stub
  const former = await findActivityKeys(tx, nameless);
  const requests = nameless.flatMap(({ customer, source, key, sourceVersion }) =>
    customer === undefined || 'id' in customer || former.get(key)?.version === sourceVersion
      ? []
      : [{ identifier: customer, source, sourceTime: ctx.now }],
  );
  if (requests.length === 0) return { places, audit: [], events: [] };
  const { audit, events } = await makeStubs(tx, ctx, requests);
  const made = await findCustomers(
    tx,
    ctx,
    requests.map((request) => request.identifier),
  );
  const all = { ...found, customers: new Map([...found.customers, ...made]) };
  return { places: activities.map((activity) => place(activity, all)), audit, events };
}

/** What the activities name, as far as the caller may see it. */
async function find(tx: Tx, ctx: Ctx, activities: readonly PreparedActivity[]): Promise<Found> {
  const keys = new Map<string, NonNullable<PreparedActivity['holding']>>();
  const references = new Map<string, PreparedReference>();
  for (const { holding, customer, customerText } of activities) {
    if (holding !== undefined) keys.set(numberKeyText(holding), holding);
    if (customer !== undefined && customerText !== undefined) references.set(customerText, customer);
  }
  const holdings = await findHoldingKeys(tx, [...keys.values()]);
  if (ctx.dataScope === null)
    return { holdings, customers: await findUnscoped(tx, ctx, references, holdings) };
  for (const { customerId } of holdings.values()) references.set(customerId, { id: customerId });
  const customers = await findCustomers(tx, ctx, [...references.values()]);
  for (const [text, customer] of customers) if (!customer.in_reach) customers.delete(text);
  return { holdings, customers };
}

/** Where all may be seen, keys say who it is: only ids are to be looked up. */
async function findUnscoped(
  tx: Tx,
  ctx: Ctx,
  references: ReadonlyMap<string, PreparedReference>,
  holdings: Found['holdings'],
): Promise<Found['customers']> {
  const ids: PreparedReference[] = [];
  const identifiers: PreparedIdentifier[] = [];
  for (const reference of references.values()) {
    if ('id' in reference) ids.push(reference);
    else identifiers.push(reference);
  }
  const customers = new Map<string, Who>(await findCustomers(tx, ctx, ids));
  for (const [text, { customerId: id, origin }] of await findHolders(tx, identifiers))
    customers.set(text, { id, origin });
  for (const { customerId: id } of holdings.values()) customers.set(id, { id, origin: null });
  return customers;
}

function place(activity: PreparedActivity, found: Found): PlacedActivity | DomainError {
  const { holding, customerText } = activity;
  const held = holding && found.holdings.get(numberKeyText(holding));
  const known = held && found.customers.get(held.customerId);
  const owner = known && { id: known.id, origin: held.origin ?? null };
  if (holding !== undefined && owner === undefined) return unknown('holding');
  const who = customerText === undefined ? owner : found.customers.get(customerText);
  if (who === undefined) return unknown('customer');
  return { activity, customerId: who.id, origin: who.origin, holdingId: held?.holdingId ?? null };
}

/**
 * Of customers that are locked by now: what was told of a merged record is still its survivor's. Asks for another try
 * where that merge was taken back meanwhile.
 */
export async function checkPlaces(tx: Tx, ctx: Ctx, placed: readonly PlacedActivity[]): Promise<void> {
  const told = placed.filter(({ origin }) => origin !== null);
  if (told.length === 0) return;
  const found = await find(
    tx,
    ctx,
    told.map(({ activity }) => activity),
  );
  for (const one of told) {
    const now = place(one.activity, found);
    const isSame =
      !(now instanceof DomainError) && now.customerId === one.customerId && now.origin === one.origin;
    if (!isSame) throw mergedMeanwhile();
  }
}
