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
  uuid,
} from 'drizzle-orm/pg-core';
import { held, instant } from './columns.js';
import { customers } from './customers.js';
import { loyaltyProgrammes } from './loyalty.js';

const points = (name: string) => bigint(name, { mode: 'number' });

/** What customers earn points for. */
export const loyaltyEarnRules = pgTable(
  'loyalty_earn_rules',
  {
    programme: held('C1', 'definition', text('programme')).notNull(),
    key: held('C1', 'definition', text('key')).notNull(),
    /** the one in force */
    version: held('C1', 'definition', integer('version')).notNull(),
    createdAt: held('C1', 'definition', instant('created_at')).notNull(),
    /** nothing is earned by it from then on; its key stays taken */
    deletedAt: held('C1', 'definition', instant('deleted_at')),
  },
  (table) => [
    primaryKey({ name: 'loyalty_earn_rules_pkey', columns: [table.programme, table.key] }),
    foreignKey({
      name: 'loyalty_earn_rules_programme_fkey',
      columns: [table.programme],
      foreignColumns: [loyaltyProgrammes.key],
    }),
  ],
);

/** What a rule was in each version: what was earned by one is corrected by the same. */
export const loyaltyEarnRuleVersions = pgTable(
  'loyalty_earn_rule_versions',
  {
    programme: held('C1', 'definition', text('programme')).notNull(),
    rule: held('C1', 'definition', text('rule')).notNull(),
    version: held('C1', 'definition', integer('version')).notNull(),
    content: held('C1', 'definition', jsonb('content')).notNull(),
    createdAt: held('C1', 'definition', instant('created_at')).notNull(),
    createdBy: held('C1', 'definition', text('created_by')).notNull(),
  },
  (table) => [
    primaryKey({
      name: 'loyalty_earn_rule_versions_pkey',
      columns: [table.programme, table.rule, table.version],
    }),
    foreignKey({
      name: 'loyalty_earn_rule_versions_programme_rule_fkey',
      columns: [table.programme, table.rule],
      foreignColumns: [loyaltyEarnRules.programme, loyaltyEarnRules.key],
    }),
  ],
);

/** How many points a rule has given to all customers, less what was taken back: many touch it, so it is in one place. */
export const loyaltyEarnBudgets = pgTable(
  'loyalty_earn_budgets',
  {
    programme: held('C1', 'definition', text('programme')).notNull(),
    rule: held('C1', 'definition', text('rule')).notNull(),
    used: held('C1', 'definition', points('used')).notNull(),
  },
  (table) => [
    primaryKey({ name: 'loyalty_earn_budgets_pkey', columns: [table.programme, table.rule] }),
    check('loyalty_earn_budgets_used_check', sql`${table.used} >= 0`),
  ],
);

/** How far the rounds over the members of a programme have come: its occasions day by day, the notices of expiry. */
export const loyaltyRounds = pgTable(
  'loyalty_rounds',
  {
    programme: held('C1', 'definition', text('programme')).notNull(),
    kind: held('C1', 'definition', text('kind')).notNull(),
    /** the day in the programme's time zone that a round of occasions is for */
    onDate: held('C1', 'definition', date('on_date', { mode: 'string' })),
    /** when the next round is due */
    dueAt: held('C1', 'definition', instant('due_at')).notNull(),
    /** the last that this round has dealt with */
    after: held('C1', 'definition', jsonb('after')),
  },
  (table) => [
    primaryKey({ name: 'loyalty_rounds_pkey', columns: [table.programme, table.kind] }),
    check('loyalty_rounds_kind_check', sql`${table.kind} in ('occasions', 'notices')`),
  ],
);

/** Activities of members that came or changed, and have not been judged by the earn rules since. */
export const loyaltyEarningDue = pgTable(
  'loyalty_earning_due',
  {
    customerId: held('C1', 'transaction', uuid('customer_id')).notNull(),
    activityId: held('C1', 'transaction', uuid('activity_id')).notNull(),
    occurredAt: held('C1', 'transaction', instant('occurred_at')).notNull(),
    /** when it can be judged: nothing is earned ahead of its instant */
    dueAt: held('C1', 'transaction', instant('due_at')).notNull(),
    originCustomerId: held('C1', 'transaction', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({ name: 'loyalty_earning_due_pkey', columns: [table.customerId, table.activityId] }),
    index('loyalty_earning_due_due_at_idx').on(table.dueAt, table.customerId),
  ],
);

/**
 * What a rule gave for one thing: an activity, by its source and id there, or an occasion of a year. It is the business
 * key of earning: however often something is judged, what differs from this alone is posted.
 */
export const loyaltyEarnings = pgTable(
  'loyalty_earnings',
  {
    customerId: held('C1', 'transaction', uuid('customer_id')).notNull(),
    accountId: held('C1', 'transaction', uuid('account_id')).notNull(),
    subject: held('C1', 'transaction', text('subject')).notNull(),
    rule: held('C1', 'transaction', text('rule')).notNull(),
    programme: held('C1', 'transaction', text('programme')).notNull(),
    /** the one that earned it first: corrections go by the same */
    ruleVersion: held('C1', 'transaction', integer('rule_version')).notNull(),
    /** the rules that were in force then */
    rulesAt: held('C1', 'transaction', instant('rules_at')).notNull(),
    /** null of an occasion */
    activityId: held('C1', 'transaction', uuid('activity_id')),
    occurredAt: held('C1', 'transaction', instant('occurred_at')).notNull(),
    /** what it gives by now */
    points: held('C2', 'transaction', points('points')).notNull(),
    /** beyond these, what should have been taken back and could not be: it has expired, or was spent without a debt */
    kept: held('C2', 'transaction', points('kept')).notNull(),
    /** what issued them, in order */
    operations: held('C1', 'transaction', uuid('operations').array()).notNull(),
    originCustomerId: held('C1', 'transaction', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({
      name: 'loyalty_earnings_pkey',
      columns: [table.customerId, table.accountId, table.subject, table.rule],
    }),
    foreignKey({
      name: 'loyalty_earnings_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
    /** for caps and repetitions */
    index('loyalty_earnings_rule_idx')
      .on(table.customerId, table.programme, table.rule, table.occurredAt)
      .where(sql`points > 0`),
    check('loyalty_earnings_points_check', sql`${table.points} >= 0`),
    check('loyalty_earnings_kept_check', sql`${table.kept} >= 0`),
  ],
);

/** Members who were told that points expire at an instant: they are told once. */
export const loyaltyExpiryNotices = pgTable(
  'loyalty_expiry_notices',
  {
    customerId: held('C1', 'transaction', uuid('customer_id')).notNull(),
    accountId: held('C1', 'transaction', uuid('account_id')).notNull(),
    expiresAt: held('C1', 'transaction', instant('expires_at')).notNull(),
    points: held('C2', 'transaction', points('points')).notNull(),
    toldAt: held('C1', 'transaction', instant('told_at')).notNull(),
    originCustomerId: held('C1', 'transaction', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({
      name: 'loyalty_expiry_notices_pkey',
      columns: [table.customerId, table.accountId, table.expiresAt],
    }),
  ],
);
