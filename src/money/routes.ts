import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { operation } from '../platform/http/operation.js';
import { Currency, DateOnly, pageQuery, Ref, Strict } from '../platform/http/schemas.js';
import { contentReply } from '../platform/http/versions.js';
import { page, pageRequest } from '../platform/pagination.js';
import * as schemas from './schemas.js';
import { getRate, listRates, recordRateBatch } from './service.js';

const common = { tag: 'Money', domain: 'Party Reference Data Directory' } as const;

const rateIn = { currency: 'USD', rate: '7.0853', business_date: '2026-02-27', source: 'treasury' };
const rateExample = {
  id: '0197f3c2-5e10-7a01-8000-000000000001',
  ...rateIn,
  recorded_at: '2026-02-27T09:20:00.000000Z',
  superseded_at: null,
};

export function moneyRoutes(app: FastifyInstance): void {
  for (const component of schemas.moneyComponents) app.addSchema(component);
  recordRoute(app);
  readRoutes(app);
}

function recordRoute(app: FastifyInstance): void {
  operation(app, {
    ...common,
    method: 'POST',
    path: '/v1/exchange-rates',
    id: 'recordExchangeRates',
    summary: 'Record exchange rates',
    description:
      'What one unit of a currency is worth in the bank’s currency, by business date. Another rate of a known day takes the place of the former one, which is kept. Balances are valued at the latest rate from now on, and who holds the currency is reviewed. Activities keep the amount that they were valued with; those of these days that had no rate get their amount now. Up to 1,000 at once, all or none; a file of them is an import of the kind `exchange_rates`.',
    scope: 'definitions:write',
    ofTheBank: true,
    idempotent: true,
    body: Ref(schemas.ExchangeRateBatch),
    bodyExample: { items: [rateIn] },
    problems: ['rule_broken'],
    replies: {
      200: {
        description: 'What became of the rates',
        schema: Ref(schemas.ExchangeRateBatchResult),
        example: { recorded: 1, unchanged: 0 },
      },
    },
    handler: async ({ ctx, body }) => ({ status: 200, body: await recordRateBatch(ctx, body.items) }),
  });
}

function readRoutes(app: FastifyInstance): void {
  operation(app, {
    ...common,
    method: 'GET',
    path: '/v1/exchange-rates',
    id: 'listExchangeRates',
    summary: 'List exchange rates',
    description: 'Those of the latest business date first.',
    scope: 'customers:read',
    query: Strict({
      ...pageQuery,
      currency: Type.Optional(Currency('Only of this currency')),
      from: Type.Optional(DateOnly('Only of this business date and later ones')),
      to: Type.Optional(DateOnly('Only of business dates before this one')),
      superseded: Type.Boolean({ default: false, description: 'Those too that others took the place of' }),
    }),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of rates',
        schema: Ref(schemas.ExchangeRatePage),
        example: { data: [rateExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, query: { limit, cursor, ...filters } }) => {
      const wanted = pageRequest(ctx, 'listExchangeRates', { limit, cursor }, filters);
      const rows = await listRates(ctx, filters, wanted);
      return { status: 200, body: page(ctx, wanted, rows, (row) => [row.business_date, row.id]) };
    },
  });

  operation(app, {
    ...common,
    method: 'GET',
    path: '/v1/exchange-rates/{currency}',
    id: 'getExchangeRate',
    summary: 'Read the rate that holds on a day',
    description:
      'That of the latest business date up to the day, not older than 15 days: the one that an activity of that business date is valued with.',
    scope: 'customers:read',
    params: Strict({ currency: Currency() }),
    query: Strict({ on: Type.Optional(DateOnly('The day; today at the bank where none is named')) }),
    replies: {
      200: {
        description: 'The rate',
        schema: Ref(schemas.CurrencyRate),
        headers: { ETag: 'Of the content' },
        example: {
          currency: 'USD',
          business_date: '2026-03-01',
          rate: rateExample,
          is_latest: true,
          holders_marked: true,
        },
      },
      304: { description: 'The caller has this already', headers: { ETag: 'Of the content' } },
    },
    handler: async ({ ctx, params, query, headers }) =>
      contentReply(await getRate(ctx, params.currency, query.on), headers.ifNoneMatch),
  });
}
