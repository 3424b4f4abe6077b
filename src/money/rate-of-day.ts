/**
 * Which rate holds for a currency on a day: that of the latest business date up to the day, as long as it is not too
 * old. Of several rates of one business date the one that was recorded last stands.
 */
import { type SQL, sql } from 'drizzle-orm';

/** The longest run of days off in the calendar of China is nine days; nothing is valued by what is much older. */
export const rateMaxAgeDays = 15;

/** One row with the columns id and rate, or none. */
export const rateOfDay = (currency: SQL, day: SQL): SQL => sql`
  select x.id, x.rate from exchange_rates x
  where x.currency = ${currency} and x.business_date <= ${day} and x.business_date > ${day} - ${rateMaxAgeDays}::integer
    and x.superseded_at is null
  order by x.business_date desc limit 1`;
