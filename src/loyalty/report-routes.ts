import type { FastifyInstance } from 'fastify';
import { type TSchema, Type } from 'typebox';
import { drawChart } from '../platform/charts/draw.js';
import { csvOf } from '../platform/csv.js';
import { operation } from '../platform/http/operation.js';
import { Instant, Key, pageQuery, Ref, Strict } from '../platform/http/schemas.js';
import { pageRequest } from '../platform/pagination.js';
import { common } from './programme-routes.js';
import * as examples from './reports/examples.js';
import { expiryForecast, mostMonths, statistics, statisticsChart } from './reports/months.js';
import { breakage, liability, reconciliation, trialBalance } from './reports/reports.js';
import * as schemas from './reports/schemas.js';
import { mostAccounts, verifyBooks } from './reports/verify.js';

const path = '/v1/loyalty/{programme}';
const params = Strict({ programme: Key('Of the programme') });
const csv = 'text/csv';
const svg = 'image/svg+xml';
/** The books are of all customers: a caller that is bound to some is refused. */
const reading = {
  ...common,
  method: 'GET',
  scope: 'loyalty:read',
  ofTheBank: true,
  params,
  patient: true,
  problems: ['rule_broken'],
} as const;
const asOf = Strict({
  as_of: Type.Optional(Instant('Any instant that is past; the present where it is not said')),
});
const bothWays = ' As JSON, or with `Accept: text/csv` as a table.';

type Row = Record<string, unknown>;
/** How an answer is laid out as a table: its columns, and its rows. */
type Table = { columns: string[]; rows: (body: Row) => Row[] };
const written = ({ columns, rows }: Table, body: object) => csvOf(columns, rows(body as Row));
/** One row, of all that it says. */
const oneRow = (example: object): Table => ({ columns: Object.keys(example), rows: (body) => [body] });

const replies = (description: string, schema: TSchema, example: object, table: Table) => ({
  200: {
    description,
    schema: Ref(schema),
    example,
    alternatives: { [csv]: { example: written(table, example) } } as Record<string, { example: string }>,
  },
});

const ledgers: Table = {
  columns: ['ledger', 'points'],
  rows: ({ ledgers: all, total }) => [...(all as Row[]), { ledger: 'total', points: total }],
};
const monthsOf = (columns: string[], more: readonly string[] = []): Table => ({
  columns,
  rows: ({ months, ...body }) => [
    ...(months as Row[]),
    ...more.map((name) => ({ month: name, points: body[name] })),
  ],
});
const forecast = monthsOf(['month', 'points'], ['later', 'never', 'kept_by_holds']);
const months = monthsOf(['month', 'issued', 'redeemed', 'expired', 'cancelled', 'outstanding']);

export function reportRoutes(app: FastifyInstance): void {
  asOfReports(app);
  reconciliationRoute(app);
  forecastRoute(app);
  statisticsRoute(app);
  verifyRoute(app);
}

function asOfReports(app: FastifyInstance): void {
  operation(app, {
    ...reading,
    path: `${path}/trial-balance`,
    id: 'getLoyaltyTrialBalance',
    summary: 'Read the trial balance of a programme',
    description: `As of any instant. Every entry is posted to two sides, so the sum is zero. What was due by then counts from its instant, whether or not it was posted yet.${bothWays}`,
    query: asOf,
    replies: replies('The sums of its accounts', schemas.TrialBalance, examples.trialBalanceExample, ledgers),
    handler: async ({ ctx, params: { programme }, query: { as_of }, mediaType }) => {
      const body = await trialBalance(ctx, programme, as_of);
      return { status: 200, body: mediaType === csv ? written(ledgers, body) : body };
    },
  });
  const ofLiability = oneRow(examples.liabilityExample);
  operation(app, {
    ...reading,
    path: `${path}/liability`,
    id: 'getLoyaltyLiability',
    summary: 'Read what the points of a programme will cost',
    description: `As of any instant since the programme was made: what was outstanding, times the cost of a point, times one less the breakage, by the version of the programme that was in force then.${bothWays}`,
    query: asOf,
    replies: replies('The liability', schemas.Liability, examples.liabilityExample, ofLiability),
    handler: async ({ ctx, params: { programme }, query: { as_of }, mediaType }) => {
      const body = await liability(ctx, programme, as_of);
      return { status: 200, body: mediaType === csv ? written(ofLiability, body) : body };
    },
  });
  const ofBreakage = oneRow(examples.breakageExample);
  operation(app, {
    ...reading,
    path: `${path}/breakage`,
    id: 'getLoyaltyBreakage',
    summary: 'Read how much of the points was never used',
    description: `What has expired or was forfeited so far, against what was issued, beside what the programme expects. What customers left behind or was taken back is cancelled, and not in it.${bothWays}`,
    query: asOf,
    replies: replies('The breakage', schemas.Breakage, examples.breakageExample, ofBreakage),
    handler: async ({ ctx, params: { programme }, query: { as_of }, mediaType }) => {
      const body = await breakage(ctx, programme, as_of);
      return { status: 200, body: mediaType === csv ? written(ofBreakage, body) : body };
    },
  });
}

