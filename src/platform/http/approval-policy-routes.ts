import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import { type PolicyRow, policyGuard, readPolicies, readPolicy } from '../approvals/policies.js';
import { notFound } from '../errors.js';
import { ApprovalPolicy, ApprovalPolicyList, ApprovalPolicyPut, OperationName } from './approval-schemas.js';
import { guardedReply } from './guarded-replies.js';
import { operation } from './operation.js';
import { Ref, Strict } from './schemas.js';
import { etagOf, requiredVersions, unlessKnown } from './versions.js';

const tag = 'Approvals';
const path = '/v1/approval-policies/{operation}';
const params = Strict({ operation: OperationName('The operationId') });
const etagHeader = { ETag: 'The version, for If-Match and If-None-Match' };

const stated = { required: true, threshold: 1000, expires_after: 'P3D' };
const example: Static<typeof ApprovalPolicy> = {
  operation: 'putSegment',
  ...stated,
  counts: 'customers that enter or leave',
  updated_at: '2026-01-05T08:00:01.000Z',
  updated_by: 'key:0197f3c2-1b7f-7a10-8c3d-5e6f7a8b9c0d',
};
const found = { description: 'The policy', schema: Ref(ApprovalPolicy), headers: etagHeader, example };

export function policyRoutes(app: FastifyInstance): void {
  const countsOf = (name: string) => app.guarded.get(name)?.threshold?.counts ?? null;
  const toPolicy = ({ version, ...row }: PolicyRow): Static<typeof ApprovalPolicy> => ({
    ...row,
    counts: countsOf(row.operation),
  });
  const reply = (row: PolicyRow) => ({
    status: 200,
    body: toPolicy(row),
    headers: { ETag: etagOf(row.version) },
  });
  operation(app, {
    method: 'GET',
    path: '/v1/approval-policies',
    id: 'listApprovalPolicies',
    summary: 'List what can ask for a second person',
    description: 'Every operation that can, in the order of their names, and when it does.',
    tag,
    scope: 'approvals:read',
    replies: {
      200: { description: 'The policies', schema: Ref(ApprovalPolicyList), example: { data: [example] } },
    },
    handler: async ({ ctx }) => {
      const rows = await readPolicies(ctx.database, [...app.guarded.keys()].sort());
      return { status: 200, body: { data: rows.map(toPolicy) } };
    },
  });
  operation(app, {
    method: 'GET',
    path,
    id: 'getApprovalPolicy',
    summary: 'Read when an operation asks for a second person',
    description: 'Until the bank decides otherwise, it never does.',
    tag,
    scope: 'approvals:read',
    params,
    replies: { 200: found, 304: { description: 'The caller has this version already', headers: etagHeader } },
    handler: async ({ ctx, params: { operation: name }, headers }) => {
      if (!app.guarded.has(name)) throw notFound('operation that can ask for approval');
      const row = await readPolicy(ctx.database, name);
      return unlessKnown(headers.ifNoneMatch, etagOf(row.version), () => toPolicy(row));
    },
  });
  const guard = policyGuard(app.guarded);
  operation(app, {
    method: 'PUT',
    path,
    id: 'putApprovalPolicy',
    summary: 'Say when an operation asks for a second person',
    description:
      'It holds for what is asked for from now on; what waits already goes on waiting. A change of this can ask for a second person itself (`putApprovalPolicy`): without that, whoever is alone can switch it off.',
    tag,
    scope: 'admin',
    params,
    ifMatch: true,
    guarded: guard,
    body: Ref(ApprovalPolicyPut),
    bodyExample: stated,
    problems: ['rule_broken'],
    replies: { 200: found },
    handler: async ({ ctx, params: { operation: name }, body, headers }) => {
      const input = {
        operation: name,
        versions: requiredVersions(headers.ifMatch),
        required: body.required,
        threshold: body.threshold ?? null,
        expires_after: body.expires_after ?? 'P7D',
      };
      return guardedReply(ctx, guard, input, {}, async () => reply(await readPolicy(ctx.database, name)));
    },
  });
}
