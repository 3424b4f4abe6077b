import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  date,
  foreignKey,
  index,
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
  },
  (table) => [
    primaryKey({ name: 'holdings_pkey', columns: [table.customerId, table.id] }),
    foreignKey({
      name: 'holdings_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
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
