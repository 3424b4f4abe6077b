/** Who is in, now or at a past instant, in the caller's data scope. */
import { type SQL, sql } from 'drizzle-orm';
import type { Ctx } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { notFound } from '../platform/errors.js';
import type { PageRequest } from '../platform/pagination.js';

export type MemberRow = {
  customer_id: string;
  entered_at: string;
  left_at: string | null;
  rule_version: number;
};

/** Open now, or open then. */
const during = (asOf: string | undefined): SQL =>
  asOf === undefined
    ? sql`m.left_at is null`
    : sql`m.entered_at <= ${asOf} and (m.left_at is null or m.left_at > ${asOf})`;

export async function listMembers(
  ctx: Ctx,
  segment: string,
  asOf: string | undefined,
  page: PageRequest,
): Promise<MemberRow[]> {
  const after = page.after === undefined ? sql`true` : sql`m.customer_id > ${page.after[0]}::uuid`;
  const scope =
    ctx.dataScope === null
      ? sql`true`
      : sql`exists (select from customers c where c.id = m.customer_id and ${visibleCustomer(ctx, 'c')})`;
  return ctx.database.rows<MemberRow>(sql`
    select m.customer_id, m.entered_at, m.left_at, m.rule_version from memberships m
    where m.segment = ${segment} and ${during(asOf)} and ${after} and ${scope}
    order by m.customer_id limit ${page.limit + 1}`);
}

export type CustomerSegmentRow = {
  segment: string;
  name: string;
  entered_at: string;
  left_at: string | null;
  rule_version: number;
  cause: string;
};

type Review = { reviewed_at: string | null; pending: boolean; next_change_at: string | null };

/** The segments of a customer, with how fresh the answer is. Throws the one 404. */
export async function segmentsOfCustomer(ctx: Ctx, customerId: string, asOf: string | undefined) {
  const [review] = await ctx.database.rows<Review>(sql`
    select r.reviewed_at, r.marked_at is not null or r.next_change_at <= ${ctx.now} as pending, r.next_change_at
    from customers c join review_state r on r.customer_id = c.id
    where c.id = ${customerId} and ${visibleCustomer(ctx, 'c')}`);
  if (review === undefined) throw notFound('customer');
  const data = await ctx.database.rows<CustomerSegmentRow>(sql`
    select m.segment, s.name, m.entered_at, m.left_at, m.rule_version, m.cause
    from memberships m join segments s on s.key = m.segment
    where m.customer_id = ${customerId} and ${during(asOf)} order by m.segment`);
  return {
    data,
    evaluated_at: review.reviewed_at,
    pending: review.pending === true,
    next_change_at: review.next_change_at,
  };
}
