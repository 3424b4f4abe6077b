/** A customer as a caller may see it. Masking lives here: what is not to be seen is not decrypted either. */
import { type SQL, sql } from 'drizzle-orm';
import type { Static } from 'typebox';
import { type Ctx, mayReadSensitive } from '../platform/context.js';
import type { Address } from './contact-points.js';
import { type CustomerRow, displayName } from './fields.js';
import {
  maskAddress,
  maskDate,
  maskEmail,
  maskGivenName,
  maskIdentifier,
  maskName,
  maskPhone,
} from './masking.js';
import type { ContactPoint, Customer, Identifier } from './schemas.js';

type SealedIdentifier = {
  id: string;
  scheme: string;
  value: string | null;
  sealed: string | null;
  status: 'active' | 'superseded' | 'removed';
  source: string;
  recorded_at: string;
};

type SealedContact = {
  id: string;
  kind: 'phone' | 'email' | 'address';
  sealed: string;
  label: string;
  is_primary: boolean;
  source: string;
  recorded_at: string;
};

export type CustomerRecord = CustomerRow & {
  identifiers: SealedIdentifier[];
  contact_points: SealedContact[];
  /** names of its custom attributes that are declared sensitive */
  sensitive_attributes: string[];
};

const utc = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** The columns of a whole customer, of the table `customers`. */
export const recordColumns = `customers.id, kind, status, stub, full_name, given_name, family_name, legal_name, short_name,
  birth_date, founding_date, gender, language, city, branch, manager, customer_since, attributes, merged_into, version,
  created_at, updated_at,
  (select coalesce(json_agg(json_build_object('id', i.id, 'scheme', i.scheme, 'value', i.value,
      'sealed', encode(i.value_sealed, 'base64'), 'status', i.status, 'source', i.source, 'recorded_at', ${utc('i.recorded_at')})
      order by i.scheme, i.id), '[]')
    from identifiers i where i.customer_id = customers.id and i.status <> 'removed') as identifiers,
  (select coalesce(json_agg(json_build_object('id', c.id, 'kind', c.kind, 'sealed', encode(c.value_sealed, 'base64'),
      'label', c.label, 'is_primary', c.is_primary, 'source', c.source, 'recorded_at', ${utc('c.recorded_at')})
      order by c.kind, c.is_primary desc, c.id), '[]')
    from contact_points c where c.customer_id = customers.id) as contact_points,
  case when attributes = '{}'::jsonb then '{}'::text[] else array(
    select name from attribute_definitions where sensitivity = 'sensitive' and attributes ? name) end as sensitive_attributes`;

export const recordColumnsSql: SQL = sql.raw(recordColumns);

const orNull = (value: string | null, mask: (value: string) => string) =>
  value === null ? null : mask(value);

export function toCustomer(ctx: Ctx, row: CustomerRecord): Static<typeof Customer> {
  const clear = mayReadSensitive(ctx, 'customers');
  const isPerson = row.kind === 'person';
  const named = (value: string | null, mask = maskName) => (clear || !isPerson ? value : orNull(value, mask));
  return {
    id: row.id,
    kind: row.kind,
    status: row.status as Static<typeof Customer>['status'],
    stub: row.stub,
    display_name: named(displayName(row)),
    full_name: named(row.full_name),
    given_name: named(row.given_name, maskGivenName),
    family_name: named(row.family_name),
    legal_name: row.legal_name,
    short_name: row.short_name,
    birth_date: clear ? row.birth_date : orNull(row.birth_date, maskDate),
    founding_date: row.founding_date,
    gender: row.gender as Static<typeof Customer>['gender'],
    language: row.language,
    city: row.city,
    branch: row.branch,
    relationship_manager: row.manager,
    customer_since: row.customer_since,
    attributes: clear ? row.attributes : maskAttributes(row),
    identifiers: row.identifiers.map((identifier) => toIdentifier(ctx, row.id, identifier, clear)),
    contact_points: row.contact_points.map((contact) => toContactPoint(ctx, row.id, contact, clear)),
    version: row.version,
    created_at: row.created_at,
    updated_at: row.updated_at,
  };
}

function maskAttributes(row: CustomerRecord): Record<string, unknown> {
  if (row.sensitive_attributes.length === 0) return row.attributes;
  const hidden = new Set(row.sensitive_attributes);
  return Object.fromEntries(
    Object.entries(row.attributes).map(([name, value]) => [name, hidden.has(name) ? '***' : value]),
  );
}

function toIdentifier(
  ctx: Ctx,
  customerId: string,
  row: SealedIdentifier,
  clear: boolean,
): Static<typeof Identifier> {
  const { id, scheme, status, source, recorded_at } = row;
  const plain =
    row.value ?? ctx.keyring.decrypt(Buffer.from(row.sealed ?? '', 'base64'), `identifiers:${customerId}`);
  const value = clear || row.value !== null ? plain : maskIdentifier(plain);
  return { id, scheme, value, status, source, recorded_at };
}

function toContactPoint(
  ctx: Ctx,
  customerId: string,
  row: SealedContact,
  clear: boolean,
): Static<typeof ContactPoint> {
  const { id, kind, label, source, recorded_at } = row;
  const plain = ctx.keyring.decrypt(Buffer.from(row.sealed, 'base64'), `contact_points:${customerId}`);
  const common = { id, kind, label, primary: row.is_primary, source, recorded_at };
  if (kind === 'address') {
    const address = JSON.parse(plain) as Address;
    return { ...common, address: clear ? address : maskAddress(address) };
  }
  const mask = kind === 'phone' ? maskPhone : maskEmail;
  return { ...common, value: clear ? plain : mask(plain) };
}
