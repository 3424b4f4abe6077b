/** Whose each activity of a batch is. All that must refuse one is known before anything is inserted. */
import { findCustomers, makeStubs, type PreparedReference, referenceText } from '../customers/references.js';
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
  customers: Awaited<ReturnType<typeof findCustomers>>;
};

/** Finds the customer of each activity in the caller's scope, and makes the stubs that `onUnknown` asks for. */
export async function placeActivities(
  tx: Tx,
  ctx: Ctx,
  activities: readonly PreparedActivity[],
  onUnknown: OnUnknown,
): Promise<Placement> {
  const found = await find(tx, activities);
  const places = activities.map((activity) => place(ctx, activity, found));
  // a stub would lie outside of any scope but the whole bank's, so to others the customer is as unknown as it is
  if (onUnknown === 'reject' || ctx.dataScope !== null) return { places, audit: [], events: [] };
  const nameless = activities.filter(
    ({ customer, holding }, position) =>
      places[position] instanceof DomainError &&
      customer !== undefined &&
      !('id' in customer) &&
      !found.customers.has(referenceText(customer)) &&
      (holding === undefined || found.holdings.has(numberKeyText(holding))),
  );
  // what is known under its source id names another customer by now: it is refused, and makes no stub
  const former = await findActivityKeys(tx, nameless);
  const requests = nameless.flatMap(({ customer, source, sourceId }) =>
    customer === undefined || 'id' in customer || former.has(`${source} ${sourceId}`)
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
  return { places: activities.map((activity) => place(ctx, activity, all)), audit, events };
}

async function find(tx: Tx, activities: readonly PreparedActivity[]): Promise<Found> {
  const keys = new Map<string, NonNullable<PreparedActivity['holding']>>();
  const references = new Map<string, PreparedReference>();
  for (const { holding, customer } of activities) {
    if (holding !== undefined) keys.set(numberKeyText(holding), holding);
    if (customer !== undefined) references.set(referenceText(customer), customer);
  }
  const holdings = await findHoldingKeys(tx, [...keys.values()]);
  for (const { customerId } of holdings.values()) references.set(customerId, { id: customerId });
  return { holdings, customers: await findCustomers(tx, [...references.values()]) };
}

function place(ctx: Ctx, activity: PreparedActivity, found: Found): PlacedActivity | DomainError {
  const { holding, customer } = activity;
  const held = holding && found.holdings.get(numberKeyText(holding));
  const owner = held && found.customers.get(held.customerId);
  if (holding !== undefined && (owner === undefined || !inScope(ctx.dataScope, owner)))
    return unknown('holding');
  const who = customer === undefined ? owner : found.customers.get(referenceText(customer));
  if (who === undefined || !inScope(ctx.dataScope, who)) return unknown('customer');
  return { ...activity, customerId: who.id, holdingId: held?.holdingId ?? null };
}
