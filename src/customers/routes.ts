import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Ctx } from '../platform/context.js';
import { mayReadSensitive } from '../platform/context.js';
import { operation } from '../platform/http/operation.js';
import { Id, Key, pageQuery, Ref, Strict, StringEnum, Text } from '../platform/http/schemas.js';
import { etagOf, requiredVersions, unlessKnown } from '../platform/http/versions.js';
import { page, pageRequest } from '../platform/pagination.js';
import { customerExample, nationalIdExample, upsertExample } from './examples.js';
import { removeIdentifier } from './identifiers.js';
import * as schemas from './schemas.js';
import * as service from './service.js';
import { type CustomerRecord, toCustomer } from './view.js';

const tag = 'Customers';
const domain = 'Party Reference Data Directory';
const etagHeader = { ETag: 'The version, for If-Match and If-None-Match' };
const params = Strict({ id: Id('Of the customer') });
const identifierParams = Strict({
  scheme: Key('A path-safe identifier scheme'),
  value: Text('The identifier', 128),
});

const etag = (ctx: Ctx, record: CustomerRecord) =>
  etagOf(record.version, !mayReadSensitive(ctx, 'customers'));

/** A single customer, or 304 where the caller has it already. */
export function customerReply(ctx: Ctx, record: CustomerRecord, ifNoneMatch: string | undefined) {
  return unlessKnown(ifNoneMatch, etag(ctx, record), () => toCustomer(ctx, record));
}

function upsertReply(ctx: Ctx, value: service.UpsertValue) {
  const { outcome, ignored_fields, record } = value;
  return {
    status: outcome === 'created' ? 201 : 200,
    headers: { ETag: etag(ctx, record), Location: `/v1/customers/${record.id}` },
    body: { outcome, ignored_fields, customer: toCustomer(ctx, record) },
  };
}

const components = [
  schemas.IdentifierIn,
  schemas.CustomerReference,
  schemas.AddressIn,
  schemas.ContactPointIn,
  schemas.CustomerCreate,
  schemas.CustomerUpsert,
  schemas.CustomerUpsertByIdentifier,
  schemas.CustomerPatch,
  schemas.Identifier,
  schemas.ContactPoint,
  schemas.Customer,
  schemas.IgnoredField,
  schemas.CustomerUpsertResult,
  schemas.CustomerPatchResult,
  schemas.CustomerPage,
];

export function customerRoutes(app: FastifyInstance): void {
  for (const component of components) app.addSchema(component);
  readRoutes(app);
  writeRoutes(app);
  identifierRoutes(app);
}

const customerReplies = {
  200: {
    description: 'The customer',
    schema: Ref(schemas.Customer),
    headers: etagHeader,
    example: customerExample,
  },
  304: { description: 'The caller has this version already', headers: etagHeader },
};

