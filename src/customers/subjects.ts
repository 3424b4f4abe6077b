/** Customers as the comparison of records sees them. */
import { sql } from 'drizzle-orm';
import { array, type Reader } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import type { Definitions } from './definitions.js';
import type { DuplicateSubject, SubjectIdentifier } from './duplicates.js';
import { type CustomerRow, searchableNames } from './fields.js';
import { isSingle } from './identifier-schemes.js';
import { type PreparedCustomer, type PreparedIdentifier, prepareIdentifier } from './preparation.js';
import { type CustomerRecord, plainIdentifier } from './view.js';

export type Subject = DuplicateSubject & { id: string; branch: string | null };

type Names = Pick<CustomerRow, 'full_name' | 'given_name' | 'family_name' | 'legal_name' | 'short_name'>;
type SubjectRow = Names &
  Pick<CustomerRow, 'id' | 'kind' | 'birth_date' | 'founding_date' | 'branch'> & {
    identifiers: { scheme: string; index: string }[];
    phones: string[];
    emails: string[];
  };

/** An identifier as it was stated and, where it has one, in its other form. */
export function bothForms(
  { schemes }: Definitions,
  { scheme, index, otherIndex }: Pick<PreparedIdentifier, 'scheme' | 'index' | 'otherIndex'>,
): SubjectIdentifier[] {
  const normaliser = schemes.get(scheme)?.normaliser;
  const stated = { scheme, index, single: normaliser !== undefined && isSingle(normaliser) };
  return otherIndex === undefined ? [stated] : [stated, { ...stated, index: otherIndex, upgraded: true }];
}

/** The customers with these ids, without the other forms of their identifiers: one side of a comparison has them. */
export async function readSubjects(
  reader: Reader,
  definitions: Definitions,
  ids: readonly string[],
): Promise<Subject[]> {
  if (ids.length === 0) return [];
  const contacts = (kind: string) => sql`array(
    select value_index from contact_points c where c.customer_id = customers.id and c.kind = ${kind} limit 50)`;
  const rows = await reader.rows<SubjectRow>(sql`
    select id, kind, full_name, given_name, family_name, legal_name, short_name, birth_date, founding_date, branch,
      (select coalesce(jsonb_agg(jsonb_build_object('scheme', i.scheme, 'index', i.value_index)), '[]')
       from identifiers i where i.customer_id = customers.id and i.status <> 'removed') as identifiers,
      ${contacts('phone')} as phones, ${contacts('email')} as emails
    from customers where id = any(${array(ids, 'uuid')})`);
  return rows.map((row) => ({
    id: row.id,
    branch: row.branch,
    kind: row.kind,
    names: searchableNames(row),
    birthDate: row.birth_date ?? row.founding_date ?? undefined,
    identifiers: row.identifiers.flatMap((one) => bothForms(definitions, { ...one, otherIndex: undefined })),
    phones: row.phones,
    emails: row.emails,
  }));
}

/** A known customer, with the other forms of its identifiers. */
export async function knownSubject(
  ctx: Ctx,
  reader: Reader,
  definitions: Definitions,
  record: CustomerRecord,
): Promise<Subject | undefined> {
  const [subject] = await readSubjects(reader, definitions, [record.id]);
  const world = { keyring: ctx.keyring, definitions };
  const otherForms = record.identifiers.flatMap((identifier) => {
    const { scheme } = identifier;
    const value = plainIdentifier(ctx, record.id, identifier);
    const prepared = prepareIdentifier(world, { scheme, value }, '', []);
    return prepared === undefined ? [] : bothForms(definitions, prepared).slice(1);
  });
  return subject && { ...subject, identifiers: [...subject.identifiers, ...otherForms] };
}

/** A customer that is not there yet. */
export function statedSubject(definitions: Definitions, prepared: PreparedCustomer): DuplicateSubject {
  const text = (field: string) => (prepared.fields.get(field) ?? null) as string | null;
  const names = searchableNames({
    full_name: text('full_name'),
    given_name: text('given_name'),
    family_name: text('family_name'),
    legal_name: text('legal_name'),
    short_name: text('short_name'),
  });
  const contacts = (wanted: string) =>
    (prepared.contactPoints ?? []).filter(({ kind }) => kind === wanted).map(({ index }) => index);
  return {
    kind: prepared.kind ?? 'person',
    names,
    birthDate: text('birth_date') ?? text('founding_date') ?? undefined,
    identifiers: prepared.identifiers.flatMap((one) => bothForms(definitions, one)),
    phones: contacts('phone'),
    emails: contacts('email'),
  };
}
