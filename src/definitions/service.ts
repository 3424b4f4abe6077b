/**
 * The bank's own definitions. A PUT of a known one asks for its version. What a changed schema no longer admits stays
 * as it is stored: values are checked when they are stated, so that a definition never has to look at every customer.
 * The type of an attribute stays, since rules are written for it; so do the normaliser and the sensitivity of a scheme,
 * since its identifiers are indexed and encrypted by them.
 */
import { isDeepStrictEqual } from 'node:util';
import { type SQL, sql } from 'drizzle-orm';
import { json, type Reader, type Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { brokenRules, DomainError, type FieldProblem, fieldError, notFound } from '../platform/errors.js';
import { reservedKeys } from '../platform/http/paths.js';
import { checkVersion, requiredVersions } from '../platform/http/versions.js';
import type { PageRequest } from '../platform/pagination.js';
import { type Effect, transact } from '../platform/transact.js';
import type { AttributeRow, AttributeStatement, SchemeRow, SchemeStatement } from './schemas.js';
import { valueSchemaProblems } from './value-schemas.js';

/** every statement about a customer is checked against all of them */
const attributesMax = 500;

const attributeColumns = sql.raw(
  'name, description, json_schema, sensitivity, searchable, version, updated_at',
);
const schemeColumns = sql.raw('key, name, normaliser, sensitive, path_safe, version');

export const pageAfter = (column: string, page: PageRequest): SQL =>
  page.after === undefined ? sql`true` : sql`${sql.raw(column)} > ${page.after[0]}`;

export const listAttributes = (ctx: Ctx, page: PageRequest): Promise<AttributeRow[]> =>
  ctx.database.rows(sql`select ${attributeColumns} from attribute_definitions where ${pageAfter('name', page)}
    order by name limit ${page.limit + 1}`);

export const listIdentifierSchemes = (ctx: Ctx, page: PageRequest): Promise<SchemeRow[]> =>
  ctx.database.rows(sql`select ${schemeColumns} from identifier_schemes where ${pageAfter('key', page)}
    order by key limit ${page.limit + 1}`);

export async function getAttribute(ctx: Ctx, name: string): Promise<AttributeRow> {
  const row = await findAttribute(ctx.database, name);
  if (row === undefined) throw notFound('attribute');
  return row;
}

const findAttribute = async (reader: Reader, name: string, lock = sql``) =>
  (
    await reader.rows<AttributeRow>(
      sql`select ${attributeColumns} from attribute_definitions where name = ${name} ${lock}`,
    )
  )[0];

export async function getIdentifierScheme(ctx: Ctx, key: string): Promise<SchemeRow> {
  const row = await findScheme(ctx.database, key);
  if (row === undefined) throw notFound('identifier scheme');
  return row;
}

const findScheme = async (reader: Reader, key: string, lock = sql``) =>
  (
    await reader.rows<SchemeRow>(
      sql`select ${schemeColumns} from identifier_schemes where key = ${key} ${lock}`,
    )
  )[0];

export type Put<Row> = { outcome: 'created' | 'updated' | 'unchanged'; row: Row };

type Kind<Row> = {
  name: string;
  subject: string;
  find: (tx: Tx) => Promise<Row | undefined>;
  /** why the known one cannot become this */
  refuse: (known: Row) => FieldProblem[];
  isSame: (known: Row) => boolean;
  insert: (tx: Tx) => Promise<Row | undefined>;
  update: (tx: Tx, version: number) => Promise<Row | undefined>;
};

/** Makes a definition, or changes it where If-Match names its version; the same again changes nothing. */
export async function put<Row extends { version: number }>(
  ctx: Ctx,
  ifMatch: string | undefined,
  kind: Kind<Row>,
): Promise<Put<Row>> {
  return transact<Put<Row>>(ctx, async (tx) => {
    const known = await kind.find(tx);
    if (known === undefined && ifMatch !== undefined) {
      throw new DomainError('stale_version', 'There is none of that name yet: send it without If-Match.');
    }
    const made = known === undefined ? await kind.insert(tx) : undefined;
    if (made !== undefined) return told(ctx, kind, 'created', made);
    const versions = requiredVersions(ifMatch);
    const before = known ?? (await kind.find(tx));
    if (before === undefined) throw notFound(kind.subject);
    checkVersion(versions, before.version);
    if (kind.isSame(before)) return { value: { outcome: 'unchanged', row: before }, audit: [] };
    const problems = kind.refuse(before);
    if (problems.length > 0) throw brokenRules(problems);
    const row = await kind.update(tx, before.version + 1);
    return told(ctx, kind, 'updated', row ?? before);
  });
}

function told<Row extends { version: number }>(
  ctx: Ctx,
  kind: Kind<Row>,
  outcome: 'created' | 'updated',
  row: Row,
): Effect<Put<Row>> {
  const type = `${kind.subject}.${outcome}`;
  const data = { version: row.version };
  return {
    value: { outcome, row },
    audit: [{ action: type, subjectType: kind.subject, subjectId: kind.name, details: data }],
    events: [{ type, subject: kind.name, subjectVersion: 0, occurredAt: ctx.now, data }],
  };
}

const immutable = (pointer: string, message: string): FieldProblem => ({
  in: 'body',
  pointer,
  code: 'immutable',
  message,
});

export function refuseReserved(name: string, path: string): void {
  if (!reservedKeys.includes(name)) return;
  const message = `is one of the reserved words ${reservedKeys.join(', ')}`;
  throw new DomainError('rule_broken', `The name ${message}.`, {
    errors: [{ in: 'path', pointer: path, code: 'reserved', message }],
  });
}

/** Declares an attribute, or changes it. Throws 412, 428, and 422 with every place that is wrong. */
export async function putAttribute(
  ctx: Ctx,
  name: string,
  ifMatch: string | undefined,
  input: AttributeStatement,
): Promise<Put<AttributeRow>> {
  refuseReserved(name, '/name');
  const problems = valueSchemaProblems(input.json_schema, '/json_schema');
  if (problems.length > 0) throw brokenRules(problems);
  const { description, json_schema, sensitivity, searchable } = input;
  return put<AttributeRow>(ctx, ifMatch, {
    name,
    subject: 'attribute',
    find: (tx) => findAttribute(tx, name, sql`for update`),
    refuse: (known) =>
      known.json_schema.type === json_schema.type
        ? []
        : [
            immutable(
              '/json_schema/type',
              'stays as it was declared: rules are written for it; declare another attribute',
            ),
          ],
    isSame: ({ name: _name, version: _version, updated_at: _updated, ...known }) =>
      isDeepStrictEqual(known, input),
    insert: async (tx) => {
      await refuseTooMany(tx);
      const [row] = await tx.rows<AttributeRow>(sql`
        insert into attribute_definitions (name, description, json_schema, sensitivity, searchable, version, updated_at)
        values (${name}, ${description}, ${json(json_schema)}, ${sensitivity}, ${searchable}, 1, ${ctx.now})
        on conflict do nothing returning ${attributeColumns}`);
      return row;
    },
    update: async (tx, version) => {
      const [row] = await tx.rows<AttributeRow>(sql`
        update attribute_definitions set description = ${description}, json_schema = ${json(json_schema)},
          sensitivity = ${sensitivity}, searchable = ${searchable}, version = ${version}, updated_at = ${ctx.now}
        where name = ${name} returning ${attributeColumns}`);
      return row;
    },
  });
}

async function refuseTooMany(tx: Tx): Promise<void> {
  const [row] = await tx.rows<{ count: number }>(
    sql`select count(*)::int as count from attribute_definitions`,
  );
  if ((row?.count ?? 0) < attributesMax) return;
  throw new DomainError('rule_broken', `There are at most ${attributesMax} attributes.`);
}

/** Declares an identifier scheme, or changes its name and whether it may stand in a path. */
export async function putIdentifierScheme(
  ctx: Ctx,
  key: string,
  ifMatch: string | undefined,
  input: SchemeStatement,
): Promise<Put<SchemeRow>> {
  refuseReserved(key, '/key');
  const { name, normaliser, sensitive, path_safe } = input;
  if (sensitive && path_safe) {
    throw fieldError('/path_safe', 'sensitive', 'A sensitive identifier never stands in a path.');
  }
  return put<SchemeRow>(ctx, ifMatch, {
    name: key,
    subject: 'identifier_scheme',
    find: (tx) => findScheme(tx, key, sql`for update`),
    refuse: (known) =>
      (['normaliser', 'sensitive'] as const)
        .filter((field) => known[field] !== input[field])
        .map((field) =>
          immutable(
            `/${field}`,
            'stays as it was declared: identifiers are kept by it; declare another scheme',
          ),
        ),
    isSame: ({ key: _key, version: _version, ...known }) => isDeepStrictEqual(known, input),
    insert: async (tx) => {
      const [row] = await tx.rows<SchemeRow>(sql`
        insert into identifier_schemes (key, name, normaliser, sensitive, path_safe, version)
        values (${key}, ${name}, ${normaliser}, ${sensitive}, ${path_safe}, 1)
        on conflict do nothing returning ${schemeColumns}`);
      return row;
    },
    update: async (tx, version) => {
      const [row] = await tx.rows<SchemeRow>(sql`
        update identifier_schemes set name = ${name}, path_safe = ${path_safe}, version = ${version}
        where key = ${key} returning ${schemeColumns}`);
      return row;
    },
  });
}
