import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
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
import { held, instant, sealed } from './columns.js';

/** A kind of identifier: how its values are normalised, and whether they may stand in a path. */
export const identifierSchemes = pgTable(
  'identifier_schemes',
  {
    key: held('C1', 'definition', text('key')).primaryKey(),
    name: held('C1', 'definition', text('name')).notNull(),
    normaliser: held('C1', 'definition', text('normaliser')).notNull(),
    /** encrypted at rest, masked without `customers:read_sensitive` */
    sensitive: held('C1', 'definition', boolean('sensitive')).notNull(),
    pathSafe: held('C1', 'definition', boolean('path_safe')).notNull(),
    version: held('C1', 'definition', integer('version')).notNull().default(1),
  },
  (table) => [
    check('identifier_schemes_path_safe_check', sql`not (${table.sensitive} and ${table.pathSafe})`),
    check(
      'identifier_schemes_normaliser_check',
      sql`${table.normaliser} in ('none', 'upper', 'digits', 'cn_resident_id', 'cn_uscc')`,
    ),
  ],
);

/** A custom attribute that the bank declared for its customers. */
export const attributeDefinitions = pgTable(
  'attribute_definitions',
  {
    name: held('C1', 'definition', text('name')).primaryKey(),
    description: held('C1', 'definition', text('description')).notNull(),
    jsonSchema: held('C1', 'definition', jsonb('json_schema')).notNull(),
    sensitivity: held('C1', 'definition', text('sensitivity')).notNull(),
    searchable: held('C1', 'definition', boolean('searchable')).notNull(),
    version: held('C1', 'definition', integer('version')).notNull().default(1),
    updatedAt: held('C1', 'definition', instant('updated_at')).notNull(),
  },
  (table) => [
    check('attribute_definitions_sensitivity_check', sql`${table.sensitivity} in ('internal', 'sensitive')`),
  ],
);

/** A system that tells us things, and how much its word weighs. What is not here has the standard priority. */
export const sources = pgTable(
  'sources',
  {
    key: held('C1', 'definition', text('key')).primaryKey(),
    name: held('C1', 'definition', text('name')).notNull(),
    description: held('C1', 'definition', text('description')).notNull(),
    priority: held('C1', 'definition', integer('priority')).notNull(),
    /** { group of fields: priority }, where it is another one */
    priorities: held('C1', 'definition', jsonb('priorities')).notNull(),
    version: held('C1', 'definition', integer('version')).notNull(),
    updatedAt: held('C1', 'definition', instant('updated_at')).notNull(),
  },
  (table) => [check('sources_priority_check', sql`${table.priority} between 0 and 1000`)],
);

/**
 * identifier -> customer, by its own key: this is what makes an identifier unique, and what fifty upserts at
 * once meet on. `valueIndex` is the normalised value, or its blind index where the scheme is sensitive.
 */
export const identifierKeys = pgTable(
  'identifier_keys',
  {
    scheme: held('C1', 'relationship', text('scheme')).notNull(),
    valueIndex: held('C2', 'relationship', text('value_index')).notNull(),
    customerId: held('C1', 'relationship', uuid('customer_id')).notNull(),
    /** the customer that it named first, where that was merged into another */
    originCustomerId: held('C1', 'relationship', uuid('origin_customer_id')),
  },
  (table) => [primaryKey({ name: 'identifier_keys_pkey', columns: [table.scheme, table.valueIndex] })],
);

