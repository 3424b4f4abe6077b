import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Ctx } from '../platform/context.js';
import { planQuery, planReply } from '../platform/http/approval-schemas.js';
import { guardedReply } from '../platform/http/guarded-replies.js';
import { operation } from '../platform/http/operation.js';
import { Id, Instant, pageQuery, Ref, Strict, StringEnum, Text } from '../platform/http/schemas.js';
import { contentReply, etagOf, requiredVersions, unlessKnown } from '../platform/http/versions.js';
import { page, pageRequest } from '../platform/pagination.js';
import { assignmentRoles } from './events.js';
import * as schemas from './schemas.js';
import { createAssignment, patchAssignment } from './service.js';
import { type AssignmentRow, getAssignment, listAssignments, toAssignment } from './stored.js';
import { getTransfer, toTransfer, transferGuard } from './transfers.js';

const common = { tag: 'Organization', domain: 'Customer Relationship Management' } as const;
const reading = { ...common, method: 'GET', scope: 'organization:read' } as const;
const writing = { ...common, scope: 'assignments:write' } as const;
const etagHeader = { ETag: 'The version, for If-Match and If-None-Match' };
const params = Strict({ id: Id('Of the assignment') });

const example = {
  id: '0197f3c2-1b7f-7a10-8c3d-5e6f7a8b9c0d',
  customer_id: '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d',
  staff: 'RM009',
  role: 'primary',
  from: '2026-01-05T08:00:01.000000Z',
  to: null,
  status: 'current',
  reason: 'moved to the city',
  source: null,
  assigned_by: 'key:0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d',
  recorded_at: '2026-01-05T08:00:01.000000Z',
  transfer_id: null,
  version: 1,
} as const;
const found = (description: string) => ({
  description,
  schema: Ref(schemas.Assignment),
  headers: etagHeader,
  example,
});

function reply(ctx: Ctx, row: AssignmentRow, status = 200) {
  const headers = {
    ETag: etagOf(row.version),
    ...(status === 201 ? { Location: `/v1/assignments/${row.id}` } : {}),
  };
  return { status, headers, body: toAssignment(ctx, row) };
}

export function assignmentRoutes(app: FastifyInstance): void {
  for (const component of schemas.assignmentComponents) app.addSchema(component);
  readRoutes(app);
  writeRoutes(app);
  transferRoutes(app);
}

function readRoutes(app: FastifyInstance): void {
  operation(app, {
    ...reading,
    path: '/v1/assignments',
    id: 'listAssignments',
    summary: 'Who looks after whom',
    description:
      'Past, present and planned ones, by customer; `as_of` asks for those that are in effect at an instant. Of customers in reach.',
    query: Strict({
      ...pageQuery,
      customer: Type.Optional(Id('Of this customer')),
      staff: Type.Optional(Text('Of this member of the staff', 60)),
      role: Type.Optional(StringEnum(assignmentRoles, { description: 'In this role' })),
      as_of: Type.Optional(Instant('In effect at this instant')),
    }),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of assignments',
        schema: Ref(schemas.AssignmentPage),
        example: { data: [example], next_cursor: null },
      },
    },
    handler: async ({ ctx, query: { limit, cursor, ...filters } }) => {
      const wanted = pageRequest(ctx, 'listAssignments', { limit, cursor }, filters);
      const rows = await listAssignments(ctx, filters, wanted);
      const { data, next_cursor } = page(ctx, wanted, rows, (row) => [row.customer_id, row.id]);
      return { status: 200, body: { data: data.map((row) => toAssignment(ctx, row)), next_cursor } };
    },
  });

  operation(app, {
    ...reading,
    path: '/v1/assignments/{id}',
    id: 'getAssignment',
    summary: 'Read an assignment',
    description: 'With its times, and who made it.',
    params,
    replies: {
      200: found('The assignment'),
      304: { description: 'The caller has this version already', headers: etagHeader },
    },
    handler: async ({ ctx, params: { id }, headers }) => {
      const row = await getAssignment(ctx, id);
      return unlessKnown(headers.ifNoneMatch, etagOf(row.version), () => toAssignment(ctx, row));
    },
  });
}

