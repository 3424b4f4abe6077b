import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { DomainError } from '../platform/errors.js';
import { planQuery, planReply } from '../platform/http/approval-schemas.js';
import { guardedReply } from '../platform/http/guarded-replies.js';
import { operation } from '../platform/http/operation.js';
import { Id, Key, pageQuery, Ref, Strict } from '../platform/http/schemas.js';
import { etagOf, requiredVersions, unlessKnown } from '../platform/http/versions.js';
import { page, pageRequest } from '../platform/pagination.js';
import type { LoadFacts } from '../rules/facts.js';
import { ruleComponents } from '../rules/schema.js';
import { asOfQuery, checkPast, explanationRoutes } from './explanation-routes.js';
import { exportMembers, isExport } from './export.js';
import { createGuard, deleteGuard, putGuard } from './guards.js';
import { historyRoutes } from './history-routes.js';
import { freshness, listMembers, segmentsOfCustomer } from './members.js';
import { restateMembers } from './restated.js';
import { ruleRoutes } from './rule-routes.js';
import * as schemas from './schemas.js';
import * as service from './service.js';
import { staticRoutes } from './static-routes.js';

const tag = 'Segments';
const domain = 'Customer Behavior Insights';
const params = Strict({ key: Key('Of the segment') });
const etagHeader = { ETag: 'The version of the definition' };

const rule = { fact: 'holdings.net', op: 'gt', value: '1000000' };
const example = {
  key: 'high_net_worth',
  name: 'High net worth',
  description: 'Financial net assets above 1,000,000.',
  kind: 'rule',
  rule,
  rule_version: 1,
  live_version: 1,
  state: 'current',
  progress: null,
  error: null,
  ranks_as_of: null,
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
};
const definition = { name: example.name, description: example.description, rule };
const memberExample = {
  customer_id: '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d',
  entered_at: '2026-01-05T08:00:01.000000Z',
  left_at: null,
  rule_version: 1,
};

export function segmentRoutes(app: FastifyInstance, facts: LoadFacts): void {
  for (const component of [...ruleComponents, ...Object.values(schemas)]) app.addSchema(component);
  readRoutes(app, facts);
  writeRoutes(app, facts);
  memberRoutes(app, facts);
  historyRoutes(app);
  explanationRoutes(app, facts);
  staticRoutes(app);
  ruleRoutes(app, facts);
}

const found = { description: 'The segment', schema: Ref(schemas.Segment), headers: etagHeader, example };

function segmentReply(row: service.SegmentRow, status = 200) {
  const headers = {
    ETag: etagOf(row.rule_version),
    ...(status === 201 ? { Location: `/v1/segments/${row.key}` } : {}),
  };
  return { status, body: row, headers };
}

function readRoutes(app: FastifyInstance, facts: LoadFacts): void {
  operation(app, {
    method: 'GET',
    path: '/v1/segments',
    id: 'listSegments',
    summary: 'List segments',
    description: 'All segments with their rules, in the order of their keys.',
    tag,
    domain,
    scope: 'segments:read',
    query: Strict(pageQuery),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'Segments',
        schema: Ref(schemas.SegmentPage),
        example: { data: [example], next_cursor: null },
      },
    },
    handler: async ({ ctx, query }) => {
      const wanted = pageRequest(ctx, 'listSegments', query);
      const body = page(ctx, wanted, await service.listSegments(ctx, facts, wanted), (row) => [row.key]);
      return { status: 200, body };
    },
  });
  operation(app, {
    method: 'GET',
    path: '/v1/segments/{key}',
    id: 'getSegment',
    summary: 'Read a segment',
    description: 'The definition, its version, and whether customers still wait to be judged by it.',
    tag,
    domain,
    scope: 'segments:read',
    params,
    replies: { 200: found, 304: { description: 'The caller has this version already', headers: etagHeader } },
    handler: async ({ ctx, params: { key }, headers }) => {
      const row = await service.getSegment(ctx, facts, key);
      return unlessKnown(headers.ifNoneMatch, etagOf(row.rule_version), () => row);
    },
  });
}

