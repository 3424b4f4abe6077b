/** How an operation on points ends: its entries are written, audited and told, and the caller sees what there is after it. */
import type { Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import type { Effect } from '../platform/transact.js';
import { writeBook } from './ledger/store.js';
import { balanceOf, changedLots, type DoneKind, type Member, pointsOf, tellOf } from './members.js';
import type { LoyaltyOperationOut } from './schemas.js';

type Details = Partial<
  Pick<
    LoyaltyOperationOut,
    | 'lots'
    | 'paid_debt'
    | 'new_debt'
    | 'forfeited'
    | 'restored'
    | 'hold_id'
    | 'hold_expires_at'
    | 'related_operation_id'
  >
>;

/** @param event what happened, as an event names it */
export async function complete(
  tx: Tx,
  ctx: Ctx,
  member: Member,
  { kind, event, details = {} }: { kind: DoneKind; event: string; details?: Details },
): Promise<Effect<LoyaltyOperationOut>> {
  const { book, customerId, programme, at } = member;
  const { operation } = book;
  const points = pointsOf(member);
  const lots = changedLots(member);
  await writeBook(tx, book, ctx);
  const told = {
    operation_id: operation.id,
    points: details.hold_id == null ? points : heldOf(member, details),
  };
  const type = `loyalty.${event}`;
  return {
    value: {
      operation_id: operation.id,
      kind,
      customer_id: customerId,
      programme: programme.key,
      booked_at: at,
      points,
      lots,
      paid_debt: 0,
      new_debt: 0,
      forfeited: 0,
      restored: 0,
      hold_id: null,
      hold_expires_at: null,
      reverses_id: operation.reversesId,
      related_operation_id: null,
      ...details,
      balance: await balanceOf(tx, book, at),
    },
    audit: [
      {
        action: type,
        subjectType: 'customer',
        subjectId: customerId,
        details: { programme: programme.key, ...told },
      },
    ],
    events: [
      ...member.events,
      tellOf(member, type, { ...told, ...(details.hold_id == null ? {} : { hold_id: details.hold_id }) }),
    ],
  };
}

/** Of a hold that was made or voided, what it keeps; of one that was captured, what was used. */
const heldOf = (member: Member, { hold_id: id }: Details): number => {
  const hold = member.book.holds.find((one) => one.id === id);
  if (hold === undefined) return 0;
  return hold.status === 'captured' ? -hold.captured : hold.points;
};