function writeRoutes(app: FastifyInstance): void {
  operation(app, {
    ...writing,
    method: 'POST',
    path: '/v1/assignments',
    id: 'createAssignment',
    summary: 'Assign somebody to a customer',
    description:
      'From now, or from a later instant, on. A primary one ends the one before it, and ends itself where a later one begins. A manager whom a source names counts as assigned by that source at that moment; one that only repeats what it has said before does not undo what was assigned here.',
    body: Ref(schemas.AssignmentIn),
    bodyExample: {
      customer: { scheme: 'core_banking', value: 'C000001' },
      staff: 'RM009',
      role: 'primary',
      reason: 'moved to the city',
    },
    idempotent: true,
    problems: ['not_found', 'conflict', 'rule_broken'],
    replies: { 201: { ...found('Assigned'), headers: { ...etagHeader, Location: 'The assignment' } } },
    handler: async ({ ctx, body }) => reply(ctx, await createAssignment(ctx, body), 201),
  });

  operation(app, {
    ...writing,
    method: 'PATCH',
    path: '/v1/assignments/{id}',
    id: 'patchAssignment',
    summary: 'End an assignment',
    description:
      'At an instant from now on; one that has not begun is taken back by its own begin. The one before it does not come back by that: assign it anew. What is over stays as it was.',
    ifMatch: true,
    params,
    bodyTypes: ['application/merge-patch+json'],
    body: Ref(schemas.AssignmentPatch),
    bodyExample: { reason: 'parental leave of the former one' },
    problems: ['conflict', 'rule_broken'],
    replies: { 200: found('Changed') },
    handler: async ({ ctx, params: { id }, body, headers }) =>
      reply(ctx, await patchAssignment(ctx, id, requiredVersions(headers.ifMatch), body)),
  });
}

function transferRoutes(app: FastifyInstance): void {
  const transferExample = {
    id: '0197f3c2-1b7f-7a10-8c3d-5e6f7a8b9c0d',
    from: { staff: 'RM001' },
    to: 'RM009',
    filter: {},
    effective_from: null,
    reason: 'retirement',
    state: 'completed',
    total: 240,
    done: 240,
    created_by: 'key:0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d',
    created_at: '2026-01-05T08:00:01.000000Z',
    completed_at: '2026-01-05T08:00:01.000000Z',
  } as const;
  operation(app, {
    ...writing,
    method: 'POST',
    path: '/v1/assignments/transfers',
    id: 'transferAssignments',
    summary: 'Hand a book over',
    description:
      'All customers whose primary one somebody is, or those of a branch and all below it, get another primary one. `dry_run` tells how many and which (as a hash) without doing it, and `plan_hash` does only that. Up to 500 are assigned with the request; more are worked through in the background: the transfer says how far it is. A policy can ask a second person.',
    guarded: transferGuard,
    idempotent: true,
    query: Strict(planQuery),
    body: Ref(schemas.TransferIn),
    bodyExample: { from: { staff: 'RM001' }, to: 'RM009', reason: 'retirement' },
    problems: ['rule_broken'],
    replies: {
      200: planReply,
      201: {
        description: 'Done, or under way',
        schema: Ref(schemas.Transfer),
        headers: { Location: 'The transfer' },
        example: transferExample,
      },
    },
    handler: ({ ctx, body, query }) =>
      guardedReply(ctx, transferGuard, { ...body, dataScope: ctx.dataScope }, query, (row) => ({
        status: 201,
        headers: { Location: `/v1/assignments/transfers/${row.id}` },
        body: toTransfer(ctx, row),
      })),
  });

  operation(app, {
    ...reading,
    path: '/v1/assignments/transfers/{id}',
    id: 'getTransfer',
    summary: 'Read a transfer',
    description: 'How far it is. Whoever is bound to a data scope sees those that they have asked for.',
    params: Strict({ id: Id('Of the transfer') }),
    replies: {
      200: {
        description: 'The transfer',
        schema: Ref(schemas.Transfer),
        headers: { ETag: 'Of the content' },
        example: transferExample,
      },
      304: { description: 'The caller has this already', headers: { ETag: 'Of the content' } },
    },
    handler: async ({ ctx, params: { id }, headers }) =>
      contentReply(await getTransfer(ctx, id), headers.ifNoneMatch),
  });
}
