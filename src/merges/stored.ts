/** Merges as they are stored. What they need for a revert is encrypted: it holds what the merge dropped. */
import { type SQL, sql } from 'drizzle-orm';
import type { Static } from 'typebox';
import type { Reader } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { notFound } from '../platform/errors.js';
import type { PageRequest } from '../platform/pagination.js';
import type { Kept } from '../platform/reassignment.js';
import type { Before } from './parting.js';
import type { Merge } from './schemas.js';

export type MergeRow = Static<typeof Merge>;

const mergeColumns: SQL = sql.raw(`m.id, m.survivor_id, m.merged_id, m.authority, m.source, m.state,
  m.survivorship, m.report, m.created_by, m.merged_at, m.reverted_by, m.reverted_at, m.version`);

/** All that a revert needs. */
export type Snapshot = Before & { kept: Kept };

const place = (id: string) => `merges:${id}`;

export const sealSnapshot = (ctx: Ctx, id: string, snapshot: Snapshot): Buffer =>
  ctx.keyring.encrypt(JSON.stringify(snapshot), place(id));

export async function readSnapshot(reader: Reader, ctx: Ctx, id: string): Promise<Snapshot> {
  const [row] = await reader.rows<{ sealed: Buffer }>(
    sql`select before_sealed as sealed from merges where id = ${id}`,
  );
  if (row === undefined) throw notFound('merge');
  return JSON.parse(ctx.keyring.decrypt(row.sealed, place(id))) as Snapshot;
}

/** Whoever sees the survivor sees the merge. Of `merges` as m. */
const visible = (ctx: Ctx): SQL => {
  if (ctx.dataScope === null) return sql`true`;
  return sql`exists (select from customers c where c.id = m.survivor_id and ${visibleCustomer(ctx, 'c')})`;
};

/** Throws the one 404. */
export async function getMerge(
  ctx: Ctx,
  id: string,
  reader: Reader = ctx.database,
  lock = sql``,
): Promise<MergeRow> {
  const [row] = await reader.rows<MergeRow>(
    sql`select ${mergeColumns} from merges m where m.id = ${id} and ${visible(ctx)} ${lock}`,
  );
  if (row === undefined) throw notFound('merge');
  return row;
}

export type MergeFilters = { survivor_id?: string | undefined; merged_id?: string | undefined };

/** A page of merges, the latest first. */
export const listMerges = (ctx: Ctx, filters: MergeFilters, page: PageRequest): Promise<MergeRow[]> => {
  const conditions = [
    visible(ctx),
    ...(filters.survivor_id === undefined ? [] : [sql`m.survivor_id = ${filters.survivor_id}::uuid`]),
    ...(filters.merged_id === undefined ? [] : [sql`m.merged_id = ${filters.merged_id}::uuid`]),
    ...(page.after === undefined ? [] : [sql`m.id < ${page.after[0]}::uuid`]),
  ];
  return ctx.database.rows<MergeRow>(sql`
    select ${mergeColumns} from merges m where ${sql.join(conditions, sql` and `)}
    order by m.id desc limit ${page.limit + 1}`);
};

/** The merge by which a customer is another's now. */
export async function standingMergeOf(reader: Reader, mergedId: string): Promise<{ id: string } | undefined> {
  const [row] = await reader.rows<{ id: string }>(
    sql`select id from merges where merged_id = ${mergedId} and state <> 'reverted'`,
  );
  return row;
}
