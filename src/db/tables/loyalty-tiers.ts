import { sql } from 'drizzle-orm';
import {
  bigint,
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
import { held, instant } from './columns.js';
import { customers } from './customers.js';
import { loyaltyProgrammes } from './loyalty.js';

/** The tiers of a programme in each version. The highest is the one that is in force. */
export const loyaltyTierModels = pgTable(
  'loyalty_tier_models',
  {
    programme: held('C1', 'definition', text('programme')).notNull(),
    version: held('C1', 'definition', integer('version')).notNull(),
    /** how amounts qualify, in which periods, and the tiers, the lowest first */
    content: held('C1', 'definition', jsonb('content')).notNull(),
    createdAt: held('C1', 'definition', instant('created_at')).notNull(),
    createdBy: held('C1', 'definition', text('created_by')).notNull(),
  },
  (table) => [
    primaryKey({ name: 'loyalty_tier_models_pkey', columns: [table.programme, table.version] }),
    foreignKey({
      name: 'loyalty_tier_models_programme_fkey',
      columns: [table.programme],
      foreignColumns: [loyaltyProgrammes.key],
    }),
  ],
);

/** How far all members of a programme were told to be looked at by the version in force. */
export const loyaltyTierRollouts = pgTable('loyalty_tier_rollouts', {
  programme: held('C1', 'definition', text('programme')).primaryKey(),
  version: held('C1', 'definition', integer('version')).notNull(),
  /** the last customer that was, in the order of ids */
  rolledTo: held('C1', 'definition', uuid('rolled_to')),
  completedAt: held('C1', 'definition', instant('completed_at')),
});

/** A customer had a tier, by a version of the model, during [from_at, to_at). */
export const loyaltyTiersHeld = pgTable(
  'loyalty_tiers_held',
  {
    customerId: held('C1', 'relationship', uuid('customer_id')).notNull(),
    programme: held('C1', 'relationship', text('programme')).notNull(),
    fromAt: held('C1', 'relationship', instant('from_at')).notNull(),
    toAt: held('C1', 'relationship', instant('to_at')),
    tier: held('C2', 'relationship', text('tier')).notNull(),
    /** 0 is the lowest of its model */
    rank: held('C2', 'relationship', integer('rank')).notNull(),
    modelVersion: held('C1', 'relationship', integer('model_version')).notNull(),
    /** since when it has this tier, by whatever version */
    sinceAt: held('C1', 'relationship', instant('since_at')).notNull(),
    cause: held('C1', 'relationship', text('cause')).notNull(),
    /** when it was decided, where that is later than it counts */
    decidedAt: held('C1', 'relationship', instant('decided_at')).notNull(),
    /** the amounts that decided it, their periods and the bound */
    evidence: held('C2', 'relationship', jsonb('evidence')).notNull(),
  },
  (table) => [
    primaryKey({
      name: 'loyalty_tiers_held_pkey',
      columns: [table.customerId, table.programme, table.fromAt],
    }),
    foreignKey({
      name: 'loyalty_tiers_held_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
    uniqueIndex('loyalty_tiers_held_open_key')
      .on(table.customerId, table.programme)
      .where(sql`to_at is null`),
    check('loyalty_tiers_held_to_at_check', sql`${table.toAt} > ${table.fromAt}`),
    check(
      'loyalty_tiers_held_cause_check',
      sql`${table.cause} in ('enrolled', 'reached', 'review', 'model', 'merge')`,
    ),
  ],
);

/** How far the tier of a member is worked out, and when time asks for more. */
export const loyaltyTierStates = pgTable(
  'loyalty_tier_states',
  {
    customerId: held('C1', 'transaction', uuid('customer_id')).notNull(),
    programme: held('C1', 'transaction', text('programme')).notNull(),
    modelVersion: held('C1', 'transaction', integer('model_version')).notNull(),
    /** all that was booked up to this instant is in */
    evaluatedAt: held('C1', 'transaction', instant('evaluated_at')).notNull(),
    /** the period that is to keep the tier, [from, to) */
    periodFrom: held('C1', 'transaction', date('period_from', { mode: 'string' })).notNull(),
    periodTo: held('C1', 'transaction', date('period_to', { mode: 'string' })).notNull(),
    /** the day that rolling periods are counted from */
    anchor: held('C1', 'transaction', date('anchor', { mode: 'string' })).notNull(),
    /** whether the member was told in this period that it may go down */
    warnedFor: held('C1', 'transaction', date('warned_for', { mode: 'string' })),
    /** the next review or warning; null where there is nothing to lose */
    nextAt: held('C1', 'transaction', instant('next_at')),
  },
  (table) => [
    primaryKey({ name: 'loyalty_tier_states_pkey', columns: [table.customerId, table.programme] }),
    foreignKey({
      name: 'loyalty_tier_states_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
    index('loyalty_tier_states_next_at_idx').on(table.nextAt).where(sql`next_at is not null`),
  ],
);

/** Points that qualify, by the day on which they were earned, as far as the tier is worked out. */
export const loyaltyTierDays = pgTable(
  'loyalty_tier_days',
  {
    customerId: held('C1', 'transaction', uuid('customer_id')).notNull(),
    programme: held('C1', 'transaction', text('programme')).notNull(),
    day: held('C1', 'transaction', date('day', { mode: 'string' })).notNull(),
    points: held('C2', 'transaction', bigint('points', { mode: 'number' })).notNull(),
  },
  (table) => [
    primaryKey({
      name: 'loyalty_tier_days_pkey',
      columns: [table.customerId, table.programme, table.day],
    }),
  ],
);

/** Something has happened that may change the tier. */
export const loyaltyTierDue = pgTable(
  'loyalty_tier_due',
  {
    customerId: held('C1', 'transient', uuid('customer_id')).notNull(),
    programme: held('C1', 'transient', text('programme')).notNull(),
    markedAt: held('C1', 'transient', instant('marked_at')).notNull(),
    cause: held('C1', 'transient', text('cause')).notNull(),
    /** after a merge, and when it was taken back: the tier to begin with; null there is none */
    stand: held('C2', 'transient', text('stand')),
  },
  (table) => [
    primaryKey({ name: 'loyalty_tier_due_pkey', columns: [table.customerId, table.programme] }),
    index('loyalty_tier_due_marked_at_idx').on(table.markedAt),
    check('loyalty_tier_due_cause_check', sql`${table.cause} in ('booked', 'merge')`),
  ],
);

/** A benefit of the tier was used, or that was taken back. */
export const loyaltyBenefitUses = pgTable(
  'loyalty_benefit_uses',
  {
    customerId: held('C1', 'transaction', uuid('customer_id')).notNull(),
    useId: held('C1', 'transaction', uuid('use_id')).notNull(),
    programme: held('C1', 'transaction', text('programme')).notNull(),
    benefit: held('C1', 'transaction', text('benefit')).notNull(),
    /** that the customer had */
    tier: held('C2', 'transaction', text('tier')).notNull(),
    usedAt: held('C1', 'transaction', instant('used_at')).notNull(),
    actor: held('C1', 'transaction', text('actor')).notNull(),
    reason: held('C2', 'transaction', text('reason')).notNull(),
    reference: held('C1', 'transaction', jsonb('reference')),
    takenBackAt: held('C1', 'transaction', instant('taken_back_at')),
    takenBackReason: held('C2', 'transaction', text('taken_back_reason')),
    originCustomerId: held('C1', 'transaction', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({ name: 'loyalty_benefit_uses_pkey', columns: [table.customerId, table.useId] }),
    foreignKey({
      name: 'loyalty_benefit_uses_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
    index('loyalty_benefit_uses_programme_idx').on(
      table.customerId,
      table.programme,
      table.usedAt,
      table.useId,
    ),
  ],
);
