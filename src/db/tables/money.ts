/** What other currencies are worth in the bank's own. */
import { sql } from 'drizzle-orm';
import { check, date, index, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { decimal, held, instant } from './columns.js';

/** The rate of a currency on a business date. A correction is a row of its own, and the one it corrects stays. */
export const exchangeRates = pgTable(
  'exchange_rates',
  {
    id: held('C1', 'definition', uuid('id')).primaryKey(),
    currency: held('C1', 'definition', text('currency')).notNull(),
    businessDate: held('C1', 'definition', date('business_date', { mode: 'string' })).notNull(),
    /** what one unit of the currency is worth in the bank's currency */
    rate: held('C1', 'definition', decimal('rate')).notNull(),
    source: held('C1', 'definition', text('source')).notNull(),
    recordedAt: held('C1', 'definition', instant('recorded_at')).notNull(),
    /** when another one of its day took its place */
    supersededAt: held('C1', 'definition', instant('superseded_at')),
  },
  (table) => [
    uniqueIndex('exchange_rates_standing_key')
      .on(table.currency, table.businessDate)
      .where(sql`superseded_at is null`),
    index('exchange_rates_business_date_idx').on(table.businessDate, table.id),
    check('exchange_rates_rate_check', sql`${table.rate} > 0`),
  ],
);

/** By currency, the rate that balances are valued at now, and how far its holders have been marked for review since. */
export const latestRates = pgTable(
  'latest_rates',
  {
    currency: held('C1', 'definition', text('currency')).primaryKey(),
    rateId: held('C1', 'definition', uuid('rate_id')).notNull(),
    rate: held('C1', 'definition', decimal('rate')).notNull(),
    businessDate: held('C1', 'definition', date('business_date', { mode: 'string' })).notNull(),
    changedAt: held('C1', 'definition', instant('changed_at')).notNull(),
    /** the last customer that was marked; null before the first */
    markedTo: held('C1', 'definition', uuid('marked_to')),
    /** since when all holders are marked */
    markedAt: held('C1', 'definition', instant('marked_at')),
  },
  (table) => [index('latest_rates_unmarked_idx').on(table.changedAt).where(sql`marked_at is null`)],
);

/** Currencies and business dates of which there are activities without a value in the bank's currency. */
export const unvaluedDays = pgTable(
  'unvalued_days',
  {
    currency: held('C1', 'transaction', text('currency')).notNull(),
    businessDate: held('C1', 'transaction', date('business_date', { mode: 'string' })).notNull(),
  },
  (table) => [primaryKey({ name: 'unvalued_days_pkey', columns: [table.currency, table.businessDate] })],
);
