import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Ctx } from '../platform/context.js';
import { fieldError } from '../platform/errors.js';
import { planQuery } from '../platform/http/approval-schemas.js';
import { guardedReply } from '../platform/http/guarded-replies.js';
import { operation } from '../platform/http/operation.js';
import { Id, pageQuery, Ref, Strict } from '../platform/http/schemas.js';
import { etagOf, requiredVersions, unlessKnown } from '../platform/http/versions.js';
import { page, pageRequest } from '../platform/pagination.js';
import { type MergeInput, mergeGuard } from './merging.js';
import { revertGuard } from './reverting.js';
import { Merge, MergeIn, MergeOrPlan, MergePage, type MergeStatement, mergeComponents } from './schemas.js';
import { findPair, makeKnown } from './sides.js';
import { getMerge, listMerges, type MergeRow, standingMergeOf } from './stored.js';

const tag = 'Merges';
const domain = 'Party Lifecycle Management';
const common = { tag, domain } as const;
const params = Strict({ id: Id('Of the merge') });
const etagHeader = { ETag: 'The version of the merge' };

const example: MergeRow = {
  id: '0197f3c2-1b7f-7c11-8d3e-5f6a7b8c9d0e',
  survivor_id: '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d',
  merged_id: '0197f3c2-1b7f-7b02-9c2d-4e5f6a7b8c9d',
  authority: 'decision',
  source: null,
  state: 'merged',
  survivorship: { city: 'merged' },
  report: { moved: { identifiers: 1, contact_points: 1, relationships: 0, holdings: 2, activities: 118 } },
  created_by: 'key:0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d',
  merged_at: '2026-01-05T08:00:01.000000Z',
  reverted_by: null,
  reverted_at: null,
  version: 1,
};

const reply = (row: MergeRow, status = 200) => ({
  status,
  body: row,
  headers: {
    ETag: etagOf(row.version),
    ...(status === 201 ? { Location: `/v1/merges/${row.id}` } : {}),
  },
});

export function mergeRoutes(app: FastifyInstance): void {
  for (const component of mergeComponents) app.addSchema(component);
  readRoutes(app);
  createRoute(app);
  revertRoute(app);
}

function readRoutes(app: FastifyInstance): void {
  operation(app, {
    ...common,
    method: 'GET',
    path: '/v1/merges',
    id: 'listMerges',
    summary: 'List merges',
    description: 'Of customers in reach, the latest first.',
    scope: 'merges:read',
    query: Strict({
      ...pageQuery,
      survivor_id: Type.Optional(Id('Only those into this customer')),
      merged_id: Type.Optional(Id('Only those of this customer into another')),
    }),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of merges',
        schema: Ref(MergePage),
        example: { data: [example], next_cursor: null },
      },
    },
    handler: async ({ ctx, query: { limit, cursor, ...filters } }) => {
      const wanted = pageRequest(ctx, 'listMerges', { limit, cursor }, filters);
      const body = page(ctx, wanted, await listMerges(ctx, filters, wanted), (row) => [row.id]);
      return { status: 200, body };
    },
  });

  operation(app, {
    ...common,
    method: 'GET',
    path: '/v1/merges/{id}',
    id: 'getMerge',
    summary: 'Read a merge',
    description: 'What moved, and how far it is where very many activities do.',
    scope: 'merges:read',
    params,
    replies: {
      200: { description: 'The merge', schema: Ref(Merge), headers: etagHeader, example },
      304: { description: 'The caller has this version already', headers: etagHeader },
    },
    handler: async ({ ctx, params: { id }, headers }) => {
      const row = await getMerge(ctx, id);
      return unlessKnown(headers.ifNoneMatch, etagOf(row.version), () => row);
    },
  });
}

function inputOf({
  survivor,
  merged,
  survivorship = {},
  authority = 'decision',
  source,
}: MergeStatement): MergeInput {
  if (authority === 'source_of_record' && source === undefined) {
    throw fieldError('/source', 'required', 'Say which source of record has merged them.');
  }
  const isOfRecord = authority === 'source_of_record';
  return { survivor, merged, survivorship, authority, source: isOfRecord ? (source ?? null) : null };
}

/** A core sends its merges again and again: what is one already is told as it was done. */
async function standing(ctx: Ctx, input: MergeInput, isDryRun: boolean): Promise<MergeRow | undefined> {
  const find = () => findPair(ctx.database, ctx, input);
  const { survivor, merged } = await find().catch(async (error: unknown) => {
    if (input.source === null || isDryRun) throw error;
    await makeKnown(ctx, input.merged, input.source, error);
    return find();
  });
  if (survivor.id !== merged.id || merged.origin === null) return undefined;
  const merge = await standingMergeOf(ctx.database, merged.origin);
  return merge && getMerge(ctx, merge.id);
}

function createRoute(app: FastifyInstance): void {
  operation(app, {
    ...common,
    method: 'POST',
    path: '/v1/merges',
    id: 'createMerge',
    summary: 'Make one customer of two',
    description:
      'Everything of the merged customer moves to the survivor in one transaction. Its ids and identifiers answer with the survivor from then on, and what comes late for it reaches the survivor. With `dry_run` the plan is answered: whose value of each field stands, and why. `authority` source_of_record is for what the core has merged already: it asks for no approval, sent again it answers with the merge that stands, and a number that nobody has yet belongs to the survivor from then on.',
    scope: 'merges:write',
    idempotent: true,
    query: Strict(planQuery),
    body: Ref(MergeIn),
    bodyExample: {
      survivor: { scheme: 'core_banking', value: 'C000311' },
      merged: { scheme: 'core_banking', value: 'C000312' },
      survivorship: { city: 'merged' },
    },
    guarded: mergeGuard,
    problems: ['rule_broken', 'conflict', 'not_found'],
    replies: {
      200: {
        description: 'The merge that stands already; with `dry_run` the plan',
        schema: Ref(MergeOrPlan),
        headers: etagHeader,
        example,
      },
      201: {
        description: 'Merged',
        schema: Ref(Merge),
        headers: { ...etagHeader, Location: 'Where it is' },
        example,
      },
    },
    handler: async ({ ctx, body, query }) => {
      const input = inputOf(body);
      const before = await standing(ctx, input, query.dry_run === true);
      if (before !== undefined) return reply(before);
      return guardedReply(ctx, mergeGuard, input, query, async ({ id }) =>
        reply(await getMerge(ctx, id), 201),
      );
    },
  });
}

function revertRoute(app: FastifyInstance): void {
  operation(app, {
    ...common,
    method: 'POST',
    path: '/v1/merges/{id}/revert',
    id: 'revertMerge',
    summary: 'Take a merge back',
    description:
      'Both customers are as they were before. What was written since is given to whom it named: what named the merged customer by its id, its identifiers or its holdings goes to it, all else stays with the survivor; `report.later` counts both. The latest merge of a customer is taken back first. Needs If-Match.',
    scope: 'merges:write',
    params,
    query: Strict(planQuery),
    ifMatch: true,
    guarded: revertGuard,
    problems: ['conflict'],
    replies: {
      200: {
        description: 'Taken back; with `dry_run` the plan',
        schema: Ref(MergeOrPlan),
        headers: etagHeader,
        example: { ...example, state: 'reverted', version: 2 },
      },
    },
    handler: async ({ ctx, params: { id }, query, headers }) =>
      guardedReply(ctx, revertGuard, { id, versions: requiredVersions(headers.ifMatch) }, query, async () =>
        reply(await getMerge(ctx, id)),
      ),
  });
}
