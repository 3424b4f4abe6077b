/**
 * The hours of a programme are closed one after the other, once nothing can be booked into them any more: everything
 * that was due by their end is posted, and whoever read the clock before their end has ended too.
 */
import { sql } from 'drizzle-orm';
import type { Ctx } from '../../platform/context.js';
import { instantOf, microsOf } from '../../platform/instants.js';
import { transact } from '../../platform/transact.js';
import { sumColumns } from './sums.js';

/** Longer than any request or job goes on with the instant that it began at. */
const longestMinutes = 10;
const hourMicros = 3_600_000_000;
/** of the time in which something was booked, a piece closes a day of it at most */
const piece = sql`interval '1 day'`;

type Open = { programme: string; closed_until: string | null; first_at: string };

/** Closes hours of each programme. True where there may be more. */
export async function closeHours(ctx: Ctx): Promise<boolean> {
  const until = await horizon(ctx);
  const open = await ctx.database.rows<Open>(sql`
    select p.key as programme, c.until_at as closed_until, f.booked_at as first_at
    from loyalty_programmes p
    cross join lateral (
      select max(until_at) as until_at from loyalty_closings where programme = p.key) c
    cross join lateral (
      select booked_at from loyalty_postings
      where programme = p.key and booked_at >= coalesce(c.until_at, '-infinity') and booked_at < ${until} order by booked_at limit 1) f`);
  for (const one of open) await closeOf(ctx, one, until);
  return open.length > 0;
}

/** Nothing is booked before it any more. */
async function horizon({ database, now }: Ctx): Promise<string> {
  const [row] = await database.rows<{ due_at: string | null }>(
    sql`select min(next_due_at) as due_at from loyalty_accounts where next_due_at is not null`,
  );
  const settled = microsOf(now) - longestMinutes * 60_000_000;
  const due = row?.due_at == null ? settled : Math.min(settled, microsOf(row.due_at));
  return instantOf(Math.floor(due / hourMicros) * hourMicros);
}

/** What another worker has closed meanwhile is the same: what is closed does not change. */
const closeOf = (ctx: Ctx, { programme, closed_until: from, first_at: first }: Open, until: string) =>
  transact(ctx, async (tx) => {
    const closed = await tx.run(sql`
      with booked as (
        select date_bin('1 hour', p.booked_at, '1970-01-01T00:00:00Z'::timestamptz) + interval '1 hour' as until_at,
          ${sumColumns}
        from loyalty_postings p
        where p.programme = ${programme} and p.booked_at >= coalesce(${from}::timestamptz, '-infinity')
          and p.booked_at < least(${until}::timestamptz,
            date_bin('1 hour', ${first}::timestamptz, '1970-01-01T00:00:00Z'::timestamptz) + ${piece})
        group by 1
      ), before as (
        select * from loyalty_closings where programme = ${programme} and until_at <= ${from} order by until_at desc limit 1
      )
      insert into loyalty_closings (programme, until_at, lots, debts, issued, redeemed, expired, cancelled)
      select ${programme}, b.until_at, ${cumulative('lots')}, ${cumulative('debts')}, ${cumulative('issued')},
        ${cumulative('redeemed')}, ${cumulative('expired')}, ${cumulative('cancelled')}
      from booked b left join before c on true
      on conflict do nothing`);
    return { value: closed, audit: [] };
  });

const cumulative = (name: string) =>
  sql.raw(`coalesce(c.${name}, 0) + sum(b.${name}) over (order by b.until_at)`);
