/** The rates of days, many at once. */
import { sql } from 'drizzle-orm';
import { array, type Reader } from '../db/client.js';
import { rateOfDay } from './rate-of-day.js';

export type CurrencyDay = { currency: string; businessDate: string };
export type RateOfDay = { id: string; rate: string };

export const currencyDayText = ({ currency, businessDate }: CurrencyDay): string =>
  `${currency} ${businessDate}`;

/** The rates of some currencies and days, by `currencyDayText`. Without those that have none. */
export async function findRates(
  reader: Reader,
  days: readonly CurrencyDay[],
): Promise<Map<string, RateOfDay>> {
  if (days.length === 0) return new Map();
  const rows = await reader.rows<RateOfDay & { currency: string; business_date: string }>(sql`
    select wanted.currency, wanted.business_date, r.id, r.rate
    from unnest(${array(
      days.map((one) => one.currency),
      'text',
    )}, ${array(
      days.map((one) => one.businessDate),
      'date',
    )}) as wanted(currency, business_date)
    cross join lateral (${rateOfDay(sql`wanted.currency`, sql`wanted.business_date`)}) r`);
  return new Map(
    rows.map(({ currency, business_date, id, rate }) => [
      currencyDayText({ currency, businessDate: business_date }),
      { id, rate },
    ]),
  );
}
