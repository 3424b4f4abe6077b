/** Finds customers by whatever is known of them, the likeliest first, with the reasons. */
import { sql } from 'drizzle-orm';
import { array, json, type Reader } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { brokenRules, type FieldProblem, fieldError } from '../platform/errors.js';
import { type Among, type Criteria, findAny, findCandidates, throughIndexes } from './candidates.js';
import { normaliseEmail, normalisePhone } from './contact-points.js';
import { type Definitions, loadDefinitions } from './definitions.js';
import { type DuplicateScore, type DuplicateSubject, scoreDuplicate } from './duplicates.js';
import { prepareIdentifier } from './preparation.js';
import type { SearchRequest } from './search-schemas.js';
import { bothForms, readSubjects, type Subject } from './subjects.js';
import { compareTyped } from './typed-names.js';
import { type CustomerRecord, recordColumnsSql } from './view.js';

export type Match = DuplicateScore & { record: CustomerRecord };
export type Matches = { matches: Match[]; truncated: boolean };
export type Scored = { subject: Subject; score: DuplicateScore };

/** A merged customer is found as its survivor, an erased one not at all. */
export const isFindable = sql`customers.status not in ('merged', 'erased')`;

const searchDefault = 20;

/** @throws DomainError 422 where a criterion has no normal form, or an attribute is not searchable */
export async function searchCustomers(ctx: Ctx, request: SearchRequest): Promise<Matches> {
  const definitions = await loadDefinitions(ctx.database);
  const { subject, attributes } = prepareSearch(ctx, definitions, request);
  const among: Among = {
    indexed: sql`${visibleCustomer(ctx)} and ${attributes === undefined ? sql`true` : sql`customers.attributes @> ${json(attributes)}`}`,
    other: sql`${isFindable} and ${request.kind === undefined ? sql`true` : sql`customers.kind = ${request.kind}`}`,
  };
  const limit = request.limit ?? searchDefault;
  return throughIndexes(ctx, async (reader) => {
    const criteria = criteriaOf(subject);
    const found = isEmpty(criteria)
      ? await findAny(reader, among)
      : await findCandidates(reader, criteria, among, limit);
    const scored = (await readSubjects(reader, definitions, found.ids))
      .map((candidate) => {
        const query = { ...subject, kind: request.kind ?? candidate.kind };
        return { subject: candidate, score: scoreDuplicate(query, candidate, compareTyped) };
      })
      .filter(
        ({ subject: { birthDate }, score }) =>
          isEmpty(criteria) ||
          score.reasons.some(({ weight }) => weight > 0) ||
          (birthDate !== undefined && birthDate === criteria.birthDate),
      );
    return readMatches(reader, scored, limit, found.truncated);
  });
}

const isEmpty = (criteria: Criteria) =>
  Object.values(criteria).every((some) => some === undefined || some.length === 0);

export const criteriaOf = (subject: Omit<DuplicateSubject, 'kind'>): Criteria => ({
  identifiers: subject.identifiers,
  contacts: [...subject.phones, ...subject.emails],
  birthDate: subject.birthDate,
  names: subject.names,
});

/** The likeliest of them, as they are shown. */
export async function readMatches(
  reader: Reader,
  scored: readonly Scored[],
  limit: number,
  truncated: boolean,
): Promise<Matches> {
  const ranked = [...scored].sort(
    (one, other) => other.score.weight - one.score.weight || (one.subject.id < other.subject.id ? -1 : 1),
  );
  const shown = ranked.slice(0, limit);
  const rows = await reader.rows<CustomerRecord>(sql`
    select ${recordColumnsSql} from customers where customers.id = any(${array(
      shown.map(({ subject }) => subject.id),
      'uuid',
    )})`);
  const records = new Map(rows.map((row) => [row.id, row]));
  const matches = shown.flatMap(({ subject, score }) => {
    const record = records.get(subject.id);
    return record === undefined ? [] : [{ ...score, record }];
  });
  return { matches, truncated: truncated || ranked.length > limit };
}

type Normal = { ok: true; index: string } | { ok: false; code: string; message: string };

function prepareSearch(ctx: Ctx, definitions: Definitions, request: SearchRequest) {
  const { name, phone, email, identifier, birth_date: birthDate, attributes } = request;
  const problems: FieldProblem[] = [];
  const contact = (kind: 'phone' | 'email', normal: Normal | undefined) => {
    if (normal === undefined) return [];
    if (normal.ok) return [ctx.keyring.blindIndex(`contact:${kind}`, normal.index)];
    problems.push({ in: 'body', pointer: `/${kind}`, code: normal.code, message: normal.message });
    return [];
  };
  const phones = contact('phone', phone === undefined ? undefined : normalisePhone(phone, ctx.bank.country));
  const emails = contact('email', email === undefined ? undefined : normaliseEmail(email));
  const prepared =
    identifier &&
    prepareIdentifier({ keyring: ctx.keyring, definitions }, identifier, '/identifier', problems);
  for (const attribute of Object.keys(attributes ?? {}))
    problems.push(...attributeProblems(definitions, attribute));
  if (problems.length > 0) throw brokenRules(problems);
  const subject: Omit<DuplicateSubject, 'kind'> = {
    names: name === undefined || name.trim() === '' ? [] : [name.normalize('NFC').trim()],
    birthDate,
    identifiers: prepared === undefined ? [] : bothForms(definitions, prepared),
    phones,
    emails,
  };
  if (isEmpty(criteriaOf(subject)) && attributes === undefined) {
    const message = 'A search has a name, phone, email, identifier, birth_date or attributes.';
    throw fieldError('', 'required', message);
  }
  return { subject, attributes };
}

function attributeProblems(definitions: Definitions, name: string): FieldProblem[] {
  const attribute = definitions.attributes.get(name);
  const pointer = `/attributes/${name}`;
  if (attribute === undefined) {
    return [{ in: 'body', pointer, code: 'unknown_attribute', message: 'is not a declared attribute' }];
  }
  return attribute.searchable && attribute.sensitivity !== 'sensitive'
    ? []
    : [{ in: 'body', pointer, code: 'not_searchable', message: 'is not declared as searchable' }];
}
