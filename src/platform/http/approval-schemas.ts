import { type Static, Type } from 'typebox';
import { type ApprovalRow, approvalStates, openedOf } from '../approvals/stored.js';
import type { Ctx } from '../context.js';
import { Count, Duration, Id, Instant, Nullable, Page, Ref, Strict, StringEnum, Text } from './schemas.js';

export const OperationName = (description: string) =>
  Type.String({ pattern: '^[a-z][A-Za-z0-9_]{0,62}$', maxLength: 63, description });
export const PlanHash = (description: string) =>
  Type.String({ pattern: '^[0-9a-f]{64}$', maxLength: 64, description });

const Freely = (description: string) => Nullable(Type.Record(Type.String(), Type.Unknown(), { description }));

const Subject = Strict({
  type: Type.String({ description: 'What kind of thing it is' }),
  id: Type.String({ description: 'Its id or key' }),
});

const planned = {
  operation: OperationName('The operationId'),
  subject: Subject,
  summary: Type.String({ description: 'What would be done, in a line' }),
  plan: Freely(
    'What is there and what would be in its place; null for those who may not do the operation themselves',
  ),
  forecast: Freely(
    'How much it would move, as counted then; null where nothing is counted, or not in time. It goes on changing with the customers',
  ),
  plan_hash: PlanHash('SHA-256 of operation, subject, plan and forecast in the spelling of RFC 8785'),
};

export const Plan = Strict(
  {
    ...planned,
    asks_for_approval: Type.Boolean({ description: 'Whether it would wait for a second person' }),
  },
  { $id: 'Plan', description: 'What an operation would do now. Nothing was written' },
);

export const approvalFields = {
  id: Id('Of the approval'),
  ...planned,
  state: StringEnum(approvalStates, {
    description:
      'The yes and the execution are one step: what is not executed has done nothing. failed: the yes was given, and the operation refused',
  }),
  requested_by: Type.String({ description: 'Who asked' }),
  requested_at: Instant('When'),
  expires_at: Instant('From then on nobody can decide any more'),
  decided_by: Nullable(Type.String({ description: 'Who said yes or no, or took it back' })),
  decided_at: Nullable(Instant('When')),
  reason: Nullable(Type.String({ description: 'What whoever decided wrote' })),
  result: Freely('What the operation answered, or the code and detail of its refusal'),
};

export const Approval = Strict(approvalFields, {
  $id: 'Approval',
  description: 'An operation that waits for a second person, or what became of it',
});
export const ApprovalPage = Page(Ref(Approval), 'ApprovalPage');

export const Reason = (description: string) => Text(description, 1000);

export const ApprovalDecision = Strict(
  {
    reason: Type.Optional(Reason('Why')),
    plan_hash: Type.Optional(PlanHash('The plan that you have seen; another one is not approved')),
  },
  { $id: 'ApprovalDecision', description: 'A yes' },
);
export const ApprovalRejection = Strict(
  { reason: Reason('Why not') },
  { $id: 'ApprovalRejection', description: 'A no, and why' },
);
export const ApprovalWithdrawal = Strict(
  { reason: Type.Optional(Reason('Why')) },
  { $id: 'ApprovalWithdrawal', description: 'That it is no longer wanted' },
);

export const approvalPolicyFields = {
  required: Type.Boolean({ description: 'Whether the operation waits for a second person' }),
  threshold: Nullable(Count('From how much on, of what `counts` says; null: always')),
  expires_after: Duration("ISO 8601 duration in the bank's calendar, at most a year"),
};
export const ApprovalPolicy = Strict(
  {
    operation: OperationName('The operationId'),
    ...approvalPolicyFields,
    counts: Nullable(Type.String({ description: 'What its threshold counts; null: it has none' })),
    updated_at: Nullable(Instant('When the bank decided so; null: nobody has yet')),
    updated_by: Nullable(Type.String({ description: 'Who' })),
  },
  { $id: 'ApprovalPolicy', description: 'When an operation asks for a second person' },
);
export const ApprovalPolicyPut = Strict(
  {
    required: approvalPolicyFields.required,
    threshold: Type.Optional(approvalPolicyFields.threshold),
    expires_after: Type.Optional(approvalPolicyFields.expires_after),
  },
  {
    $id: 'ApprovalPolicyPut',
    description: 'When an operation is to ask for a second person. P7D where no time is said',
  },
);
export const ApprovalPolicyList = Strict(
  { data: Type.Array(Ref(ApprovalPolicy)) },
  { $id: 'ApprovalPolicyList', description: 'Every operation that can ask for a second person' },
);

export const approvalComponents = [
  Plan,
  Approval,
  ApprovalPage,
  ApprovalDecision,
  ApprovalRejection,
  ApprovalWithdrawal,
  ApprovalPolicy,
  ApprovalPolicyPut,
  ApprovalPolicyList,
];

export function toApproval(ctx: Ctx, row: ApprovalRow): Static<typeof Approval> {
  const { summary, plan, forecast, reason, result } = openedOf(ctx, row);
  return {
    id: row.id,
    operation: row.operation,
    subject: { type: row.subject_type, id: row.subject_id },
    summary,
    plan,
    forecast,
    plan_hash: row.plan_hash,
    state: row.state,
    requested_by: row.requested_by,
    requested_at: row.requested_at,
    expires_at: row.expires_at,
    decided_by: row.decided_by,
    decided_at: row.decided_at,
    reason,
    result,
  };
}

export const planExample: Static<typeof Plan> = {
  operation: 'putSegment',
  subject: { type: 'segment', id: 'high_net_worth' },
  summary: 'Publish version 2 of the rule of segment high_net_worth',
  plan: {
    base_version: 1,
    version: 2,
    former: { rule: { fact: 'holdings.net', op: 'gt', value: '1000000' } },
    rule: { fact: 'holdings.net', op: 'gt', value: '800000' },
  },
  forecast: { enters: 1204, leaves: 0 },
  plan_hash: '3f0a377ba0a4a460ecb616f6507ce0d8cfa3e704025d4fda3ed0c5ca05468728',
  asks_for_approval: true,
};

const { asks_for_approval: _, ...asPlanned } = planExample;

export const approvalExample: Static<typeof Approval> = {
  id: '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d',
  ...asPlanned,
  state: 'pending',
  requested_by: 'key:0197f3c2-1b7f-7a10-8c3d-5e6f7a8b9c0d',
  requested_at: '2026-01-05T08:00:01.000Z',
  expires_at: '2026-01-12T08:00:01.000Z',
  decided_by: null,
  decided_at: null,
  reason: null,
  result: null,
};

/** Query parameters of an operation that can be planned without doing it. */
export const planQuery = {
  dry_run: Type.Boolean({ default: false, description: 'Only plan: nothing is written' }),
  plan_hash: Type.Optional(
    PlanHash('Only do what was planned, forecast included; anything else is `plan_changed`'),
  ),
};

export const planReply = {
  description: 'With `dry_run`: the plan',
  schema: Ref(Plan),
  example: planExample,
};

export const acceptedReply = {
  description: 'Nothing is done yet: a second person has to say yes',
  schema: Ref(Approval),
  headers: { Location: 'The approval', ETag: 'Its version' },
  example: approvalExample,
};
