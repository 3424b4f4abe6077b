/**
 * Orders of rewards: reserved, which holds the points and one of the stock; issued, which uses them; and cancelled
 * before that, or refunded after it. Everything of an order is decided under the customer's lock, and once.
 */
import { sql } from 'drizzle-orm';
import type { Tx } from '../../db/client.js';
import type { Ctx } from '../../platform/context.js';
import { bodyProblem, DomainError, namesNone } from '../../platform/errors.js';
import { newId } from '../../platform/ids.js';
import { microsOf } from '../../platform/instants.js';
import type { PageRequest } from '../../platform/pagination.js';
import { type Effect, transact } from '../../platform/transact.js';
import type { LoadFacts } from '../../rules/facts.js';
import type { MemberKey } from '../accruals.js';
import type { Operation } from '../ledger/book.js';
import {
  type Member,
  newOperation,
  openMember,
  printed,
  readPlace,
  refuseClosed,
  tellOf,
} from '../members.js';
import { complete } from '../operations.js';
import { activeHold, captureOf, detailsOf, keepPoints, releaseOf } from '../redemptions.js';
import { giveAllBack } from '../reversals.js';
import type { LoyaltyOperationOut } from '../schemas.js';
import { judgeEligibility } from './eligibility.js';
import { asOf, type OrderKey, readOrder, readOrders, type StoredOrder, toOrder } from './order.js';
import { readReward, type StoredReward } from './reward.js';
import { codeOf, giveOneBack, takeOne } from './stock.js';

type Done = { order: StoredOrder; operation: LoyaltyOperationOut };
const told = ({ order, operation }: Done, code: string | null = null) => ({
  order: toOrder(order),
  operation,
  code,
});

export async function listOrders(ctx: Ctx, { id, programme }: MemberKey, page: PageRequest) {
  await readPlace(ctx.database, ctx, id);
  const orders = await readOrders(
    ctx.database,
    sql`customer_id = ${id} and programme = ${programme}
      and ${page.after === undefined ? sql`true` : sql`order_id < ${page.after[0]}::uuid`}
      order by order_id desc limit ${page.limit + 1}`,
  );
  return orders.map((order) => toOrder(asOf(order, ctx.now)));
}

export async function getOrder(ctx: Ctx, key: OrderKey) {
  await readPlace(ctx.database, ctx, key.id);
  return toOrder(asOf(await readOrder(ctx.database, key), ctx.now));
}

/** Throws 404 for an unknown reward, 409 where the customer cannot have it, has too few points, or none is left. */
export async function placeOrder(ctx: Ctx, facts: LoadFacts, key: MemberKey, reward: string) {
  const done = await transact<Done>(ctx, async (tx) => {
    const orderId = newId();
    const operation = newOperation({ reference: { order: orderId, reward } });
    const member = await openMember(tx, ctx, key.id, key.programme, operation);
    refuseClosed(member, 'use');
    const wanted = await readReward(tx, { programme: key.programme, reward }).catch(() => undefined);
    if (wanted === undefined) throw namesNone('/reward', 'reward of the programme');
    await refuseIneligible(tx, ctx, facts, member, wanted);
    const hold = await keepPoints(tx, member, wanted.content.points, undefined);
    const kept = await complete(tx, ctx, member, {
      kind: 'hold',
      event: 'points_held',
      details: detailsOf(hold),
    });
    // the row that all customers share is locked last
    const codeId = await takeOne(tx, wanted, orderId);
    await tx.run(sql`
      insert into loyalty_orders (customer_id, order_id, programme, reward, reward_version, points, status, version,
        hold_id, code_id, reserved_at, expires_at)
      values (${key.id}, ${orderId}, ${key.programme}, ${reward}, ${wanted.version}, ${hold.points}, 'reserved', 1,
        ${hold.id}, ${codeId}, ${member.at}, ${printed(hold.expiresAt)})`);
    return finished(tx, member, { ...key, order_id: orderId }, kept, 'reserved');
  });
  return told(done);
}

const ineligible = (code: string, message: string, extra: Record<string, unknown> = {}) =>
  new DomainError('not_eligible', `The reward ${message}. Nothing was done.`, {
    errors: [bodyProblem('/reward', code, message)],
    extra,
  });

async function refuseIneligible(
  tx: Tx,
  ctx: Ctx,
  facts: LoadFacts,
  member: Member,
  { key: reward, content }: StoredReward,
): Promise<void> {
  const { customerId, at, atMicros, programme } = member;
  const { status, valid_from: from, valid_to: to, per_customer: most, eligibility } = content;
  if (status === 'retired') throw ineligible('retired', 'cannot be ordered any more');
  if (from !== null && atMicros < microsOf(from)) throw ineligible('not_yet', 'cannot be ordered yet');
  if (to !== null && atMicros >= microsOf(to)) throw ineligible('no_longer', 'cannot be ordered any more');
  if (most !== null) {
    const orders = await readOrders(
      tx,
      sql`customer_id = ${customerId} and programme = ${programme.key} and reward = ${reward}
        and status in ('reserved', 'issued') limit ${most + mostOverdue}`,
    );
    if (orders.filter((order) => asOf(order, at).status !== 'cancelled').length >= most)
      throw ineligible('per_customer', `can be had ${most === 1 ? 'once' : `${most} times`} by a customer`);
  }
  if (eligibility === null) return;
  const judged = await judgeEligibility(tx, ctx, facts, { rule: eligibility, customerId, at });
  if (judged === 'eligible') return;
  if (judged === 'undecidable')
    throw ineligible('undecidable', 'has a rule that names what is no longer there');
  // what was seen of the customer is not told: whoever may move points need not know it
  const { pointer, condition } = judged;
  throw ineligible(
    'condition',
    `has a condition that the customer does not meet, at ${pointer || 'its root'}`,
    {
      condition: { pointer, ...(condition === undefined ? {} : { condition }) },
    },
  );
}

