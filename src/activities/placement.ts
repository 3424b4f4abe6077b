/** Whose each activity of a batch is. All that must refuse one is known before anything is inserted. */
import { findKeys } from '../customers/keys.js';
import type { PreparedIdentifier } from '../customers/preparation.js';
import { findCustomers, makeStubs, type PreparedReference } from '../customers/references.js';
import type { Tx } from '../db/client.js';
import { findHoldingKeys, type HoldingPlace, numberKeyText } from '../holdings/keys.js';
import type { AuditEntry } from '../platform/audit.js';
import type { Ctx } from '../platform/context.js';
import { inScope } from '../platform/data-scope.js';
import { DomainError } from '../platform/errors.js';
import type { OutboxEvent } from '../platform/outbox.js';
import { findActivityKeys } from './keys.js';
import type { PlacedActivity, PreparedActivity } from './preparation.js';
import type { OnUnknown } from './schemas.js';

export type Placement = {
  /** in the order of the batch */
  places: (PlacedActivity | DomainError)[];
  audit: AuditEntry[];
  events: OutboxEvent[];
};

const unknown = (field: 'customer' | 'holding') =>
  new DomainError('not_found', `No such ${field}.`, {
    errors: [{ in: 'body', pointer: `/${field}`, code: 'not_found', message: `names no ${field}` }],
  });

type Found = {
  holdings: ReadonlyMap<string, HoldingPlace>;
  /** by the text of a reference */
  customers: ReadonlyMap<string, { id: string }>;
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
  // what is known under its source id names another customer by now: it is refused, and makes no stub
  const former = await findActivityKeys(tx, nameless);
  const requests = nameless.flatMap(({ customer, source, key }) =>
    customer === undefined || 'id' in customer || former.has(key)
      ? []
      : [{ identifier: customer, source, sourceTime: ctx.now }],
  );
  if (requests.length === 0) return { places, audit: [], events: [] };
  const { audit, events } = await makeStubs(tx, ctx, requests);
  const made = await findCustomers(
    tx,
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
  if (ctx.dataScope === null) return { holdings, customers: await findUnscoped(tx, references, holdings) };
  for (const { customerId } of holdings.values()) references.set(customerId, { id: customerId });
  const customers = await findCustomers(tx, [...references.values()]);
  for (const [text, customer] of customers) if (!inScope(ctx.dataScope, customer)) customers.delete(text);
  return { holdings, customers };
}

/** Where all may be seen, keys say who it is: only ids are to be looked up. */
async function findUnscoped(
  tx: Tx,
  references: ReadonlyMap<string, PreparedReference>,
  holdings: Found['holdings'],
): Promise<Found['customers']> {
  const ids: PreparedReference[] = [];
  const identifiers: PreparedIdentifier[] = [];
  for (const reference of references.values()) {
    if ('id' in reference) ids.push(reference);
    else identifiers.push(reference);
  }
  const customers = new Map<string, { id: string }>(await findCustomers(tx, ids));
  for (const [text, id] of await findKeys(tx, identifiers)) customers.set(text, { id });
  for (const { customerId } of holdings.values()) customers.set(customerId, { id: customerId });
  return customers;
}

function place(activity: PreparedActivity, found: Found): PlacedActivity | DomainError {
  const { holding, customerText } = activity;
  const held = holding && found.holdings.get(numberKeyText(holding));
  const owner = held && found.customers.get(held.customerId);
  if (holding !== undefined && owner === undefined) return unknown('holding');
  const who = customerText === undefined ? owner : found.customers.get(customerText);
  if (who === undefined) return unknown('customer');
  return { activity, customerId: who.id, holdingId: held?.holdingId ?? null };
}
