import type { FastifyInstance } from 'fastify';
import { operation } from '../platform/http/operation.js';
import { Id, Key, pageQuery, Ref, Strict } from '../platform/http/schemas.js';
import { etagOf, unlessKnown } from '../platform/http/versions.js';
import { page, pageRequest } from '../platform/pagination.js';
import type { LoadFacts } from '../rules/facts.js';
import { common } from './programme-routes.js';
import { doneExamples, orderExample } from './rewards/examples.js';
import * as service from './rewards/orders.js';
import * as schemas from './rewards/schemas.js';

const path = '/v1/customers/{id}/loyalty/{programme}/orders';
const member = { id: Id('Of the customer'), programme: Key('Of the programme') };
const params = Strict({ ...member, order_id: Id('Of the order') });
const etag = { ETag: 'The version' };
const writing = { ...common, method: 'POST', scope: 'loyalty:write', idempotent: 'required' } as const;
const done = (description: string, example: keyof typeof doneExamples) => ({
  201: { description, schema: Ref(schemas.OrderDone), example: doneExamples[example] },
});

export function orderRoutes(app: FastifyInstance, facts: LoadFacts): void {
  readingRoutes(app);
  placingRoute(app, facts);
  issuingRoute(app);
  endingRoutes(app);
}

function readingRoutes(app: FastifyInstance): void {
  operation(app, {
    ...common,
    method: 'GET',
    path,
    id: 'listLoyaltyOrders',
    summary: 'List the rewards that a customer has ordered',
    description: 'In a programme, the latest first.',
    scope: 'loyalty:read',
    params: Strict(member),
    query: Strict(pageQuery),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of orders',
        schema: Ref(schemas.OrderPage),
        example: { data: [orderExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, params: key, query }) => {
      const wanted = pageRequest(ctx, 'listLoyaltyOrders', query, key);
      const rows = await service.listOrders(ctx, key, wanted);
      return { status: 200, body: page(ctx, wanted, rows, (row) => [row.order_id]) };
    },
  });
  operation(app, {
    ...common,
    method: 'GET',
    path: `${path}/{order_id}`,
    id: 'getLoyaltyOrder',
    summary: 'Read an order of a reward',
    description: 'One whose time is over is cancelled. Its code is not in it.',
    scope: 'loyalty:read',
    params,
    replies: {
      200: { description: 'The order', schema: Ref(schemas.Order), headers: etag, example: orderExample },
      304: { description: 'The caller has this version already', headers: etag },
    },
    handler: async ({ ctx, params: key, headers: { ifNoneMatch } }) => {
      const body = await service.getOrder(ctx, key);
      return unlessKnown(ifNoneMatch, etagOf(body.version), () => body);
    },
  });
}

function placingRoute(app: FastifyInstance, facts: LoadFacts): void {
  operation(app, {
    ...writing,
    path,
    id: 'placeLoyaltyOrder',
    summary: 'Order a reward',
    description:
      'Holds its points, and keeps one of the stock, for as long as a hold of the programme lasts: issue it by then, or it is cancelled by itself. However many are ordered at once, never more than there are. A customer who does not meet the rule of the reward is told the first condition that fails.',
    params: Strict(member),
    body: Ref(schemas.OrderIn),
    bodyExample: { reward: 'coffee' },
    problems: ['conflict', 'insufficient_points', 'not_eligible', 'out_of_stock'],
    replies: done('Reserved', 'reserved'),
    handler: async ({ ctx, params: key, body: { reward } }) => ({
      status: 201,
      body: await service.placeOrder(ctx, facts, key, reward),
    }),
  });
}

function issuingRoute(app: FastifyInstance): void {
  operation(app, {
    ...writing,
    path: `${path}/{order_id}/issue`,
    id: 'issueLoyaltyOrder',
    summary: 'Issue an order of a reward',
    description:
      'Its points are used. Of a reward with codes, the code is in this reply, and in the same one if the request is repeated with its key, and nowhere else.',
    params,
    problems: ['conflict'],
    replies: done('Issued', 'issued'),
    handler: async ({ ctx, params: key }) => ({ status: 201, body: await service.issueOrder(ctx, key) }),
  });
}

function endingRoutes(app: FastifyInstance): void {
  operation(app, {
    ...writing,
    path: `${path}/{order_id}/cancel`,
    id: 'cancelLoyaltyOrder',
    summary: 'Give an order of a reward up',
    description:
      'One that is not issued yet: its points are free again, and so is what was kept of the stock.',
    params,
    body: Ref(schemas.OrderCancelIn),
    bodyExample: { reason: 'Not wanted' },
    problems: ['conflict'],
    replies: done('Cancelled', 'cancelled'),
    handler: async ({ ctx, params: key, body: { reason } }) => ({
      status: 201,
      body: await service.cancelOrder(ctx, key, reason),
    }),
  });
  operation(app, {
    ...writing,
    path: `${path}/{order_id}/refund`,
    id: 'refundLoyaltyOrder',
    summary: 'Give the points of an order back',
    description:
      'Of one that was issued: they go back to the lots that they came from, as a reversal has it. A code that was given out is used up; of what was handed out, `restock` puts it back.',
    params,
    body: Ref(schemas.OrderRefundIn),
    bodyExample: { reason: 'Broken', restock: false },
    problems: ['conflict'],
    replies: done('Refunded', 'refunded'),
    handler: async ({ ctx, params: key, body }) => ({
      status: 201,
      body: await service.refundOrder(ctx, key, body),
    }),
  });
}
