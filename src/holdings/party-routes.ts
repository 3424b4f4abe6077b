import type { FastifyInstance } from 'fastify';
import { type Ctx, mayReadSensitive } from '../platform/context.js';
import { operation } from '../platform/http/operation.js';
import { Id, pageQuery, Ref, Strict } from '../platform/http/schemas.js';
import { etagOf, requiredVersions } from '../platform/http/versions.js';
import { page, pageRequest } from '../platform/pagination.js';
import { holdingExample, partyExample } from './examples.js';
import { addParty, endParty, patchParty } from './party-service.js';
import {
  Holding,
  HoldingPartyIn,
  HoldingPartyPage,
  HoldingPartyPatch,
  HoldingStatusPage,
} from './schemas.js';
import { type HoldingValue, listParties, listStatuses } from './service.js';
import { toHolding } from './view.js';

const tag = 'Holdings';
const domain = 'Party Reference Data Directory';
const params = Strict({ id: Id('Of the holding') });
const partyParams = Strict({ id: Id('Of the holding'), party_id: Id('Of the party') });

const replies = {
  200: {
    description: 'The holding with its present parties',
    schema: Ref(Holding),
    headers: { ETag: 'The version of the holding' },
    example: holdingExample,
  },
};

const statusExample = {
  id: '0197f3c2-1b80-7c44-8e5f-7f8a9b0c1d2e',
  status: 'closed',
  reason: 'Asked for by the customer',
  source_time: '2026-01-05T08:00:00Z',
  recorded_at: '2026-01-05T08:00:01.000000Z',
};

const reply = (ctx: Ctx, { record }: HoldingValue) => ({
  status: 200,
  headers: { ETag: etagOf(record.version, !mayReadSensitive(ctx, 'customers')) },
  body: toHolding(ctx, record),
});

export function partyRoutes(app: FastifyInstance): void {
  operation(app, {
    method: 'GET',
    path: '/v1/holdings/{id}/parties',
    id: 'listHoldingParties',
    summary: 'List the parties of a holding',
    description: 'All who stand or stood in a role to it, as far as the data scope of the key reaches.',
    tag,
    domain,
    scope: 'customers:read',
    params,
    query: Strict(pageQuery),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of parties',
        schema: Ref(HoldingPartyPage),
        example: { data: [partyExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, params: { id }, query }) => {
      const wanted = pageRequest(ctx, 'listHoldingParties', query, { id });
      const body = page(ctx, wanted, await listParties(ctx, id, wanted), (party) => [party.id]);
      return { status: 200, body };
    },
  });
  statusRoute(app);
  changeRoutes(app);
}

function statusRoute(app: FastifyInstance): void {
  operation(app, {
    method: 'GET',
    path: '/v1/holdings/{id}/statuses',
    id: 'listHoldingStatuses',
    summary: 'List the statuses of a holding',
    description: 'Every status that it came into, the latest first: closing and reopening among them.',
    tag,
    domain,
    scope: 'customers:read',
    params,
    query: Strict(pageQuery),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of statuses',
        schema: Ref(HoldingStatusPage),
        example: { data: [statusExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, params: { id }, query }) => {
      const wanted = pageRequest(ctx, 'listHoldingStatuses', query, { id });
      const body = page(ctx, wanted, await listStatuses(ctx, id, wanted), (entry) => [entry.id]);
      return { status: 200, body };
    },
  });
}

function changeRoutes(app: FastifyInstance): void {
  const common = { tag, domain, scope: 'customers:write' } as const;
  operation(app, {
    ...common,
    method: 'POST',
    path: '/v1/holdings/{id}/parties',
    id: 'addHoldingParty',
    summary: 'Add a party to a holding',
    description:
      'Who stands in the role already is changed instead. A new primary owner takes the holding over: the former one ends as of `starts_on`, or today.',
    idempotent: true,
    params,
    body: Ref(HoldingPartyIn),
    bodyExample: { customer: { scheme: 'core_banking', value: 'C000001' }, role: 'authorised' },
    problems: ['rule_broken'],
    replies,
    handler: async ({ ctx, params: { id }, body }) => reply(ctx, await addParty(ctx, id, body)),
  });

  operation(app, {
    ...common,
    method: 'PATCH',
    path: '/v1/holdings/{id}/parties/{party_id}',
    id: 'patchHoldingParty',
    summary: 'Change or end a party',
    description:
      'JSON Merge Patch of share and dates. `ends_on` ends the party; a primary owner ends by adding the next one. Needs the If-Match of the holding.',
    ifMatch: true,
    params: partyParams,
    body: Ref(HoldingPartyPatch),
    bodyTypes: ['application/merge-patch+json'],
    bodyExample: { ends_on: '2026-03-31' },
    problems: ['rule_broken'],
    replies,
    handler: async ({ ctx, params: ids, body, headers }) =>
      reply(ctx, await patchParty(ctx, ids, requiredVersions(headers.ifMatch), body)),
  });

  operation(app, {
    ...common,
    method: 'DELETE',
    path: '/v1/holdings/{id}/parties/{party_id}',
    id: 'endHoldingParty',
    summary: 'End a party today',
    description:
      "As of the bank's today; the party is kept among those that ended. Needs the If-Match of the holding.",
    ifMatch: true,
    params: partyParams,
    problems: ['rule_broken'],
    replies,
    handler: async ({ ctx, params: ids, headers }) =>
      reply(ctx, await endParty(ctx, ids, requiredVersions(headers.ifMatch))),
  });
}