export const customers = pgTable(
  'customers',
  {
    id: held('C1', 'relationship', uuid('id')).primaryKey(),
    kind: held('C1', 'relationship', text('kind')).notNull(),
    status: held('C1', 'relationship', text('status')).notNull(),
    /** known only because an activity or a holding named it; enters no marketing definition */
    stub: held('C1', 'relationship', boolean('stub')).notNull(),
    fullName: held('C2', 'relationship', text('full_name')),
    givenName: held('C2', 'relationship', text('given_name')),
    familyName: held('C2', 'relationship', text('family_name')),
    legalName: held('C2', 'relationship', text('legal_name')),
    shortName: held('C2', 'relationship', text('short_name')),
    birthDate: held('C2', 'relationship', date('birth_date', { mode: 'string' })),
    foundingDate: held('C1', 'relationship', date('founding_date', { mode: 'string' })),
    gender: held('C2', 'relationship', text('gender')),
    language: held('C1', 'relationship', text('language')),
    city: held('C1', 'relationship', text('city')),
    branch: held('C1', 'relationship', text('branch')),
    manager: held('C1', 'relationship', text('manager')),
    /** the start of the relationship where a source states it; else tenure runs from the first holding */
    customerSince: held('C1', 'relationship', date('customer_since', { mode: 'string' })),
    attributes: held('C2', 'relationship', jsonb('attributes')).notNull().default({}),
    /** tokens of all names, see name-tokens */
    nameTokens: held('C2', 'relationship', text('name_tokens').array()).notNull(),
    /** Latin names, folded, for trigrams */
    nameFolded: held('C2', 'relationship', text('name_folded')).notNull(),
    /** the survivor, once merged: the last one, where that was merged again */
    mergedInto: held('C1', 'relationship', uuid('merged_into')),
    /** all whose survivor it is; null: nobody's */
    mergedFrom: held('C1', 'relationship', uuid('merged_from').array()),
    /** { field: customer }: of whose record the statements count first, where a merge chose it */
    preferredOrigins: held('C1', 'relationship', jsonb('preferred_origins')),
    version: held('C1', 'relationship', bigint('version', { mode: 'number' })).notNull(),
    createdAt: held('C1', 'relationship', instant('created_at')).notNull(),
    updatedAt: held('C1', 'relationship', instant('updated_at')).notNull(),
  },
  (table) => [
    index('customers_branch_idx').on(table.branch, table.id),
    index('customers_manager_idx').on(table.manager, table.id),
    /** namesakes are told apart by it */
    index('customers_birth_date_idx').on(table.birthDate).where(sql`birth_date is not null`),
    /** a search goes several ways over it, and each reads what waits to be merged into it: little is to wait */
    index('customers_name_tokens_idx').using('gin', table.nameTokens).with({ gin_pending_list_limit: 256 }),
    index('customers_name_folded_idx').using('gin', sql`name_folded gin_trgm_ops`),
    index('customers_attributes_idx').using('gin', sql`attributes jsonb_path_ops`),
    check('customers_kind_check', sql`${table.kind} in ('person', 'organization')`),
    check(
      'customers_status_check',
      sql`${table.status} in ('prospect', 'active', 'restricted', 'closed', 'deceased', 'merged', 'erased')`,
    ),
    check('customers_gender_check', sql`${table.gender} in ('female', 'male', 'other')`),
  ],
);

