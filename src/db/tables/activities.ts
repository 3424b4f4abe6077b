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
  },
  (table) => [primaryKey({ name: 'activity_keys_pkey', columns: [table.source, table.sourceId] })],
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
    /** in the bank's currency, fixed at ingestion; null where there is no amount or no rate */
    reportingAmount: held('C2', 'transaction', decimal('reporting_amount')),
    channel: held('C1', 'transaction', text('channel')),
    initiatedBy: held('C1', 'transaction', text('initiated_by')).notNull(),
    ownTransfer: held('C1', 'transaction', boolean('own_transfer')).notNull(),
    holdingId: held('C1', 'transaction', uuid('holding_id')),
    source: held('C1', 'transaction', text('source')).notNull(),
    sourceId: held('C1', 'transaction', text('source_id')).notNull(),
    sourceVersion: held('C1', 'transaction', bigint('source_version', { mode: 'number' })).notNull(),
    attributes: held('C2', 'transaction', jsonb('attributes')),
    /** current, superseded or reversed: only current ones are measured */
    state: held('C1', 'transaction', text('state')).notNull(),
    recordedAt: held('C1', 'transaction', instant('recorded_at')).notNull(),
    /** the customer it came to first, where a merge has moved it */
    originCustomerId: held('C1', 'transaction', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({ name: 'activities_pkey', columns: [table.customerId, table.occurredAt, table.id] }),
    /** hand-written in the migration with INCLUDE (reporting_amount), which drizzle cannot say */
    index('activities_customer_id_type_occurred_at_idx')
      .on(table.customerId, table.type, table.occurredAt)
      .where(sql`state = 'current'`),
    check('activities_direction_check', sql`${table.direction} in ('in', 'out', 'none')`),
    check('activities_initiated_by_check', sql`${table.initiatedBy} in ('customer', 'bank', 'third_party')`),
    check('activities_state_check', sql`${table.state} in ('current', 'superseded', 'reversed')`),
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
