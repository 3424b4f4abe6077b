import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Ctx } from '../platform/context.js';
import { mayReadSensitive } from '../platform/context.js';
import { operation } from '../platform/http/operation.js';
import { Id, pageQuery, Ref, Strict } from '../platform/http/schemas.js';
import { etagOf, requiredVersions, unlessKnown } from '../platform/http/versions.js';
import { page, pageRequest } from '../platform/pagination.js';
import { balanceRoutes } from './balance-routes.js';
import { customerHoldingExample, holdingExample, holdingUpsertExample } from './examples.js';
import { partyRoutes } from './party-routes.js';
import * as schemas from './schemas.js';
import * as service from './service.js';
import { type HoldingRecord, toCustomerHolding, toHolding } from './view.js';

const tag = 'Holdings';
const domain = 'Party Reference Data Directory';
const etagHeader = { ETag: 'The version, for If-Match and If-None-Match' };
const params = Strict({ id: Id('Of the holding') });

export const holdingEtag = (ctx: Ctx, record: HoldingRecord) =>
  etagOf(record.version, !mayReadSensitive(ctx, 'customers'));

/** A single holding, or 304 where the caller has it already. */
function holdingReply(ctx: Ctx, record: HoldingRecord, ifNoneMatch: string | undefined) {
  return unlessKnown(ifNoneMatch, holdingEtag(ctx, record), () => toHolding(ctx, record));
}

const replies = {
  200: {
    description: 'The holding',
    schema: Ref(schemas.Holding),
    headers: etagHeader,
    example: holdingExample,
  },
  304: { description: 'The caller has this version already', headers: etagHeader },
};

export function holdingRoutes(app: FastifyInstance): void {
  for (const component of schemas.holdingComponents) app.addSchema(component);
  readRoutes(app);
  writeRoutes(app);
  partyRoutes(app);
  balanceRoutes(app);
}

function readRoutes(app: FastifyInstance): void {
  operation(app, {
    method: 'GET',
    path: '/v1/holdings/{id}',
    id: 'getHolding',
    summary: 'Read a holding',
    description:
      'The holding with its balance and those who stand in a role to it now. Its number is masked without `customers:read_sensitive`.',
    tag,
    domain,
    scope: 'customers:read',
    params,
    replies,
    handler: async ({ ctx, params: { id }, headers }) =>
      holdingReply(ctx, await service.getHolding(ctx, id), headers.ifNoneMatch),
  });

  operation(app, {
    method: 'POST',
    path: '/v1/holdings/lookup',
    id: 'lookupHolding',
    summary: 'Find the holding of a number',
    description: 'By source and number: the number travels in the body and reaches no log.',
    tag,
    domain,
    scope: 'customers:read',
    body: Ref(schemas.HoldingLookup),
    bodyExample: { source: holdingUpsertExample.source, number: holdingUpsertExample.number },
    problems: ['not_found'],
    replies: { 200: replies[200] },
    handler: async ({ ctx, body }) => holdingReply(ctx, await service.lookupHolding(ctx, body), undefined),
  });

  operation(app, {
    method: 'GET',
    path: '/v1/customers/{id}/holdings',
    id: 'listCustomerHoldings',
    summary: 'List the holdings of a customer',
    description:
      'In whatever role the customer stands to them, each with the role; one that stands in two roles comes twice.',
    tag,
    domain,
    scope: 'customers:read',
    params: Strict({ id: Id('Of the customer') }),
    query: Strict({
      ...pageQuery,
      include_ended: Type.Boolean({ default: false, description: 'Roles that have ended too' }),
    }),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of holdings',
        schema: Ref(schemas.CustomerHoldingPage),
        example: { data: [customerHoldingExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, params: { id }, query: { limit, cursor, ...filters } }) => {
      const wanted = pageRequest(ctx, 'listCustomerHoldings', { limit, cursor }, { id, ...filters });
      const rows = await service.listCustomerHoldings(ctx, id, filters, wanted);
      const { data, next_cursor } = page(ctx, wanted, rows, (row) => [row.party_id]);
      return {
        status: 200,
        body: { data: data.map((row) => toCustomerHolding(ctx, row)), next_cursor },
      };
    },
  });
}

const upsertReply = (description: string, outcome: string) => ({
  description,
  schema: Ref(schemas.HoldingUpsertResult),
  headers: { ...etagHeader, Location: 'Where it is' },
  example: { outcome, ignored_fields: [], holding: holdingExample },
});

function writeRoutes(app: FastifyInstance): void {
  operation(app, {
    method: 'POST',
    path: '/v1/holdings/upsert',
    id: 'upsertHolding',
    summary: 'Create or update a holding by its number',
    description:
      'A number is unique at its source. An absent field is not stated and changes nothing, null clears. What the source knew earlier than what it told already is ignored, and listed. A balance counts for its business date: late and corrected days take their place in `…/{id}/balances`, and the one of the latest day is the holding’s. A new holding needs a category and a primary owner; a prospect becomes active with the first one. However many say the same at once, one holding comes of it.',
    tag,
    domain,
    scope: 'customers:write',
    idempotent: true,
    body: Ref(schemas.HoldingUpsert),
    bodyExample: holdingUpsertExample,
    problems: ['rule_broken', 'not_found', 'identifier_conflict'],
    replies: {
      200: upsertReply('Updated, or unchanged', 'updated'),
      201: upsertReply('Created', 'created'),
    },
    handler: async ({ ctx, body }) => {
      const { outcome, ignored_fields, record } = await service.upsertHolding(ctx, body);
      return {
        status: outcome === 'created' ? 201 : 200,
        headers: { ETag: holdingEtag(ctx, record), Location: `/v1/holdings/${record.id}` },
        body: { outcome, ignored_fields, holding: toHolding(ctx, record) },
      };
    },
  });

  operation(app, {
    method: 'PATCH',
    path: '/v1/holdings/{id}',
    id: 'patchHolding',
    summary: 'Change a holding',
    description:
      'JSON Merge Patch (RFC 7396): what is absent stays, null clears. Its parties have paths of their own. Needs If-Match.',
    tag,
    domain,
    scope: 'customers:write',
    params,
    ifMatch: true,
    body: Ref(schemas.HoldingPatch),
    bodyTypes: ['application/merge-patch+json'],
    bodyExample: { status: 'frozen' },
    problems: ['rule_broken'],
    replies: { 200: replies[200] },
    handler: async ({ ctx, params: { id }, body, headers }) => {
      const { record } = await service.patchHolding(ctx, id, requiredVersions(headers.ifMatch), body);
      return holdingReply(ctx, record, undefined);
    },
  });
}
