import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { operation } from '../platform/http/operation.js';
import { DateOnly, Id, Instant, pageQuery, Ref, Strict } from '../platform/http/schemas.js';
import { etagOf, requiredVersions } from '../platform/http/versions.js';
import { page, pageRequest } from '../platform/pagination.js';
import { getCustomerAverages, getGroupPosition, getHoldingAverage } from './averages.js';
import { listBalances } from './balance-history.js';
import * as schemas from './balance-schemas.js';
import { putBalancePolicy, readBalancePolicy } from './policy.js';

const example = {
  from_date: '2026-01-05',
  to_date: null,
  amount: '12500.5',
  currency: 'CNY',
  recorded_at: '2026-01-05T08:00:01.000000Z',
};

const common = { tag: 'Holdings', domain: 'Party Reference Data Directory' } as const;
const monthQuery = Strict({
  month: Type.Optional(
    Type.String({
      pattern: '^[0-9]{4}-(0[1-9]|1[0-2])$',
      maxLength: 7,
      description: 'The month, such as 2026-02; the last one that has ended where none is named',
    }),
  ),
});

export function balanceRoutes(app: FastifyInstance): void {
  for (const component of schemas.balanceComponents) app.addSchema(component);
  historyRoute(app);
  averageRoutes(app);
  groupRoute(app);
  policyRoutes(app);
}

function historyRoute(app: FastifyInstance): void {
  operation(app, {
    ...common,
    method: 'GET',
    path: '/v1/holdings/{id}/balances',
    id: 'listHoldingBalances',
    summary: 'List the balances of a holding',
    description:
      'What it held at the end of each business day, as intervals, the earliest first. Late and corrected days are in their place; `as_of` tells what was known at a past instant.',
    scope: 'customers:read',
    params: Strict({ id: Id('Of the holding') }),
    query: Strict({
      ...pageQuery,
      from: Type.Optional(DateOnly('Only what holds on this day or later')),
      to: Type.Optional(DateOnly('Only what holds before this day')),
      as_of: Type.Optional(Instant('As it was known then; as it is known now where no instant is named')),
    }),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of intervals',
        schema: Ref(schemas.BalancePage),
        example: { data: [example], next_cursor: null },
      },
    },
    handler: async ({ ctx, params: { id }, query: { limit, cursor, ...filters } }) => {
      const wanted = pageRequest(ctx, 'listHoldingBalances', { limit, cursor }, { id, ...filters });
      const rows = await listBalances(ctx, id, filters, wanted);
      return { status: 200, body: page(ctx, wanted, rows, (row) => [row.from_date]) };
    },
  });
}

const month = { month: '2026-02', until: '2026-03-01', days: 28, currency: 'CNY' };
const holdingAverage = { average: '12410.25', unvalued_days: 0 };
const position = { aum: '12410.25', liabilities: '0.00', net: '12410.25' };

function averageRoutes(app: FastifyInstance): void {
  operation(app, {
    ...common,
    method: 'GET',
    path: '/v1/customers/{id}/balances/averages',
    id: 'getCustomerAverages',
    summary: 'Read the average balances of a customer',
    description:
      'The sum of the balances at the end of each day of a month by its days, to the minor unit of the bank’s currency. Days before the first balance, and from the closing of a holding on, count as zero; days of other currencies at the rate of the day. Each day counts for those who own the holding on it, as the balance policy says. Of a month that has not ended the days that are over count.',
    scope: 'customers:read',
    params: Strict({ id: Id('Of the customer') }),
    query: monthQuery,
    problems: ['rule_broken'],
    replies: {
      200: {
        description: 'The averages',
        schema: Ref(schemas.CustomerAverages),
        example: {
          ...month,
          attribution: 'primary_owner',
          ...position,
          unvalued: 0,
          holdings: [
            { holding_id: '0197f3c2-1b80-7c33-8e5f-7f8a9b0c1d2e', category: 'deposit', ...holdingAverage },
          ],
        },
      },
    },
    handler: async ({ ctx, params: { id }, query }) => ({
      status: 200,
      body: await getCustomerAverages(ctx, id, query.month),
    }),
  });

  operation(app, {
    ...common,
    method: 'GET',
    path: '/v1/holdings/{id}/balances/averages',
    id: 'getHoldingAverage',
    summary: 'Read the average balance of a holding',
    description: 'The same of one holding as a whole, whoever owns it.',
    scope: 'customers:read',
    params: Strict({ id: Id('Of the holding') }),
    query: monthQuery,
    problems: ['rule_broken'],
    replies: {
      200: {
        description: 'The average',
        schema: Ref(schemas.HoldingAverage),
        example: { ...month, ...holdingAverage },
      },
    },
    handler: async ({ ctx, params: { id }, query }) => ({
      status: 200,
      body: await getHoldingAverage(ctx, id, query.month),
    }),
  });
}

function groupRoute(app: FastifyInstance): void {
  operation(app, {
    ...common,
    method: 'POST',
    path: '/v1/customers/positions',
    id: 'lookupGroupPosition',
    summary: 'Read what customers hold together',
    description:
      'Of a household, or the companies of a group: every holding that any of them owns today counts once, and in full, whatever the balance policy says. Identifiers travel in the body.',
    scope: 'customers:read',
    body: Ref(schemas.GroupIn),
    bodyExample: { customers: [{ scheme: 'core_banking', value: 'C000001' }] },
    problems: ['rule_broken', 'not_found'],
    replies: {
      200: {
        description: 'The position',
        schema: Ref(schemas.GroupPosition),
        example: { currency: 'CNY', customers: 1, ...position, holdings: 1, unvalued: 0 },
      },
    },
    handler: async ({ ctx, body }) => ({ status: 200, body: await getGroupPosition(ctx, body.customers) }),
  });
}

function policyRoutes(app: FastifyInstance): void {
  const stated = { attribution: 'primary_owner', average_days: 'calendar' } as const;
  const shown = { ...stated, version: 1, updated_at: '2026-01-01T00:00:00Z', customers_marked: true };
  const headers = { ETag: 'The version, for If-Match' };
  const replies = {
    200: { description: 'The policy', schema: Ref(schemas.BalancePolicy), headers, example: shown },
  };
  operation(app, {
    ...common,
    method: 'GET',
    path: '/v1/balance-policy',
    id: 'getBalancePolicy',
    summary: 'Read how balances are counted',
    description: 'Whose a holding with several owners is, and what averages are divided by.',
    scope: 'customers:read',
    replies,
    handler: async ({ ctx }) => {
      const body = await readBalancePolicy(ctx.database);
      return { status: 200, body, headers: { ETag: etagOf(body.version) } };
    },
  });

  operation(app, {
    ...common,
    method: 'PUT',
    path: '/v1/balance-policy',
    id: 'putBalancePolicy',
    summary: 'Say how balances are counted',
    description:
      'Facts, profiles and averages follow it at once; with another attribution all customers are reviewed, in batches. Needs If-Match.',
    scope: 'definitions:write',
    ofTheBank: true,
    ifMatch: true,
    body: Ref(schemas.BalancePolicyPut),
    bodyExample: stated,
    replies,
    handler: async ({ ctx, body: input, headers: { ifMatch } }) => {
      const body = await putBalancePolicy(ctx, requiredVersions(ifMatch), input);
      return { status: 200, body, headers: { ETag: etagOf(body.version) } };
    },
  });
}
