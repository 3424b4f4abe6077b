/** Operations on exchange rates. */
import { sql } from 'drizzle-orm';
import { type Ctx, today } from '../platform/context.js';
import { DomainError, notFound } from '../platform/errors.js';
import type { PageRequest } from '../platform/pagination.js';
import { transact } from '../platform/transact.js';
import { rateOfDay } from './rate-of-day.js';
import { rateProblems, recordRates } from './recording.js';
import type { RateRow, RateStatement } from './schemas.js';

/** Records all of them, or none. */
export async function recordRateBatch(ctx: Ctx, items: readonly RateStatement[]) {
  const errors = items.flatMap((rate, index) => rateProblems(ctx, rate, `/items/${index}`));
  if (errors[0] !== undefined) throw new DomainError('rule_broken', errors[0].message, { errors });
  return transact(ctx, async (tx) => {
    const { outcomes, audit, events } = await recordRates(tx, ctx, items);
    const recorded = outcomes.filter((outcome) => outcome === 'recorded').length;
    return { value: { recorded, unchanged: outcomes.length - recorded }, audit, events };
  });
}

const columns = sql.raw(
  'x.id, x.currency, x.rate, x.business_date, x.source, x.recorded_at, x.superseded_at',
);

export type RateFilters = {
  currency?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  superseded: boolean;
};

/** A page of rates, those of the latest business date first. */
export function listRates(ctx: Ctx, filters: RateFilters, page: PageRequest): Promise<RateRow[]> {
  const conditions = [
    sql`true`,
    ...(filters.superseded ? [] : [sql`x.superseded_at is null`]),
    ...(filters.currency === undefined ? [] : [sql`x.currency = ${filters.currency}`]),
    ...(filters.from === undefined ? [] : [sql`x.business_date >= ${filters.from}::date`]),
    ...(filters.to === undefined ? [] : [sql`x.business_date < ${filters.to}::date`]),
    ...(page.after === undefined
      ? []
      : [sql`(x.business_date, x.id) < (${page.after[0]}::date, ${page.after[1]}::uuid)`]),
  ];
  return ctx.database.rows<RateRow>(sql`
    select ${columns} from exchange_rates x where ${sql.join(conditions, sql` and `)}
    order by x.business_date desc, x.id desc limit ${page.limit + 1}`);
}

type Found = RateRow & { latest_id: string; marked_at: string | null };

/** The rate that holds for a currency on a day, today where none is named. Throws 404 where there is none. */
export async function getRate(ctx: Ctx, currency: string, on: string | undefined) {
  const day = on ?? today(ctx);
  const [found] = await ctx.database.rows<Found>(sql`
    select ${columns}, l.rate_id as latest_id, l.marked_at from (${rateOfDay(sql`${currency}`, sql`${day}::date`)}) r
    join exchange_rates x on x.id = r.id join latest_rates l on l.currency = x.currency`);
  if (found === undefined) throw notFound('exchange rate');
  const { latest_id, marked_at, ...rate } = found;
  return {
    currency,
    business_date: day,
    rate,
    is_latest: rate.id === latest_id,
    holders_marked: marked_at !== null,
  };
}
