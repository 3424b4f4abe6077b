import { sql } from 'drizzle-orm';
import { bigint, check, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { held, instant } from './columns.js';

/** A regular file of a source: what it holds, how it is read, and what a snapshot of it may close by itself. */
export const feeds = pgTable(
  'feeds',
  {
    key: held('C1', 'definition', text('key')).primaryKey(),
    description: held('C1', 'definition', text('description')).notNull(),
    source: held('C1', 'definition', text('source')).notNull(),
    kind: held('C1', 'definition', text('kind')).notNull(),
    mode: held('C1', 'definition', text('mode')).notNull(),
    delimiter: held('C1', 'definition', text('delimiter')).notNull(),
    /** the field whose sum a control amount is */
    controlField: held('C1', 'definition', text('control_field')),
    /** a snapshot names all holdings of these categories; null: of all */
    categories: held('C1', 'definition', text('categories').array()),
    /** the share of the open holdings above which a snapshot waits for a person */
    maxClosePercent: held('C1', 'definition', integer('max_close_percent')).notNull(),
    version: held('C1', 'definition', bigint('version', { mode: 'number' })).notNull(),
    updatedAt: held('C1', 'definition', instant('updated_at')).notNull(),
  },
  (table) => [
    check('feeds_mode_check', sql`${table.mode} in ('upsert', 'delta', 'snapshot')`),
    check('feeds_max_close_percent_check', sql`${table.maxClosePercent} between 0 and 100`),
  ],
);

/** Holdings that a snapshot names, by their blind index: what it does not name any more is closed. */
export const importMentions = pgTable(
  'import_mentions',
  {
    importId: held('C1', 'transient', uuid('import_id')).notNull(),
    numberIndex: held('C2', 'transient', text('number_index')).notNull(),
  },
  (table) => [primaryKey({ name: 'import_mentions_pkey', columns: [table.importId, table.numberIndex] })],
);
