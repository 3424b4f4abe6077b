import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { operation } from '../platform/http/operation.js';
import { Key, pageQuery, Ref, Strict, StringEnum } from '../platform/http/schemas.js';
import { etagOf, requiredVersions, unlessKnown } from '../platform/http/versions.js';
import { page, pageRequest } from '../platform/pagination.js';
import * as branches from './branches.js';
import * as schemas from './schemas.js';
import * as staff from './staff.js';

const common = { tag: 'Organization', domain: 'Party Reference Data Directory' } as const;
const reading = { ...common, method: 'GET', scope: 'organization:read' } as const;
const writing = { ...common, scope: 'organization:write', ofTheBank: true } as const;
const mergePatch = ['application/merge-patch+json'];
const etagHeader = { ETag: 'The version, for If-Match and If-None-Match' };
const notModified = { description: 'The caller has this version already', headers: etagHeader };

export function organizationRoutes(app: FastifyInstance): void {
  for (const component of schemas.organizationComponents) app.addSchema(component);
  branchReads(app);
  branchWrites(app);
  staffReads(app);
  staffWrites(app);
}

function reply<Row extends { version: number }>(row: Row, ifNoneMatch: string | undefined) {
  return unlessKnown(ifNoneMatch, etagOf(row.version), () => row);
}

const branchIn = { code: '0102', name: 'Nanjing Road', kind: 'branch', opens_on: '2024-06-01' };
const branchExample = {
  ...branchIn,
  kind: 'branch',
  parent: null,
  closes_on: null,
  successor: null,
  status: 'open',
  version: 1,
  updated_at: '2026-01-05T08:00:00Z',
} as const;
const branchReply = (description: string) => ({
  description,
  schema: Ref(schemas.Branch),
  headers: etagHeader,
  example: branchExample,
});
const branchParams = Strict({ code: schemas.BranchCode('Of the branch') });

function branchReads(app: FastifyInstance): void {
  operation(app, {
    ...reading,
    path: '/v1/branches',
    id: 'listBranches',
    summary: 'List branches',
    description:
      'The tree, in the order of codes; `parent` asks for those directly below one. Whoever is bound to branches sees those in reach today.',
    query: Strict({
      ...pageQuery,
      parent: Type.Optional(schemas.BranchCode('Directly below this one')),
      kind: Type.Optional(Key('Of this kind')),
      status: Type.Optional(StringEnum(['planned', 'open', 'closed'], { description: 'Today' })),
    }),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of branches',
        schema: Ref(schemas.BranchPage),
        example: { data: [branchExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, query: { limit, cursor, ...filters } }) => {
      const wanted = pageRequest(ctx, 'listBranches', { limit, cursor }, filters);
      const rows = await branches.listBranches(ctx, filters, wanted);
      return { status: 200, body: page(ctx, wanted, rows, (row) => [row.code]) };
    },
  });

  operation(app, {
    ...reading,
    path: '/v1/branches/{code}',
    id: 'getBranch',
    summary: 'Read a branch',
    description: 'With the branch above it, its days, and its successor.',
    params: branchParams,
    replies: { 200: branchReply('The branch'), 304: notModified },
    handler: async ({ ctx, params: { code }, headers }) =>
      reply(await branches.getBranch(ctx, code), headers.ifNoneMatch),
  });
}

