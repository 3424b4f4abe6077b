import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
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
import { bytes, held, instant, sealed } from './columns.js';
import { customers } from './customers.js';
import { loyaltyProgrammes } from './loyalty.js';

/** What points can be used for. */
export const loyaltyRewards = pgTable(
  'loyalty_rewards',
  {
    programme: held('C1', 'definition', text('programme')).notNull(),
    reward: held('C1', 'definition', text('reward')).notNull(),
    /** the one in force */
    version: held('C1', 'definition', integer('version')).notNull(),
    /** how it reaches the customer: by one of its codes, or by hand */
    delivery: held('C1', 'definition', text('delivery')).notNull(),
    createdAt: held('C1', 'definition', instant('created_at')).notNull(),
  },
  (table) => [
    primaryKey({ name: 'loyalty_rewards_pkey', columns: [table.programme, table.reward] }),
    foreignKey({
      name: 'loyalty_rewards_programme_fkey',
      columns: [table.programme],
      foreignColumns: [loyaltyProgrammes.key],
    }),
    check('loyalty_rewards_delivery_check', sql`${table.delivery} in ('code', 'manual')`),
  ],
);

export const loyaltyRewardVersions = pgTable(
  'loyalty_reward_versions',
  {
    programme: held('C1', 'definition', text('programme')).notNull(),
    reward: held('C1', 'definition', text('reward')).notNull(),
    version: held('C1', 'definition', integer('version')).notNull(),
    content: held('C1', 'definition', jsonb('content')).notNull(),
    createdAt: held('C1', 'definition', instant('created_at')).notNull(),
    createdBy: held('C1', 'definition', text('created_by')).notNull(),
  },
  (table) => [
    primaryKey({
      name: 'loyalty_reward_versions_pkey',
      columns: [table.programme, table.reward, table.version],
    }),
    foreignKey({
      name: 'loyalty_reward_versions_programme_reward_fkey',
      columns: [table.programme, table.reward],
      foreignColumns: [loyaltyRewards.programme, loyaltyRewards.reward],
    }),
  ],
);

/** How many there are and how many orders have taken: all customers count in one row, which is locked last. */
export const loyaltyRewardStock = pgTable(
  'loyalty_reward_stock',
  {
    programme: held('C1', 'definition', text('programme')).notNull(),
    reward: held('C1', 'definition', text('reward')).notNull(),
    /** null: as many as are asked for */
    stock: held('C1', 'definition', bigint('stock', { mode: 'number' })),
    taken: held('C1', 'definition', bigint('taken', { mode: 'number' })).notNull(),
  },
  (table) => [
    primaryKey({ name: 'loyalty_reward_stock_pkey', columns: [table.programme, table.reward] }),
    check(
      'loyalty_reward_stock_taken_check',
      sql`${table.taken} >= 0 and (${table.stock} is null or ${table.taken} <= ${table.stock})`,
    ),
  ],
);

/** Codes of a reward: each goes to one order, and is shown once. */
export const loyaltyRewardCodes = pgTable(
  'loyalty_reward_codes',
  {
    programme: held('C1', 'transaction', text('programme')).notNull(),
    reward: held('C1', 'transaction', text('reward')).notNull(),
    codeId: held('C1', 'transaction', uuid('code_id')).notNull(),
    ...sealedCode(),
    /** HMAC of the code: the same one is not added twice */
    codeIndex: held('C2', 'transaction', text('code_index')).notNull(),
    addedAt: held('C1', 'transaction', instant('added_at')).notNull(),
    /** the order that it is kept for, or went to */
    orderId: held('C1', 'transaction', uuid('order_id')),
  },
  (table) => [
    primaryKey({ name: 'loyalty_reward_codes_pkey', columns: [table.programme, table.reward, table.codeId] }),
    uniqueIndex('loyalty_reward_codes_code_index_key').on(table.programme, table.reward, table.codeIndex),
    index('loyalty_reward_codes_free_idx')
      .on(table.programme, table.reward, table.codeId)
      .where(sql`order_id is null`),
  ],
);

function sealedCode() {
  const { sealed: code, keyId } = sealed('code', 'transaction');
  return { codeSealed: code.notNull(), codeKeyId: keyId.notNull() };
}

/** Orders of rewards: points and stock are kept for one, and used or freed with it. */
export const loyaltyOrders = pgTable(
  'loyalty_orders',
  {
    customerId: held('C1', 'transaction', uuid('customer_id')).notNull(),
    orderId: held('C1', 'transaction', uuid('order_id')).notNull(),
    programme: held('C1', 'transaction', text('programme')).notNull(),
    reward: held('C1', 'transaction', text('reward')).notNull(),
    rewardVersion: held('C1', 'transaction', integer('reward_version')).notNull(),
    points: held('C2', 'transaction', bigint('points', { mode: 'number' })).notNull(),
    status: held('C1', 'transaction', text('status')).notNull(),
    version: held('C1', 'transaction', integer('version')).notNull(),
    holdId: held('C1', 'transaction', uuid('hold_id')).notNull(),
    /** the redemption, once it is issued */
    operationId: held('C1', 'transaction', uuid('operation_id')),
    /** its code, where the reward has codes */
    codeId: held('C1', 'transaction', uuid('code_id')),
    reservedAt: held('C1', 'transaction', instant('reserved_at')).notNull(),
    /** when its hold times out */
    expiresAt: held('C1', 'transaction', instant('expires_at')).notNull(),
    issuedAt: held('C1', 'transaction', instant('issued_at')),
    endedAt: held('C1', 'transaction', instant('ended_at')),
    /** why it was cancelled or refunded */
    cause: held('C1', 'transaction', text('cause')),
    reason: held('C2', 'transaction', text('reason')),
    originCustomerId: held('C1', 'transaction', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({ name: 'loyalty_orders_pkey', columns: [table.customerId, table.orderId] }),
    foreignKey({
      name: 'loyalty_orders_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
    index('loyalty_orders_programme_idx').on(table.customerId, table.programme, table.orderId),
    index('loyalty_orders_hold_idx').on(table.customerId, table.holdId),
    index('loyalty_orders_reserved_idx').on(table.expiresAt).where(sql`status = 'reserved'`),
    check(
      'loyalty_orders_status_check',
      sql`${table.status} in ('reserved', 'issued', 'cancelled', 'refunded')`,
    ),
    check('loyalty_orders_cause_check', sql`${table.cause} in ('asked', 'timed_out')`),
  ],
);

/** What was brought from another system, by the name that the file gives it: the same again does nothing. */
export const loyaltyOpenings = pgTable(
  'loyalty_openings',
  {
    reference: held('C1', 'transaction', text('reference')).notNull(),
    programme: held('C1', 'transaction', text('programme')).notNull(),
    operationId: held('C1', 'transaction', uuid('operation_id')).notNull(),
    contentHash: held('C1', 'transaction', bytes('content_hash')).notNull(),
    recordedAt: held('C1', 'transaction', instant('recorded_at')).notNull(),
  },
  (table) => [primaryKey({ name: 'loyalty_openings_pkey', columns: [table.reference, table.programme] })],
);
