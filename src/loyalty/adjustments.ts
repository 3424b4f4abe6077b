/** Corrections by hand. Those beyond the programme's limit, and what the bank's policy names, wait for a second person. */
import type { Tx } from '../db/client.js';
import type { Guarded } from '../platform/approvals/guarded.js';
import type { Ctx } from '../platform/context.js';
import { fieldError } from '../platform/errors.js';
import type { MemberKey } from './accruals.js';
import { issue, newLot } from './accruals.js';
import { newOperation, openMember, refuseClosed } from './members.js';
import { complete } from './operations.js';
import { usePoints } from './redemptions.js';
import type { AdjustmentIn, LoyaltyOperationOut } from './schemas.js';

export type Adjustment = MemberKey & { adjustment: AdjustmentIn };

export const adjustmentGuard: Guarded<Adjustment, LoyaltyOperationOut> = {
  operation: 'adjustLoyaltyPoints',
  scope: 'loyalty:write',
  threshold: { counts: 'points', of: ({ content }) => Math.abs(content.points as number) },

  async plan(tx, ctx, { id, programme, adjustment }) {
    refuseZero(adjustment);
    const member = await openAdjusted(tx, ctx, { id, programme, adjustment });
    const { points } = adjustment;
    const limit = member.programme.content.adjustment_limit;
    return {
      subject: { type: 'customer', id: member.customerId },
      customers: [member.customerId],
      summary: `Adjust the points of a customer in ${programme} by ${points}`,
      content: { programme, points, reason: adjustment.reason },
      weighty: true,
      required: limit !== null && Math.abs(points) > limit,
    };
  },

  async execute(tx, ctx, input) {
    const { adjustment } = input;
    const member = await openAdjusted(tx, ctx, input);
    const { points } = adjustment;
    if (points < 0) await usePoints(tx, member, -points, { kind: 'adjustment', to: 'cancelled' });
    else issue(member, newLot(member, { points, earnedAt: member.at }), 'adjustment');
    return complete(tx, ctx, member, { kind: 'adjustment', event: 'points_adjusted' });
  },
};

async function openAdjusted(tx: Tx, ctx: Ctx, { id, programme, adjustment }: Adjustment) {
  const { reason, reference } = adjustment;
  const operation = newOperation({ reason, reference: reference ?? null });
  const member = await openMember(tx, ctx, id, programme, operation);
  refuseClosed(member, 'use');
  return member;
}

function refuseZero({ points }: AdjustmentIn): void {
  if (points === 0) throw fieldError('/points', 'zero', 'must be more or less than nothing');
}