/** Orders whose time is over and of which that is not written down yet: they count for nothing. */
const mostOverdue = 100;

/** The points are used. The code of a reward that has codes is in the reply, and in no other. */
export async function issueOrder(ctx: Ctx, key: OrderKey) {
  const done = await transact<Done>(ctx, async (tx) => {
    const { member, order } = await openOrder(tx, ctx, key, 'reserved');
    const hold = await activeHold(tx, member, order.hold_id);
    const used = await captureOf(tx, ctx, member, hold, hold.points);
    await tx.run(sql`
      update loyalty_orders set status = 'issued', issued_at = ${member.at}, version = version + 1,
        operation_id = ${used.value.operation_id} where ${one(key)}`);
    return finished(tx, member, key, used, 'issued');
  });
  // a repetition of the same request is the same answer; no other one shows it
  return told(done, await codeOf(ctx, done.order));
}

/** The points are free again, and so is what was kept of the stock. */
export async function cancelOrder(ctx: Ctx, key: OrderKey, reason: string | undefined) {
  const done = await transact<Done>(ctx, async (tx) => {
    const { member, order } = await openOrder(tx, ctx, key, 'reserved', reason);
    const freed = await releaseOf(tx, ctx, member, await activeHold(tx, member, order.hold_id));
    await giveOneBack(tx, order);
    await endOrder(tx, key, { status: 'cancelled', cause: 'asked', at: member.at, reason });
    return finished(tx, member, key, freed, 'cancelled', { cause: 'asked' });
  });
  return told(done);
}

type Refund = { reason: string; restock?: boolean };

/** The points go back to the lots that they came from. A code that was given out stays so. */
export async function refundOrder(ctx: Ctx, key: OrderKey, { reason, restock }: Refund) {
  const done = await transact<Done>(ctx, async (tx) => {
    const { member, order } = await openOrder(tx, ctx, key, 'issued', reason);
    member.book.operation = { ...member.book.operation, reversesId: order.operation_id };
    const given = await giveAllBack(tx, ctx, member, order.operation_id ?? '');
    if (restock === true && order.code_id === null) await giveOneBack(tx, order);
    await endOrder(tx, key, { status: 'refunded', cause: 'asked', at: member.at, reason });
    return finished(tx, member, key, given, 'refunded');
  });
  return told(done);
}

/** Locks the customer. Throws 404, and 409 where the order is elsewhere than it would have to be. */
async function openOrder(
  tx: Tx,
  ctx: Ctx,
  key: OrderKey,
  status: StoredOrder['status'],
  reason: string | undefined = undefined,
): Promise<{ member: Member; order: StoredOrder }> {
  const operation: Operation = newOperation({ reason: reason ?? null, reference: { order: key.order_id } });
  const member = await openMember(tx, ctx, key.id, key.programme, operation);
  const order = asOf(await readOrder(tx, key), member.at);
  if (order.status !== status)
    throw new DomainError('conflict', `The order is ${order.status}: it would have to be ${status}.`);
  return { member, order };
}

const one = ({ id, order_id }: OrderKey) => sql`customer_id = ${id} and order_id = ${order_id}`;

type End = {
  status: 'cancelled' | 'refunded';
  cause: 'asked' | 'timed_out';
  at: string;
  reason?: string | undefined;
};

export const endOrder = (tx: Tx, key: OrderKey, { status, cause, at, reason }: End) =>
  tx.run(sql`
    update loyalty_orders set status = ${status}, cause = ${cause}, ended_at = ${at}, reason = ${reason ?? null},
      version = version + 1 where ${one(key)}`);

/** What was done to the points, with the order as it is now. */
async function finished(
  tx: Tx,
  member: Member,
  key: OrderKey,
  { value: operation, audit, events = [] }: Effect<LoyaltyOperationOut>,
  status: StoredOrder['status'],
  more: Record<string, unknown> = {},
): Promise<Effect<Done>> {
  const order = await readOrder(tx, key);
  return {
    value: { order, operation },
    audit: [...audit, auditOf(order, status)],
    events: [...events, tellOrder(member, order, status, more)],
  };
}

export const auditOf = (
  { customer_id, programme, reward, order_id }: StoredOrder,
  status: StoredOrder['status'],
) => ({
  action: `loyalty.order_${status}`,
  subjectType: 'customer',
  subjectId: customer_id,
  details: { programme, reward, order_id },
});

export const tellOrder = (
  member: Member,
  { reward, order_id, points }: StoredOrder,
  status: StoredOrder['status'],
  more: Record<string, unknown> = {},
) => tellOf(member, `loyalty.order_${status}`, { reward, order_id, points, ...more });
