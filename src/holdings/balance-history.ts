/** What a holding held, by business date: as it is known now, or as it was known at a past instant. */
import { sql } from 'drizzle-orm';
import type { Ctx } from '../platform/context.js';
import { microsOf } from '../platform/instants.js';
import type { PageRequest } from '../platform/pagination.js';
import type { BalanceRow } from './balance-schemas.js';
import { getHolding } from './service.js';

export type BalanceFilters = {
  from?: string | undefined;
  to?: string | undefined;
  as_of?: string | undefined;
};

/** A page of intervals, the earliest first. Throws the one 404. */
export async function listBalances(
  ctx: Ctx,
  holdingId: string,
  { from, to, as_of }: BalanceFilters,
  page: PageRequest,
): Promise<BalanceRow[]> {
  await getHolding(ctx, holdingId);
  const known = as_of === undefined ? null : microsOf(as_of);
  const conditions = [
    sql`true`,
    ...(from === undefined ? [] : [sql`(to_date is null or to_date > ${from}::date)`]),
    ...(to === undefined ? [] : [sql`from_date < ${to}::date`]),
    ...(page.after === undefined ? [] : [sql`from_date > ${page.after[0]}::date`]),
  ];
  return ctx.database.rows<BalanceRow>(sql`
    with place as (select customer_id, holding_id from holding_keys where holding_id = ${holdingId}::uuid),
    stated as (
      select s.day, b.amount, b.currency, s.recorded from place
      join holding_balances b using (customer_id, holding_id)
      cross join unnest(b.days, b.recorded_micros) as s(day, recorded)
      where ${known}::bigint is null or s.recorded <= ${known}::bigint
      union all
      select b.business_date, b.amount, b.currency, b.recorded_micros from place
      join superseded_balances b using (customer_id, holding_id)
      where b.recorded_micros <= ${known}::bigint and b.superseded_micros > ${known}::bigint
    ), neighbours as (
      select *, lag(amount) over days as former, lag(currency) over days as former_currency from stated
      window days as (order by day)
    ), intervals as (
      select day as from_date, lead(day) over (order by day) as to_date, amount, currency, recorded
      from neighbours where former_currency is distinct from currency or former is distinct from amount
    )
    select from_date, to_date, trim_scale(amount) as amount, currency,
      timestamptz 'epoch' + recorded * interval '1 microsecond' as recorded_at
    from intervals where ${sql.join(conditions, sql` and `)} order by from_date limit ${page.limit + 1}`);
}
