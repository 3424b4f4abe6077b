import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { held, instant } from './columns.js';
import { customers } from './customers.js';

const points = (name: string) => bigint(name, { mode: 'number' });

/** Programmes by which customers earn points. */
export const loyaltyProgrammes = pgTable('loyalty_programmes', {
  key: held('C1', 'definition', text('key')).primaryKey(),
  /** the one in force */
  version: held('C1', 'definition', integer('version')).notNull(),
  createdAt: held('C1', 'definition', instant('created_at')).notNull(),
});

/** What a programme was in each version: a report of a past day counts by the one that was in force then. */
export const loyaltyProgrammeVersions = pgTable(
  'loyalty_programme_versions',
  {
    programme: held('C1', 'definition', text('programme')).notNull(),
    version: held('C1', 'definition', integer('version')).notNull(),
    content: held('C1', 'definition', jsonb('content')).notNull(),
    createdAt: held('C1', 'definition', instant('created_at')).notNull(),
    createdBy: held('C1', 'definition', text('created_by')).notNull(),
  },
  (table) => [
    primaryKey({ name: 'loyalty_programme_versions_pkey', columns: [table.programme, table.version] }),
    foreignKey({
      name: 'loyalty_programme_versions_programme_fkey',
      columns: [table.programme],
      foreignColumns: [loyaltyProgrammes.key],
    }),
  ],
);

/**
 * A customer's account in a programme. After a merge it may have several in one: each keeps its own entries, so that a
 * revert can part them, and all of them together are what the customer has.
 */
