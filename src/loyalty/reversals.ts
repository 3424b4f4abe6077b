/** An operation taken back, in either direction: points that were issued, or points that were used. */
import type { Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { DomainError, fieldError } from '../platform/errors.js';
import { newId } from '../platform/ids.js';
import { transact } from '../platform/transact.js';
import type { MemberKey } from './accruals.js';
import { addDuration } from './expiry.js';
import type { EntryKind } from './ledger/book.js';
import { giveBack, takeBack } from './ledger/commands.js';
import { firstOf, type Lot, type Share, totalOf } from './ledger/lots.js';
import { type LotRow, lotColumns, readLots, takeIn } from './ledger/store.js';
import { type Member, newOperation, openMember, remindAt } from './members.js';
import { complete } from './operations.js';
import type { LoyaltyOperationOut, ReversalIn } from './schemas.js';

export const reverseOperation = (ctx: Ctx, key: MemberKey, input: ReversalIn): Promise<LoyaltyOperationOut> =>
  transact(ctx, async (tx) => {
    const operation = newOperation({ reason: input.reason, reversesId: input.operation_id });
    const member = await openMember(tx, ctx, key.id, key.programme, operation);
    const former = await readFormer(tx, member, input.operation_id);
    const points = input.points ?? former.left;
    if (points > former.left)
      throw fieldError('/points', 'more_than_left', `must be at most the ${former.left} that are left of it`);
    return former.direction === 'issued'
      ? takePointsBack(tx, ctx, member, former, points)
      : givePointsBack(tx, ctx, member, former, points);
  });

type Former = { operationId: string; direction: 'issued' | 'redeemed'; left: number };

const reversible: readonly EntryKind[] = ['accrual', 'opening', 'redemption'];

/** What an operation did, and what of it is not taken back yet. Throws 404 and 409 for what cannot be taken back. */
async function readFormer(tx: Tx, member: Member, operationId: string): Promise<Former> {
  const [row] = await tx.named<{
    kinds: EntryKind[] | null;
    issued: number;
    redeemed: number;
    reversed: number;
  }>(
    'loyalty_former_operation',
    `select
       (select array_agg(distinct e.kind) from loyalty_entries e
        where e.customer_id = $1 and e.programme = $2 and e.operation_id = $3) as kinds,
       (select coalesce(-sum(p.points), 0)::bigint from loyalty_entries e
        join loyalty_postings p using (customer_id, account_id, number)
        where e.customer_id = $1 and e.programme = $2 and e.operation_id = $3 and p.ledger = 'issued') as issued,
       (select coalesce(sum(p.points), 0)::bigint from loyalty_entries e
        join loyalty_postings p using (customer_id, account_id, number)
        where e.customer_id = $1 and e.programme = $2 and e.operation_id = $3 and p.ledger = 'redeemed') as redeemed,
       (select coalesce(sum(abs(p.points)), 0)::bigint from loyalty_entries e
        join loyalty_postings p using (customer_id, account_id, number)
        where e.customer_id = $1 and e.programme = $2 and e.reverses_id = $3
          and (e.kind = 'reversal' and p.ledger = 'cancelled' or e.kind = 'refund' and p.ledger = 'redeemed')) as reversed`,
    [member.customerId, member.programme.key, operationId],
  );
  const kinds = row?.kinds ?? null;
  if (row === undefined || kinds === null)
    throw fieldError('/operation_id', 'unknown_operation', 'names no operation of this account');
  if (!kinds.some((kind) => reversible.includes(kind)))
    throw new DomainError(
      'conflict',
      `Only what was earned or redeemed can be taken back: this is ${kinds.join(', ')}.`,
    );
  const direction = kinds.includes('redemption') ? 'redeemed' : 'issued';
  const left = row[direction] - row.reversed;
  if (left === 0) throw new DomainError('conflict', 'The operation is taken back already, all of it.');
  return { operationId, direction, left };
}

async function takePointsBack(tx: Tx, ctx: Ctx, member: Member, { operationId }: Former, points: number) {
  const issued = await readIssued(tx, member, operationId);
  const { debt } = takeBackPoints(member, issued, points);
  return complete(tx, ctx, member, {
    kind: 'reversal',
    event: 'points_reversed',
    details: { new_debt: debt },
  });
}

/** Throws 409 where points are spent already and the programme knows no debt. */
function takeBackPoints(member: Member, issued: readonly Lot[], points: number) {
  const done = takeBack(member.book, issued, points, { at: member.atMicros });
  if (done.debt > 0 && member.programme.content.debt === 'refuse') {
    throw new DomainError(
      'insufficient_points',
      `${done.debt} of the points are spent already, and the programme knows no debt. Nothing was done.`,
    );
  }
  if (done.debt + done.cancelled === 0)
    throw new DomainError('conflict', 'Nothing is left of the points: they have expired, or were cancelled.');
  return done;
}

/** The lots that an operation has issued. */
async function readIssued(tx: Tx, { book }: Member, operationId: string): Promise<Lot[]> {
  const rows = await tx.named<LotRow>(
    'loyalty_issued_lots',
    `select ${lotColumns} from loyalty_lots where customer_id = $1 and operation_id = $3 and programme = $2`,
    [book.customerId, book.programme, operationId],
  );
  return takeIn(book, rows);
}

/** Gives all back that is left of a redemption. Throws 409 where nothing is. */
export async function giveAllBack(tx: Tx, ctx: Ctx, member: Member, operationId: string) {
  const former = await readFormer(tx, member, operationId);
  return givePointsBack(tx, ctx, member, former, former.left);
}

async function givePointsBack(tx: Tx, ctx: Ctx, member: Member, former: Former, points: number) {
  const allocated = await readAllocated(tx, member, former.operationId);
  // what came back before came from the end
  const spent = firstOf(allocated, former.left);
  const { refund_of_expired: policy, time_zone: zone } = member.programme.content;
  const graceLot = ({ lot, points: amount }: Share): Lot => {
    if (policy.policy === 'forfeit') throw new Error('nothing is restored');
    const expiresAt = addDuration(member.at, policy.for, zone);
    remindAt(member, lot.accountId, expiresAt);
    return {
      ...{
        accountId: lot.accountId,
        id: newId(),
        earnedAt: lot.earnedAt,
        availableAt: member.atMicros,
        expiresAt,
      },
      ...{ amount, remaining: 0, held: 0, spent: 0, indebted: 0 },
    };
  };
  const { forfeited, restored } = giveBack(member.book, spent, points, {
    at: member.atMicros,
    graceLot: policy.policy === 'restore' ? graceLot : null,
  });
  for (const { lot } of spent) remindAt(member, lot.accountId, lot.expiresAt);
  return complete(tx, ctx, member, {
    kind: 'refund',
    event: 'points_refunded',
    details: { forfeited, restored },
  });
}

/** What of which lots a redemption has used: its stored allocation. */
async function readAllocated(tx: Tx, { book, customerId, programme }: Member, operationId: string) {
  const rows = await tx.named<{ lot_id: string; points: number }>(
    'loyalty_allocation',
    `select p.lot_id, (-sum(p.points))::bigint as points
     from loyalty_entries e join loyalty_postings p using (customer_id, account_id, number)
     where e.customer_id = $1 and e.programme = $2 and e.operation_id = $3 and e.kind = 'redemption' and p.lot_id is not null
     group by p.lot_id`,
    [customerId, programme.key, operationId],
  );
  await readLots(
    tx,
    book,
    rows.map((row) => row.lot_id),
  );
  const shares = rows.flatMap(({ lot_id: id, points }): Share[] => {
    const lot = book.lots.get(id);
    return lot === undefined ? [] : [{ lot, points }];
  });
  if (totalOf(shares) !== totalOf(rows)) throw new Error('a redemption has used a lot that is not there');
  return shares;
}
