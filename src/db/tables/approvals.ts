/** Four eyes: which operations ask for a second person, and what waits for one or was decided. */
import { sql } from 'drizzle-orm';
import { bigint, boolean, check, index, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { bytes, held, instant } from './columns.js';

/** What is not here asks for nobody. */
export const approvalPolicies = pgTable('approval_policies', {
  operation: held('C1', 'definition', text('operation')).primaryKey(),
  required: held('C1', 'definition', boolean('required')).notNull(),
  /** from how much on; null: always */
  threshold: held('C1', 'definition', bigint('threshold', { mode: 'number' })),
  /** ISO 8601 duration */
  expiresAfter: held('C1', 'definition', text('expires_after')).notNull(),
  version: held('C1', 'definition', integer('version')).notNull(),
  updatedAt: held('C1', 'definition', instant('updated_at')).notNull(),
  updatedBy: held('C1', 'definition', text('updated_by')).notNull(),
});

export const approvals = pgTable(
  'approvals',
  {
    id: held('C1', 'audit', uuid('id')).primaryKey(),
    operation: held('C1', 'audit', text('operation')).notNull(),
    /** what the operation asks of its callers, and so of whoever decides */
    scope: held('C1', 'audit', text('scope')).notNull(),
    subjectType: held('C1', 'audit', text('subject_type')).notNull(),
    subjectId: held('C1', 'audit', text('subject_id')).notNull(),
    /** the customers that it concerns: whoever may not see all of them does not see it; none is the bank itself */
    customers: held('C1', 'audit', uuid('customers').array()).notNull(),
    /** what was asked for, the plan and the forecast, encrypted: operations may put personal data into them */
    contentSealed: held('C2', 'audit', bytes('content_sealed')).notNull(),
    planHash: held('C1', 'audit', text('plan_hash')).notNull(),
    state: held('C1', 'audit', text('state')).notNull(),
    requestedBy: held('C1', 'audit', text('requested_by')).notNull(),
    requestedAt: held('C1', 'audit', instant('requested_at')).notNull(),
    expiresAt: held('C1', 'audit', instant('expires_at')).notNull(),
    decidedBy: held('C1', 'audit', text('decided_by')),
    decidedAt: held('C1', 'audit', instant('decided_at')),
    /** what whoever decided wrote, encrypted */
    reasonSealed: held('C2', 'audit', bytes('reason_sealed')),
    /** what the operation answered, encrypted */
    resultSealed: held('C2', 'audit', bytes('result_sealed')),
    version: held('C1', 'audit', integer('version')).notNull(),
  },
  (table) => [
    index('approvals_state_idx').on(table.state, table.id),
    index('approvals_expires_at_idx').on(table.expiresAt).where(sql`state = 'pending'`),
    check(
      'approvals_state_check',
      sql`${table.state} in ('pending', 'executed', 'failed', 'rejected', 'withdrawn', 'expired')`,
    ),
    check(
      'approvals_decided_by_check',
      sql`${table.decidedBy} is null or ${table.state} = 'withdrawn' or ${table.decidedBy} <> ${table.requestedBy}`,
    ),
  ],
);
