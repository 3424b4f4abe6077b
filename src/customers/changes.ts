/** What a statement changes of a customer, decided on what is known of it. */
import { sql } from 'drizzle-orm';
import { array, type Reader } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { reachColumns } from '../platform/data-scope.js';
import { type ContactsDiff, diffContacts, type KnownContactPoint } from './contacts-diff.js';
import { type CustomerRow, columnOf, currentValue, scalarFields, withField } from './fields.js';
import { isOldNews } from './managers.js';
import { decideFields, type IgnoredField, type Speaker, type Stated, type Statements } from './provenance.js';
import type { Work } from './resolution.js';
import { type PreferredOrigins, rankBy, type Sources } from './sources.js';

export type Known = {
  row: CustomerRow;
  statements: Statements;
  contacts: KnownContactPoint[];
  preferred: PreferredOrigins;
  /** whether the caller may know of it */
  inReach: boolean;
  /** it is in the caller's book whoever its manager is */
  assisted: boolean;
};

export type Change = {
  isChange: boolean;
  /** nothing changes but the time at which the source knew it */
  confirms: boolean;
  /** the whole row as it is to be */
  row: CustomerRow;
  statements: Record<string, Stated> | undefined;
  contacts: ContactsDiff | undefined;
  ignored: IgnoredField[];
  fieldNames: string[];
};

export const customerColumns = sql.raw(
  `id, kind, status, stub, full_name, given_name, family_name, legal_name, short_name, birth_date, founding_date, gender,
   language, city, branch, manager, customer_since, attributes, merged_into, merged_from, version, created_at, updated_at`,
);

type KnownRow = CustomerRow & Omit<Known, 'row' | 'inReach'> & { in_reach: boolean };

/** All that was stated of a customer, of its own record and of those that were merged into it, as JSON. */
export const allStatements = sql.raw(`(
  select coalesce(json_agg(json_build_object('source', s.source, 'origin', s.origin, 'fields', s.fields)), '[]')
  from (select source, null::uuid as origin, fields from customer_statements where customer_id = customers.id
    union all select source, origin_customer_id, fields from merged_statements where customer_id = customers.id) s)`);

export async function readKnown(
  reader: Reader,
  ctx: Pick<Ctx, 'reach'>,
  ids: readonly string[],
): Promise<Map<string, Known>> {
  if (ids.length === 0) return new Map();
  const rows = await reader.rows<KnownRow>(sql`
    select ${customerColumns}, ${reachColumns(ctx)},
      preferred_origins as preferred, ${allStatements} as statements,
      (select coalesce(jsonb_agg(jsonb_build_object('id', c.id, 'kind', c.kind, 'value_index', c.value_index,
        'label', c.label, 'is_primary', c.is_primary, 'source', c.source, 'origin', c.origin_customer_id)), '[]')
       from contact_points c where c.customer_id = customers.id) as contacts
    from customers where id = any(${array(ids, 'uuid')})`);
  return new Map(
    rows.map(({ statements, contacts, preferred, in_reach, assisted, ...row }) => [
      row.id,
      { row, statements, contacts, preferred, inReach: in_reach, assisted },
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
    merged_from: null,
    version: 0,
    created_at: ctx.now,
    updated_at: ctx.now,
  } as unknown as CustomerRow;
  return { row, statements: [], contacts: [], preferred: null, inReach: false, assisted: false };
}

export function decideChange(ctx: Ctx, sources: Sources, work: Work, known: Known): Change {
  const { prepared, origin } = work;
  const rank = rankBy(sources, known.preferred);
  const fields = new Map(prepared.fields);
  const manager = fields.get('relationship_manager');
  if (isOldNews(known.statements, { source: prepared.source, origin }, manager, known.row.manager))
    fields.delete('relationship_manager');
  const decision = decideFields(
    known.statements,
    {
      source: prepared.source,
      origin,
      sourceTime: prepared.sourceTime,
      isTimed: prepared.isTimed,
      recordedAt: ctx.now,
      fields,
    },
    (field) => currentValue(known.row, field),
    rank,
  );
  const replaces = (contact: KnownContactPoint) =>
    work.mode === 'patch' || (contact.source === prepared.source && contact.origin === origin);
  const weighs = (speaker: Speaker) => rank(speaker, 'contact_points');
  const isFirst = (contact: KnownContactPoint) =>
    work.mode === 'upsert' && weighs(contact) > weighs({ source: prepared.source, origin });
  const contacts =
    prepared.contactPoints && diffContacts(known.contacts, prepared.contactPoints, replaces, isFirst);
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
  const isNews = decision.statements !== undefined && !decision.confirms;
  const isChange = fieldNames.length > 0 || isNews;
  let row: CustomerRow = { ...known.row, kind, stub: known.row.stub && prepared.stub };
  for (const [field, value] of decision.changes) row = withField(row, field, value);
  if (isChange || work.isNew) row = { ...row, version: row.version + 1, updated_at: ctx.now };
  return {
    isChange,
    confirms: !isChange && decision.confirms,
    row,
    statements: decision.statements,
    contacts: contactsChange ? contacts : undefined,
    ignored: [...decision.ignored, ...(contacts?.ignored ?? [])],
    fieldNames,
  };
}
