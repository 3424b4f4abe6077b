/** Rows of `assignments`, and which of them a caller may see. */
import { type SQL, sql } from 'drizzle-orm';
import type { Reader } from '../db/client.js';
import { type Ctx, mayReadSensitive } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { notFound } from '../platform/errors.js';
import { inEffect } from '../platform/in-effect.js';
import type { PageRequest } from '../platform/pagination.js';
import { readInReach } from '../platform/reach-pages.js';
import type { AssignmentOut } from './schemas.js';

export type AssignmentRow = AssignmentOut;

const columns = (
  ctx: Ctx,
): SQL => sql`a.id, a.customer_id, a.staff, a.role, a.starts_at as "from", a.ends_at as "to",
  case when a.ends_at = a.starts_at then 'taken_back' when a.ends_at <= ${ctx.now} then 'ended'
    when a.starts_at > ${ctx.now} then 'planned' else 'current' end as status,
  a.reason, a.source, a.assigned_by, a.recorded_at, a.transfer_id, a.version`;

const reached = (ctx: Ctx): SQL =>
  ctx.reach === null
    ? sql`true`
    : sql`exists (select from customers c where c.id = a.customer_id and ${visibleCustomer(ctx, 'c')})`;

/** What somebody wrote in their own words can name a person. */
export const toAssignment = (ctx: Ctx, row: AssignmentRow): AssignmentOut => ({
  ...row,
  reason: mayReadSensitive(ctx, 'customers') ? row.reason : null,
});

export type AssignmentFilters = {
  customer?: string | undefined;
  staff?: string | undefined;
  role?: string | undefined;
  as_of?: string | undefined;
};

/** A page, past and planned ones too, by customer. */
export async function listAssignments(
  ctx: Ctx,
  { customer, staff, role, as_of }: AssignmentFilters,
  page: PageRequest,
): Promise<AssignmentRow[]> {
  const limit = page.limit + 1;
  const asked = [
    ...(customer === undefined ? [] : [sql`a.customer_id = ${customer}::uuid`]),
    ...(staff === undefined ? [] : [sql`a.staff = ${staff}`]),
    ...(role === undefined ? [] : [sql`a.role = ${role}`]),
    ...(as_of === undefined ? [] : [inEffect('a', sql`${as_of}::timestamptz`)]),
  ];
  const own = asked.length === 0 ? sql`true` : sql.join(asked, sql` and `);
  const after =
    page.after === undefined
      ? sql`true`
      : sql`(a.customer_id, a.id) > (${page.after[0]}::uuid, ${page.after[1]}::uuid)`;
  const read = (ids: SQL) =>
    ctx.database.rows<AssignmentRow & { seen: number | null }>(sql`
      select ${columns(ctx)}, s.seen from ${ids} s join assignments a on a.customer_id = s.id
      where ${own} and ${after} order by a.customer_id, a.id limit ${limit}`);
  const list = {
    // the one where the page ended can have more
    after: page.after?.[0] as string | undefined,
    isFrom: true,
    limit: limit + 1,
    enough: limit,
    along: (from: (column: SQL) => SQL, most: number) =>
      sql`select distinct a.customer_id as id from assignments a where ${own} and ${from(sql`a.customer_id`)}
        order by 1 limit ${most}`,
    condition: sql`exists (select from assignments a where a.customer_id = c.id and ${own})`,
  };
  return (
    (await readInReach(ctx, list, read)) ??
    ctx.database.rows<AssignmentRow>(sql`
      select ${columns(ctx)} from assignments a where ${reached(ctx)} and ${own} and ${after}
      order by a.customer_id, a.id limit ${limit}`)
  );
}

/** Throws the one 404. */
export async function getAssignment(
  ctx: Ctx,
  id: string,
  reader: Reader = ctx.database,
): Promise<AssignmentRow> {
  const [row] = await reader.rows<AssignmentRow>(
    sql`select ${columns(ctx)} from assignments a where a.id = ${id}::uuid and ${reached(ctx)}`,
  );
  if (row === undefined) throw notFound('assignment');
  return row;
}
