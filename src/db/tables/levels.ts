import { sql } from 'drizzle-orm';
import {
  check,
  date,
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
import { decimal, held, instant } from './columns.js';
import { customers } from './customers.js';

/** The bank's levels in each version; a migration makes the first. The highest version is the one that is published. */
export const levelModels = pgTable('level_models', {
  version: held('C1', 'definition', integer('version')).primaryKey(),
  /** measure, movement, settle_days, and the levels, the lowest first */
  content: held('C1', 'definition', jsonb('content')).notNull(),
  createdAt: held('C1', 'definition', instant('created_at')).notNull(),
  createdBy: held('C1', 'definition', text('created_by')).notNull(),
});

/** What went over all customers, one after the other: the close of a month, another day, a new model, another policy. */
export const levelRounds = pgTable(
  'level_rounds',
  {
    number: held('C1', 'definition', integer('number')).primaryKey(),
    kind: held('C1', 'definition', text('kind')).notNull(),
    /** the day up to which balances count, exclusive */
    untilDate: held('C1', 'definition', date('until_date', { mode: 'string' })).notNull(),
    /** from when on it counts, however late it was done */
    effectiveAt: held('C1', 'definition', instant('effective_at')).notNull(),
    modelVersion: held('C1', 'definition', integer('model_version')).notNull(),
    /** of the balance policy */
    policyVersion: held('C1', 'definition', integer('policy_version')).notNull(),
    /** the last customer that was graded, in the order of ids */
    gradedTo: held('C1', 'definition', uuid('graded_to')),
    completedAt: held('C1', 'definition', instant('completed_at')),
  },
  (table) => [
    check('level_rounds_kind_check', sql`${table.kind} in ('first', 'close', 'day', 'model', 'policy')`),
  ],
);

/** The average of a closed month as it was known during [known_from, known_to). */
export const monthlyAverages = pgTable(
  'monthly_averages',
  {
    customerId: held('C1', 'transaction', uuid('customer_id')).notNull(),
    /** its first day */
    month: held('C1', 'transaction', date('month', { mode: 'string' })).notNull(),
    knownFrom: held('C1', 'transaction', instant('known_from')).notNull(),
    knownTo: held('C1', 'transaction', instant('known_to')),
    /** in the bank's currency; null where nothing was valued */
    aum: held('C2', 'transaction', decimal('aum')),
    net: held('C2', 'transaction', decimal('net')),
    /** holdings that had days without a value */
    unvalued: held('C1', 'transaction', integer('unvalued')).notNull(),
    /** when it was worked out, where that is later than it counts */
    recordedAt: held('C1', 'transaction', instant('recorded_at')).notNull(),
  },
  (table) => [
    primaryKey({
      name: 'monthly_averages_pkey',
      columns: [table.customerId, table.month, table.knownFrom],
    }),
    foreignKey({
      name: 'monthly_averages_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
    uniqueIndex('monthly_averages_open_key').on(table.customerId, table.month).where(sql`known_to is null`),
    check('monthly_averages_known_to_check', sql`${table.knownTo} > ${table.knownFrom}`),
  ],
);

/** A customer had a level, by a version of the model, during [from_at, to_at). */
export const customerLevels = pgTable(
  'customer_levels',
  {
    customerId: held('C1', 'relationship', uuid('customer_id')).notNull(),
    fromAt: held('C1', 'relationship', instant('from_at')).notNull(),
    toAt: held('C1', 'relationship', instant('to_at')),
    level: held('C2', 'relationship', text('level')).notNull(),
    /** 0 is the lowest of its model */
    rank: held('C2', 'relationship', integer('rank')).notNull(),
    modelVersion: held('C1', 'relationship', integer('model_version')).notNull(),
    /** since when it has this level, by whatever version */
    sinceAt: held('C1', 'relationship', instant('since_at')).notNull(),
    cause: held('C1', 'relationship', text('cause')).notNull(),
    /** when it was decided, where that is later than it counts */
    decidedAt: held('C1', 'relationship', instant('decided_at')).notNull(),
    /** the months that decided it, with averages and bounds */
    evidence: held('C2', 'relationship', jsonb('evidence')).notNull(),
  },
  (table) => [
    primaryKey({ name: 'customer_levels_pkey', columns: [table.customerId, table.fromAt] }),
    foreignKey({
      name: 'customer_levels_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
    uniqueIndex('customer_levels_open_key').on(table.customerId).where(sql`to_at is null`),
    check('customer_levels_to_at_check', sql`${table.toAt} > ${table.fromAt}`),
    check(
      'customer_levels_cause_check',
      sql`${table.cause} in ('month_close', 'at_once', 'correction', 'model', 'policy', 'merge')`,
    ),
  ],
);

/** Of whose holdings something changed backward, before the running month: averages are to be worked out again. */
export const lateBalances = pgTable(
  'late_balances',
  {
    customerId: held('C1', 'transient', uuid('customer_id')).primaryKey(),
    /** the earliest day that is concerned */
    sinceDate: held('C1', 'transient', date('since_date', { mode: 'string' })).notNull(),
    cause: held('C1', 'transient', text('cause')).notNull(),
    markedAt: held('C1', 'transient', instant('marked_at')).notNull(),
  },
  (table) => [
    check('late_balances_cause_check', sql`${table.cause} in ('correction', 'merge')`),
    index('late_balances_marked_at_idx').on(table.markedAt),
  ],
);

/** A rate that came late, for days of months before: its holders are marked, in the order of their ids. */
export const lateRates = pgTable('late_rates', {
  currency: held('C1', 'transient', text('currency')).primaryKey(),
  sinceDate: held('C1', 'transient', date('since_date', { mode: 'string' })).notNull(),
  markedTo: held('C1', 'transient', uuid('marked_to')),
  markedAt: held('C1', 'transient', instant('marked_at')).notNull(),
});
