import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  date,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { decimal, held, instant, sealed } from './columns.js';
import { customers } from './customers.js';

/** (source, number) -> holding and the customer whose rows it lives with. The number is a blind index. */
export const holdingKeys = pgTable(
  'holding_keys',
  {
    source: held('C1', 'relationship', text('source')).notNull(),
    numberIndex: held('C2', 'relationship', text('number_index')).notNull(),
    holdingId: held('C1', 'relationship', uuid('holding_id')).notNull(),
    /** the primary owner */
    customerId: held('C1', 'relationship', uuid('customer_id')).notNull(),
    /** whose it was first, where that customer was merged into another */
    originCustomerId: held('C1', 'relationship', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({ name: 'holding_keys_pkey', columns: [table.source, table.numberIndex] }),
    index('holding_keys_holding_id_idx').on(table.holdingId),
  ],
);

/** A product that customers hold. It lives with its primary owner. */
export const holdings = pgTable(
  'holdings',
  {
    customerId: held('C1', 'relationship', uuid('customer_id')).notNull(),
    id: held('C1', 'relationship', uuid('id')).notNull(),
    source: held('C1', 'relationship', text('source')).notNull(),
    numberIndex: held('C2', 'relationship', text('number_index')).notNull(),
    ...sealed('number', 'relationship'),
    category: held('C1', 'relationship', text('category')).notNull(),
    product: held('C1', 'relationship', text('product')),
    status: held('C1', 'relationship', text('status')).notNull(),
    currency: held('C1', 'relationship', text('currency')).notNull(),
    openedOn: held('C1', 'relationship', date('opened_on', { mode: 'string' })),
    closedOn: held('C1', 'relationship', date('closed_on', { mode: 'string' })),
    /** signed, in `currency`; null where no source has stated one */
    balance: held('C2', 'relationship', decimal('balance')),
    balanceDate: held('C1', 'relationship', date('balance_date', { mode: 'string' })),
    attributes: held('C2', 'relationship', jsonb('attributes')).notNull().default({}),
    sourceTime: held('C1', 'relationship', instant('source_time')),
    recordedAt: held('C1', 'relationship', instant('recorded_at')).notNull(),
    version: held('C1', 'relationship', bigint('version', { mode: 'number' })).notNull(),
    /** the customer it came to first, where a merge has moved it */
    originCustomerId: held('C1', 'relationship', uuid('origin_customer_id')),
    /** why the status is what it is, as the source words it */
    statusReason: held('C1', 'relationship', text('status_reason')),
  },
  (table) => [
    primaryKey({ name: 'holdings_pkey', columns: [table.customerId, table.id] }),
    foreignKey({
      name: 'holdings_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
    /** who holds a currency: a new rate of it marks them */
    index('holdings_currency_idx').on(table.currency, table.customerId).where(sql`status <> 'closed'`),
    check(
      'holdings_category_check',
      sql`${table.category} in ('deposit', 'time_deposit', 'wealth_product', 'fund', 'bond', 'insurance', 'precious_metal', 'loan', 'mortgage', 'credit_card', 'debit_card', 'service')`,
    ),
    check(
      'holdings_status_check',
      sql`${table.status} in ('pending', 'active', 'suspended', 'stopped', 'frozen', 'dormant', 'closed')`,
    ),
  ],
);

/** Who stands in which role to a holding, and since when. `ownerId` says with which customer the holding lives. */
export const holdingParties = pgTable(
  'holding_parties',
  {
    customerId: held('C1', 'relationship', uuid('customer_id')).notNull(),
    holdingId: held('C1', 'relationship', uuid('holding_id')).notNull(),
    ownerId: held('C1', 'relationship', uuid('owner_id')).notNull(),
    role: held('C1', 'relationship', text('role')).notNull(),
    /** percent of the holding, for joint owners */
    share: held('C1', 'relationship', decimal('share')),
    startsOn: held('C1', 'relationship', date('starts_on', { mode: 'string' })),
    endsOn: held('C1', 'relationship', date('ends_on', { mode: 'string' })),
    id: held('C1', 'relationship', uuid('id')).notNull(),
    recordedAt: held('C1', 'relationship', instant('recorded_at')).notNull(),
    /** the customer it came to first, where a merge has moved it */
    originCustomerId: held('C1', 'relationship', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({ name: 'holding_parties_pkey', columns: [table.customerId, table.id] }),
    foreignKey({
      name: 'holding_parties_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
    uniqueIndex('holding_parties_open_key')
      .on(table.customerId, table.holdingId, table.role)
      .where(sql`ends_on is null`),
    index('holding_parties_holding_id_idx').on(table.holdingId),
    check(
      'holding_parties_role_check',
      sql`${table.role} in ('primary_owner', 'joint_owner', 'authorised', 'guarantor', 'beneficiary')`,
    ),
  ],
);

/**
 * What a holding held at the end of each business day, as intervals [from_date, to_date): a balance stands until a later
 * day has another. An interval begins with a day that was stated, and knows those of its month that were stated with
 * the same amount since, so that a late or corrected day can cut it where it has to. With the next month's first
 * statement another begins, whatever its amount: so a row stays small.
 */
export const holdingBalances = pgTable(
  'holding_balances',
  {
    customerId: held('C1', 'transaction', uuid('customer_id')).notNull(),
    holdingId: held('C1', 'transaction', uuid('holding_id')).notNull(),
    fromDate: held('C1', 'transaction', date('from_date', { mode: 'string' })).notNull(),
    /** the day from which the next one holds; null for the last */
    toDate: held('C1', 'transaction', date('to_date', { mode: 'string' })),
    /** signed; null where the source took back what it had told */
    amount: held('C2', 'transaction', decimal('amount')),
    currency: held('C1', 'transaction', text('currency')).notNull(),
    /** the days that were stated, and of each when its source knew it and when it came here, in microseconds of the epoch */
    days: held('C1', 'transaction', date('days', { mode: 'string' }).array()).notNull(),
    sourceMicros: held('C1', 'transaction', bigint('source_micros', { mode: 'number' }).array()).notNull(),
    recordedMicros: held(
      'C1',
      'transaction',
      bigint('recorded_micros', { mode: 'number' }).array(),
    ).notNull(),
    /** the customer it came to first, where a merge has moved it */
    originCustomerId: held('C1', 'transaction', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({
      name: 'holding_balances_pkey',
      columns: [table.customerId, table.holdingId, table.fromDate],
    }),
    foreignKey({
      name: 'holding_balances_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
    check('holding_balances_to_date_check', sql`${table.toDate} > ${table.fromDate}`),
  ],
);

/** What was told of a business day before it was corrected. */
export const supersededBalances = pgTable(
  'superseded_balances',
  {
    customerId: held('C1', 'transaction', uuid('customer_id')).notNull(),
    id: held('C1', 'transaction', uuid('id')).notNull(),
    holdingId: held('C1', 'transaction', uuid('holding_id')).notNull(),
    businessDate: held('C1', 'transaction', date('business_date', { mode: 'string' })).notNull(),
    amount: held('C2', 'transaction', decimal('amount')),
    currency: held('C1', 'transaction', text('currency')).notNull(),
    sourceMicros: held('C1', 'transaction', bigint('source_micros', { mode: 'number' })).notNull(),
    recordedMicros: held('C1', 'transaction', bigint('recorded_micros', { mode: 'number' })).notNull(),
    supersededMicros: held('C1', 'transaction', bigint('superseded_micros', { mode: 'number' })).notNull(),
    /** the customer it came to first, where a merge has moved it */
    originCustomerId: held('C1', 'transaction', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({ name: 'superseded_balances_pkey', columns: [table.customerId, table.id] }),
    foreignKey({
      name: 'superseded_balances_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
    index('superseded_balances_holding_id_idx').on(table.customerId, table.holdingId, table.businessDate),
  ],
);

/** Every status that a holding was in, closing and reopening among them, in the order of their ids. */
export const holdingStatuses = pgTable(
  'holding_statuses',
  {
    customerId: held('C1', 'relationship', uuid('customer_id')).notNull(),
    id: held('C1', 'relationship', uuid('id')).notNull(),
    holdingId: held('C1', 'relationship', uuid('holding_id')).notNull(),
    status: held('C1', 'relationship', text('status')).notNull(),
    reason: held('C1', 'relationship', text('reason')),
    sourceTime: held('C1', 'relationship', instant('source_time')),
    recordedAt: held('C1', 'relationship', instant('recorded_at')).notNull(),
    /** the customer it came to first, where a merge has moved it */
    originCustomerId: held('C1', 'relationship', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({ name: 'holding_statuses_pkey', columns: [table.customerId, table.id] }),
    foreignKey({
      name: 'holding_statuses_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
    index('holding_statuses_holding_id_idx').on(table.customerId, table.holdingId, table.id),
  ],
);

/** How the bank counts what its customers hold: one row, which a migration makes. */
export const balancePolicy = pgTable(
  'balance_policy',
  {
    id: held('C1', 'definition', integer('id')).primaryKey(),
    /** whose a holding with several owners is */
    attribution: held('C1', 'definition', text('attribution')).notNull(),
    /** what the sum of a month's balances is divided by */
    averageDays: held('C1', 'definition', text('average_days')).notNull(),
    version: held('C1', 'definition', integer('version')).notNull(),
    updatedAt: held('C1', 'definition', instant('updated_at')).notNull(),
    /** the last customer that was marked for review since the attribution changed */
    markedTo: held('C1', 'definition', uuid('marked_to')),
    /** since when all are; null while some are not */
    markedAt: held('C1', 'definition', instant('marked_at')),
  },
  (table) => [
    check('balance_policy_id_check', sql`${table.id} = 1`),
    check(
      'balance_policy_attribution_check',
      sql`${table.attribution} in ('primary_owner', 'by_share', 'full')`,
    ),
    check('balance_policy_average_days_check', sql`${table.averageDays} in ('calendar', 'thirty')`),
  ],
);
