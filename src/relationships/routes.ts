import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { type Ctx, mayReadSensitive } from '../platform/context.js';
import { operation } from '../platform/http/operation.js';
import { Id, pageQuery, Ref, Strict } from '../platform/http/schemas.js';
import { etagOf, requiredVersions, unlessKnown } from '../platform/http/versions.js';
import { page, pageRequest } from '../platform/pagination.js';
import * as schemas from './schemas.js';
import * as service from './service.js';
import { type RelationshipRecord, toRelationship } from './view.js';

const common = { tag: 'Relationships', domain: 'Customer Relationship Management' } as const;
const params = Strict({ id: Id('Of the customer') });
const oneParams = Strict({ id: Id('Of the customer'), relationship_id: Id('Of the relationship') });
const etagHeader = { ETag: 'The version, for If-Match and If-None-Match' };

const example = {
  id: '0197f3c2-1b81-7e55-9a71-9b0c1d2e3f40',
  role: 'employer',
  related_customer: {
    id: '0197f3c2-1b7e-7d42-8e63-4a7b2f3c5d6e',
    kind: 'organization',
    display_name: '华东精密制造有限公司',
  },
  starts_on: '2021-07-01',
  ends_on: null,
  source: 'crm',
  recorded_at: '2026-01-05T08:00:01.000000Z',
  version: 1,
};

const replies = {
  200: {
    description: 'The relationship from the side of the customer in the path',
    schema: Ref(schemas.Relationship),
    headers: etagHeader,
    example,
  },
};

function reply(ctx: Ctx, record: RelationshipRecord, ifNoneMatch?: string) {
  const ETag = etagOf(record.version, !mayReadSensitive(ctx, 'customers'));
  return unlessKnown(ifNoneMatch, ETag, () => toRelationship(ctx, record));
}

export function relationshipRoutes(app: FastifyInstance): void {
  for (const component of schemas.relationshipComponents) app.addSchema(component);
  readRoutes(app);
  writeRoutes(app);
}

function readRoutes(app: FastifyInstance): void {
  const reading = { ...common, method: 'GET', scope: 'customers:read' } as const;
  operation(app, {
    ...reading,
    path: '/v1/customers/{id}/relationships',
    id: 'listRelationships',
    summary: 'List the relationships of a customer',
    description:
      'Household, employer, guarantor, legal representative, each with what the related customer is to this one. Customers outside the data scope of the key are left out.',
    params,
    query: Strict({
      ...pageQuery,
      include_ended: Type.Boolean({ default: false, description: 'Relationships that have ended too' }),
    }),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of relationships',
        schema: Ref(schemas.RelationshipPage),
        example: { data: [example], next_cursor: null },
      },
    },
    handler: async ({ ctx, params: { id }, query: { limit, cursor, ...filters } }) => {
      const wanted = pageRequest(ctx, 'listRelationships', { limit, cursor }, { id, ...filters });
      const rows = await service.listRelationships(ctx, id, filters, wanted);
      const { data, next_cursor } = page(ctx, wanted, rows, (row) => [row.id]);
      return {
        status: 200,
        body: { data: data.map((row) => toRelationship(ctx, row)), next_cursor },
      };
    },
  });

  operation(app, {
    ...reading,
    path: '/v1/customers/{id}/relationships/{relationship_id}',
    id: 'getRelationship',
    summary: 'Read a relationship',
    description: 'From the side of the customer in the path.',
    params: oneParams,
    replies: {
      ...replies,
      304: { description: 'The caller has this version already', headers: etagHeader },
    },
    handler: async ({ ctx, params: ids, headers }) =>
      reply(ctx, await service.getRelationship(ctx, ids), headers.ifNoneMatch),
  });

  operation(app, {
    ...reading,
    path: '/v1/relationship-types',
    id: 'listRelationshipTypes',
    summary: 'List the types of relationships',
    description: 'The roles that a related customer can have, each with its name from the other side.',
    query: Strict(pageQuery),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of relationship types',
        schema: Ref(schemas.RelationshipTypePage),
        example: {
          data: [{ role: 'employer', reciprocal_role: 'employee', name: 'Employer' }],
          next_cursor: null,
        },
      },
    },
    handler: async ({ ctx, query }) => {
      const wanted = pageRequest(ctx, 'listRelationshipTypes', query);
      const rows = await service.listRelationshipTypes(ctx, wanted);
      const body = page(ctx, wanted, rows, (row) => [row.role]);
      return { status: 200, body };
    },
  });
}

function writeRoutes(app: FastifyInstance): void {
  const writing = { ...common, scope: 'customers:write' } as const;
  operation(app, {
    ...writing,
    method: 'POST',
    path: '/v1/customers/{id}/relationships',
    id: 'createRelationship',
    summary: 'Relate two customers',
    description:
      'Seen from both sides at once: where B is the employer of A, A is the employee of B. Both customers must lie in the data scope of the key.',
    idempotent: true,
    params,
    body: Ref(schemas.RelationshipCreate),
    bodyExample: {
      related_customer: { scheme: 'core_banking', value: 'C000002' },
      role: 'employer',
      starts_on: '2021-07-01',
      source: 'crm',
    },
    problems: ['rule_broken', 'conflict'],
    replies: {
      201: {
        ...replies[200],
        description: 'The new relationship',
        headers: { ...etagHeader, Location: 'Where it is' },
      },
    },
    handler: async ({ ctx, params: { id }, body }) => {
      const record = await service.createRelationship(ctx, id, body);
      const { headers, body: shown } = reply(ctx, record);
      const Location = `/v1/customers/${id}/relationships/${record.id}`;
      return { status: 201, headers: { ...headers, Location }, body: shown };
    },
  });

  operation(app, {
    ...writing,
    method: 'PATCH',
    path: '/v1/customers/{id}/relationships/{relationship_id}',
    id: 'patchRelationship',
    summary: 'Change the dates of a relationship',
    description:
      'JSON Merge Patch, on both sides at once. `ends_on` ends it; it is kept among those that ended. Needs If-Match.',
    ifMatch: true,
    params: oneParams,
    body: Ref(schemas.RelationshipPatch),
    bodyTypes: ['application/merge-patch+json'],
    bodyExample: { ends_on: '2026-03-31' },
    problems: ['rule_broken', 'conflict'],
    replies,
    handler: async ({ ctx, params: ids, body, headers }) =>
      reply(ctx, await service.patchRelationship(ctx, ids, requiredVersions(headers.ifMatch), body)),
  });

  operation(app, {
    ...writing,
    method: 'DELETE',
    path: '/v1/customers/{id}/relationships/{relationship_id}',
    id: 'endRelationship',
    summary: 'End a relationship today',
    description: "As of the bank's today, on both sides; it is kept among those that ended. Needs If-Match.",
    ifMatch: true,
    params: oneParams,
    replies,
    handler: async ({ ctx, params: ids, headers }) =>
      reply(ctx, await service.endRelationship(ctx, ids, requiredVersions(headers.ifMatch))),
  });
}
