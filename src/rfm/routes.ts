import type { FastifyInstance } from 'fastify';
import { drawChart } from '../platform/charts/draw.js';
import { planQuery } from '../platform/http/approval-schemas.js';
import { guardedReply } from '../platform/http/guarded-replies.js';
import { operation } from '../platform/http/operation.js';
import { Ref, Strict } from '../platform/http/schemas.js';
import { etagOf, requiredVersions, unlessKnown } from '../platform/http/versions.js';
import type { LoadFacts } from '../rules/facts.js';
import { distributionChart, rfmDistribution } from './distribution.js';
import { type RfmModelRow, readRfmModel, rfmModelGuard } from './model.js';
import * as schemas from './schemas.js';

const common = { tag: 'Churn and value', domain: 'Customer Behavior Insights' } as const;
const headers = { ETag: 'The version of the model' };
const stated = { types: ['card_payment'], window: { last: 'P1Y' }, refresh_every: 'PT1H' };
const example = {
  ...stated,
  version: 2,
  state: 'current',
  updated_at: '2026-01-01T00:00:00Z',
  ranks_as_of: '2026-01-05T08:00:01Z',
};
const found = { description: 'The model', schema: Ref(schemas.RfmModel), headers, example };

const modelReply = (body: RfmModelRow) => ({ status: 200, body, headers: { ETag: etagOf(body.version) } });

export function rfmRoutes(app: FastifyInstance, facts: LoadFacts): void {
  for (const component of schemas.rfmComponents) app.addSchema(component);
  operation(app, {
    ...common,
    method: 'GET',
    path: '/v1/rfm/model',
    id: 'getRfmModel',
    summary: 'Read how recency, frequency and monetary value are counted',
    description:
      'The model as it was stated last, and when scores were refreshed. They are five times the cumulative distribution among all customers with activities that count, rounded up: equal values have equal scores.',
    scope: 'segments:read',
    replies: { 200: found, 304: { description: 'The caller has this version already', headers } },
    handler: async ({ ctx, headers: { ifNoneMatch } }) => {
      const model = await readRfmModel(ctx.database, ctx.now);
      return unlessKnown(ifNoneMatch, etagOf(model.version), () => model);
    },
  });
  operation(app, {
    ...common,
    method: 'PUT',
    path: '/v1/rfm/model',
    id: 'putRfmModel',
    summary: 'Say how recency, frequency and monetary value are counted',
    description:
      'A changed model is a new version: everybody is scored by it in the background, and the former one answers until that is done. The same model again makes none.',
    scope: 'segments:write',
    ofTheBank: true,
    ifMatch: true,
    body: Ref(schemas.RfmModelPut),
    bodyExample: stated,
    query: Strict(planQuery),
    guarded: rfmModelGuard,
    problems: ['rule_broken'],
    replies: {
      200: {
        ...found,
        description: 'The model; with `dry_run` the plan',
        schema: Ref(schemas.RfmModelOrPlan),
      },
    },
    handler: ({ ctx, body, query, headers: { ifMatch } }) =>
      guardedReply(ctx, rfmModelGuard, { versions: requiredVersions(ifMatch), ...body }, query, async () =>
        modelReply(await readRfmModel(ctx.database, ctx.now)),
      ),
  });
  distributionRoute(app, facts);
}

function distributionRoute(app: FastifyInstance, facts: LoadFacts): void {
  operation(app, {
    ...common,
    method: 'GET',
    path: '/v1/rfm/distribution',
    id: 'getRfmDistribution',
    summary: 'How customers are spread over recency and frequency',
    description:
      'A grid of 5 by 5: how many customers have which scores, with the mean of their monetary values. Of the bank and of branches as of the last refresh, customers where they were then; of a book by its scores now. As JSON, or with `Accept: image/svg+xml` as a heat map.',
    scope: 'segments:read',
    replies: {
      200: {
        description: 'The grid',
        schema: Ref(schemas.RfmDistribution),
        alternatives: { 'image/svg+xml': { example: '<svg xmlns="http://www.w3.org/2000/svg"/>' } },
        example: {
          ranks_as_of: '2026-01-05T08:00:01Z',
          population: 12,
          currency: 'CNY',
          cells: [{ recency_score: 5, frequency_score: 5, customers: 12, mean_monetary: '1250.50' }],
        },
      },
    },
    handler: async ({ ctx, mediaType }) => {
      const distribution = await rfmDistribution(ctx, facts);
      const isChart = mediaType === 'image/svg+xml';
      return { status: 200, body: isChart ? await drawChart(distributionChart(distribution)) : distribution };
    },
  });
}
