import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { held, instant } from './columns.js';

export const segments = pgTable(
  'segments',
  {
    key: held('C1', 'definition', text('key')).primaryKey(),
    name: held('C1', 'definition', text('name')).notNull(),
    description: held('C1', 'definition', text('description')).notNull(),
    kind: held('C1', 'definition', text('kind')).notNull(),
    /** the newest version */
    version: held('C1', 'definition', integer('version')).notNull(),
    /** the version that answers; null while the first is evaluated, and of a static segment */
    liveVersion: held('C1', 'definition', integer('live_version')),
    createdAt: held('C1', 'definition', instant('created_at')).notNull(),
    updatedAt: held('C1', 'definition', instant('updated_at')).notNull(),
    deletedAt: held('C1', 'definition', instant('deleted_at')),
  },
  (table) => [check('segments_kind_check', sql`${table.kind} in ('rule', 'static')`)],
);

export const segmentVersions = pgTable(
  'segment_versions',
  {
    segment: held('C1', 'definition', text('segment')).notNull(),
    version: held('C1', 'definition', integer('version')).notNull(),
    rule: held('C1', 'definition', jsonb('rule')),
    /** the facts that the rule reads, as marks name them */
    reads: held('C1', 'definition', text('reads').array()).notNull(),
    createdAt: held('C1', 'definition', instant('created_at')).notNull(),
    createdBy: held('C1', 'definition', text('created_by')).notNull(),
    /** whether everybody who enters or leaves by it is told of one by one */
    memberEvents: held('C1', 'definition', boolean('member_events')).notNull().default(false),
    /** since when everybody is judged by it, beside the version that answers */
    startedAt: held('C1', 'definition', instant('started_at')),
    /** up to which customer, in the order of ids, that has come, and how many it were */
    markedTo: held('C1', 'definition', uuid('marked_to')),
    evaluated: held('C1', 'definition', bigint('evaluated', { mode: 'number' }))
      .notNull()
      .default(0),
    /** how many customers there were when it began */
    total: held('C1', 'definition', bigint('total', { mode: 'number' })),
    /** since when it answers */
    completedAt: held('C1', 'definition', instant('completed_at')),
    /** who entered and who left by it then */
    entered: held('C1', 'definition', bigint('entered', { mode: 'number' })),
    left: held('C1', 'definition', bigint('left', { mode: 'number' })),
  },
  (table) => [
    primaryKey({ name: 'segment_versions_pkey', columns: [table.segment, table.version] }),
    foreignKey({
      name: 'segment_versions_segment_fkey',
      columns: [table.segment],
      foreignColumns: [segments.key],
    }),
  ],
);

/**
 * A customer was in a segment during [entered_at, left_at). No foreign keys: segments are never removed, and a check per
 * row would cost a sixth of what the row does.
 */
export const memberships = pgTable(
  'memberships',
  {
    customerId: held('C1', 'relationship', uuid('customer_id')).notNull(),
    segment: held('C1', 'relationship', text('segment')).notNull(),
    enteredAt: held('C1', 'relationship', instant('entered_at')).notNull(),
    leftAt: held('C1', 'relationship', instant('left_at')),
    /** when it was decided, where that is later than the instant itself */
    decidedAt: held('C1', 'relationship', instant('decided_at')).notNull(),
    leftDecidedAt: held('C1', 'relationship', instant('left_decided_at')),
    ruleVersion: held('C1', 'relationship', integer('rule_version')).notNull(),
    leftRuleVersion: held('C1', 'relationship', integer('left_rule_version')),
    cause: held('C1', 'relationship', text('cause')).notNull(),
    leftCause: held('C1', 'relationship', text('left_cause')),
    /** what the conditions of the rule saw then, in their order: `{ at, seen, verdicts }` */
    evidence: held('C2', 'relationship', jsonb('evidence')),
    leftEvidence: held('C2', 'relationship', jsonb('left_evidence')),
  },
  (table) => [
    primaryKey({ name: 'memberships_pkey', columns: [table.customerId, table.segment, table.enteredAt] }),
    uniqueIndex('memberships_open_key').on(table.customerId, table.segment).where(sql`left_at is null`),
    index('memberships_segment_idx').on(table.segment, table.customerId).where(sql`left_at is null`),
    // who came and went, in the order of time
    index('memberships_entered_idx').on(table.segment, table.enteredAt, table.customerId),
    index('memberships_left_idx')
      .on(table.segment, table.leftAt, table.customerId)
      .where(sql`left_at is not null`),
    check('memberships_left_at_check', sql`${table.leftAt} > ${table.enteredAt}`),
  ],
);

/**
 * Who belongs by a version that is still being evaluated, and who will leave by it: kept right by every review until it
 * answers.
 */
export const membershipDrafts = pgTable(
  'membership_drafts',
  {
    customerId: held('C1', 'relationship', uuid('customer_id')).notNull(),
    segment: held('C1', 'relationship', text('segment')).notNull(),
    belongs: held('C1', 'relationship', boolean('belongs')).notNull().default(true),
    evidence: held('C2', 'relationship', jsonb('evidence')).notNull(),
  },
  (table) => [primaryKey({ name: 'membership_drafts_pkey', columns: [table.customerId, table.segment] })],
);
