/** Two customers that turned out to be one: what was merged, how, and all that is needed to take it back. */
import { sql } from 'drizzle-orm';
import { check, index, integer, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { bytes, held, instant } from './columns.js';

export const merges = pgTable(
  'merges',
  {
    id: held('C1', 'relationship', uuid('id')).primaryKey(),
    survivorId: held('C1', 'relationship', uuid('survivor_id')).notNull(),
    mergedId: held('C1', 'relationship', uuid('merged_id')).notNull(),
    /** decision: of this service's users; source_of_record: the core has merged them already */
    authority: held('C1', 'relationship', text('authority')).notNull(),
    /** the source that says so, where it is one of record */
    source: held('C1', 'relationship', text('source')),
    /** moving and reverting: activities are still on their way */
    state: held('C1', 'relationship', text('state')).notNull(),
    /** { field: survivor or merged }, as it was chosen */
    survivorship: held('C1', 'relationship', jsonb('survivorship')).notNull(),
    /** how many rows of each kind moved, and what later writes went where */
    report: held('C1', 'relationship', jsonb('report')).notNull(),
    /** both customers as they were, encrypted: what a merge drops is here, and nowhere else */
    beforeSealed: held('C2', 'relationship', bytes('before_sealed')).notNull(),
    createdBy: held('C1', 'relationship', text('created_by')).notNull(),
    mergedAt: held('C1', 'relationship', instant('merged_at')).notNull(),
    revertedBy: held('C1', 'relationship', text('reverted_by')),
    revertedAt: held('C1', 'relationship', instant('reverted_at')),
    version: held('C1', 'relationship', integer('version')).notNull(),
  },
  (table) => [
    index('merges_survivor_id_idx').on(table.survivorId, table.id),
    index('merges_merged_id_idx').on(table.mergedId),
    uniqueIndex('merges_merged_id_key').on(table.mergedId).where(sql`state <> 'reverted'`),
    index('merges_state_idx').on(table.id).where(sql`state in ('moving', 'reverting')`),
    check('merges_authority_check', sql`${table.authority} in ('decision', 'source_of_record')`),
    check('merges_state_check', sql`${table.state} in ('moving', 'merged', 'reverting', 'reverted')`),
  ],
);
