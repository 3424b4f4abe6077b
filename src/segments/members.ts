/** Who is in, now or at a past instant, in the caller's data scope. */
import { type SQL, sql } from 'drizzle-orm';
import type { Ctx } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { notFound } from '../platform/errors.js';
import type { PageRequest } from '../platform/pagination.js';
import { readInReach } from '../platform/reach-pages.js';
import { awaitsRanks } from '../ranks/cuts.js';
import { reviewBacklog } from '../reviews/service.js';
import type { LoadFacts } from '../rules/facts.js';
import { restateSegments } from './restated.js';
import { reviewOne } from './review.js';
import type { CustomerSegmentRow, MemberRow } from './rows.js';

/** How far the review is behind, of the customers within reach. */
export async function freshness(ctx: Ctx) {
  const { count, oldest } = await reviewBacklog(ctx);
  return { evaluated_at: ctx.now, unreviewed: count, oldest_unreviewed_at: oldest };
}

/** Open now, or open then. */
const during = (asOf: string | undefined): SQL =>
  asOf === undefined
    ? sql`m.left_at is null`
    : sql`m.entered_at <= ${asOf} and (m.left_at is null or m.left_at > ${asOf})`;

/** Whether the caller may see the customer of a membership `m`. */
export const memberInReach = (ctx: Ctx): SQL =>
  ctx.reach === null
    ? sql`true`
    : sql`exists (select from customers c where c.id = m.customer_id and ${visibleCustomer(ctx, 'c')})`;

export async function listMembers(
  ctx: Ctx,
  segment: string,
  asOf: string | undefined,
  page: PageRequest,
): Promise<MemberRow[]> {
  const after = page.after?.[0] as string | undefined;
  const limit = page.limit + 1;
  const member = sql`m.segment = ${segment} and ${during(asOf)}`;
  const columns = sql`m.customer_id, m.entered_at, m.left_at, m.rule_version`;
  const read = (ids: SQL) =>
    ctx.database.rows<MemberRow & { seen: number | null }>(sql`
      select ${columns}, s.seen from ${ids} s join memberships m on m.customer_id = s.id and ${member} order by s.id`);
  const along = (from: (column: SQL) => SQL, most: number) =>
    sql`select m.customer_id as id from memberships m where ${member} and ${from(sql`m.customer_id`)}
      order by m.customer_id limit ${most}`;
  const condition = sql`exists (select from memberships m where m.customer_id = c.id and ${member})`;
  return (
    (await readInReach(ctx, { after, limit, along, condition }, read)) ??
    ctx.database.rows<MemberRow>(sql`
      select ${columns} from memberships m
      where ${member} and ${after === undefined ? sql`true` : sql`m.customer_id > ${after}::uuid`} and ${memberInReach(ctx)}
      order by m.customer_id limit ${limit}`)
  );
}

/** Whether something of a customer changed since it was reviewed: of `review_state` as r. */
export const isPending = ({ now }: Pick<Ctx, 'now'>): SQL =>
  sql`(r.marked_at is not null or coalesce(r.next_change_at <= ${now}, false) or ${awaitsRanks(sql`r.customer_id`)})`;

type Review = { reviewed_at: string | null; pending: boolean; next_change_at: string | null };

export type Instants = { as_of?: string; basis?: 'recorded' | 'restated'; fresh?: boolean };

/** The segments of a customer, with how fresh the answer is. `fresh` reviews it first. Throws the one 404. */
export async function segmentsOfCustomer(
  ctx: Ctx,
  facts: LoadFacts,
  customerId: string,
  { as_of: asOf, basis, fresh }: Instants,
) {
  if (fresh) await reviewVisible(ctx, facts, customerId);
  const [review] = await ctx.database.rows<Review>(sql`
    select r.reviewed_at, r.next_change_at,
      ${isPending(ctx)} as pending
    from customers c join review_state r on r.customer_id = c.id
    where c.id = ${customerId} and c.merged_into is null and ${visibleCustomer(ctx, 'c')}`);
  if (review === undefined) throw notFound('customer');
  const data =
    asOf !== undefined && basis === 'restated'
      ? await restateSegments(ctx.database, ctx, facts, customerId, asOf)
      : await ctx.database.rows<CustomerSegmentRow>(sql`
    select m.segment, s.name, m.entered_at, m.left_at, m.rule_version, m.cause
    from memberships m join segments s on s.key = m.segment
    where m.customer_id = ${customerId} and ${during(asOf)} order by m.segment`);
  return {
    data,
    evaluated_at: review.reviewed_at,
    pending: review.pending,
    next_change_at: review.next_change_at,
  };
}

/** Throws the one 404. */
async function reviewVisible(ctx: Ctx, facts: LoadFacts, customerId: string): Promise<void> {
  const [customer] = await ctx.database.rows(sql`
    select from customers c where c.id = ${customerId} and c.merged_into is null and ${visibleCustomer(ctx, 'c')}`);
  if (customer === undefined) throw notFound('customer');
  await reviewOne(ctx, facts, customerId);
}