export const loyaltyAccounts = pgTable(
  'loyalty_accounts',
  {
    customerId: held('C1', 'transaction', uuid('customer_id')).notNull(),
    accountId: held('C1', 'transaction', uuid('account_id')).notNull(),
    programme: held('C1', 'transaction', text('programme')).notNull(),
    status: held('C1', 'transaction', text('status')).notNull(),
    enrolledAt: held('C1', 'transaction', instant('enrolled_at')).notNull(),
    closedAt: held('C1', 'transaction', instant('closed_at')),
    version: held('C1', 'transaction', integer('version')).notNull(),
    /** of its last entry */
    lastNumber: held('C1', 'transaction', integer('last_number')).notNull(),
    /** what remains in its lots, less the debt */
    outstanding: held('C2', 'transaction', points('outstanding')).notNull(),
    /** of what remains, what holds keep */
    held: held('C2', 'transaction', points('held')).notNull(),
    /** points that were taken back after they had been spent */
    debt: held('C2', 'transaction', points('debt')).notNull(),
    /** the earliest instant at which a lot expires or a hold times out; it may be earlier than that, never later */
    nextDueAt: held('C1', 'transaction', instant('next_due_at')),
    originCustomerId: held('C1', 'transaction', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({ name: 'loyalty_accounts_pkey', columns: [table.customerId, table.accountId] }),
    foreignKey({
      name: 'loyalty_accounts_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
    foreignKey({
      name: 'loyalty_accounts_programme_fkey',
      columns: [table.programme],
      foreignColumns: [loyaltyProgrammes.key],
    }),
    uniqueIndex('loyalty_accounts_own_key')
      .on(table.customerId, table.programme)
      .where(sql`origin_customer_id is null`),
    index('loyalty_accounts_programme_idx').on(table.programme, table.customerId),
    index('loyalty_accounts_next_due_at_idx').on(table.nextDueAt).where(sql`next_due_at is not null`),
    check('loyalty_accounts_status_check', sql`${table.status} in ('open', 'closed')`),
    check('loyalty_accounts_held_check', sql`${table.held} >= 0`),
    check('loyalty_accounts_debt_check', sql`${table.debt} >= 0`),
  ],
);

/** Points that were issued together and go together. Order of use, expiry and allocation are by lot. */
export const loyaltyLots = pgTable(
  'loyalty_lots',
  {
    customerId: held('C1', 'transaction', uuid('customer_id')).notNull(),
    accountId: held('C1', 'transaction', uuid('account_id')).notNull(),
    lotId: held('C1', 'transaction', uuid('lot_id')).notNull(),
    programme: held('C1', 'transaction', text('programme')).notNull(),
    /** what issued it */
    operationId: held('C1', 'transaction', uuid('operation_id')).notNull(),
    earnedAt: held('C1', 'transaction', instant('earned_at')).notNull(),
    /** usable while available_at <= now < expires_at */
    availableAt: held('C1', 'transaction', instant('available_at')).notNull(),
    expiresAt: held('C1', 'transaction', instant('expires_at')),
    amount: held('C2', 'transaction', points('amount')).notNull(),
    remaining: held('C2', 'transaction', points('remaining')).notNull(),
    held: held('C2', 'transaction', points('held')).notNull(),
    /** what was redeemed of it, given to another account or paid for a debt, and not given back */
    spent: held('C2', 'transaction', points('spent')).notNull(),
    /** of what was spent, what was taken back and so became a debt */
    indebted: held('C2', 'transaction', points('indebted')).notNull(),
    originCustomerId: held('C1', 'transaction', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({ name: 'loyalty_lots_pkey', columns: [table.customerId, table.accountId, table.lotId] }),
    /** in the order of use */
    index('loyalty_lots_open_idx')
      .on(table.customerId, table.programme, table.expiresAt, table.earnedAt, table.lotId)
      .where(sql`remaining > 0`),
    index('loyalty_lots_pending_idx')
      .on(table.customerId, table.programme, table.availableAt)
      .where(sql`remaining > 0`),
    index('loyalty_lots_expiring_idx')
      .on(table.programme, table.expiresAt)
      .where(sql`remaining > 0 and expires_at is not null`),
    index('loyalty_lots_operation_idx').on(table.customerId, table.operationId),
    check('loyalty_lots_amount_check', sql`${table.amount} > 0`),
    check('loyalty_lots_remaining_check', sql`${table.remaining} between 0 and ${table.amount}`),
    check('loyalty_lots_held_check', sql`${table.held} between 0 and ${table.remaining}`),
    check('loyalty_lots_spent_check', sql`${table.spent} between 0 and ${table.amount} - ${table.remaining}`),
    check('loyalty_lots_indebted_check', sql`${table.indebted} >= 0`),
  ],
);

/** An entry of an account: what changed it, once and for ever. Numbers of an account go up without gaps, and so does time. */
export const loyaltyEntries = pgTable(
  'loyalty_entries',
  {
    customerId: held('C1', 'transaction', uuid('customer_id')).notNull(),
    accountId: held('C1', 'transaction', uuid('account_id')).notNull(),
    number: held('C1', 'transaction', integer('number')).notNull(),
    programme: held('C1', 'transaction', text('programme')).notNull(),
    /** what one request or one due instant did, in however many accounts */
    operationId: held('C1', 'transaction', uuid('operation_id')).notNull(),
    kind: held('C1', 'transaction', text('kind')).notNull(),
    /** the change of what is outstanding; what only moves between other accounts is 0 */
    points: held('C2', 'transaction', points('points')).notNull(),
    /** outstanding in the programme after it, over all accounts of the customer */
    balanceAfter: held('C2', 'transaction', points('balance_after')).notNull(),
    /** from when on it counts: an expiry counts from its instant, however late it was posted */
    bookedAt: held('C1', 'transaction', instant('booked_at')).notNull(),
    recordedAt: held('C1', 'transaction', instant('recorded_at')).notNull(),
    actor: held('C1', 'transaction', text('actor')).notNull(),
    reason: held('C2', 'transaction', text('reason')),
    /** what it was for, as the caller or an earn rule names it */
    reference: held('C1', 'transaction', jsonb('reference')),
    /** the operation that it takes back */
    reversesId: held('C1', 'transaction', uuid('reverses_id')),
    /** { account: number }: the customer's other accounts in the programme with the last entry of each by then, if any */
    beside: held('C1', 'transaction', jsonb('beside')),
    originCustomerId: held('C1', 'transaction', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({
      name: 'loyalty_entries_pkey',
      columns: [table.customerId, table.accountId, table.number],
    }),
    index('loyalty_entries_statement_idx').on(
      table.customerId,
      table.programme,
      table.bookedAt,
      table.accountId,
      table.number,
    ),
    index('loyalty_entries_operation_idx').on(table.customerId, table.operationId),
    index('loyalty_entries_reverses_idx')
      .on(table.customerId, table.reversesId)
      .where(sql`reverses_id is not null`),
    check(
      'loyalty_entries_kind_check',
      sql`${table.kind} in ('accrual', 'opening', 'adjustment', 'redemption', 'refund', 'expiry', 'reversal', 'transfer_out', 'transfer_in', 'closing')`,
    ),
  ],
);

/** The two sides of each entry: its postings sum to zero. Points of the member's that lie in no lot are its debt. */
export const loyaltyPostings = pgTable(
  'loyalty_postings',
  {
    customerId: held('C1', 'transaction', uuid('customer_id')).notNull(),
    accountId: held('C1', 'transaction', uuid('account_id')).notNull(),
    number: held('C1', 'transaction', integer('number')).notNull(),
    leg: held('C1', 'transaction', smallint('leg')).notNull(),
    programme: held('C1', 'transaction', text('programme')).notNull(),
    ledger: held('C1', 'transaction', text('ledger')).notNull(),
    lotId: held('C1', 'transaction', uuid('lot_id')),
    points: held('C2', 'transaction', points('points')).notNull(),
    bookedAt: held('C1', 'transaction', instant('booked_at')).notNull(),
    originCustomerId: held('C1', 'transaction', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({
      name: 'loyalty_postings_pkey',
      columns: [table.customerId, table.accountId, table.number, table.leg],
    }),
    index('loyalty_postings_programme_idx').on(table.programme, table.bookedAt),
    check(
      'loyalty_postings_ledger_check',
      sql`${table.ledger} in ('member', 'issued', 'redeemed', 'expired', 'cancelled')`,
    ),
    check('loyalty_postings_points_check', sql`${table.points} <> 0`),
    check('loyalty_postings_lot_id_check', sql`${table.lotId} is null or ${table.ledger} = 'member'`),
  ],
);

/** Points that are kept for something until it is certain. Resolved once: captured, voided, or timed out. */
export const loyaltyHolds = pgTable(
  'loyalty_holds',
  {
    customerId: held('C1', 'transaction', uuid('customer_id')).notNull(),
    holdId: held('C1', 'transaction', uuid('hold_id')).notNull(),
    programme: held('C1', 'transaction', text('programme')).notNull(),
    points: held('C2', 'transaction', points('points')).notNull(),
    /** of them, what was captured in the end */
    captured: held('C2', 'transaction', points('captured')).notNull(),
    status: held('C1', 'transaction', text('status')).notNull(),
    createdAt: held('C1', 'transaction', instant('created_at')).notNull(),
    expiresAt: held('C1', 'transaction', instant('expires_at')).notNull(),
    resolvedAt: held('C1', 'transaction', instant('resolved_at')),
    /** the redemption that came of it */
    operationId: held('C1', 'transaction', uuid('operation_id')),
    reason: held('C2', 'transaction', text('reason')),
    originCustomerId: held('C1', 'transaction', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({ name: 'loyalty_holds_pkey', columns: [table.customerId, table.holdId] }),
    foreignKey({
      name: 'loyalty_holds_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
    index('loyalty_holds_active_idx')
      .on(table.customerId, table.programme, table.expiresAt)
      .where(sql`status = 'active'`),
    check(
      'loyalty_holds_status_check',
      sql`${table.status} in ('active', 'captured', 'voided', 'timed_out')`,
    ),
    check('loyalty_holds_points_check', sql`${table.points} > 0`),
    check('loyalty_holds_captured_check', sql`${table.captured} between 0 and ${table.points}`),
  ],
);

/** Which lots a hold keeps points of. */
export const loyaltyHoldLots = pgTable(
  'loyalty_hold_lots',
  {
    customerId: held('C1', 'transaction', uuid('customer_id')).notNull(),
    holdId: held('C1', 'transaction', uuid('hold_id')).notNull(),
    accountId: held('C1', 'transaction', uuid('account_id')).notNull(),
    lotId: held('C1', 'transaction', uuid('lot_id')).notNull(),
    points: held('C2', 'transaction', points('points')).notNull(),
    originCustomerId: held('C1', 'transaction', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({
      name: 'loyalty_hold_lots_pkey',
      columns: [table.customerId, table.holdId, table.accountId, table.lotId],
    }),
    check('loyalty_hold_lots_points_check', sql`${table.points} > 0`),
  ],
);