/** What each source stated last, field by field, with its time: the provenance of every value. */
export const customerStatements = pgTable(
  'customer_statements',
  {
    customerId: held('C1', 'relationship', uuid('customer_id')).notNull(),
    source: held('C1', 'relationship', text('source')).notNull(),
    /** { field: { value, source_time, recorded_at } } */
    fields: held('C2', 'relationship', jsonb('fields')).notNull(),
  },
  (table) => [
    primaryKey({ name: 'customer_statements_pkey', columns: [table.customerId, table.source] }),
    foreignKey({
      name: 'customer_statements_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
  ],
);

/** The same of the records that were merged into the customer: what is stated of them by their own identifiers. */
export const mergedStatements = pgTable(
  'merged_statements',
  {
    customerId: held('C1', 'relationship', uuid('customer_id')).notNull(),
    originCustomerId: held('C1', 'relationship', uuid('origin_customer_id')).notNull(),
    source: held('C1', 'relationship', text('source')).notNull(),
    /** { field: { value, source_time, recorded_at } } */
    fields: held('C2', 'relationship', jsonb('fields')).notNull(),
  },
  (table) => [
    primaryKey({
      name: 'merged_statements_pkey',
      columns: [table.customerId, table.originCustomerId, table.source],
    }),
    foreignKey({
      name: 'merged_statements_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
  ],
);

export const identifiers = pgTable(
  'identifiers',
  {
    customerId: held('C1', 'relationship', uuid('customer_id')).notNull(),
    id: held('C1', 'relationship', uuid('id')).notNull(),
    scheme: held('C1', 'relationship', text('scheme')).notNull(),
    valueIndex: held('C2', 'relationship', text('value_index')).notNull(),
    /** in clear, for schemes that are not sensitive */
    value: held('C2', 'relationship', text('value')),
    ...sealed('value', 'relationship'),
    status: held('C1', 'relationship', text('status')).notNull(),
    source: held('C1', 'relationship', text('source')).notNull(),
    sourceTime: held('C1', 'relationship', instant('source_time')),
    recordedAt: held('C1', 'relationship', instant('recorded_at')).notNull(),
    /** the customer it came to first, where a merge has moved it */
    originCustomerId: held('C1', 'relationship', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({ name: 'identifiers_pkey', columns: [table.customerId, table.scheme, table.valueIndex] }),
    foreignKey({
      name: 'identifiers_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
    foreignKey({
      name: 'identifiers_scheme_fkey',
      columns: [table.scheme],
      foreignColumns: [identifierSchemes.key],
    }),
    uniqueIndex('identifiers_customer_id_id_key').on(table.customerId, table.id),
    check('identifiers_status_check', sql`${table.status} in ('active', 'superseded', 'removed')`),
    check('identifiers_value_check', sql`(${table.value} is null) <> (${table.sealed} is null)`),
  ],
);

export const contactPoints = pgTable(
  'contact_points',
  {
    customerId: held('C1', 'relationship', uuid('customer_id')).notNull(),
    id: held('C1', 'relationship', uuid('id')).notNull(),
    kind: held('C1', 'relationship', text('kind')).notNull(),
    label: held('C1', 'relationship', text('label')).notNull(),
    primary: held('C1', 'relationship', boolean('is_primary')).notNull(),
    /** the blind index of the normalised value; equality only */
    valueIndex: held('C2', 'relationship', text('value_index')).notNull(),
    ...sealed('value', 'relationship'),
    source: held('C1', 'relationship', text('source')).notNull(),
    sourceTime: held('C1', 'relationship', instant('source_time')),
    recordedAt: held('C1', 'relationship', instant('recorded_at')).notNull(),
    /** the customer it came to first, where a merge has moved it */
    originCustomerId: held('C1', 'relationship', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({ name: 'contact_points_pkey', columns: [table.customerId, table.id] }),
    foreignKey({
      name: 'contact_points_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
    uniqueIndex('contact_points_customer_id_kind_value_index_key').on(
      table.customerId,
      table.kind,
      table.valueIndex,
    ),
    index('contact_points_value_index_idx').on(table.valueIndex),
    check('contact_points_kind_check', sql`${table.kind} in ('phone', 'email', 'address')`),
  ],
);

/** The two names of a relationship, seen from either side. */
export const relationshipTypes = pgTable('relationship_types', {
  role: held('C1', 'definition', text('role')).primaryKey(),
  reciprocalRole: held('C1', 'definition', text('reciprocal_role')).notNull(),
  name: held('C1', 'definition', text('name')).notNull(),
});

/** One row on each side, with the same id: `role` is what the related customer is to this one. */
export const relationships = pgTable(
  'relationships',
  {
    customerId: held('C1', 'relationship', uuid('customer_id')).notNull(),
    id: held('C1', 'relationship', uuid('id')).notNull(),
    relatedCustomerId: held('C1', 'relationship', uuid('related_customer_id')).notNull(),
    role: held('C1', 'relationship', text('role')).notNull(),
    startsOn: held('C1', 'relationship', date('starts_on', { mode: 'string' })),
    endsOn: held('C1', 'relationship', date('ends_on', { mode: 'string' })),
    source: held('C1', 'relationship', text('source')).notNull(),
    recordedAt: held('C1', 'relationship', instant('recorded_at')).notNull(),
    version: held('C1', 'relationship', integer('version')).notNull(),
    /** the customer it came to first, where a merge has moved it */
    originCustomerId: held('C1', 'relationship', uuid('origin_customer_id')),
  },
  (table) => [
    primaryKey({ name: 'relationships_pkey', columns: [table.customerId, table.id] }),
    foreignKey({
      name: 'relationships_customer_id_fkey',
      columns: [table.customerId],
      foreignColumns: [customers.id],
    }),
    foreignKey({
      name: 'relationships_role_fkey',
      columns: [table.role],
      foreignColumns: [relationshipTypes.role],
    }),
    uniqueIndex('relationships_open_key')
      .on(table.customerId, table.relatedCustomerId, table.role)
      .where(sql`ends_on is null`),
    check('relationships_related_customer_id_check', sql`${table.customerId} <> ${table.relatedCustomerId}`),
    check('relationships_ends_on_check', sql`${table.endsOn} >= ${table.startsOn}`),
  ],
);
