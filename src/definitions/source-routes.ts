import type { FastifyInstance } from 'fastify';
import { operation } from '../platform/http/operation.js';
import { Key, pageQuery, Ref, Strict } from '../platform/http/schemas.js';
import { page, pageRequest } from '../platform/pagination.js';
import { etagHeader, notModified, putReply, reading, reply, writing } from './replies.js';
import * as schemas from './schemas.js';
import * as service from './sources.js';

const sourceIn = {
  name: 'Human resources',
  description: 'Who keeps which customer',
  priority: 300,
  priorities: { organisation: 900 },
};
const sourceExample = { key: 'human_resources', ...sourceIn, version: 1, updated_at: '2026-01-05T08:00:00Z' };
const sourceReply = (description: string) => ({
  description,
  schema: Ref(schemas.Source),
  headers: etagHeader,
  example: sourceExample,
});

export function sourceRoutes(app: FastifyInstance): void {
  const params = Strict({ key: Key('As statements name it') });
  operation(app, {
    ...reading,
    path: '/v1/sources',
    id: 'listSources',
    summary: 'List the declared sources',
    description: 'Systems that tell us things, in the order of their keys.',
    query: Strict(pageQuery),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of sources',
        schema: Ref(schemas.SourcePage),
        example: { data: [sourceExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, query }) => {
      const wanted = pageRequest(ctx, 'listSources', query);
      const body = page(ctx, wanted, await service.listSources(ctx, wanted), (row) => [row.key]);
      return { status: 200, body };
    },
  });

  operation(app, {
    ...reading,
    path: '/v1/sources/{key}',
    id: 'getSource',
    summary: 'Read a source',
    description: 'How much its word weighs, for all that it states and for single groups of fields.',
    params,
    replies: { 200: sourceReply('The source'), 304: notModified },
    handler: async ({ ctx, params: { key }, headers }) =>
      reply(await service.getSource(ctx, key), headers.ifNoneMatch),
  });

  operation(app, {
    ...writing,
    path: '/v1/sources/{key}',
    id: 'putSource',
    summary: 'Declare or change a source',
    description:
      'A value of a customer gives way to a statement of a source with a higher priority for its group of fields, or to a later one of the same priority. What loses is kept as an alternate, and the reply to it lists it under `ignored_fields`. Changed priorities hold for what is stated from now on. Groups: `names`; `demographics` (birth_date, founding_date, gender); `residence` (city, language); `relationship` (status, customer_since); `organisation` (branch, relationship_manager); `attributes`; `contact_points` (which one is primary). A known one needs If-Match.',
    ifMatch: true,
    params,
    body: Ref(schemas.SourceIn),
    bodyExample: sourceIn,
    problems: ['rule_broken'],
    replies: { 200: sourceReply('Changed, or unchanged'), 201: sourceReply('Declared') },
    handler: async ({ ctx, params: { key }, body, headers }) =>
      putReply(await service.putSource(ctx, key, headers.ifMatch, body)),
  });
}
