/** Approvals as they are kept: what may be shown of them to whom, and what of them is sealed. */
import { type SQL, sql } from 'drizzle-orm';
import { array, type Reader } from '../../db/client.js';
import type { Ctx } from '../context.js';
import { visibleCustomer } from '../data-scope.js';
import { notFound } from '../errors.js';
import type { PageRequest } from '../pagination.js';
import type { Content, Planned } from './guarded.js';

export const approvalStates = ['pending', 'executed', 'failed', 'rejected', 'withdrawn', 'expired'] as const;
export type ApprovalState = (typeof approvalStates)[number];

export type ApprovalRow = {
  id: string;
  operation: string;
  scope: string;
  subject_type: string;
  subject_id: string;
  customers: string[];
  content_sealed: Buffer;
  plan_hash: string;
  state: ApprovalState;
  requested_by: string;
  requested_at: string;
  expires_at: string;
  decided_by: string | null;
  decided_at: string | null;
  reason_sealed: Buffer | null;
  result_sealed: Buffer | null;
  version: number;
};

export type Kept = { input: unknown; planned: Planned };

const place = (what: 'content' | 'reason' | 'result', id: string) => `approvals:${what}:${id}`;

export const sealContent = (ctx: Ctx, id: string, kept: Kept): Buffer =>
  ctx.keyring.encrypt(JSON.stringify(kept), place('content', id));
export const sealReason = (ctx: Ctx, id: string, reason: string | undefined): Buffer | null =>
  reason === undefined ? null : ctx.keyring.encrypt(reason, place('reason', id));
export const sealResult = (ctx: Ctx, id: string, result: unknown): Buffer =>
  ctx.keyring.encrypt(JSON.stringify(result ?? null), place('result', id));

export const contentOf = (ctx: Ctx, row: ApprovalRow): Kept =>
  JSON.parse(ctx.keyring.decrypt(row.content_sealed, place('content', row.id)));

/** What is shown beside the row: to those who may do the operation themselves, what it is about. */
export function openedOf(ctx: Ctx, row: ApprovalRow) {
  const isShown = holds(ctx, row.scope);
  const { summary, content, forecast } = contentOf(ctx, row).planned;
  const open = (sealed: Buffer | null, what: 'reason' | 'result') =>
    sealed === null || !isShown ? null : ctx.keyring.decrypt(sealed, place(what, row.id));
  const result = open(row.result_sealed, 'result');
  return {
    isShown,
    summary,
    plan: isShown ? content : null,
    forecast: isShown ? forecast : null,
    reason: open(row.reason_sealed, 'reason'),
    result: result === null ? null : (JSON.parse(result) as Content | null),
  };
}

export const holds = (ctx: Ctx, scope: string): boolean => ctx.scopes.has(scope) || ctx.scopes.has('admin');

/** Those of which every customer is within reach; what concerns the bank is for those who reach all of it. */
async function reached(ctx: Ctx, reader: Reader, rows: ApprovalRow[]): Promise<ApprovalRow[]> {
  if (ctx.dataScope === null || rows.length === 0) return rows;
  const ids = new Set(rows.flatMap((row) => row.customers));
  const visible = await reader.rows<{ id: string }>(
    sql`select id from customers c where id = any(${array([...ids], 'uuid')}) and ${visibleCustomer(ctx, 'c')}`,
  );
  const known = new Set(visible.map(({ id }) => id));
  return rows.filter(({ customers }) => customers.length > 0 && customers.every((id) => known.has(id)));
}

/** Time alone ends what waits: it is over before anybody has written that down. */
const isOver = (ctx: Ctx): SQL => sql`(a.state = 'pending' and a.expires_at <= ${ctx.now})`;

const columns = (ctx: Ctx): SQL => sql`a.id, a.operation, a.scope, a.subject_type, a.subject_id, a.customers,
  a.content_sealed, a.plan_hash, case when ${isOver(ctx)} then 'expired' else a.state end as state,
  a.requested_by, a.requested_at, a.expires_at, a.decided_by, a.decided_at, a.reason_sealed, a.result_sealed,
  a.version + ${isOver(ctx)}::integer as version`;

/** Throws the one 404. With `lock`, nobody else decides until the transaction ends. */
export async function readApproval(ctx: Ctx, reader: Reader, id: string, lock = false): Promise<ApprovalRow> {
  const rows = await reader.rows<ApprovalRow>(
    sql`select ${columns(ctx)} from approvals a where a.id = ${id} ${lock ? sql`for update of a` : sql``}`,
  );
  const [row] = await reached(ctx, reader, rows);
  if (row === undefined) throw notFound('approval');
  return row;
}

export type Filters = { state?: ApprovalState | undefined; operation?: string | undefined };

const batchSize = 200;

/** One more than the page holds, where there is one. */
export async function listApprovals(ctx: Ctx, filters: Filters, page: PageRequest): Promise<ApprovalRow[]> {
  const found: ApprovalRow[] = [];
  let after = page.after?.[0];
  for (;;) {
    const batch = await readBatch(ctx, filters, after);
    found.push(...(await reached(ctx, ctx.database, batch)));
    if (batch.length < batchSize || found.length > page.limit) return found.slice(0, page.limit + 1);
    after = batch.at(-1)?.id;
  }
}

function readBatch(ctx: Ctx, filters: Filters, after: unknown): Promise<ApprovalRow[]> {
  const state =
    filters.state === undefined
      ? sql`true`
      : filters.state === 'expired'
        ? sql`(a.state = 'expired' or ${isOver(ctx)})`
        : sql`a.state = ${filters.state} and not ${isOver(ctx)}`;
  const operation = filters.operation === undefined ? sql`true` : sql`a.operation = ${filters.operation}`;
  const rest = after === undefined ? sql`true` : sql`a.id > ${after}::uuid`;
  return ctx.database.rows<ApprovalRow>(sql`
    select ${columns(ctx)} from approvals a
    where ${state} and ${operation} and ${rest} order by a.id limit ${batchSize}`);
}
