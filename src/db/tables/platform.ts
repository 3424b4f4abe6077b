/** What every operation leans on: who calls, what was done, what is told to others, what was answered before. */
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
  uuid,
} from 'drizzle-orm/pg-core';
import { bytes, held, instant } from './columns.js';

export const apiKeys = pgTable(
  'api_keys',
  {
    id: held('C1', 'definition', uuid('id')).primaryKey(),
    name: held('C1', 'definition', text('name')).notNull(),
    /** SHA-256 of the whole key: it has 192 random bits, so a slow hash would add nothing */
    secretHash: held('C3', 'definition', bytes('secret_hash')).notNull(),
    scopes: held('C1', 'definition', text('scopes').array()).notNull(),
    /** null is the whole bank; else { branches } or { manager } or { customer } */
    dataScope: held('C1', 'definition', jsonb('data_scope')),
    /** requests in a window; null: as many as any key */
    rateLimit: held('C1', 'definition', integer('rate_limit')),
    createdAt: held('C1', 'definition', instant('created_at')).notNull(),
    expiresAt: held('C1', 'definition', instant('expires_at')),
    revokedAt: held('C1', 'definition', instant('revoked_at')),
    /** when its present secret was made; null: with the key itself */
    rotatedAt: held('C1', 'definition', instant('rotated_at')),
    /** to the minute */
    lastUsedAt: held('C1', 'definition', instant('last_used_at')),
    version: held('C1', 'definition', integer('version')).notNull().default(1),
  },
  (table) => [index('api_keys_secret_hash_idx').on(table.secretHash)],
);

/** Secrets that keys had before, and until when they are taken. They are kept: the first key must not come back by its secret. */
export const apiKeyFormerSecrets = pgTable(
  'api_key_former_secrets',
  {
    secretHash: held('C3', 'definition', bytes('secret_hash')).primaryKey(),
    keyId: held('C1', 'definition', uuid('key_id')).notNull(),
    validUntil: held('C1', 'definition', instant('valid_until')).notNull(),
  },
  (table) => [
    foreignKey({
      name: 'api_key_former_secrets_key_id_fkey',
      columns: [table.keyId],
      foreignColumns: [apiKeys.id],
    }),
    index('api_key_former_secrets_key_id_idx').on(table.keyId),
  ],
);

/** One row: what the data was made with, and must not be read without. */
export const installation = pgTable(
  'installation',
  {
    id: held('C1', 'definition', integer('id')).primaryKey(),
    /** tells the index key without revealing it: with another key no identifier would be found again */
    indexKeyFingerprint: held('C1', 'definition', text('index_key_fingerprint')).notNull(),
    /** reporting amounts are fixed in it when activities come */
    currency: held('C1', 'definition', text('currency')).notNull(),
  },
  (table) => [check('installation_id_check', sql`${table.id} = 1`)],
);

/** One row in a sandbox: the instant at which its clock was set, and the real instant at which that was done. */
export const sandboxClock = pgTable(
  'sandbox_clock',
  {
    id: held('C1', 'definition', integer('id')).primaryKey(),
    domainInstant: held('C1', 'definition', instant('domain_instant')).notNull(),
    realInstant: held('C1', 'definition', instant('real_instant')).notNull(),
  },
  (table) => [check('sandbox_clock_id_check', sql`${table.id} = 1`)],
);

export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    principal: held('C1', 'transient', text('principal')).notNull(),
    operation: held('C1', 'transient', text('operation')).notNull(),
    key: held('C1', 'transient', text('key')).notNull(),
    requestHash: held('C1', 'transient', bytes('request_hash')).notNull(),
    /** the operation's value, encrypted: null only inside the transaction that makes it */
    valueSealed: held('C2', 'transient', bytes('value_sealed')),
    createdAt: held('C1', 'transient', instant('created_at')).notNull(),
  },
  (table) => [
    primaryKey({ name: 'idempotency_keys_pkey', columns: [table.principal, table.operation, table.key] }),
    index('idempotency_keys_created_at_idx').on(table.createdAt),
  ],
);

export const auditEntries = pgTable(
  'audit_entries',
  {
    id: held('C1', 'audit', uuid('id')).primaryKey(),
    occurredAt: held('C1', 'audit', instant('occurred_at')).notNull(),
    actor: held('C1', 'audit', text('actor')).notNull(),
    /** `customer:<id>`, where the actor acts for a customer by a token that was exchanged */
    onBehalfOf: held('C1', 'audit', text('on_behalf_of')),
    action: held('C1', 'audit', text('action')).notNull(),
    subjectType: held('C1', 'audit', text('subject_type')).notNull(),
    subjectId: held('C1', 'audit', text('subject_id')),
    requestId: held('C1', 'audit', text('request_id')).notNull(),
    /** names of what changed, counts, versions: never values */
    details: held('C1', 'audit', jsonb('details')).notNull(),
    contentHash: held('C1', 'audit', bytes('content_hash')).notNull(),
    /** given by the sealer, with the hash of the entry before */
    sequence: held('C1', 'audit', bigint('sequence', { mode: 'number' })),
    chainHash: held('C1', 'audit', bytes('chain_hash')),
  },
  (table) => [
    index('audit_entries_unsealed_idx').on(table.occurredAt, table.id).where(sql`sequence is null`),
    index('audit_entries_subject_id_idx').on(table.subjectId, table.occurredAt, table.id),
  ],
);

export const outbox = pgTable(
  'outbox',
  {
    id: held('C1', 'transient', uuid('id')).primaryKey(),
    type: held('C1', 'transient', text('type')).notNull(),
    /** the customer, or the definition, that it is about */
    subject: held('C1', 'transient', text('subject')).notNull(),
    subjectVersion: held('C1', 'transient', bigint('subject_version', { mode: 'number' })).notNull(),
    occurredAt: held('C1', 'transient', instant('occurred_at')).notNull(),
    /** who may see it: copied from the customer, so that the feed is filtered without a join */
    scopeBranch: held('C1', 'transient', text('scope_branch')),
    scopeManager: held('C1', 'transient', text('scope_manager')),
    scopeCustomer: held('C1', 'transient', uuid('scope_customer')),
    /** all who look after the customer then; null where the event is of no customer */
    scopeStaff: held('C1', 'transient', text('scope_staff').array()),
    data: held('C1', 'transient', jsonb('data')).notNull(),
    traceparent: held('C1', 'transient', text('traceparent')),
    /** gap-free, given by the relay */
    sequence: held('C1', 'transient', bigint('sequence', { mode: 'number' })),
  },
  (table) => [
    index('outbox_unsequenced_idx')
      .on(table.occurredAt, table.subjectVersion, table.id)
      .where(sql`sequence is null`),
    index('outbox_sequence_idx').on(table.sequence),
    index('outbox_subject_idx').on(table.subject, table.occurredAt, table.id),
  ],
);

/** The last sequence given: one row, so that a sequence is never given twice after the outbox is trimmed. */
export const outboxHead = pgTable(
  'outbox_head',
  {
    id: held('C1', 'transient', integer('id')).primaryKey(),
    sequence: held('C1', 'transient', bigint('sequence', { mode: 'number' })).notNull(),
  },
  (table) => [check('outbox_head_id_check', sql`${table.id} = 1`)],
);
