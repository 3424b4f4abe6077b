/**
 * What happened with a customer, newest first: its activities, the changes that were made, and the events that
 * went out. Each of the three is read from its own index, a page's worth, and merged.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { Static } from 'typebox';
import { activitiesOf } from '../activities/homes.js';
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
  const [seen] = await ctx.database.rows<{ ids: string[] }>(
    sql`select array_prepend(id, merged_from) as ids from customers
      where id = ${customerId}::uuid and merged_into is null and ${visibleCustomer(ctx)}`,
  );
  if (seen === undefined) throw notFound('customer');
  const { ids } = seen;
  const limit = page.limit + 1;
  const before = (at: SQL, id: SQL) =>
    page.after === undefined
      ? sql`true`
      : sql`(${at}, ${id}) < (${page.after[0]}::timestamptz, ${page.after[1]}::uuid)`;
  const activities = await activitiesOf(ctx.database, customerId, 'a');
  const parts: Record<TimelineKind, SQL[]> = {
    activity: [
      sql`(
      select 'activity' as kind, a.id, a.occurred_at as at, a.type, ${sql.raw(activityJson)} as activity, null as actor,
        null as on_behalf_of, null::jsonb as data
      from activities a where ${activities} and ${before(sql`a.occurred_at`, sql`a.id`)}
      order by a.occurred_at desc, a.id desc limit ${limit})`,
    ],
    // what happened with those that were merged into it is its history, too; each is read from the index by itself
    change: ids.map(
      (id) => sql`(
      select 'change', e.id, e.occurred_at, e.action, null, e.actor, e.on_behalf_of, e.details
      from audit_entries e where e.subject_id = ${id} and ${before(sql`e.occurred_at`, sql`e.id`)}
      order by e.occurred_at desc, e.id desc limit ${limit})`,
    ),
    event: ids.map(
      (id) => sql`(
      select 'event', o.id, o.occurred_at, o.type, null, null, null, o.data
      from outbox o where o.subject = ${id} and ${before(sql`o.occurred_at`, sql`o.id`)}
      order by o.occurred_at desc, o.id desc limit ${limit})`,
    ),
  };
  // no part at all is an empty page, in the shape of the first one
  const chosen = kinds.flatMap((kind) => parts[kind]);
  const rows = await ctx.database.rows<{ [K in keyof Row]: Row[K] | null }>(sql`
    select kind, id, at, type, activity, actor, on_behalf_of, data
    from (${sql.join(chosen, sql` union all `)}) as entries(kind, id, at, type, activity, actor, on_behalf_of, data)
    order by at desc, id desc limit ${limit}`);
  return rows.map(
    (row) => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as Row,
  );
}
