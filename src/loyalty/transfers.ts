/**
 * Points that go to another customer keep their dates; those that are converted into another programme are new ones
 * there, by its rules. On this side they are cancelled, on the other they are issued: so each member's and each
 * programme's books balance by themselves.
 */
import { Big } from 'big.js';
import type { Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { DomainError, fieldError, namesNone } from '../platform/errors.js';
import { newId } from '../platform/ids.js';
import { type Effect, transact } from '../platform/transact.js';
import { markCustomers } from '../reviews/service.js';
import { issue, type MemberKey, newLot } from './accruals.js';
import { type Member, newOperation, openMarked, readPlace, refuseClosed } from './members.js';
import { complete } from './operations.js';
import { usePoints } from './redemptions.js';
import type { LoyaltyOperationOut, TransferIn } from './schemas.js';

export function transferPoints(ctx: Ctx, key: MemberKey, input: TransferIn): Promise<LoyaltyOperationOut> {
  const { to_customer: toCustomer, to_programme: toProgramme } = input;
  if ((toCustomer === undefined) === (toProgramme === undefined))
    throw fieldError('', 'one_of', 'Say either to_customer or to_programme.');
  if (toCustomer === key.id) throw fieldError('/to_customer', 'same_customer', 'must be another customer');
  if (toProgramme === key.programme)
    throw fieldError('/to_programme', 'same_programme', 'must be another programme');
  const to = { id: toCustomer ?? key.id, programme: toProgramme ?? key.programme };
  return transact(ctx, (tx) => transfer(tx, ctx, { from: key, to, input }));
}

type Transfer = { from: MemberKey; to: MemberKey; input: TransferIn };

async function transfer(
  tx: Tx,
  ctx: Ctx,
  { from, to, input }: Transfer,
): Promise<Effect<LoyaltyOperationOut>> {
  const { points, reason } = input;
  // both are locked before either is opened, in the order of their ids
  const places = { from: await readPlace(tx, ctx, from.id), to: await placeOfOther(tx, ctx, from, to) };
  const marks = await markCustomers(tx, ctx, [from.id, to.id], ['loyalty']);
  const open = (of: 'from' | 'to', key: MemberKey, id: string, other: string) =>
    openMarked(tx, ctx, {
      ...{ customerId: key.id, key: key.programme, place: places[of], mark: marks.get(key.id) },
      operation: newOperation({ id, reason, reference: { transfer: other } }),
    });
  const ids = { from: newId(), to: newId() };
  const giver = await open('from', from, ids.from, ids.to);
  const taker = await open('to', to, ids.to, ids.from).catch(asTaker(from, to));
  refuseClosed(giver, 'use');
  refuseClosed(taker, 'earn');
  const converted = from.programme === to.programme ? null : convert(giver, to.programme, points);
  if (converted === null && !giver.programme.content.transferable)
    throw new DomainError('conflict', 'Points of this programme cannot be given to others.');
  const shares = await usePoints(tx, giver, points, { kind: 'transfer_out', to: 'cancelled' });
  if (converted === null)
    for (const { lot, points: some } of shares)
      issue(taker, { ...newLotOf(taker, some), ...datesOf(lot) }, 'transfer_in');
  else issue(taker, newLotOf(taker, converted), 'transfer_in');
  const event = 'points_transferred';
  const received = await complete(tx, ctx, taker, {
    kind: 'transfer_in',
    event,
    details: { related_operation_id: ids.from },
  });
  const given = await complete(tx, ctx, giver, {
    kind: 'transfer_out',
    event,
    details: { related_operation_id: ids.to },
  });
  return {
    value: given.value,
    audit: [...given.audit, ...received.audit],
    events: [...(given.events ?? []), ...(received.events ?? [])],
  };
}

/** A customer out of reach is not told apart from one that does not exist. */
const placeOfOther = (tx: Tx, ctx: Ctx, from: MemberKey, to: MemberKey) =>
  readPlace(tx, ctx, to.id).catch(asTaker(from, to));

const asTaker = (from: MemberKey, to: MemberKey) => (error: unknown) => {
  if (!(error instanceof DomainError) || error.code !== 'not_found') throw error;
  throw from.id === to.id
    ? namesNone('/to_programme', 'programme that the customer takes part in')
    : namesNone('/to_customer', 'customer who takes part in the programme');
};

const newLotOf = (member: Member, points: number) => newLot(member, { points, earnedAt: member.at });

const datesOf = ({ earnedAt, availableAt, expiresAt }: ReturnType<typeof newLot>) => ({
  ...{ earnedAt, availableAt, expiresAt },
});

/** Rounded down. Throws 409 where the programme does not convert into the other, 422 where nothing comes of it. */
function convert(giver: Member, programme: string, points: number): number {
  const conversion = giver.programme.content.conversions.find(({ to }) => to === programme);
  if (conversion === undefined)
    throw new DomainError('conflict', 'Points of this programme cannot be converted into that one.');
  const converted = new Big(points).times(conversion.rate).round(0, Big.roundDown).toNumber();
  if (converted === 0)
    throw fieldError(
      '/points',
      'too_few',
      `one point becomes ${conversion.rate}: nothing would come of so few`,
    );
  return converted;
}
