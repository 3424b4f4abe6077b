import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  date,
  index,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uuid,
} from 'drizzle-orm/pg-core';
import { bytes, decimal, held, instant } from './columns.js';

/** (source, source_id) -> activity, inserted first: this is what makes ingestion happen once. */
export const activityKeys = pgTable(
  'activity_keys',
  {
    source: held('C1', 'transaction', text('source')).notNull(),
    sourceId: held('C1', 'transaction', text('source_id')).notNull(),
    customerId: held('C1', 'transaction', uuid('customer_id')).notNull(),
    activityId: held('C1', 'transaction', uuid('activity_id')).notNull(),
    occurredAt: held('C1', 'transaction', instant('occurred_at')).notNull(),
    contentHash: held('C1', 'transaction', bytes('content_hash')).notNull(),
    sourceVersion: held('C1', 'transaction', bigint('source_version', { mode: 'number' })).notNull(),
    /** what it reverses, of the same source */
    reversesSourceId: held('C1', 'transaction', text('reverses_source_id')),
  },
  (table) => [primaryKey({ name: 'activity_keys_pkey', columns: [table.source, table.sourceId] })],
);

/** What came under a key beside the content that stands: it gave way to a higher version. */
export const activityVersions = pgTable(
  'activity_versions',
  {
    source: held('C1', 'transaction', text('source')).notNull(),
    sourceId: held('C1', 'transaction', text('source_id')).notNull(),
    activityId: held('C1', 'transaction', uuid('activity_id')).notNull(),
    customerId: held('C1', 'transaction', uuid('customer_id')).notNull(),
    occurredAt: held('C1', 'transaction', instant('occurred_at')).notNull(),
    contentHash: held('C1', 'transaction', bytes('content_hash')).notNull(),
    /** the highest with which this content came */
    sourceVersion: held('C1', 'transaction', bigint('source_version', { mode: 'number' })).notNull(),
  },
  (table) => [
    primaryKey({
      name: 'activity_versions_pkey',
      columns: [table.source, table.sourceId, table.activityId],
    }),
  ],
);

/** What reverses an activity, by the key of what is reversed: it may come before it. */
export const activityReversals = pgTable(
  'activity_reversals',
  {
    source: held('C1', 'transaction', text('source')).notNull(),
    /** of what is reversed */
    sourceId: held('C1', 'transaction', text('source_id')).notNull(),
    reversalSourceId: held('C1', 'transaction', text('reversal_source_id')).notNull(),
    /** how much of it, in its currency; null: all */
    amount: held('C2', 'transaction', decimal('amount')),
    /** told by a caller who is bound to some customers: it reverses nothing of another customer than its own */
    sameCustomer: held('C1', 'transaction', boolean('same_customer')).notNull(),
  },
  (table) => [
    primaryKey({
      name: 'activity_reversals_pkey',
      columns: [table.source, table.sourceId, table.reversalSourceId],
    }),
  ],
);

/**
 * Something a customer did, reported to us. Partitioned by year of `occurred_at`; a year's partition is made
 * when its first activity comes. No foreign keys: the customer is resolved and locked in the same transaction,
 * and a check per row would cost more than the row.
 */
