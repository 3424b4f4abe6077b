import type { FastifyInstance } from 'fastify';
import type { TSchema } from 'typebox';
import { planQuery, planReply } from '../platform/http/approval-schemas.js';
import { guardedReply } from '../platform/http/guarded-replies.js';
import { operation } from '../platform/http/operation.js';
import { Id, Key, Ref, Strict } from '../platform/http/schemas.js';
import { accruePoints } from './accruals.js';
import { adjustmentGuard } from './adjustments.js';
import { operationExample, operationId } from './examples.js';
import { common } from './programme-routes.js';
import { capturePoints, holdPoints, redeemPoints, voidHold } from './redemptions.js';
import { reverseOperation } from './reversals.js';
import * as schemas from './schemas.js';
import { transferPoints } from './transfers.js';

const path = '/v1/customers/{id}/loyalty/{programme}';
const key = { id: Id('Of the customer'), programme: Key('Of the programme') };
const params = Strict(key);
const holdParams = Strict({ ...key, hold_id: Id('Of the hold') });
const writing = { ...common, method: 'POST', scope: 'loyalty:write', idempotent: 'required' } as const;
const done = (
  description: string,
  kind: string,
  points: number,
  schema: TSchema = schemas.LoyaltyOperation,
) => ({
  201: { description, schema: Ref(schema), example: operationExample(kind, points) },
});

export function pointRoutes(app: FastifyInstance): void {
  accrualRoute(app);
  redemptionRoute(app);
  holdRoutes(app);
  reversalRoute(app);
  adjustmentRoute(app);
  transferRoute(app);
}

function accrualRoute(app: FastifyInstance): void {
  operation(app, {
    ...writing,
    path: `${path}/accruals`,
    id: 'accrueLoyaltyPoints',
    summary: 'Credit points',
    description:
      'They come as a lot with the dates of the programme: when they can be used, and when they expire. A debt is paid from them first. Activities earn by the earn rules by themselves: this is for what they do not know.',
    params,
    body: Ref(schemas.AccrualIn),
    bodyExample: { points: 250, reason: 'Welcome' },
    problems: ['rule_broken', 'conflict'],
    replies: done('Credited', 'accrual', 250),
    handler: async ({ ctx, params: member, body }) => ({
      status: 201,
      body: await accruePoints(ctx, member, body),
    }),
  });
}

function redemptionRoute(app: FastifyInstance): void {
  operation(app, {
    ...writing,
    path: `${path}/redemptions`,
    id: 'redeemLoyaltyPoints',
    summary: 'Use points',
    description:
      'Out of the lots that expire soonest, those that never do last; among equals what was earned first. Which lots is kept, so that a refund goes back to them. However many are used at once, never more than there are.',
    params,
    body: Ref(schemas.RedemptionIn),
    bodyExample: { points: 80, reason: 'Umbrella', reference: { source: 'shop', source_id: 'O-1001' } },
    problems: ['conflict', 'insufficient_points'],
    replies: done('Used', 'redemption', -80),
    handler: async ({ ctx, params: member, body }) => ({
      status: 201,
      body: await redeemPoints(ctx, member, body),
    }),
  });
}

function holdRoutes(app: FastifyInstance): void {
  operation(app, {
    ...writing,
    path: `${path}/holds`,
    id: 'holdLoyaltyPoints',
    summary: 'Hold points',
    description:
      'Keeps points for what is not certain yet, out of the same lots as if they were used. A hold is resolved once: captured, in full or in part, voided, or timed out. What is held does not expire until then.',
    params,
    body: Ref(schemas.HoldIn),
    bodyExample: { points: 80, reason: 'Checkout', expires_after: 'PT15M' },
    problems: ['rule_broken', 'conflict', 'insufficient_points'],
    replies: done('Held', 'hold', 0),
    handler: async ({ ctx, params: member, body }) => ({
      status: 201,
      body: await holdPoints(ctx, member, body),
    }),
  });
  operation(app, {
    ...writing,
    path: `${path}/holds/{hold_id}/capture`,
    id: 'captureLoyaltyHold',
    summary: 'Use points that are held',
    description: 'All of them, or fewer: then the rest is free again.',
    params: holdParams,
    body: Ref(schemas.CaptureIn),
    bodyExample: {},
    problems: ['rule_broken', 'conflict'],
    replies: done('Used', 'redemption', -80),
    handler: async ({ ctx, params: hold, body }) => ({
      status: 201,
      body: await capturePoints(ctx, hold, body),
    }),
  });
  operation(app, {
    ...writing,
    path: `${path}/holds/{hold_id}/void`,
    id: 'voidLoyaltyHold',
    summary: 'Give a hold up',
    description: 'Its points are free again; those whose lot has expired meanwhile expire now.',
    params: holdParams,
    problems: ['conflict'],
    replies: done('Given up', 'void', 0),
    handler: async ({ ctx, params: hold }) => ({ status: 201, body: await voidHold(ctx, hold) }),
  });
}

function reversalRoute(app: FastifyInstance): void {
  operation(app, {
    ...writing,
    path: `${path}/reversals`,
    id: 'reverseLoyaltyOperation',
    summary: 'Take an accrual or a redemption back',
    description:
      'In full or in part, as often as something is left of it. Points that were credited are cancelled; what was spent of them becomes a debt, or the request is refused, as the programme says. Points that were used go back to the lots that they came from; where one has expired since, they are forfeited or restored with a grace date, as the programme says, and the reply tells.',
    params,
    body: Ref(schemas.ReversalIn),
    bodyExample: { operation_id: operationId, reason: 'Returned' },
    problems: ['rule_broken', 'conflict', 'insufficient_points'],
    replies: done('Taken back', 'refund', 80),
    handler: async ({ ctx, params: member, body }) => ({
      status: 201,
      body: await reverseOperation(ctx, member, body),
    }),
  });
}

function adjustmentRoute(app: FastifyInstance): void {
  operation(app, {
    ...writing,
    path: `${path}/adjustments`,
    id: 'adjustLoyaltyPoints',
    summary: 'Correct points by hand',
    description:
      'More, or fewer. Beyond the limit of the programme, and where the bank’s policy says so, a second person has to say yes first.',
    params,
    query: Strict(planQuery),
    body: Ref(schemas.AdjustmentIn),
    bodyExample: { points: 50, reason: 'Goodwill' },
    guarded: adjustmentGuard,
    problems: ['rule_broken', 'conflict', 'insufficient_points'],
    replies: {
      ...done('Corrected', 'adjustment', 50),
      200: planReply,
    },
    handler: ({ ctx, params: member, body: adjustment, query }) =>
      guardedReply(ctx, adjustmentGuard, { ...member, adjustment }, query, (body) => ({ status: 201, body })),
  });
}

function transferRoute(app: FastifyInstance): void {
  operation(app, {
    ...writing,
    path: `${path}/transfers`,
    id: 'transferLoyaltyPoints',
    summary: 'Give points to another customer, or convert them',
    description:
      'To another customer of the same programme, where it allows that: lots keep their dates. Into another programme of the same customer, by the rate of the programme, rounded down: they are new points there. Both sides are told.',
    params,
    body: Ref(schemas.TransferIn),
    bodyExample: { points: 60, to_programme: 'miles', reason: 'Journey' },
    problems: ['rule_broken', 'conflict', 'insufficient_points'],
    replies: done('Given', 'transfer_out', -60),
    handler: async ({ ctx, params: member, body }) => ({
      status: 201,
      body: await transferPoints(ctx, member, body),
    }),
  });
}
