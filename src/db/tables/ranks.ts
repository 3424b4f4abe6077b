import { sql } from 'drizzle-orm';
import { bigint, check, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { decimal, held, instant } from './columns.js';

/** Where the order of all customers by a fact is cut, as of each refresh: what was decided by it can be followed. */
export const rankCuts = pgTable(
  'rank_cuts',
  {
    /** what is cut, and at which places */
    key: held('C1', 'definition', text('key')).notNull(),
    refreshedAt: held('C1', 'definition', instant('refreshed_at')).notNull(),
    population: held('C1', 'definition', bigint('population', { mode: 'number' })).notNull(),
    /** in the order of the places; null where the population ends before the place */
    bounds: held('C2', 'definition', text('bounds').array()).notNull(),
  },
  (table) => [primaryKey({ name: 'rank_cuts_pkey', columns: [table.key, table.refreshedAt] })],
);

/** Who belongs elsewhere by cuts that have moved is looked for in the order of ids: one row, made by a migration. */
export const rankMarking = pgTable(
  'rank_marking',
  {
    id: held('C1', 'transient', integer('id')).primaryKey(),
    /** up to which customer everybody was looked at since the cuts moved last */
    markedTo: held('C1', 'transient', uuid('marked_to')),
    /** since when all are; null while some are not */
    markedAt: held('C1', 'transient', instant('marked_at')),
  },
  (table) => [check('rank_marking_id_check', sql`${table.id} = 1`)],
);

/** Which activities count for recency, frequency and monetary value. A new version answers from its first refresh on. */
export const rfmModels = pgTable('rfm_models', {
  version: held('C1', 'definition', integer('version')).primaryKey(),
  /** null: activities of every type */
  types: held('C1', 'definition', text('types').array()),
  /** how long an activity counts */
  windowLast: held('C1', 'definition', text('window_last')).notNull(),
  refreshEvery: held('C1', 'definition', text('refresh_every')).notNull(),
  createdAt: held('C1', 'definition', instant('created_at')).notNull(),
  createdBy: held('C1', 'definition', text('created_by')).notNull(),
  /** since when it answers */
  liveAt: held('C1', 'definition', instant('live_at')),
});

/** How many customers of a branch have which scores, as of the last refresh. */
export const rfmGrid = pgTable(
  'rfm_grid',
  {
    /** empty: of no branch */
    branch: held('C1', 'relationship', text('branch')).notNull(),
    recencyScore: held('C1', 'relationship', integer('recency_score')).notNull(),
    frequencyScore: held('C1', 'relationship', integer('frequency_score')).notNull(),
    customers: held('C1', 'relationship', bigint('customers', { mode: 'number' })).notNull(),
    /** of whom the monetary value is known, and the sum of it */
    valued: held('C1', 'relationship', bigint('valued', { mode: 'number' })).notNull(),
    monetary: held('C2', 'relationship', decimal('monetary')).notNull(),
  },
  (table) => [
    primaryKey({
      name: 'rfm_grid_pkey',
      columns: [table.branch, table.recencyScore, table.frequencyScore],
    }),
  ],
);
