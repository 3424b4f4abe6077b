import type { FastifyInstance } from 'fastify';
import { operation } from '../platform/http/operation.js';
import { Key, pageQuery, Ref, Strict } from '../platform/http/schemas.js';
import { page, pageRequest } from '../platform/pagination.js';
import { etagHeader, notModified, putReply, reading, reply, writing } from './replies.js';
import * as schemas from './schemas.js';
import * as service from './service.js';
import { sourceRoutes } from './source-routes.js';

export function definitionRoutes(app: FastifyInstance): void {
  for (const component of schemas.definitionComponents) app.addSchema(component);
  attributeRoutes(app);
  schemeRoutes(app);
  sourceRoutes(app);
}

const attributeIn = {
  description: 'How the customer prefers to be served',
  json_schema: { type: 'string', enum: ['branch', 'app', 'phone'] },
  sensitivity: 'internal',
  searchable: true,
} as const;
const attributeExample = {
  name: 'preferred_service',
  ...attributeIn,
  version: 1,
  updated_at: '2026-01-05T08:00:00Z',
};
const attributeReply = (description: string) => ({
  description,
  schema: Ref(schemas.Attribute),
  headers: etagHeader,
  example: attributeExample,
});

function attributeRoutes(app: FastifyInstance): void {
  const params = Strict({ name: Key('Of the attribute') });
  operation(app, {
    ...reading,
    path: '/v1/attributes',
    id: 'listAttributes',
    summary: 'List the declared attributes',
    description: 'Custom attributes that statements about customers may carry, in the order of their names.',
    query: Strict(pageQuery),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of attributes',
        schema: Ref(schemas.AttributePage),
        example: { data: [attributeExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, query }) => {
      const wanted = pageRequest(ctx, 'listAttributes', query);
      const body = page(ctx, wanted, await service.listAttributes(ctx, wanted), (row) => [row.name]);
      return { status: 200, body };
    },
  });

  operation(app, {
    ...reading,
    path: '/v1/attributes/{name}',
    id: 'getAttribute',
    summary: 'Read an attribute',
    description: 'With the schema of its values.',
    params,
    replies: { 200: attributeReply('The attribute'), 304: notModified },
    handler: async ({ ctx, params: { name }, headers }) =>
      reply(await service.getAttribute(ctx, name), headers.ifNoneMatch),
  });

  operation(app, {
    ...writing,
    path: '/v1/attributes/{name}',
    id: 'putAttribute',
    summary: 'Declare or change an attribute',
    description:
      'The schema is a subset of JSON Schema 2020-12: one type a level, no references, bounded in size and depth; a pattern is anchored, without groups, and beside a maxLength. A change holds for what is stated from now on: values that are stored stay as they are, and are checked when they are stated again. The type stays. A known one needs If-Match.',
    ifMatch: true,
    params,
    body: Ref(schemas.AttributeIn),
    bodyExample: attributeIn,
    problems: ['rule_broken'],
    replies: { 200: attributeReply('Changed, or unchanged'), 201: attributeReply('Declared') },
    handler: async ({ ctx, params: { name }, body, headers }) =>
      putReply(await service.putAttribute(ctx, name, headers.ifMatch, body)),
  });
}

const schemeIn = {
  name: 'Taxpayer number',
  normaliser: 'upper',
  sensitive: true,
  path_safe: false,
} as const;
const schemeExample = { key: 'taxpayer_number', ...schemeIn, version: 1 };
const schemeReply = (description: string) => ({
  description,
  schema: Ref(schemas.IdentifierScheme),
  headers: etagHeader,
  example: schemeExample,
});

function schemeRoutes(app: FastifyInstance): void {
  const params = Strict({ key: Key('Of the scheme') });
  operation(app, {
    ...reading,
    path: '/v1/identifier-schemes',
    id: 'listIdentifierSchemes',
    summary: 'List the identifier schemes',
    description: 'The kinds of identifiers that customers have, in the order of their keys.',
    query: Strict(pageQuery),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of schemes',
        schema: Ref(schemas.IdentifierSchemePage),
        example: { data: [schemeExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, query }) => {
      const wanted = pageRequest(ctx, 'listIdentifierSchemes', query);
      const body = page(ctx, wanted, await service.listIdentifierSchemes(ctx, wanted), (row) => [row.key]);
      return { status: 200, body };
    },
  });

  operation(app, {
    ...reading,
    path: '/v1/identifier-schemes/{key}',
    id: 'getIdentifierScheme',
    summary: 'Read an identifier scheme',
    description: 'How its values are normalised, and whether they are sensitive.',
    params,
    replies: { 200: schemeReply('The scheme'), 304: notModified },
    handler: async ({ ctx, params: { key }, headers }) =>
      reply(await service.getIdentifierScheme(ctx, key), headers.ifNoneMatch),
  });

  operation(app, {
    ...writing,
    path: '/v1/identifier-schemes/{key}',
    id: 'putIdentifierScheme',
    summary: 'Declare or change an identifier scheme',
    description:
      'Its normaliser and its sensitivity stay, since identifiers are indexed and encrypted by them. A known one needs If-Match.',
    ifMatch: true,
    params,
    body: Ref(schemas.IdentifierSchemeIn),
    bodyExample: schemeIn,
    problems: ['rule_broken'],
    replies: { 200: schemeReply('Changed, or unchanged'), 201: schemeReply('Declared') },
    handler: async ({ ctx, params: { key }, body, headers }) =>
      putReply(await service.putIdentifierScheme(ctx, key, headers.ifMatch, body)),
  });
}