export const activities = pgTable(
  'activities',
  {
    customerId: held('C1', 'transaction', uuid('customer_id')).notNull(),
    occurredAt: held('C1', 'transaction', instant('occurred_at')).notNull(),
    id: held('C1', 'transaction', uuid('id')).notNull(),
    type: held('C1', 'transaction', text('type')).notNull(),
    /** instant, or day where the source told only a date */
    precision: held('C1', 'transaction', text('precision')).notNull(),
    businessDate: held('C1', 'transaction', date('business_date', { mode: 'string' })).notNull(),
    amount: held('C2', 'transaction', decimal('amount')),
    currency: held('C1', 'transaction', text('currency')),
    direction: held('C1', 'transaction', text('direction')).notNull(),
    /** in the bank's currency by the rate at ingestion, less what is reversed; null where there is no amount or no rate */
    reportingAmount: held('C2', 'transaction', decimal('reporting_amount')),
    channel: held('C1', 'transaction', text('channel')),
    initiatedBy: held('C1', 'transaction', text('initiated_by')).notNull(),
    ownTransfer: held('C1', 'transaction', boolean('own_transfer')).notNull(),
    holdingId: held('C1', 'transaction', uuid('holding_id')),
    source: held('C1', 'transaction', text('source')).notNull(),
    sourceId: held('C1', 'transaction', text('source_id')).notNull(),
    sourceVersion: held('C1', 'transaction', bigint('source_version', { mode: 'number' })).notNull(),
    attributes: held('C2', 'transaction', jsonb('attributes')),
    /** only current ones are measured */
    state: held('C1', 'transaction', text('state')).notNull(),
    recordedAt: held('C1', 'transaction', instant('recorded_at')).notNull(),
    /** the customer it came to first, where a merge has moved it */
    originCustomerId: held('C1', 'transaction', uuid('origin_customer_id')),
    /** the exchange rate that its reporting amount was made with; null in the bank's own currency */
    rateId: held('C1', 'transaction', uuid('rate_id')),
    /** what it reverses, of the same source, and how much of it: null is all */
    reversesSourceId: held('C1', 'transaction', text('reverses_source_id')),
    reversesAmount: held('C2', 'transaction', decimal('reverses_amount')),
    /** how much of it others reverse, in its currency and in the bank's */
    reversedAmount: held('C2', 'transaction', decimal('reversed_amount')),
    reversedReportingAmount: held('C2', 'transaction', decimal('reversed_reporting_amount')),
    /** the activity whose content stands under the same key */
    supersededBy: held('C1', 'transaction', uuid('superseded_by')),
  },
  (table) => [
    primaryKey({ name: 'activities_pkey', columns: [table.customerId, table.occurredAt, table.id] }),
    /** hand-written in the migration with INCLUDE (reporting_amount), which drizzle cannot say */
    index('activities_customer_id_type_occurred_at_idx')
      .on(table.customerId, table.type, table.occurredAt)
      .where(sql`state = 'current'`),
    index('activities_unvalued_idx')
      .on(table.currency, table.businessDate)
      .where(sql`state = 'current' and reporting_amount is null and amount is not null`),
    check('activities_direction_check', sql`${table.direction} in ('in', 'out', 'none')`),
    check('activities_initiated_by_check', sql`${table.initiatedBy} in ('customer', 'bank', 'third_party')`),
    check('activities_state_check', sql`${table.state} in ('current', 'superseded', 'reversed', 'reversal')`),
    check('activities_amount_check', sql`${table.amount} >= 0`),
  ],
);

/** All-time counts and sums, kept at ingestion: they outlive the retention of the activities themselves. */
export const activityTotals = pgTable(
  'activity_totals',
  {
    customerId: held('C1', 'transaction', uuid('customer_id')).notNull(),
    type: held('C1', 'transaction', text('type')).notNull(),
    direction: held('C1', 'transaction', text('direction')).notNull(),
    initiatedBy: held('C1', 'transaction', text('initiated_by')).notNull(),
    count: held('C1', 'transaction', bigint('count', { mode: 'number' })).notNull(),
    /** of reporting amounts */
    amount: held('C2', 'transaction', decimal('amount')).notNull(),
    unvalued: held('C1', 'transaction', bigint('unvalued', { mode: 'number' })).notNull(),
    firstAt: held('C1', 'transaction', instant('first_at')).notNull(),
    lastAt: held('C1', 'transaction', instant('last_at')).notNull(),
  },
  (table) => [
    primaryKey({
      name: 'activity_totals_pkey',
      columns: [table.customerId, table.type, table.direction, table.initiatedBy],
    }),
  ],
);
