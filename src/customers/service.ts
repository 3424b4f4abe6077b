/** Operations on customers. Each returns the customer's record, which the view turns into what the caller sees. */
import { type SQL, sql } from 'drizzle-orm';
import type { Static } from 'typebox';
import type { Reader, Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { brokenRules, DomainError, type FieldProblem, notFound } from '../platform/errors.js';
import type { PageRequest } from '../platform/pagination.js';
import { readInReach } from '../platform/reach-pages.js';
import { transact } from '../platform/transact.js';
import { loadDefinitions } from './definitions.js';
import { findKeys } from './keys.js';
import { type PreparedCustomer, prepareCustomer, prepareIdentifier } from './preparation.js';
import type { IgnoredField } from './provenance.js';
import type { Item } from './resolution.js';
import type { CustomerPatch, CustomerStatement } from './schemas.js';
import { type Outcome, upsertCustomers } from './upsert.js';
import { type CustomerRecord, recordColumns, recordColumnsSql } from './view.js';

export type UpsertValue = {
  outcome: 'created' | 'updated' | 'unchanged';
  ignored_fields: IgnoredField[];
  record: CustomerRecord;
};

/** Reads one customer in the caller's data scope. Throws the one 404. */
export async function getCustomer(
  ctx: Ctx,
  id: string,
  reader: Reader = ctx.database,
): Promise<CustomerRecord> {
  const rows =
    ctx.dataScope === null
      ? await reader.named<CustomerRecord>(
          'get_customer',
          `select ${recordColumns} from customers where customers.id = $1 and merged_into is null`,
          [id],
        )
      : await reader.rows<CustomerRecord>(
          sql`select ${recordColumnsSql} from customers
            where customers.id = ${id} and merged_into is null and ${visibleCustomer(ctx)}`,
        );
  if (rows[0] === undefined) throw notFound('customer');
  return rows[0];
}

/** The ids of customers that hold the identifiers, in the caller's scope or not. */
export async function findByIdentifier(
  ctx: Ctx,
  reader: Reader,
  identifier: { scheme: string; value: string },
): Promise<string | undefined> {
  const problems: FieldProblem[] = [];
  const definitions = await loadDefinitions(reader);
  const prepared = prepareIdentifier({ keyring: ctx.keyring, definitions }, identifier, '', problems);
  if (prepared === undefined) throw brokenRules(problems);
  return [...(await findKeys(reader, [prepared])).values()][0];
}

/** Reads the customer that an identifier belongs to. */
export async function getCustomerByIdentifier(
  ctx: Ctx,
  identifier: { scheme: string; value: string },
): Promise<CustomerRecord> {
  const id = await findByIdentifier(ctx, ctx.database, identifier);
  if (id === undefined) throw notFound('customer');
  return getCustomer(ctx, id);
}

/** Throws unless the scheme may stand in a path. */
export async function checkPathSafe(ctx: Ctx, scheme: string): Promise<void> {
  const { schemes } = await loadDefinitions(ctx.database);
  if (schemes.get(scheme)?.path_safe === true) return;
  const message = schemes.has(scheme)
    ? 'identifiers of this scheme must not stand in a path: use POST /v1/customers/lookup or /upsert'
    : 'is not a declared identifier scheme';
  throw new DomainError('rule_broken', `The scheme ${message}.`, {
    errors: [
      {
        in: 'path',
        pointer: '/scheme',
        code: schemes.has(scheme) ? 'not_path_safe' : 'unknown_scheme',
        message,
      },
    ],
  });
}

export type ListFilters = {
  kind?: string | undefined;
  status?: string | undefined;
  branch?: string | undefined;
  relationship_manager?: string | undefined;
};

/** A page of customers in the order of their ids, which is the order of their creation. */
export async function listCustomers(
  ctx: Ctx,
  filters: ListFilters,
  page: PageRequest,
): Promise<CustomerRecord[]> {
  const after = page.after?.[0] as string | undefined;
  const limit = page.limit + 1;
  const read = (ids: SQL) =>
    ctx.database.rows<CustomerRecord & { seen: number | null }>(sql`
      select ${recordColumnsSql}, s.seen from ${ids} s join customers on customers.id = s.id order by customers.id`);
  const along = (from: (column: SQL) => SQL, most: number) =>
    sql`select id from customers where ${from(sql`id`)} order by id limit ${most}`;
  const list = { after, limit, along, condition: conditionOf(filters, 'c') };
  return (
    (await readInReach(ctx, list, read)) ??
    ctx.database.rows<CustomerRecord>(sql`
      select ${recordColumnsSql} from customers
      where ${visibleCustomer(ctx)} and ${conditionOf(filters, 'customers')}
        and ${after === undefined ? sql`true` : sql`customers.id > ${after}::uuid`}
      order by customers.id limit ${limit}`)
  );
}

function conditionOf(filters: ListFilters, alias: string): SQL {
  const { kind, status, branch, relationship_manager: manager } = filters;
  const asked = Object.entries({ kind, status, branch, manager }).filter(([, value]) => value !== undefined);
  const conditions = [
    sql.raw(`${alias}.merged_into is null`),
    ...asked.map(([column, value]) => sql`${sql.raw(`${alias}.${column}`)} = ${value}`),
  ];
  return sql.join(conditions, sql` and `);
}

/** Checks and normalises one statement. Throws with every problem it has. */
async function prepared(tx: Reader, ctx: Ctx, input: CustomerStatement): Promise<PreparedCustomer> {
  const definitions = await loadDefinitions(tx);
  const result = prepareCustomer({ keyring: ctx.keyring, bank: ctx.bank, definitions, now: ctx.now }, input);
  if (result.problems.length > 0) throw brokenRules(result.problems);
  return result.prepared;
}

type Success = Extract<Outcome, { ok: true }>;

async function applyOne(tx: Tx, ctx: Ctx, item: Item) {
  const { outcomes, audit, events } = await upsertCustomers(tx, ctx, [item]);
  const outcome = outcomes[0];
  if (outcome?.ok !== true) throw outcome?.error ?? notFound('customer');
  return { outcome: outcome satisfies Success, audit, events };
}

async function write(ctx: Ctx, input: CustomerStatement, rest: Omit<Item, 'prepared'>): Promise<UpsertValue> {
  return transact(ctx, async (tx) => {
    const item: Item = { ...rest, prepared: await prepared(tx, ctx, input) };
    const { outcome, audit, events } = await applyOne(tx, ctx, item);
    const record = await getCustomer(ctx, outcome.customerId, tx);
    return { value: { outcome: outcome.outcome, ignored_fields: outcome.ignored, record }, audit, events };
  });
}

/** Creates a customer. 409 `identifier_conflict` where one of its identifiers is taken. */
export const createCustomer = (ctx: Ctx, input: CustomerStatement): Promise<UpsertValue> =>
  write(ctx, input, { mode: 'create' });

/** Creates the customer, or updates the one that any of the identifiers names. Race-safe. */
export const upsertCustomer = (ctx: Ctx, input: CustomerStatement): Promise<UpsertValue> =>
  write(ctx, input, { mode: 'upsert' });

/** Changes what is stated; null clears. `versions` are those that If-Match names. */
export const patchCustomer = (
  ctx: Ctx,
  id: string,
  versions: number[] | undefined,
  patch: Static<typeof CustomerPatch>,
): Promise<UpsertValue> => write(ctx, patch as CustomerStatement, { mode: 'patch', target: id, versions });

/** Adds an identifier to a customer. 409 where it is taken. */
export const addIdentifier = (
  ctx: Ctx,
  id: string,
  input: { scheme: string; value: string; source?: string },
): Promise<UpsertValue> =>
  write(
    ctx,
    {
      identifiers: [{ scheme: input.scheme, value: input.value }],
      ...(input.source === undefined ? {} : { source: input.source }),
    },
    { mode: 'patch', target: id, versions: undefined },
  );