function readRoutes(app: FastifyInstance): void {
  operation(app, {
    method: 'GET',
    path: '/v1/customers/{id}',
    id: 'getCustomer',
    summary: 'Read a customer',
    description:
      'The customer with identifiers and contact points. Identifying fields are masked without `customers:read_sensitive`.',
    tag,
    domain,
    scope: 'customers:read',
    params,
    replies: customerReplies,
    handler: async ({ ctx, params: { id }, headers }) =>
      customerReply(ctx, await service.getCustomer(ctx, id), headers.ifNoneMatch),
  });

  operation(app, {
    method: 'GET',
    path: '/v1/customers',
    id: 'listCustomers',
    summary: 'List customers',
    description:
      'In the order of their creation here. Filters narrow the list; for names and contact points use the search.',
    tag,
    domain,
    scope: 'customers:read',
    query: Strict({
      ...pageQuery,
      kind: Type.Optional(StringEnum(schemas.customerKinds, { description: 'Only these' })),
      status: Type.Optional(StringEnum(schemas.customerStatuses, { description: 'Only in this status' })),
      branch: Type.Optional(Text('Code of the branch', 40)),
      relationship_manager: Type.Optional(Text('Staff code', 60)),
    }),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of customers',
        schema: Ref(schemas.CustomerPage),
        example: { data: [customerExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, query: { limit, cursor, ...filters } }) => {
      const wanted = pageRequest(ctx, 'listCustomers', { limit, cursor }, filters);
      const { data, next_cursor } = page(
        ctx,
        wanted,
        await service.listCustomers(ctx, filters, wanted),
        (row) => [row.id],
      );
      return {
        status: 200,
        body: { data: data.map((row) => toCustomer(ctx, row)), next_cursor },
      };
    },
  });

  operation(app, {
    method: 'GET',
    path: '/v1/customers/by-identifier/{scheme}/{value}',
    id: 'getCustomerByIdentifier',
    summary: 'Read a customer by an identifier',
    description:
      'For schemes that may stand in a path, such as the core-banking customer number. Others: lookup.',
    tag,
    domain,
    scope: 'customers:read',
    params: identifierParams,
    problems: ['rule_broken'],
    replies: customerReplies,
    handler: async ({ ctx, params: identifier, headers }) => {
      await service.checkPathSafe(ctx, identifier.scheme);
      return customerReply(ctx, await service.getCustomerByIdentifier(ctx, identifier), headers.ifNoneMatch);
    },
  });

  operation(app, {
    method: 'POST',
    path: '/v1/customers/lookup',
    id: 'lookupCustomer',
    summary: 'Find the customer of an identifier',
    description: 'As by-identifier, for every scheme: the identifier travels in the body and reaches no log.',
    tag,
    domain,
    scope: 'customers:read',
    body: Ref(schemas.IdentifierIn),
    bodyExample: nationalIdExample,
    problems: ['rule_broken', 'not_found'],
    replies: { 200: customerReplies[200] },
    handler: async ({ ctx, body }) =>
      customerReply(ctx, await service.getCustomerByIdentifier(ctx, body), undefined),
  });
}

const upsertReplies = {
  200: {
    description: 'Updated, or unchanged',
    schema: Ref(schemas.CustomerUpsertResult),
    headers: { ...etagHeader, Location: 'Where it is' },
    example: { outcome: 'updated', ignored_fields: [], customer: customerExample },
  },
  201: {
    description: 'Created',
    schema: Ref(schemas.CustomerUpsertResult),
    headers: { ...etagHeader, Location: 'Where it is' },
    example: { outcome: 'created', ignored_fields: [], customer: customerExample },
  },
};