function branchWrites(app: FastifyInstance): void {
  operation(app, {
    ...writing,
    method: 'POST',
    path: '/v1/branches',
    id: 'createBranch',
    summary: 'Make a branch',
    description:
      'From the day on which it opens, whoever is bound to a branch above it reaches its customers. Before that day, and for codes that no branch has, a code means just itself.',
    body: Ref(schemas.BranchIn),
    bodyExample: branchIn,
    idempotent: true,
    problems: ['conflict', 'rule_broken'],
    replies: { 201: branchReply('Made') },
    handler: async ({ ctx, body }) => {
      const row = await branches.createBranch(ctx, body);
      return { status: 201, headers: { ETag: etagOf(row.version) }, body: row };
    },
  });

  operation(app, {
    ...writing,
    method: 'PATCH',
    path: '/v1/branches/{code}',
    id: 'patchBranch',
    summary: 'Change, move or close a branch',
    description:
      'It closes on `closes_on`, and says with `successor` who has its customers and the branches below it from that day on; only one without customers and staff closes without. No customer is changed by it: what was in reach of the closed branch is in reach of its successor, and keys that are bound to the closed branch reach nothing of it any more. Parents and successors never lead in a circle.',
    ifMatch: true,
    params: branchParams,
    bodyTypes: mergePatch,
    body: Ref(schemas.BranchPatch),
    bodyExample: { name: 'Nanjing Road East' },
    problems: ['rule_broken'],
    replies: { 200: branchReply('Changed, or unchanged') },
    handler: async ({ ctx, params: { code }, body, headers }) => {
      const row = await branches.patchBranch(ctx, code, requiredVersions(headers.ifMatch), body);
      return { status: 200, headers: { ETag: etagOf(row.version) }, body: row };
    },
  });
}

const staffIn = { code: 'RM009', name: 'Li Lei', active_from: '2024-06-01' };
const staffExample = {
  ...staffIn,
  branch: null,
  active_to: null,
  version: 1,
  updated_at: '2026-01-05T08:00:00Z',
};
const staffReply = (description: string) => ({
  description,
  schema: Ref(schemas.StaffMember),
  headers: etagHeader,
  example: staffExample,
});
const staffParams = Strict({ code: schemas.StaffCode('Of the member of the staff') });

function staffReads(app: FastifyInstance): void {
  operation(app, {
    ...reading,
    path: '/v1/staff',
    id: 'listStaff',
    summary: 'List the staff',
    description:
      'In the order of codes. Whoever is bound to branches sees who works there, to a book its own, to one customer who looks after it.',
    query: Strict({ ...pageQuery, branch: Type.Optional(schemas.BranchCode('Who work there')) }),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of the staff',
        schema: Ref(schemas.StaffPage),
        example: { data: [staffExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, query: { limit, cursor, ...filters } }) => {
      const wanted = pageRequest(ctx, 'listStaff', { limit, cursor }, filters);
      const rows = await staff.listStaff(ctx, filters, wanted);
      return { status: 200, body: page(ctx, wanted, rows, (row) => [row.code]) };
    },
  });

  operation(app, {
    ...reading,
    path: '/v1/staff/{code}',
    id: 'getStaff',
    summary: 'Read a member of the staff',
    description: 'With the branch and the days.',
    params: staffParams,
    replies: { 200: staffReply('The member of the staff'), 304: notModified },
    handler: async ({ ctx, params: { code }, headers }) =>
      reply(await staff.getStaff(ctx, code), headers.ifNoneMatch),
  });
}

function staffWrites(app: FastifyInstance): void {
  operation(app, {
    ...writing,
    method: 'POST',
    path: '/v1/staff',
    id: 'createStaff',
    summary: 'Enter a member of the staff',
    description: 'Customers can be assigned to them from their first day on.',
    body: Ref(schemas.StaffIn),
    bodyExample: staffIn,
    idempotent: true,
    problems: ['conflict', 'rule_broken'],
    replies: { 201: staffReply('Entered') },
    handler: async ({ ctx, body }) => {
      const row = await staff.createStaff(ctx, body);
      return { status: 201, headers: { ETag: etagOf(row.version) }, body: row };
    },
  });

  operation(app, {
    ...writing,
    method: 'PATCH',
    path: '/v1/staff/{code}',
    id: 'patchStaff',
    summary: 'Change a member of the staff',
    description:
      'Their book stays theirs after their last day: hand it over with `POST /v1/assignments/transfers`.',
    ifMatch: true,
    params: staffParams,
    bodyTypes: mergePatch,
    body: Ref(schemas.StaffPatch),
    bodyExample: { active_to: '2030-01-01' },
    problems: ['rule_broken'],
    replies: { 200: staffReply('Changed, or unchanged') },
    handler: async ({ ctx, params: { code }, body, headers }) => {
      const row = await staff.patchStaff(ctx, code, requiredVersions(headers.ifMatch), body);
      return { status: 200, headers: { ETag: etagOf(row.version) }, body: row };
    },
  });
}
