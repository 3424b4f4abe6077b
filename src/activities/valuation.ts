/**
 * What activities are worth in the bank's currency: by the rate of their business date, fixed when they come. One that
 * comes before its rate has no value, is counted as unvalued, and gets its value when the rate is there. An activity
 * that has a value keeps it, whatever rates come later.
 */
import { sql } from 'drizzle-orm';
import { array, type Tx } from '../db/client.js';
import { rateOfDay } from '../money/rate-of-day.js';
import { type CurrencyDay, currencyDayText, findRates } from '../money/rates.js';
import type { Ctx } from '../platform/context.js';
import { converted, minorUnits } from '../platform/currencies.js';
import { newId } from '../platform/ids.js';
import { transact } from '../platform/transact.js';
import { markManyCustomers, type Touched } from '../reviews/service.js';
import { tellLoyalty } from './earning.js';
import type { PlacedActivity, PreparedActivity } from './preparation.js';
import { reportingDecimals } from './reversals.js';
import type { StoredActivity } from './rows.js';

type Valued = Pick<PreparedActivity, 'amount' | 'currency' | 'businessDate' | 'reportingAmount' | 'rateId'>;
type Foreign = Valued & { amount: string; currency: string };

/** Sets reporting amount and rate of those in other currencies. It may be called again. */
export const valueActivities = (tx: Tx, ctx: Ctx, placed: readonly PlacedActivity[]): Promise<void> =>
  valueAmounts(
    tx,
    ctx,
    placed.map(({ activity }) => activity),
  );

/** What is stored without a value, since its rate came while it did not count. */
export async function valueStored(
  tx: Tx,
  ctx: Ctx,
  stored: ReadonlyMap<string, StoredActivity>,
): Promise<Map<string, StoredActivity>> {
  const values = [...stored].flatMap(([id, { amount, currency, business_date, reporting_amount }]) =>
    amount === null || reporting_amount !== null
      ? []
      : [
          [
            id,
            { amount, currency, businessDate: business_date, reportingAmount: null, rateId: null },
          ] as const,
        ],
  );
  const valued = new Map<string, Valued>(values);
  await valueAmounts(tx, ctx, [...valued.values()]);
  return new Map(
    [...stored].map(([id, one]) => {
      const { reportingAmount = one.reporting_amount, rateId = one.rate_id } = valued.get(id) ?? {};
      return [id, { ...one, reporting_amount: reportingAmount, rate_id: rateId }];
    }),
  );
}

async function valueAmounts(tx: Tx, ctx: Ctx, amounts: readonly Valued[]): Promise<void> {
  const foreign = amounts.filter(
    (one): one is Foreign => one.amount !== null && one.currency !== ctx.bank.currency,
  );
  if (foreign.length === 0) return;
  const days = new Map<string, CurrencyDay>(foreign.map((one) => [currencyDayText(one), one]));
  const rates = await findRates(tx, [...days.values()]);
  for (const one of foreign) {
    const rate = rates.get(currencyDayText(one));
    one.reportingAmount = rate === undefined ? null : converted(one.amount, rate.rate, ctx.bank.currency);
    one.rateId = rate?.id ?? null;
  }
  await keepUnvalued(
    tx,
    [...days].filter(([text]) => !rates.has(text)).map(([, day]) => day),
  );
}

/** Written down with the activities, and held until they are committed: whoever values a day waits for them. */
async function keepUnvalued(tx: Tx, days: readonly CurrencyDay[]): Promise<void> {
  if (days.length === 0) return;
  const pairs = sql`unnest(${array(
    days.map((one) => one.currency),
    'text',
  )}, ${array(
    days.map((one) => one.businessDate),
    'date',
  )}) as d(currency, business_date)`;
  for (let held = 0; held < days.length; ) {
    await tx.run(sql`insert into unvalued_days (currency, business_date)
      select currency, business_date from ${pairs} order by 1, 2 on conflict do nothing`);
    // one that was just taken away, since all of its day had values, is written anew
    const rows = await tx.rows(sql`select from unvalued_days u where (u.currency, u.business_date) in (
      select currency, business_date from ${pairs}) order by u.currency, u.business_date for key share`);
    held = rows.length;
  }
}