function writeRoutes(app: FastifyInstance, facts: LoadFacts): void {
  const guards = { create: createGuard(facts), put: putGuard(facts) };
  operation(app, {
    method: 'POST',
    path: '/v1/segments',
    id: 'createSegment',
    summary: 'Create a segment',
    description:
      'Every customer is judged by the new rule in the background; `state` says when that is done.',
    tag,
    domain,
    scope: 'segments:write',
    ofTheBank: true,
    idempotent: true,
    body: Ref(schemas.SegmentCreate),
    bodyExample: {
      key: 'affluent',
      name: 'Affluent',
      description: 'Financial net assets above 300,000.',
      rule: { ...rule, value: '300000' },
    },
    query: Strict(planQuery),
    guarded: guards.create,
    problems: ['rule_broken', 'conflict'],
    replies: { 200: planReply, 201: { ...found, headers: { ...etagHeader, Location: 'Where it is' } } },
    handler: ({ ctx, body, query }) =>
      guardedReply(ctx, guards.create, body, query, async () =>
        segmentReply(await service.getSegment(ctx, facts, body.key), 201),
      ),
  });
  operation(app, {
    method: 'PUT',
    path: '/v1/segments/{key}',
    id: 'putSegment',
    summary: 'Change a segment',
    description:
      'A changed rule is a new version; the same rule again makes none. With `dry_run` the reply is the plan: who would enter and who would leave, counted now, and a `plan_hash`.',
    tag,
    domain,
    scope: 'segments:write',
    ofTheBank: true,
    params,
    ifMatch: true,
    body: Ref(schemas.SegmentPut),
    bodyExample: definition,
    query: Strict(planQuery),
    guarded: guards.put,
    problems: ['rule_broken'],
    replies: {
      200: {
        ...found,
        description: 'The segment; with `dry_run` the plan',
        schema: Ref(schemas.SegmentOrPlan),
      },
    },
    handler: ({ ctx, params: { key }, body, query, headers }) => {
      const input = { key, versions: requiredVersions(headers.ifMatch), ...body };
      return guardedReply(ctx, guards.put, input, query, async () =>
        segmentReply(await service.getSegment(ctx, facts, key)),
      );
    },
  });
  operation(app, {
    method: 'DELETE',
    path: '/v1/segments/{key}',
    id: 'deleteSegment',
    summary: 'Delete a segment',
    description:
      'Its members leave. What was stays readable as of a past instant by customer. While the rule of another segment names it, an earn rule, or a reward that can be ordered, it cannot be deleted.',
    tag,
    domain,
    scope: 'segments:write',
    ofTheBank: true,
    params,
    ifMatch: true,
    query: Strict(planQuery),
    guarded: deleteGuard,
    problems: ['conflict'],
    replies: { 200: planReply, 204: { description: 'Deleted' } },
    handler: ({ ctx, params: { key }, query, headers }) => {
      const input = { key, versions: requiredVersions(headers.ifMatch) };
      return guardedReply(ctx, deleteGuard, input, query, () => ({ status: 204 }));
    },
  });
}

const notStreamed = () =>
  new DomainError('rule_broken', 'What is restated comes in pages.', {
    errors: [
      {
        in: 'query',
        pointer: '/basis',
        code: 'not_streamed',
        message: 'ask for JSON, or for what was recorded',
      },
    ],
  });

function memberRoutes(app: FastifyInstance, facts: LoadFacts): void {
  operation(app, {
    method: 'GET',
    path: '/v1/segments/{key}/members',
    id: 'listSegmentMembers',
    summary: 'Who is in a segment',
    description:
      'Now, or at a past instant: as it was decided then, or restated by what is known today. `freshness` says how far the review is behind. With `Accept: application/x-ndjson` or `text/csv` all of them as one stream, of one instant, without pages.',
    tag,
    domain,
    scope: 'segments:read',
    params,
    query: Strict({ ...pageQuery, ...asOfQuery }),
    patient: true,
    problems: ['invalid_cursor', 'rule_broken'],
    replies: {
      200: {
        description: 'Members in the order of their ids',
        schema: Ref(schemas.MemberPage),
        alternatives: {
          'application/x-ndjson': { example: `${JSON.stringify(memberExample)}\n` },
          'text/csv': {
            example: `${Object.keys(memberExample).join(',')}\n${Object.values(memberExample).join(',')}\n`,
          },
        },
        example: {
          data: [memberExample],
          next_cursor: null,
          freshness: { evaluated_at: '2026-01-05T09:00:00Z', unreviewed: 0, oldest_unreviewed_at: null },
        },
      },
    },
    handler: async ({ ctx, params: { key }, query: { limit, cursor, as_of, basis }, mediaType }) => {
      checkPast(ctx.now, as_of);
      await service.checkSegment(ctx, key);
      const restated = basis === 'restated' ? as_of : undefined;
      if (isExport(mediaType)) {
        if (restated !== undefined) throw notStreamed();
        return { status: 200, body: exportMembers(ctx, key, as_of, mediaType) };
      }
      const wanted = pageRequest(ctx, 'listSegmentMembers', { limit, cursor }, { key, as_of, basis });
      const rows =
        restated === undefined
          ? await listMembers(ctx, key, as_of, wanted)
          : await restateMembers(ctx, facts, key, restated, wanted);
      const members = page(ctx, wanted, rows, (row) => [row.customer_id]);
      return { status: 200, body: { ...members, freshness: await freshness(ctx) } };
    },
  });
  operation(app, {
    method: 'GET',
    path: '/v1/customers/{id}/segments',
    id: 'listCustomerSegments',
    summary: 'In which segments a customer is',
    description:
      'Now, or at a past instant: as it was decided then, or restated by what is known today. `fresh` reviews the customer before the answer.',
    tag,
    domain,
    scope: 'segments:read',
    params: Strict({ id: Id('Of the customer') }),
    query: Strict({
      ...asOfQuery,
      fresh: Type.Optional(
        Type.Boolean({ description: 'Review the customer now, whatever waits before it' }),
      ),
    }),
    problems: ['rule_broken'],
    replies: {
      200: {
        description: 'Segments, with how fresh the answer is',
        schema: Ref(schemas.CustomerSegments),
        example: {
          data: [
            {
              segment: 'high_net_worth',
              name: 'High net worth',
              entered_at: '2026-01-05T08:00:01.000000Z',
              left_at: null,
              rule_version: 1,
              cause: 'change',
            },
          ],
          evaluated_at: '2026-01-05T08:00:01Z',
          pending: false,
          next_change_at: null,
        },
      },
    },
    handler: async ({ ctx, params: { id }, query }) => {
      checkPast(ctx.now, query.as_of);
      return { status: 200, body: await segmentsOfCustomer(ctx, facts, id, query) };
    },
  });
}
