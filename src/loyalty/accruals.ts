/** Points come: earned, brought from another system, or by hand. */
import type { Ctx } from '../platform/context.js';
import { fieldError } from '../platform/errors.js';
import { newId } from '../platform/ids.js';
import { microsOf } from '../platform/instants.js';
import { transact } from '../platform/transact.js';
import { addDuration, expiryOf } from './expiry.js';
import type { EntryKind } from './ledger/book.js';
import { accrue } from './ledger/commands.js';
import type { Lot } from './ledger/lots.js';
import { type Member, newOperation, openMember, refuseClosed, remindAt } from './members.js';
import { complete } from './operations.js';
import type { AccrualIn, LoyaltyOperationOut } from './schemas.js';

export type MemberKey = { id: string; programme: string };

export const accruePoints = (ctx: Ctx, key: MemberKey, input: AccrualIn): Promise<LoyaltyOperationOut> =>
  transact(ctx, async (tx) => {
    const operation = newOperation({ reason: input.reason, reference: input.reference ?? null });
    const member = await openMember(tx, ctx, key.id, key.programme, operation);
    refuseClosed(member, 'earn');
    const lot = newLot(member, { points: input.points, earnedAt: earnedAtOf(member, input.earned_at) });
    const { paid } = issue(member, lot, 'accrual');
    return complete(tx, ctx, member, {
      kind: 'accrual',
      event: 'points_accrued',
      details: { paid_debt: paid },
    });
  });

/** Throws 422 for points of the future, and for such as would have expired already. */
function earnedAtOf(member: Member, earnedAt: string | undefined): string {
  if (earnedAt === undefined) return member.at;
  if (microsOf(earnedAt) > member.atMicros)
    throw fieldError(
      '/earned_at',
      'in_the_future',
      'must not lie ahead: points are earned when something was done',
    );
  const { expiry, time_zone: zone } = member.programme.content;
  const expiresAt = expiryOf(expiry, earnedAt, zone);
  if (expiresAt !== null && expiresAt <= member.atMicros)
    throw fieldError(
      '/earned_at',
      'expired_already',
      'lies so far back that the points would have expired by now',
    );
  return earnedAt;
}

type NewLot = {
  points: number;
  /** RFC 3339 */
  earnedAt: string;
  /** where they are not those of the programme; microseconds */
  availableAt?: number;
  expiresAt?: number | null;
};

/** A lot of the member's first account with the dates of the programme. It holds nothing until it is issued. */
export function newLot(member: Member, { points, earnedAt, availableAt, expiresAt }: NewLot): Lot {
  const { expiry, pending_for: pendingFor, time_zone: zone } = member.programme.content;
  const [account] = member.book.accounts;
  if (account === undefined) throw new Error('a member without an account');
  return {
    accountId: account.id,
    id: newId(),
    earnedAt: microsOf(earnedAt),
    availableAt: availableAt ?? addDuration(earnedAt, pendingFor, zone),
    expiresAt: expiresAt === undefined ? expiryOf(expiry, earnedAt, zone) : expiresAt,
    amount: points,
    remaining: 0,
    held: 0,
    spent: 0,
    indebted: 0,
  };
}

/** Issues a lot now, and has the account remember when it expires. */
export function issue(member: Member, lot: Lot, kind: EntryKind): { paid: number } {
  const done = accrue(member.book, lot, { at: member.atMicros, kind });
  remindAt(member, lot.accountId, lot.expiresAt);
  return done;
}
