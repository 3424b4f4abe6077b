/** Points go: used at once, or held first and captured later. */
import { Temporal } from 'temporal-polyfill';
import type { Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { DomainError, fieldError, notFound } from '../platform/errors.js';
import { newId } from '../platform/ids.js';
import { transact } from '../platform/transact.js';
import type { MemberKey } from './accruals.js';
import { addDuration } from './expiry.js';
import type { EntryKind, Hold } from './ledger/book.js';
import { captureHold, placeHold, releaseHold, spend } from './ledger/commands.js';
import { allocate, type Share, totalOf } from './ledger/lots.js';
import { readHolds, readUsable, renewDue } from './ledger/store.js';
import {
  balanceOf,
  type DoneKind,
  lotTimes,
  type Member,
  newOperation,
  openMember,
  printed,
  refuseClosed,
  remindAt,
} from './members.js';
import { complete } from './operations.js';
import type { CaptureIn, HoldIn, LoyaltyOperationOut, RedemptionIn } from './schemas.js';

export const redeemPoints = (ctx: Ctx, key: MemberKey, input: RedemptionIn): Promise<LoyaltyOperationOut> =>
  transact(ctx, async (tx) => {
    const operation = newOperation({ reason: input.reason, reference: input.reference ?? null });
    const member = await openMember(tx, ctx, key.id, key.programme, operation);
    refuseClosed(member, 'use');
    await usePoints(tx, member, input.points, { kind: 'redemption', to: 'redeemed' });
    return complete(tx, ctx, member, { kind: 'redemption', event: 'points_redeemed' });
  });

/** Spends points of the member's, in the order of use. Throws 409 where there are fewer. */
export async function usePoints(
  tx: Tx,
  member: Member,
  points: number,
  { kind, to }: { kind: EntryKind; to: 'redeemed' | 'cancelled' },
): Promise<Share[]> {
  const shares = await coverPoints(tx, member, points);
  spend(member.book, shares, { at: member.atMicros, kind, to });
  return shares;
}

/** The lots that cover the points. Throws 409 where less can be used. */
async function coverPoints(tx: Tx, member: Member, points: number): Promise<Share[]> {
  const { available, debt } = await balanceOf(tx, member.book, member.at);
  if (available < points) throw insufficient(points, available);
  // a debt is set off against what is free: what covers it is not used
  await readUsable(tx, member.book, points + debt, member.at);
  const shares = allocate(member.book.lots.values(), points, member.atMicros);
  if (totalOf(shares) < points) throw insufficient(points, totalOf(shares));
  return shares;
}

const insufficient = (points: number, available: number) =>
  new DomainError(
    'insufficient_points',
    `${points} points are asked for, ${available} can be used now. Nothing was done.`,
  );

const longestHold = { years: 1 };

export const holdPoints = (ctx: Ctx, key: MemberKey, input: HoldIn): Promise<LoyaltyOperationOut> =>
  transact(ctx, async (tx) => {
    const operation = newOperation({ reason: input.reason });
    const member = await openMember(tx, ctx, key.id, key.programme, operation);
    const hold = await keepPoints(tx, member, input.points, input.expires_after);
    return complete(tx, ctx, member, { kind: 'hold', event: 'points_held', details: detailsOf(hold) });
  });

/** Holds points of the member's, for as long as the programme says where nothing is asked. Throws 409 where there are fewer. */
export async function keepPoints(
  tx: Tx,
  member: Member,
  points: number,
  lasting: string | undefined,
): Promise<Hold> {
  refuseClosed(member, 'use');
  const expiresAt = holdEnd(member, lasting);
  const hold: Hold = {
    id: newId(),
    points,
    captured: 0,
    status: 'active',
    createdAt: member.atMicros,
    expiresAt,
    resolvedAt: null,
    shares: await coverPoints(tx, member, points),
  };
  placeHold(member.book, hold);
  member.book.newHolds.push(hold);
  remindAt(member, member.book.accounts[0]?.id ?? '', expiresAt);
  return hold;
}

/** What a reply tells of a hold that was placed. */
export const detailsOf = ({ id, expiresAt, shares }: Hold) => ({
  hold_id: id,
  hold_expires_at: printed(expiresAt),
  lots: shares.map(({ lot, points }) => ({ lot_id: lot.id, ...lotTimes(lot), points })),
});

function holdEnd(member: Member, asked: string | undefined): number {
  const { hold_for: usual, time_zone: zone } = member.programme.content;
  const end = addDuration(member.at, asked ?? usual, zone);
  const longest = addDuration(member.at, Temporal.Duration.from(longestHold).toString(), zone);
  if (end <= member.atMicros || end > longest)
    throw fieldError('/expires_after', 'out_of_range', 'must be longer than nothing and at most a year');
  return end;
}

type HoldKey = MemberKey & { hold_id: string };

export const capturePoints = (ctx: Ctx, key: HoldKey, input: CaptureIn): Promise<LoyaltyOperationOut> =>
  transact(ctx, async (tx) => {
    const operation = newOperation({ reference: input.reference ?? null });
    const { member, hold } = await openHold(tx, ctx, key, operation);
    const points = input.points ?? hold.points;
    if (points > hold.points)
      throw fieldError('/points', 'more_than_held', `must be at most the ${hold.points} that the hold keeps`);
    return captureOf(tx, ctx, member, hold, points);
  });

/** Uses points of an active hold, and frees the rest. */
export function captureOf(tx: Tx, ctx: Ctx, member: Member, hold: Hold, points: number) {
  captureHold(member.book, hold, points, { at: member.atMicros });
  return completeHold(tx, ctx, member, hold, { kind: 'redemption', event: 'points_redeemed' });
}

export const voidHold = (ctx: Ctx, key: HoldKey): Promise<LoyaltyOperationOut> =>
  transact(ctx, async (tx) => {
    const { member, hold } = await openHold(tx, ctx, key, newOperation());
    return releaseOf(tx, ctx, member, hold);
  });

/** Frees all that an active hold keeps. */
export function releaseOf(tx: Tx, ctx: Ctx, member: Member, hold: Hold) {
  releaseHold(member.book, hold, 'voided', { at: member.atMicros });
  return completeHold(tx, ctx, member, hold, { kind: 'void', event: 'hold_voided' });
}

/** A hold that is resolved is due no more. */
async function completeHold(
  tx: Tx,
  ctx: Ctx,
  member: Member,
  { id }: Hold,
  what: { kind: DoneKind; event: string },
) {
  const done = await complete(tx, ctx, member, { ...what, details: { hold_id: id } });
  await renewDue(tx, member.book);
  return done;
}

/** Throws 404 for an unknown hold, and 409 for one that is resolved. */
async function openHold(tx: Tx, ctx: Ctx, key: HoldKey, operation: ReturnType<typeof newOperation>) {
  const member = await openMember(tx, ctx, key.id, key.programme, operation);
  await refuseOrdered(tx, member, key.hold_id);
  return { member, hold: await activeHold(tx, member, key.hold_id) };
}

/** Throws 404 for an unknown hold, and 409 for one that is resolved. */
export async function activeHold(tx: Tx, { book }: Member, holdId: string): Promise<Hold> {
  const [hold] = await readHolds(tx, book, 'hold_id = $3', holdId);
  if (hold === undefined) throw notFound('hold');
  if (hold.status !== 'active')
    throw new DomainError('conflict', `The hold is resolved already: it is ${hold.status}.`);
  return hold;
}

/** What an order keeps is resolved with the order. */
async function refuseOrdered(tx: Tx, { customerId }: Member, holdId: string): Promise<void> {
  const [order] = await tx.named<{ order_id: string }>(
    'loyalty_order_of_hold',
    'select order_id from loyalty_orders where customer_id = $1 and hold_id = $2',
    [customerId, holdId],
  );
  if (order !== undefined)
    throw new DomainError('conflict', `The points are held for the order ${order.order_id}: see to that.`);
}