function reconciliationRoute(app: FastifyInstance): void {
  const table = oneRow(examples.reconciliationExample);
  operation(app, {
    ...reading,
    path: `${path}/reconciliation`,
    id: 'getLoyaltyReconciliation',
    summary: 'Reconcile the points of a programme',
    description: `What was issued is what was redeemed, expired and cancelled, and what is outstanding: since the beginning, or of what was booked during [from, to).${bothWays}`,
    query: Strict({
      from: Type.Optional(
        Instant('Booked at this instant or later; since the beginning where it is not said'),
      ),
      to: Type.Optional(Instant('Booked before this instant; the present where it is not said')),
    }),
    replies: replies('The sums', schemas.Reconciliation, examples.reconciliationExample, table),
    handler: async ({ ctx, params: { programme }, query, mediaType }) => {
      const body = await reconciliation(ctx, programme, query);
      return { status: 200, body: mediaType === csv ? written(table, body) : body };
    },
  });
}

function forecastRoute(app: FastifyInstance): void {
  operation(app, {
    ...reading,
    path: `${path}/expiry-forecast`,
    id: 'getLoyaltyExpiryForecast',
    summary: 'Read when the points of a programme expire',
    description: `By month of the programme’s time zone, the present one first, if nothing more is earned or used. Points that last to the end of a month expire at the first instant of the next one, and count there.${bothWays}`,
    query: Strict({
      months: Type.Integer({ minimum: 1, maximum: mostMonths, default: 12, description: 'How many months' }),
    }),
    replies: replies('The months', schemas.ExpiryForecast, examples.forecastExample, forecast),
    handler: async ({ ctx, params: { programme }, query, mediaType }) => {
      const body = await expiryForecast(ctx, programme, query.months);
      return { status: 200, body: mediaType === csv ? written(forecast, body) : body };
    },
  });
}

function statisticsRoute(app: FastifyInstance): void {
  const { 200: reply } = replies(
    'A month after the other',
    schemas.LoyaltyStatistics,
    examples.statisticsExample,
    months,
  );
  operation(app, {
    ...reading,
    path: `${path}/statistics`,
    id: 'getLoyaltyStatistics',
    summary: 'Read a programme through time',
    description: `What was issued, redeemed, expired and cancelled in each month, and what was outstanding at its end, by the programme’s time zone. The last 12 months where nothing is said, ${mostMonths} at most. As JSON, with \`Accept: text/csv\` as a table, or with \`Accept: ${svg}\` as a chart.`,
    query: Strict({
      from: Type.Optional(schemas.MonthQuery),
      to: Type.Optional(schemas.MonthQuery),
    }),
    replies: {
      200: {
        ...reply,
        alternatives: {
          ...reply.alternatives,
          [svg]: { example: '<svg xmlns="http://www.w3.org/2000/svg"/>' },
        },
      },
    },
    handler: async ({ ctx, params: { programme }, query, mediaType }) => {
      const { name, ...body } = await statistics(ctx, programme, query);
      if (mediaType === svg)
        return { status: 200, body: await drawChart(statisticsChart({ name, ...body })) };
      return { status: 200, body: mediaType === csv ? written(months, body) : body };
    },
  });
}

function verifyRoute(app: FastifyInstance): void {
  operation(app, {
    ...reading,
    method: 'POST',
    path: `${path}/verify`,
    id: 'verifyLoyaltyProgramme',
    summary: 'Hold the books of a programme against themselves',
    description:
      'Every entry sums to zero, its number follows the one before, and its balance from that; accounts, lots and holds are what was posted; hours that are closed are what was booked in them. A part of the books a request, each in one snapshot: go on with `next_cursor` until it is null. It changes nothing, and says what is wrong.',
    query: Strict({
      limit: Type.Integer({
        minimum: 1,
        maximum: mostAccounts,
        default: 1000,
        description: 'The accounts of how many customers are checked at once',
      }),
      cursor: pageQuery.cursor,
    }),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'What was checked, and what is wrong',
        schema: Ref(schemas.Verification),
        example: examples.verificationExample,
      },
    },
    handler: async ({ ctx, params, query }) => ({
      status: 200,
      body: await verifyBooks(
        ctx,
        params.programme,
        pageRequest(ctx, 'verifyLoyaltyProgramme', query, params),
      ),
    }),
  });
}
