import { sql } from 'drizzle-orm';
import {
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
    /** the version that answers now */
    version: held('C1', 'definition', integer('version')).notNull(),
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
    /** up to which customer, in the order of ids, everybody was marked to be judged by it */
    markedTo: held('C1', 'definition', uuid('marked_to')),
    /** since when everybody is marked; null while that is under way */
    completedAt: held('C1', 'definition', instant('completed_at')),
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

/** A customer was in a segment during [entered_at, left_at). */
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
  },
  (table) => [
    primaryKey({ name: 'memberships_pkey', columns: [table.customerId, table.segment, table.enteredAt] }),
    uniqueIndex('memberships_open_key').on(table.customerId, table.segment).where(sql`left_at is null`),
    index('memberships_segment_idx').on(table.segment, table.customerId).where(sql`left_at is null`),
    foreignKey({
      name: 'memberships_segment_fkey',
      columns: [table.segment],
      foreignColumns: [segments.key],
    }),
    check('memberships_left_at_check', sql`${table.leftAt} > ${table.enteredAt}`),
  ],
);