function writeRoutes(app: FastifyInstance): void {
  operation(app, {
    method: 'POST',
    path: '/v1/customers',
    id: 'createCustomer',
    summary: 'Create a customer',
    description: 'A person or an organization that is new. Where it may be known already, use upsert.',
    tag,
    domain,
    scope: 'customers:write',
    idempotent: true,
    body: Ref(schemas.CustomerCreate),
    bodyExample: { kind: 'person', ...upsertExample },
    problems: ['identifier_conflict', 'rule_broken'],
    replies: {
      201: {
        description: 'The new customer',
        schema: Ref(schemas.Customer),
        headers: { ...etagHeader, Location: 'Where it is' },
        example: customerExample,
      },
    },
    handler: async ({ ctx, body }) => {
      const { record } = await service.createCustomer(ctx, body);
      return {
        status: 201,
        headers: { ETag: etag(ctx, record), Location: `/v1/customers/${record.id}` },
        body: toCustomer(ctx, record),
      };
    },
  });

  operation(app, {
    method: 'POST',
    path: '/v1/customers/upsert',
    id: 'upsertCustomer',
    summary: 'Create or update a customer by its identifiers',
    description:
      'Any of the identifiers finds the customer, all of them are kept. An absent field is not stated and changes nothing, null is cleared by this source. However many say the same at once, one customer comes of it.',
    tag,
    domain,
    scope: 'customers:write',
    idempotent: true,
    body: Ref(schemas.CustomerUpsert),
    bodyExample: { kind: 'person', ...upsertExample },
    problems: ['identifier_conflict', 'rule_broken', 'not_found'],
    replies: upsertReplies,
    handler: async ({ ctx, body }) => upsertReply(ctx, await service.upsertCustomer(ctx, body)),
  });

  operation(app, {
    method: 'PUT',
    path: '/v1/customers/by-identifier/{scheme}/{value}',
    id: 'putCustomerByIdentifier',
    summary: 'Create or update a customer by one identifier',
    description: 'As upsert, for a scheme that may stand in a path.',
    tag,
    domain,
    scope: 'customers:write',
    params: identifierParams,
    body: Ref(schemas.CustomerUpsertByIdentifier),
    bodyExample: { kind: 'person', full_name: '王小明', branch: '0101', source: 'core' },
    problems: ['identifier_conflict', 'rule_broken'],
    replies: upsertReplies,
    handler: async ({ ctx, params: identifier, body }) => {
      await service.checkPathSafe(ctx, identifier.scheme);
      const identifiers = [identifier, ...(body.identifiers ?? [])];
      return upsertReply(ctx, await service.upsertCustomer(ctx, { ...body, identifiers }));
    },
  });

  operation(app, {
    method: 'PATCH',
    path: '/v1/customers/{id}',
    id: 'patchCustomer',
    summary: 'Change a customer',
    description:
      'JSON Merge Patch (RFC 7396): what is absent stays, null clears. `contact_points` is replaced as a whole. What a source with a higher priority stated stays, and is listed under `ignored_fields`. Needs If-Match.',
    tag,
    domain,
    scope: 'customers:write',
    params,
    ifMatch: true,
    body: Ref(schemas.CustomerPatch),
    bodyTypes: ['application/merge-patch+json'],
    bodyExample: { city: '上海', relationship_manager: 'RM007' },
    problems: ['rule_broken'],
    replies: {
      200: {
        ...customerReplies[200],
        schema: Ref(schemas.CustomerPatchResult),
        example: { ...customerExample, ignored_fields: [] },
      },
    },
    handler: async ({ ctx, params: { id }, body, headers }) => {
      const versions = requiredVersions(headers.ifMatch);
      const { record, ignored_fields } = await service.patchCustomer(ctx, id, versions, body);
      return {
        status: 200,
        body: { ...toCustomer(ctx, record), ignored_fields },
        headers: { ETag: etag(ctx, record) },
      };
    },
  });
}

function identifierRoutes(app: FastifyInstance): void {
  operation(app, {
    method: 'POST',
    path: '/v1/customers/{id}/identifiers',
    id: 'addIdentifier',
    summary: 'Add an identifier',
    description: 'An identifier of a scheme belongs to one customer only.',
    tag: 'Identifiers',
    domain,
    scope: 'customers:write',
    idempotent: true,
    params,
    body: Ref(schemas.IdentifierIn),
    bodyExample: { scheme: 'core_banking', value: 'C000123' },
    problems: ['identifier_conflict', 'rule_broken'],
    replies: { 200: customerReplies[200] },
    handler: async ({ ctx, params: { id }, body }) =>
      customerReply(ctx, (await service.addIdentifier(ctx, id, body)).record, undefined),
  });

  operation(app, {
    method: 'DELETE',
    path: '/v1/customers/{id}/identifiers/{identifier_id}',
    id: 'removeIdentifier',
    summary: 'Remove an identifier',
    description: 'It can then be given to another customer. Needs the If-Match of the customer.',
    tag: 'Identifiers',
    domain,
    scope: 'customers:write',
    params: Strict({ id: Id('Of the customer'), identifier_id: Id('Of the identifier') }),
    ifMatch: true,
    replies: { 204: { description: 'Removed' } },
    handler: async ({ ctx, params: { id, identifier_id }, headers }) => {
      await removeIdentifier(ctx, id, identifier_id, requiredVersions(headers.ifMatch));
      return { status: 204 };
    },
  });
}
