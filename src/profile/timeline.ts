/**
 * What happened with a customer, newest first: its activities, the changes that were made, and the events that
 * went out. Each of the three is read from its own index, a page's worth, and merged.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { Static } from 'typebox';
import type { Ctx } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { notFound } from '../platform/errors.js';
import type { PageRequest } from '../platform/pagination.js';
import type { TimelineEntry } from './schemas.js';
import { activityJson } from './statement.js';

export const timelineKinds = ['activity', 'change', 'event'] as const;
export type TimelineKind = (typeof timelineKinds)[number];

type Row = Static<typeof TimelineEntry>;

/** A page of the timeline and one entry more, where there is one. Throws the one 404. */
export async function readTimeline(
  ctx: Ctx,
  customerId: string,
  kinds: readonly TimelineKind[],
  page: PageRequest,
): Promise<Row[]> {
  const seen = await ctx.database.rows(
    sql`select id from customers where id = ${customerId}::uuid and ${visibleCustomer(ctx)}`,
  );
  if (seen.length === 0) throw notFound('customer');
  const limit = page.limit + 1;
  const before = (at: SQL, id: SQL) =>
    page.after === undefined
      ? sql`true`
      : sql`(${at}, ${id}) < (${page.after[0]}::timestamptz, ${page.after[1]}::uuid)`;
  const parts: Record<TimelineKind, SQL> = {
    activity: sql`(
      select 'activity' as kind, a.id, a.occurred_at as at, a.type, ${sql.raw(activityJson)} as activity, null as actor, null::jsonb as data
      from activities a where a.customer_id = ${customerId}::uuid and ${before(sql`a.occurred_at`, sql`a.id`)}
      order by a.occurred_at desc, a.id desc limit ${limit})`,
    change: sql`(
      select 'change', e.id, e.occurred_at, e.action, null, e.actor, e.details
      from audit_entries e where e.subject_id = ${customerId.toLowerCase()} and ${before(sql`e.occurred_at`, sql`e.id`)}
      order by e.occurred_at desc, e.id desc limit ${limit})`,
    event: sql`(
      select 'event', o.id, o.occurred_at, o.type, null, null, o.data
      from outbox o where o.subject = ${customerId.toLowerCase()} and ${before(sql`o.occurred_at`, sql`o.id`)}
      order by o.occurred_at desc, o.id desc limit ${limit})`,
  };
  // no part at all is an empty page, in the shape of the first one
  const chosen = kinds.map((kind) => parts[kind]);
  const rows = await ctx.database.rows<{ [K in keyof Row]: Row[K] | null }>(sql`
    select kind, id, at, type, activity, actor, data from (${sql.join(chosen, sql` union all `)}) as entries(kind, id, at, type, activity, actor, data)
    order by at desc, id desc limit ${limit}`);
  return rows.map(
    (row) => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as Row,
  );
}
