import { bigint, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { held, instant } from './columns.js';

const sum = (name: string) => held('C1', 'transaction', bigint(name, { mode: 'number' })).notNull();

/**
 * The sums of a programme's ledgers over all that was booked before an instant at which an hour has ended and into
 * which nothing can be booked any more. An hour in which nothing was booked has no row. So the state at any instant is
 * the last of these before it and what little was booked since.
 */
export const loyaltyClosings = pgTable(
  'loyalty_closings',
  {
    programme: held('C1', 'transaction', text('programme')).notNull(),
    untilAt: held('C1', 'transaction', instant('until_at')).notNull(),
    /** of the members: in lots, and the debts, which are negative */
    lots: sum('lots'),
    debts: sum('debts'),
    issued: sum('issued'),
    redeemed: sum('redeemed'),
    expired: sum('expired'),
    cancelled: sum('cancelled'),
  },
  (table) => [primaryKey({ name: 'loyalty_closings_pkey', columns: [table.programme, table.untilAt] })],
);
