/** The bank itself: its branches, who works there, and who looks after whom. */
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  date,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uuid,
} from 'drizzle-orm/pg-core';
import { held, instant } from './columns.js';
import { customers } from './customers.js';

/** One row: goes up with every change of a branch, so that who keeps the tree in memory knows that it is old. */
export const organizationState = pgTable(
  'organization_state',
  {
    id: held('C1', 'definition', integer('id')).primaryKey(),
    version: held('C1', 'definition', bigint('version', { mode: 'number' })).notNull(),
  },
  (table) => [check('organization_state_id_check', sql`${table.id} = 1`)],
);

export const branches = pgTable(
  'branches',
  {
    code: held('C1', 'definition', text('code')).primaryKey(),
    name: held('C1', 'definition', text('name')).notNull(),
    kind: held('C1', 'definition', text('kind')).notNull(),
    parent: held('C1', 'definition', text('parent')),
    /** the first day on which it is in the tree */
    opensOn: held('C1', 'definition', date('opens_on', { mode: 'string' })).notNull(),
    /** the first day on which it is not there any more */
    closesOn: held('C1', 'definition', date('closes_on', { mode: 'string' })),
    /** who has its customers from then on */
    successor: held('C1', 'definition', text('successor')),
    version: held('C1', 'definition', integer('version')).notNull(),
    updatedAt: held('C1', 'definition', instant('updated_at')).notNull(),
  },
  (table) => [
    foreignKey({ name: 'branches_parent_fkey', columns: [table.parent], foreignColumns: [table.code] }),
    foreignKey({ name: 'branches_successor_fkey', columns: [table.successor], foreignColumns: [table.code] }),
    check('branches_closes_on_check', sql`${table.closesOn} > ${table.opensOn}`),
    check('branches_successor_check', sql`${table.successor} is null or ${table.closesOn} is not null`),
  ],
);

export const staff = pgTable(
  'staff',
  {
    code: held('C1', 'relationship', text('code')).primaryKey(),
    name: held('C2', 'relationship', text('name')).notNull(),
    branch: held('C1', 'relationship', text('branch')),
    activeFrom: held('C1', 'relationship', date('active_from', { mode: 'string' })).notNull(),
    /** the first day on which they are not there any more */
    activeTo: held('C1', 'relationship', date('active_to', { mode: 'string' })),
    version: held('C1', 'relationship', integer('version')).notNull(),
    updatedAt: held('C1', 'relationship', instant('updated_at')).notNull(),
  },
  (table) => [
    index('staff_branch_idx').on(table.branch, table.code),
    check('staff_active_to_check', sql`${table.activeTo} > ${table.activeFrom}`),
  ],
);

/**
 * Who looks after a customer during [starts_at, ends_at); an empty interval is one that was taken back. Of primary ones
 * there is one at an instant: the statements hold that, under the customer's lock.
 */
export const assignments = pgTable(
  'assignments',
  {
    customerId: held('C1', 'relationship', uuid('customer_id')).notNull(),
    id: held('C1', 'relationship', uuid('id')).notNull(),
    /** a code; sources may name somebody before the bank's list has them */
    staff: held('C1', 'relationship', text('staff')).notNull(),
    role: held('C1', 'relationship', text('role')).notNull(),
    startsAt: held('C1', 'relationship', instant('starts_at')).notNull(),
    endsAt: held('C1', 'relationship', instant('ends_at')),
    /** in somebody's own words: it can name a person */
    reason: held('C2', 'relationship', text('reason')),
    /** whose statement made it; null: it was assigned here */
    source: held('C1', 'relationship', text('source')),
    assignedBy: held('C1', 'relationship', text('assigned_by')).notNull(),
    recordedAt: held('C1', 'relationship', instant('recorded_at')).notNull(),
    transferId: held('C1', 'relationship', uuid('transfer_id')),
    /** the next instant at which it begins or ends, until that was seen to */
    dueAt: held('C1', 'relationship', instant('due_at')),
    version: held('C1', 'relationship', integer('version')).notNull(),
    /** the customer it came to first, where a merge has moved it */
    originCustomerId: held('C1', 'relationship', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({ name: 'assignments_pkey', columns: [table.customerId, table.id] }),
    foreignKey({
      name: 'assignments_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
    index('assignments_id_idx').on(table.id),
    /** a book, in the order of its customers */
    index('assignments_staff_idx').on(table.staff, table.customerId, table.startsAt, table.endsAt),
    index('assignments_due_at_idx').on(table.dueAt).where(sql`due_at is not null`),
    check('assignments_role_check', sql`${table.role} in ('primary', 'assistant', 'cover')`),
    check('assignments_ends_at_check', sql`${table.endsAt} >= ${table.startsAt}`),
  ],
);

/** A book, or a branch, that is given to somebody: worked through in the order of customers. */
export const assignmentTransfers = pgTable(
  'assignment_transfers',
  {
    id: held('C1', 'relationship', uuid('id')).primaryKey(),
    /** of whom, or of which branch: one of the two */
    fromStaff: held('C1', 'relationship', text('from_staff')),
    fromBranch: held('C1', 'relationship', text('from_branch')),
    toStaff: held('C1', 'relationship', text('to_staff')).notNull(),
    /** which of them */
    filter: held('C1', 'relationship', jsonb('filter')).notNull(),
    /** null: each when it is its turn */
    effectiveFrom: held('C1', 'relationship', instant('effective_from')),
    reason: held('C2', 'relationship', text('reason')),
    total: held('C1', 'relationship', integer('total')).notNull(),
    done: held('C1', 'relationship', integer('done')).notNull(),
    /** up to which customer */
    doneTo: held('C1', 'relationship', uuid('done_to')),
    isCompleted: held('C1', 'relationship', boolean('is_completed')).notNull(),
    createdBy: held('C1', 'relationship', text('created_by')).notNull(),
    dataScope: held('C1', 'relationship', jsonb('data_scope')),
    createdAt: held('C1', 'relationship', instant('created_at')).notNull(),
    completedAt: held('C1', 'relationship', instant('completed_at')),
  },
  (table) => [
    index('assignment_transfers_open_idx').on(table.id).where(sql`not is_completed`),
    check(
      'assignment_transfers_from_staff_check',
      sql`(${table.fromStaff} is null) <> (${table.fromBranch} is null)`,
    ),
  ],
);
