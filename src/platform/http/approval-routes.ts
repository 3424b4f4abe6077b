/** Approvals, and the policies that say what needs one. */
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { approve, reject, withdraw } from '../approvals/deciding.js';
import { approvalStates, listApprovals } from '../approvals/stored.js';
import { page, pageRequest } from '../pagination.js';
import { policyRoutes } from './approval-policy-routes.js';
import {
  Approval,
  ApprovalDecision,
  ApprovalPage,
  ApprovalRejection,
  ApprovalWithdrawal,
  approvalComponents,
  approvalExample,
  OperationName,
  toApproval,
} from './approval-schemas.js';
import { approvalReply } from './guarded-replies.js';
import { operation } from './operation.js';
import { Id, pageQuery, Ref, Strict, StringEnum } from './schemas.js';
import { unlessKnown } from './versions.js';

const tag = 'Approvals';
const params = Strict({ id: Id('Of the approval') });
const etagHeader = { ETag: 'The version' };
const decided = {
  ...approvalExample,
  state: 'executed',
  decided_by: 'key:0197f3c2-1b80-7d20-9e4f-6f708192a3b4',
  decided_at: '2026-01-05T09:30:00.000Z',
  result: { rule_version: 2 },
} as const;

const reply = (description: string, example: object = approvalExample) => ({
  description,
  schema: Ref(Approval),
  headers: etagHeader,
  example,
});

export function approvalRoutes(app: FastifyInstance): void {
  for (const component of approvalComponents) app.addSchema(component);
  readRoutes(app);
  decisionRoutes(app);
  withdrawRoute(app);
  policyRoutes(app);
}

function readRoutes(app: FastifyInstance): void {
  const reading = { method: 'GET', tag, scope: 'approvals:read' } as const;
  operation(app, {
    ...reading,
    path: '/v1/approvals',
    id: 'listApprovals',
    summary: 'List approvals',
    description:
      'What waits for a second person, and what was decided, in the order in which it was asked for. What concerns the bank as a whole is listed for those who may see all of it.',
    query: Strict({
      ...pageQuery,
      state: Type.Optional(StringEnum(approvalStates, { description: 'Only these' })),
      operation: Type.Optional(OperationName('Only of this operation')),
    }),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'A page of approvals',
        schema: Ref(ApprovalPage),
        example: { data: [approvalExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, query: { limit, cursor, ...filters } }) => {
      const wanted = pageRequest(ctx, 'listApprovals', { limit, cursor }, filters);
      const rows = page(ctx, wanted, await listApprovals(ctx, filters, wanted), (row) => [row.id]);
      const body = { ...rows, data: rows.data.map((row) => toApproval(ctx, row)) };
      return { status: 200, body };
    },
  });
  operation(app, {
    ...reading,
    path: '/v1/approvals/{id}',
    id: 'getApproval',
    summary: 'Read an approval',
    description:
      'Who asked for what, and what became of it. The plan is shown to those who may do the operation themselves.',
    params,
    replies: {
      200: reply('The approval'),
      304: { description: 'The caller has this version already', headers: etagHeader },
    },
    handler: async ({ ctx, params: { id }, headers: { ifNoneMatch } }) => {
      const found = await approvalReply(ctx, id, 200);
      return unlessKnown(ifNoneMatch, found.headers?.ETag ?? '', () => found.body);
    },
  });
}

function decisionRoutes(app: FastifyInstance): void {
  const deciding = {
    method: 'POST',
    tag,
    scope: 'approvals:decide',
    params,
    idempotent: true,
  } as const;
  operation(app, {
    ...deciding,
    path: '/v1/approvals/{id}/approve',
    id: 'approveApproval',
    summary: 'Say yes, and have it done',
    description:
      'By another principal than the one who asked, who holds the scope of the operation as well. What was planned is planned anew and done in one transaction: where the two differ, nothing is done and the answer is `plan_changed`. Of many who say yes one does it; the same one may repeat it after a lost reply. Where the operation itself refuses, the approval is `failed` and `result` says why.',
    body: Ref(ApprovalDecision),
    bodyOptional: true,
    bodyExample: { reason: 'As agreed in the meeting of 5 January' },
    problems: ['second_person_required', 'conflict', 'plan_changed'],
    replies: { 200: reply('What it came to', decided) },
    handler: async ({ ctx, params: { id }, body }) => {
      const { reason, plan_hash: planHash } = body ?? {};
      await approve(ctx, (name) => app.guarded.get(name), id, { reason, planHash });
      return approvalReply(ctx, id, 200);
    },
  });
  operation(app, {
    ...deciding,
    path: '/v1/approvals/{id}/reject',
    id: 'rejectApproval',
    summary: 'Say no',
    description: 'By whoever could have said yes. Nothing is done.',
    body: Ref(ApprovalRejection),
    bodyExample: { reason: 'The threshold is too low' },
    problems: ['second_person_required', 'conflict'],
    replies: {
      200: reply('Rejected', {
        ...decided,
        state: 'rejected',
        reason: 'The threshold is too low',
        result: null,
      }),
    },
    handler: async ({ ctx, params: { id }, body }) => {
      await reject(ctx, id, body.reason);
      return approvalReply(ctx, id, 200);
    },
  });
}

function withdrawRoute(app: FastifyInstance): void {
  operation(app, {
    method: 'POST',
    tag,
    scope: 'approvals:read',
    params,
    idempotent: true,
    path: '/v1/approvals/{id}/withdraw',
    id: 'withdrawApproval',
    summary: 'Take back what one has asked for',
    description: 'By whoever asked, for as long as it is pending. Nothing is done.',
    body: Ref(ApprovalWithdrawal),
    bodyOptional: true,
    bodyExample: { reason: 'Asked for by mistake' },
    problems: ['requester_only', 'conflict'],
    replies: {
      200: reply('Withdrawn', {
        ...decided,
        state: 'withdrawn',
        decided_by: decided.requested_by,
        reason: 'Asked for by mistake',
        result: null,
      }),
    },
    handler: async ({ ctx, params: { id }, body }) => {
      await withdraw(ctx, id, body?.reason);
      return approvalReply(ctx, id, 200);
    },
  });
}
