/** Rows of `imports`, and who may see them. */
import { type SQL, sql } from 'drizzle-orm';
import { json, type Reader } from '../db/client.js';
import type { Ctx, DataScope } from '../platform/context.js';
import { notFound } from '../platform/errors.js';
import type { Charset, Delimiter, Format } from './record-ends.js';

export const importKinds = [
  'activities',
  'customers',
  'holdings',
  'balances',
  'exchange_rates',
  'segment_members',
  'points',
] as const;
export type ImportKind = (typeof importKinds)[number];
export const importStates = [
  'receiving',
  'queued',
  'running',
  'waiting',
  'completed',
  'failed',
  'cancelled',
] as const;
export type ImportState = (typeof importStates)[number];
export const importModes = ['upsert', 'delta', 'snapshot'] as const;
export type ImportMode = (typeof importModes)[number];

/** What a snapshot would close of the holdings that it speaks of. */
export type ClosePlan = { open: number; closing: number; unreadable: number; max_close_percent: number };

export type ImportFailure = {
  code: string;
  message: string;
  line?: number;
  /** what was announced, and what came */
  expected?: string;
  found?: string;
};

export type ImportRow = {
  id: string;
  kind: ImportKind;
  format: Format;
  charset: Charset;
  delimiter: Delimiter;
  source: string | null;
  on_error: 'continue' | 'abort';
  on_unknown: 'reject' | 'create';
  dry_run: boolean;
  state: ImportState;
  announced_digest: string | null;
  received_bytes: number;
  received_lines: number;
  header: string | null;
  done_lines: number;
  accepted_rows: number;
  duplicate_rows: number;
  rejected_rows: number;
  wrapped_key: Buffer | null;
  failure: ImportFailure | null;
  created_by: string;
  data_scope: DataScope;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  feed: string | null;
  business_date: string | null;
  mode: ImportMode;
  is_correction: boolean;
  control_rows: number | null;
  control_amount: string | null;
  control_field: string | null;
  checked_chunk: number;
  checked_amount: string;
  unreadable_rows: number;
  checked_at: string | null;
  plan: ClosePlan | null;
  closed_rows: number;
  evaluated_at: string | null;
};

export const importColumns = sql.raw(`id, kind, format, charset, source, on_error, on_unknown, dry_run, state,
  announced_digest, received_bytes, received_lines, header, done_lines, accepted_rows, duplicate_rows, rejected_rows,
  wrapped_key, failure, created_by, data_scope, created_at, started_at, finished_at, delimiter, feed, business_date, mode,
  is_correction, control_rows, control_amount, control_field, checked_chunk, checked_amount, unreadable_rows, checked_at,
  plan, closed_rows, evaluated_at`);

/**
 * Whoever is bound to some customers sees the imports that they have sent themselves with the same reach: the next
 * token of somebody who has moved on is not told of former customers.
 */
export const visibleImport = (ctx: Ctx): SQL =>
  ctx.dataScope === null
    ? sql`true`
    : sql`(created_by = ${ctx.actor} and data_scope = ${json(ctx.dataScope)})`;

export async function findImport(ctx: Ctx, id: string, reader: Reader = ctx.database): Promise<ImportRow> {
  const [row] = await reader.rows<ImportRow>(
    sql`select ${importColumns} from imports where id = ${id}::uuid and ${visibleImport(ctx)}`,
  );
  if (row === undefined) throw notFound('import');
  return row;
}
