import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { customerExample } from '../customers/examples.js';
import { operation } from '../platform/http/operation.js';
import { Id, pageQuery, Ref, Strict, StringEnum } from '../platform/http/schemas.js';
import { contentReply } from '../platform/http/versions.js';
import { page, pageRequest } from '../platform/pagination.js';
import type { LoadFacts } from '../rules/facts.js';
import { Profile, profileComponents, Summary, TimelinePage } from './schemas.js';
import { getProfile, getSummary } from './service.js';
import { readTimeline, timelineKinds } from './timeline.js';

const tag = 'Customers';
const params = Strict({ id: Id('Of the customer') });

const totals = {
  currency: 'CNY',
  aum: '1200000.00',
  liabilities: '150000.00',
  net: '1050000.00',
  holdings: 3,
  unvalued: 0,
};
const segment = {
  segment: 'high_net_worth',
  name: 'High net worth',
  entered_at: '2026-01-05T08:00:02.000000Z',
  left_at: null,
  rule_version: 1,
  cause: 'change',
};
const profileExample = {
  customer: customerExample,
  provenance: {
    city: [
      {
        source: 'core',
        value: '上海',
        source_time: '2026-01-05T08:00:00Z',
        recorded_at: '2026-01-05T08:00:01Z',
      },
    ],
  },
  totals,
  holdings: [],
  relationships: [],
  segments: [segment],
  activity_totals: [
    {
      type: 'card_payment',
      direction: 'out',
      initiated_by: 'customer',
      count: 12,
      amount: '1234.50',
      unvalued: 0,
      first_at: '2026-01-05T08:00:00.000000Z',
      last_at: '2026-02-05T08:00:00.000000Z',
    },
  ],
  last_activities: [],
  review: { evaluated_at: '2026-02-05T08:00:01.000000Z', pending: false, next_change_at: null },
  as_of: '2026-02-05T09:00:00Z',
};

export function profileRoutes(app: FastifyInstance, facts: LoadFacts): void {
  for (const component of profileComponents) app.addSchema(component);
  operation(app, {
    method: 'GET',
    path: '/v1/customers/{id}/profile',
    id: 'getProfile',
    summary: 'The whole picture of a customer',
    description:
      'Customer, provenance of every value, totals, holdings, relationships, segments and activities, in one read of one instant.',
    tag,
    domain: 'Customer Relationship Management',
    scope: 'customers:read',
    params,
    replies: { 200: { description: 'The picture', schema: Ref(Profile), example: profileExample } },
    handler: async ({ ctx, params: { id } }) => ({ status: 200, body: await getProfile(ctx, id) }),
  });
  summaryRoute(app, facts);
  timelineRoute(app);
}

function summaryRoute(app: FastifyInstance, facts: LoadFacts): void {
  const example = {
    id: customerExample.id,
    display_name: '王**',
    kind: 'person',
    status: 'active',
    branch: '0101',
    relationship_manager: 'RM001',
    totals,
    segments: ['high_net_worth'],
    last_activity_at: '2026-02-05T08:00:00Z',
    evaluated_at: '2026-02-05T08:00:01.000000Z',
    pending: false,
  };
  operation(app, {
    method: 'GET',
    path: '/v1/customers/{id}/summary',
    id: 'getSummary',
    summary: 'What a mobile screen needs',
    description:
      'One indexed read. The ETag is that of the content but for `evaluated_at`: 304 where nothing of it changed. `max_age` says for how many seconds memberships may have been behind what is known: where they are behind for longer they are judged first, with 0 in any case. What is left of it stands in `Cache-Control`, so that a screen may show the answer again without asking.',
    tag,
    domain: 'Customer Relationship Management',
    scope: 'customers:read',
    params,
    query: Strict({
      max_age: Type.Optional(
        Type.Integer({ minimum: 0, maximum: 86_400, description: 'Seconds; absent: as it is' }),
      ),
    }),
    replies: {
      200: { description: 'The summary', schema: Ref(Summary), headers: { ETag: 'Of the content' }, example },
      304: { description: 'The caller has this already', headers: { ETag: 'Of the content' } },
    },
    handler: async ({ ctx, params: { id }, query: { max_age: maxAge }, headers }) => {
      const { summary, goodForSeconds } = await getSummary(ctx, facts, id, maxAge);
      const { evaluated_at: _, ...content } = summary;
      const reply = contentReply(content, headers.ifNoneMatch);
      const freshness = maxAge === undefined ? 'no-cache' : `max-age=${goodForSeconds}`;
      return {
        ...reply,
        ...(reply.status === 200 ? { body: summary } : {}),
        headers: {
          // that it was judged again is no other content
          ETag: `W/${reply.headers?.ETag}`,
          'Cache-Control': `private, ${freshness}`,
          Vary: 'Authorization',
        },
      };
    },
  });
}

function timelineRoute(app: FastifyInstance): void {
  operation(app, {
    method: 'GET',
    path: '/v1/customers/{id}/timeline',
    id: 'getTimeline',
    summary: 'What happened with a customer',
    description:
      'Activities, changes and events, merged, newest first. Changes and events name fields, never values.',
    tag,
    domain: 'Customer Event History',
    scope: 'customers:read',
    params,
    query: Strict({
      ...pageQuery,
      kind: Type.Optional(StringEnum(timelineKinds, { description: 'Only entries of this kind' })),
    }),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of the timeline',
        schema: Ref(TimelinePage),
        example: {
          data: [
            {
              kind: 'change',
              id: '0197f3c2-1b7f-7a10-8c3d-5e6f7a8b9c0d',
              at: '2026-01-05T08:00:01.000000Z',
              type: 'customer.updated',
              actor: 'key:0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d',
              data: { fields: ['city'], version: 2 },
            },
          ],
          next_cursor: null,
        },
      },
    },
    handler: async ({ ctx, params: { id }, query: { limit, cursor, kind } }) => {
      const kinds = kind === undefined ? timelineKinds : [kind];
      const wanted = pageRequest(ctx, 'getTimeline', { limit, cursor }, { id, kind });
      const body = page(ctx, wanted, await readTimeline(ctx, id, kinds, wanted), (row) => [row.at, row.id]);
      return { status: 200, body };
    },
  });
}
