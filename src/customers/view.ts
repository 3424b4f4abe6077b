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
  /** under whom it was encrypted, where a merge has moved it */
  origin: string | null;
  scheme: string;
  value: string | null;
  sealed: string | null;
  status: 'active' | 'superseded' | 'removed';
  source: string;
  recorded_at: string;
};

type SealedContact = {
  id: string;
  origin: string | null;
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
  birth_date, founding_date, gender, language, city, branch, manager, customer_since, attributes, merged_into, merged_from, version,
  created_at, updated_at,
  (select coalesce(json_agg(json_build_object('id', i.id, 'origin', i.origin_customer_id, 'scheme', i.scheme, 'value', i.value,
      'sealed', encode(i.value_sealed, 'base64'), 'status', i.status, 'source', i.source, 'recorded_at', ${utc('i.recorded_at')})
      order by i.scheme, i.id), '[]')
    from identifiers i where i.customer_id = customers.id and i.status <> 'removed') as identifiers,
  (select coalesce(json_agg(json_build_object('id', c.id, 'origin', c.origin_customer_id, 'kind', c.kind, 'sealed', encode(c.value_sealed, 'base64'),
      'label', c.label, 'is_primary', c.is_primary, 'source', c.source, 'recorded_at', ${utc('c.recorded_at')})
      order by c.kind, c.is_primary desc, c.id), '[]')
    from contact_points c where c.customer_id = customers.id) as contact_points,
  case when attributes = '{}'::jsonb then '{}'::text[] else array(
    select name from attribute_definitions where sensitivity = 'sensitive' and attributes ? name) end as sensitive_attributes`;

export const recordColumnsSql: SQL = sql.raw(recordColumns);

const masks: Record<string, (value: string) => string> = {
  full_name: maskName,
  given_name: maskGivenName,
  family_name: maskName,
  legal_name: maskName,
  short_name: maskName,
};

/**
 * A value of a field as it is shown to whoever may not read what identifies. Names of organizations are public;
 * `sensitive` holds the names of attributes that are not to be seen.
 */
export function maskedValue(
  kind: CustomerRow['kind'],
  field: string,
  value: unknown,
  sensitive: ReadonlySet<string>,
): unknown {
  if (value === null) return null;
  if (field.startsWith('attributes.'))
    return sensitive.has(field.slice('attributes.'.length)) ? '***' : value;
  if (field === 'birth_date') return maskDate(String(value));
  const mask = kind === 'person' ? masks[field] : undefined;
  return mask === undefined ? value : mask(String(value));
}

/** An identifier in clear. */
export const plainIdentifier = (
  ctx: Pick<Ctx, 'keyring'>,
  customerId: string,
  { value, sealed, origin }: Pick<SealedIdentifier, 'value' | 'sealed' | 'origin'>,
): string =>
  value ?? ctx.keyring.decrypt(Buffer.from(sealed ?? '', 'base64'), `identifiers:${origin ?? customerId}`);

const noAttributes: ReadonlySet<string> = new Set();

export function toCustomer(ctx: Ctx, row: CustomerRecord): Static<typeof Customer> {
  const clear = mayReadSensitive(ctx, 'customers');
  const shown = (field: string, value: string | null) =>
    clear ? value : (maskedValue(row.kind, field, value, noAttributes) as string | null);
  return {
    id: row.id,
    kind: row.kind,
    status: row.status as Static<typeof Customer>['status'],
    stub: row.stub,
    display_name: shown('full_name', displayName(row)),
    full_name: shown('full_name', row.full_name),
    given_name: shown('given_name', row.given_name),
    family_name: shown('family_name', row.family_name),
    legal_name: shown('legal_name', row.legal_name),
    short_name: shown('short_name', row.short_name),
    birth_date: shown('birth_date', row.birth_date),
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
    merged_from: row.merged_from ?? [],
    version: row.version,
    created_at: row.created_at,
    updated_at: row.updated_at,
  };
}

function maskAttributes(row: CustomerRecord): Record<string, unknown> {
  if (row.sensitive_attributes.length === 0) return row.attributes;
  const hidden = new Set(row.sensitive_attributes);
  return Object.fromEntries(
    Object.entries(row.attributes).map(([name, value]) => [
      name,
      maskedValue(row.kind, `attributes.${name}`, value, hidden),
    ]),
  );
}

function toIdentifier(
  ctx: Ctx,
  customerId: string,
  row: SealedIdentifier,
  clear: boolean,
): Static<typeof Identifier> {
  const { id, scheme, status, source, recorded_at } = row;
  const plain = plainIdentifier(ctx, customerId, row);
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
  const plain = ctx.keyring.decrypt(
    Buffer.from(row.sealed, 'base64'),
    `contact_points:${row.origin ?? customerId}`,
  );
  const common = { id, kind, label, primary: row.is_primary, source, recorded_at };
  if (kind === 'address') {
    const address = JSON.parse(plain) as Address;
    return { ...common, address: clear ? address : maskAddress(address) };
  }
  const mask = kind === 'phone' ? maskPhone : maskEmail;
  return { ...common, value: clear ? plain : mask(plain) };
}
