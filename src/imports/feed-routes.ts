import type { FastifyInstance } from 'fastify';
import { etagHeader, notModified, putReply, reply } from '../definitions/replies.js';
import { operation } from '../platform/http/operation.js';
import { Key, pageQuery, Ref, Strict } from '../platform/http/schemas.js';
import { page, pageRequest } from '../platform/pagination.js';
import * as schemas from './feed-schemas.js';
import { getFeed, listFeeds, listWatermarks, putFeed } from './feeds.js';

const common = { tag: 'Imports', domain: 'Customer Event History' } as const;
const reading = { ...common, method: 'GET', scope: 'imports:read' } as const;

const feedIn = {
  description: 'Deposits, every night',
  source: 'core',
  kind: 'holdings',
  mode: 'snapshot',
  delimiter: 'comma',
  control_field: null,
  categories: ['deposit', 'time_deposit'],
  max_close_percent: 5,
};
const feedExample = { key: 'core_deposits', ...feedIn, version: 1, updated_at: '2026-01-05T08:00:00Z' };
const feedReply = (description: string) => ({
  description,
  schema: Ref(schemas.Feed),
  headers: etagHeader,
  example: feedExample,
});
const watermarkExample = {
  feed: 'core_deposits',
  source: 'core',
  kind: 'holdings',
  loaded_through: '2026-01-05',
  loaded_at: '2026-01-05T18:20:00.000Z',
  evaluated_through: '2026-01-05',
  evaluated_at: '2026-01-05T18:21:00.000Z',
  open: 0,
  waiting: 0,
};

export function feedRoutes(app: FastifyInstance): void {
  for (const component of schemas.feedComponents) app.addSchema(component);
  const params = Strict({ key: Key('As imports name it') });
  operation(app, {
    ...reading,
    path: '/v1/feeds',
    id: 'listFeeds',
    summary: 'List the feeds',
    description: 'Regular files of sources, in the order of their keys.',
    query: Strict(pageQuery),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of feeds',
        schema: Ref(schemas.FeedPage),
        example: { data: [feedExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, query }) => {
      const wanted = pageRequest(ctx, 'listFeeds', query);
      const body = page(ctx, wanted, await listFeeds(ctx, wanted), (row) => [row.key]);
      return { status: 200, body };
    },
  });

  operation(app, {
    ...reading,
    path: '/v1/feeds/{key}',
    id: 'getFeed',
    summary: 'Read a feed',
    description: 'What the file holds, how it is read, and what a snapshot of it may close by itself.',
    params,
    replies: { 200: feedReply('The feed'), 304: notModified },
    handler: async ({ ctx, params: { key }, headers }) => reply(await getFeed(ctx, key), headers.ifNoneMatch),
  });

  operation(app, {
    ...common,
    method: 'PUT',
    scope: 'definitions:write',
    ofTheBank: true,
    path: '/v1/feeds/{key}',
    id: 'putFeed',
    summary: 'Declare or change a feed',
    description:
      'Imports that name it (`feed`, `business_date`) are one a business date: the same file again is the import that it was, another one is a correction and has to say so. They are applied one after the other. A known one needs If-Match.',
    ifMatch: true,
    params,
    body: Ref(schemas.FeedIn),
    bodyExample: feedIn,
    problems: ['rule_broken'],
    replies: { 200: feedReply('Changed, or unchanged'), 201: feedReply('Declared') },
    handler: async ({ ctx, params: { key }, body, headers }) =>
      putReply(await putFeed(ctx, key, headers.ifMatch, body)),
  });

  operation(app, {
    ...reading,
    path: '/v1/watermarks',
    id: 'listWatermarks',
    summary: 'How far each feed is',
    description:
      'Up to which business date it is loaded, and evaluated: all customers that it had touched were reviewed since. What is under way holds back its date and all after it.',
    query: Strict(pageQuery),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of watermarks, in the order of feeds',
        schema: Ref(schemas.WatermarkPage),
        example: { data: [watermarkExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, query }) => {
      const wanted = pageRequest(ctx, 'listWatermarks', query);
      const body = page(ctx, wanted, await listWatermarks(ctx, wanted), (row) => [row.feed]);
      return { status: 200, body };
    },
  });
}