const stepSize = 2000;

type Day = { currency: string; business_date: string; id: string; rate: string };
type Unvalued = { customer_id: string; occurred_at: string; id: string; type: string };

/** Values the next activities of a day whose rate has come. False where no rate has. */
export function valueLate(ctx: Ctx): Promise<boolean> {
  return transact(ctx, async (tx) => {
    const [day] = await tx.rows<Day>(sql`
      select u.currency, u.business_date, r.id, r.rate from unvalued_days u
      cross join lateral (${rateOfDay(sql`u.currency`, sql`u.business_date`)}) r
      limit 1 for update of u skip locked`);
    if (day === undefined) return { value: false, audit: [] };
    const late = await tx.rows<Unvalued>(sql`
      select a.customer_id, a.occurred_at, a.id, a.type from activities a
      where a.currency = ${day.currency} and a.business_date = ${day.business_date}::date and a.state = 'current'
        and a.reporting_amount is null and a.amount is not null limit ${stepSize}`);
    if (late.length > 0) await valueThese(tx, ctx, day, late);
    if (late.length < stepSize) {
      await tx.run(sql`delete from unvalued_days
        where currency = ${day.currency} and business_date = ${day.business_date}::date`);
    }
    if (late.length === 0) return { value: true, audit: [] };
    const customers = new Set(late.map((one) => one.customer_id)).size;
    const data = { count: late.length, customers, currency: day.currency };
    const event = { subject: newId(), subjectVersion: 0, occurredAt: ctx.now };
    return {
      value: true,
      audit: [
        { action: 'activities.valued', subjectType: 'activities', details: { ...data, rate_id: day.id } },
      ],
      events: [{ ...event, type: 'activities.valued', data }],
    };
  });
}

async function valueThese(tx: Tx, ctx: Ctx, day: Day, late: readonly Unvalued[]): Promise<void> {
  const touched = new Map<string, Set<Touched>>();
  for (const { customer_id, type } of late) {
    touched.set(customer_id, (touched.get(customer_id) ?? new Set()).add(`activity:${type}`));
  }
  await markManyCustomers(tx, ctx, touched.keys(), (id) => [...(touched.get(id) ?? [])]);
  await tellLoyalty(tx, ctx, touched.keys(), () =>
    late.map((one) => ({ customerId: one.customer_id, activityId: one.id, occurredAt: one.occurred_at })),
  );
  const column = <T>(pick: (one: Unvalued) => T) => late.map(pick);
  const value = sql`round(a.amount * ${day.rate}::numeric, ${minorUnits(ctx.bank.currency)}::integer)`;
  // as `reversedPart`
  const reversed = sql`round(${value} * a.reversed_amount::numeric(50, 20) / nullif(a.amount, 0), ${reportingDecimals}::integer)`;
  await tx.run(sql`
    with valued as (
      update activities a set reporting_amount = ${value} - coalesce(${reversed}, 0),
        reversed_reporting_amount = ${reversed}, rate_id = ${day.id}::uuid
      from unnest(${array(
        column((one) => one.customer_id),
        'uuid',
      )}, ${array(
        column((one) => one.occurred_at),
        'timestamptz',
      )}, ${array(
        column((one) => one.id),
        'uuid',
      )}) as l(customer_id, occurred_at, id)
      where a.customer_id = l.customer_id and a.occurred_at = l.occurred_at and a.id = l.id
        and a.state = 'current' and a.reporting_amount is null
      returning a.customer_id, a.type, a.direction, a.initiated_by, a.reporting_amount
    ), sums as (
      select customer_id, type, direction, initiated_by, sum(reporting_amount) as amount, count(*) as count
      from valued group by 1, 2, 3, 4
    )
    update activity_totals t set amount = t.amount + s.amount, unvalued = t.unvalued - s.count from sums s
    where t.customer_id = s.customer_id and t.type = s.type and t.direction = s.direction
      and t.initiated_by = s.initiated_by`);
}
