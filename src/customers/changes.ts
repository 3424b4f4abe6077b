/** What a statement changes of a customer, decided on what is known of it. */
import { sql } from 'drizzle-orm';
import { array, type Reader } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { type ContactsDiff, diffContacts, type KnownContactPoint } from './contacts-diff.js';
import { type CustomerRow, columnOf, type ScalarField, scalarFields } from './fields.js';
import { decideFields, type Stated, type Statements } from './provenance.js';
import type { Work } from './resolution.js';

export type Known = { row: CustomerRow; statements: Statements; contacts: KnownContactPoint[] };

export type Change = {
  isChange: boolean;
  /** the whole row as it is to be */
  row: CustomerRow;
  statements: Record<string, Stated> | undefined;
  contacts: ContactsDiff | undefined;
  ignored: { field: string; reason: 'older' }[];
  fieldNames: string[];
};

export const customerColumns = sql.raw(
  `id, kind, status, stub, full_name, given_name, family_name, legal_name, short_name, birth_date, founding_date, gender,
   language, city, branch, manager, customer_since, attributes, merged_into, version, created_at, updated_at`,
);

type KnownRow = CustomerRow & {
  statements: Record<string, Record<string, Stated>>;
  contacts: KnownContactPoint[];
};

export async function readKnown(reader: Reader, ids: readonly string[]): Promise<Map<string, Known>> {
  if (ids.length === 0) return new Map();
  const rows = await reader.rows<KnownRow>(sql`
    select ${customerColumns},
      (select coalesce(jsonb_object_agg(source, fields), '{}') from customer_statements s where s.customer_id = customers.id)
        as statements,
      (select coalesce(jsonb_agg(jsonb_build_object('id', c.id, 'kind', c.kind, 'value_index', c.value_index,
        'label', c.label, 'is_primary', c.is_primary, 'source', c.source)), '[]')
       from contact_points c where c.customer_id = customers.id) as contacts
    from customers where id = any(${array(ids, 'uuid')})`);
  return new Map(
    rows.map(({ statements, contacts, ...row }) => [
      row.id,
      { row, statements: new Map(Object.entries(statements)), contacts },
    ]),
  );
}

/** A customer of whom nothing is known yet. */
export function emptyRow(ctx: Ctx, work: Work): Known {
  const nothing = Object.fromEntries(scalarFields.map((field) => [columnOf(field), null]));
  const row = {
    ...nothing,
    id: work.customerId,
    kind: work.prepared.kind ?? 'person',
    status: 'prospect',
    stub: work.prepared.stub,
    attributes: {},
    merged_into: null,
    version: 0,
    created_at: ctx.now,
    updated_at: ctx.now,
  } as unknown as CustomerRow;
  return { row, statements: new Map(), contacts: [] };
}

const attributeName = (field: string) =>
  field.startsWith('attributes.') ? field.slice('attributes.'.length) : undefined;

function currentValue(row: CustomerRow, field: string): unknown {
  const name = attributeName(field);
  if (name === undefined) return row[columnOf(field as ScalarField)];
  // an attribute may have the name of what every object has, such as `constructor`
  return Object.hasOwn(row.attributes, name) ? row.attributes[name] : undefined;
}

function withField(row: CustomerRow, field: string, value: unknown): CustomerRow {
  const name = attributeName(field);
  if (name === undefined) return { ...row, [columnOf(field as ScalarField)]: value };
  const { [name]: _before, ...others } = row.attributes;
  return { ...row, attributes: value === null ? others : { ...others, [name]: value } };
}

export function decideChange(ctx: Ctx, work: Work, known: Known): Change {
  const { prepared } = work;
  const decision = decideFields(
    known.statements,
    {
      source: prepared.source,
      sourceTime: prepared.sourceTime,
      recordedAt: ctx.now,
      fields: prepared.fields,
    },
    (field) => currentValue(known.row, field),
  );
  const replaces = (contact: KnownContactPoint) =>
    work.mode === 'patch' || contact.source === prepared.source;
  const contacts = prepared.contactPoints && diffContacts(known.contacts, prepared.contactPoints, replaces);
  const contactsChange =
    contacts !== undefined && contacts.removed.length + contacts.written.length + contacts.demoted.length > 0;
  // whoever states something of a stub makes it a customer like others
  const named = known.row.stub && !prepared.stub;
  const kind = named && prepared.kind !== undefined ? prepared.kind : known.row.kind;
  const fieldNames = [
    ...decision.changes.keys(),
    ...(contactsChange ? ['contact_points'] : []),
    ...(work.claimed.length > 0 ? ['identifiers'] : []),
    ...(named ? ['stub'] : []),
  ];
  const isChange = fieldNames.length > 0 || decision.statements !== undefined;
  let row: CustomerRow = { ...known.row, kind, stub: known.row.stub && prepared.stub };
  for (const [field, value] of decision.changes) row = withField(row, field, value);
  if (isChange || work.isNew) row = { ...row, version: row.version + 1, updated_at: ctx.now };
  return {
    isChange,
    row,
    statements: decision.statements,
    contacts: contactsChange ? contacts : undefined,
    ignored: decision.ignored,
    fieldNames,
  };
}
