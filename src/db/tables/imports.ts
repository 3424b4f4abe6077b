import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  date,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uuid,
} from 'drizzle-orm/pg-core';
import { bytes, decimal, held, instant } from './columns.js';

export const imports = pgTable(
  'imports',
  {
    id: held('C1', 'transaction', uuid('id')).primaryKey(),
    kind: held('C1', 'transaction', text('kind')).notNull(),
    format: held('C1', 'transaction', text('format')).notNull(),
    charset: held('C1', 'transaction', text('charset')).notNull(),
    /** what lines that name no source speak for */
    source: held('C1', 'transaction', text('source')),
    onError: held('C1', 'transaction', text('on_error')).notNull(),
    onUnknown: held('C1', 'transaction', text('on_unknown')).notNull(),
    dryRun: held('C1', 'transaction', boolean('dry_run')).notNull(),
    state: held('C1', 'transaction', text('state')).notNull(),
    /** SHA-256 that the caller announced for the whole body, and the one that arrived */
    announcedDigest: held('C1', 'transaction', text('announced_digest')),
    receivedDigest: held('C1', 'transaction', text('received_digest')),
    receivedBytes: held('C1', 'transaction', bigint('received_bytes', { mode: 'number' })).notNull(),
    receivedLines: held('C1', 'transaction', bigint('received_lines', { mode: 'number' })).notNull(),
    /** when the last of them came: an upload that nobody continues is given up */
    receivedAt: held('C1', 'transaction', instant('received_at')).notNull(),
    /** the first line of a CSV body: its column names, never personal data */
    header: held('C1', 'transaction', text('header')),
    doneLines: held('C1', 'transaction', bigint('done_lines', { mode: 'number' })).notNull(),
    acceptedRows: held('C1', 'transaction', bigint('accepted_rows', { mode: 'number' })).notNull(),
    duplicateRows: held('C1', 'transaction', bigint('duplicate_rows', { mode: 'number' })).notNull(),
    rejectedRows: held('C1', 'transaction', bigint('rejected_rows', { mode: 'number' })).notNull(),
    /** the import's own data key, wrapped; null once it expired, and its lines with it */
    wrappedKey: held('C3', 'transient', bytes('wrapped_key')),
    failure: held('C1', 'transaction', jsonb('failure')),
    createdBy: held('C1', 'transaction', text('created_by')).notNull(),
    dataScope: held('C1', 'transaction', jsonb('data_scope')),
    createdAt: held('C1', 'transaction', instant('created_at')).notNull(),
    startedAt: held('C1', 'transaction', instant('started_at')),
    finishedAt: held('C1', 'transaction', instant('finished_at')),
    /** who works on it, in real time */
    leaseToken: held('C1', 'transient', bigint('lease_token', { mode: 'number' }))
      .notNull()
      .default(0),
    leasedUntil: held('C1', 'transient', instant('leased_until')),
    version: held('C1', 'transaction', integer('version')).notNull().default(1),
    /** for regular files, see feeds */
    feed: held('C1', 'transaction', text('feed')),
    businessDate: held('C1', 'transaction', date('business_date', { mode: 'string' })),
    controlRows: held('C1', 'transaction', bigint('control_rows', { mode: 'number' })),
    controlAmount: held('C1', 'transaction', decimal('control_amount')),
    /** the field that it is the sum of */
    controlField: held('C1', 'transaction', text('control_field')),
    mode: held('C1', 'transaction', text('mode')).notNull().default('upsert'),
    delimiter: held('C1', 'transaction', text('delimiter')).notNull().default('comma'),
    /** of what the feed has told of that day, or of an earlier one */
    isCorrection: held('C1', 'transaction', boolean('is_correction')).notNull().default(false),
    /** through which chunk the file was looked through before anything of it is applied, and what was found */
    checkedChunk: held('C1', 'transient', integer('checked_chunk')).notNull().default(-1),
    checkedAmount: held('C2', 'transient', decimal('checked_amount')).notNull().default('0'),
    /** records that do not say which holding they are about */
    unreadableRows: held('C1', 'transient', bigint('unreadable_rows', { mode: 'number' }))
      .notNull()
      .default(0),
    /** when nothing more stood in the way of applying it */
    checkedAt: held('C1', 'transaction', instant('checked_at')),
    /** what a snapshot would close: `ClosePlan` */
    plan: held('C1', 'transaction', jsonb('plan')),
    closedRows: held('C1', 'transaction', bigint('closed_rows', { mode: 'number' }))
      .notNull()
      .default(0),
    /** when all customers that it had marked were reviewed */
    evaluatedAt: held('C1', 'transaction', instant('evaluated_at')),
  },
  (table) => [
    index('imports_open_idx').on(table.createdAt).where(sql`state in ('receiving', 'queued', 'running')`),
    index('imports_feed_idx').on(table.feed, table.businessDate).where(sql`feed is not null`),
    index('imports_unevaluated_idx')
      .on(table.finishedAt)
      .where(sql`feed is not null and state = 'completed' and evaluated_at is null and not dry_run`),
    check('imports_mode_check', sql`${table.mode} in ('upsert', 'delta', 'snapshot')`),
    check(
      'imports_state_check',
      sql`${table.state} in ('receiving', 'queued', 'running', 'waiting', 'completed', 'failed', 'cancelled')`,
    ),
    check(
      'imports_kind_check',
      sql`${table.kind} in ('customers', 'holdings', 'activities', 'balances', 'exchange_rates', 'segment_members', 'points')`,
    ),
    check('imports_charset_check', sql`${table.charset} in ('utf-8', 'gb18030')`),
    check('imports_on_error_check', sql`${table.onError} in ('continue', 'abort')`),
    check('imports_on_unknown_check', sql`${table.onUnknown} in ('reject', 'create')`),
    index('imports_finished_at_idx').on(table.finishedAt).where(sql`wrapped_key is not null`),
    check('imports_format_check', sql`${table.format} in ('ndjson', 'csv')`),
  ],
);

/** Staged lines, a chunk a row, encrypted with the import's key; deleted in the transaction that used them. */
export const importChunks = pgTable(
  'import_chunks',
  {
    importId: held('C1', 'transient', uuid('import_id')).notNull(),
    chunk: held('C1', 'transient', integer('chunk')).notNull(),
    firstLine: held('C1', 'transient', bigint('first_line', { mode: 'number' })).notNull(),
    /** line ends in it: where the next chunk begins */
    lineCount: held('C1', 'transient', integer('line_count')).notNull(),
    body: held('C2', 'transient', bytes('body')).notNull(),
  },
  (table) => [primaryKey({ name: 'import_chunks_pkey', columns: [table.importId, table.chunk] })],
);

export const importRejections = pgTable(
  'import_rejections',
  {
    importId: held('C1', 'transient', uuid('import_id')).notNull(),
    line: held('C1', 'transient', bigint('line', { mode: 'number' })).notNull(),
    code: held('C1', 'transient', text('code')).notNull(),
    message: held('C1', 'transient', text('message')).notNull(),
    pointer: held('C1', 'transient', text('pointer')),
    /** the line as sent, encrypted with the import's key */
    body: held('C2', 'transient', bytes('body')).notNull(),
  },
  (table) => [primaryKey({ name: 'import_rejections_pkey', columns: [table.importId, table.line] })],
);
