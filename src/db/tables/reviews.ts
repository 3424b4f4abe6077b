/**
 * One row a customer: its lock, its version, and what is to be looked at again. Every write to a customer takes
 * this row first, in the order of customer ids, so that no two batches wait for one another.
 */
import { sql } from 'drizzle-orm';
import { bigint, check, index, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { held, instant } from './columns.js';

/** Customers are dealt to this many buckets by a hash of their id; background work leases a bucket. */
export const bucketCount = 16;

export const reviewState = pgTable(
  'review_state',
  {
    customerId: held('C1', 'relationship', uuid('customer_id')).primaryKey(),
    bucket: held('C1', 'relationship', integer('bucket')).notNull(),
    /** goes up with every write that concerns the customer: events are ordered by it */
    version: held('C1', 'relationship', bigint('version', { mode: 'number' })).notNull(),
    /**
     * the effective instant of the last write, in microseconds of the epoch: the next one is later. A number, since
     * adding an interval to an instant depends on the session's time zone, and is not allowed in an upsert
     */
    lastMicros: held('C1', 'relationship', bigint('last_micros', { mode: 'number' })).notNull(),
    /** since when a review is due; null when the last one saw all */
    markedAt: held('C1', 'relationship', instant('marked_at')),
    /** what the writes since touched: fact names, or `activity:<type>` */
    touched: held('C1', 'relationship', text('touched').array()).notNull(),
    reviewedAt: held('C1', 'relationship', instant('reviewed_at')),
    /** the earliest instant at which a condition can flip with no write */
    nextChangeAt: held('C1', 'relationship', instant('next_change_at')),
    /** the customer is another by now: whoever waited for it has to look again whom they mean */
    mergedInto: held('C1', 'relationship', uuid('merged_into')),
    /**
     * while a merge moves activities in steps: the customer whose rows still hold some of this one's. Nothing is judged
     * meanwhile, and lists read both
     */
    arrivingFrom: held('C1', 'relationship', uuid('arriving_from')),
    /** of those rows, the ones that came from these customers; null: all of them */
    arrivingOrigins: held('C1', 'relationship', uuid('arriving_origins').array()),
    /** rows here that came from these customers are another's by now; of a merged customer, empty: those that are left */
    leavingOrigins: held('C1', 'relationship', uuid('leaving_origins').array()),
  },
  (table) => [
    index('review_state_marked_at_idx').on(table.bucket, table.markedAt).where(sql`marked_at is not null`),
    index('review_state_next_change_at_idx')
      .on(table.bucket, table.nextChangeAt)
      .where(sql`next_change_at is not null`),
    check('review_state_bucket_check', sql`${table.bucket} between 0 and 15`),
  ],
);

/** Who reviews a bucket, until when, and the fencing token that late work fails on. */
export const reviewLeases = pgTable('review_leases', {
  bucket: held('C1', 'transient', integer('bucket')).primaryKey(),
  token: held('C1', 'transient', bigint('token', { mode: 'number' })).notNull(),
  /** real time, not the domain's clock */
  leasedUntil: held('C1', 'transient', instant('leased_until')).notNull(),
});
