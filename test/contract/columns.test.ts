/**
 * Tables are one artefact with rules of its own: every column says what it holds and for how long, every constraint
 * has a name that an error can be told by, and what grows with the customers can be distributed by customer.
 */
import { getTableName, is } from 'drizzle-orm';
import { PgTable } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Placement, placedTables } from '../../src/db/placement.js';
import { classificationOf } from '../../src/db/tables/columns.js';
import * as exported from '../../src/db/tables/index.js';
import { cloneDatabase, type TestDatabase } from '../support/database.js';

const tables = new Map(
  Object.values<unknown>(exported)
    .filter((value): value is PgTable => is(value, PgTable))
    .map((table) => [getTableName(table), table]),
);

const placements = placedTables();
const placedAs = (...kinds: Placement['kind'][]) =>
  placements.filter(({ placement }) => kinds.includes(placement.kind)).map(({ name }) => name);
const keyTables = placedAs('key');

/** On the coordinator alone: their number does not follow that of the customers, or they wait there to be sent on. */
const local = [
  'api_key_former_secrets',
  'api_keys',
  'approval_policies',
  'approvals',
  'assignment_transfers',
  'audit_entries',
  'feeds',
  'idempotency_keys',
  'import_chunks',
  'import_mentions',
  'import_rejections',
  'imports',
  'installation',
  'late_rates',
  'level_rounds',
  'loyalty_closings',
  'loyalty_earn_budgets',
  'loyalty_reward_codes',
  'loyalty_reward_stock',
  'loyalty_rounds',
  'loyalty_tier_rollouts',
  'merges',
  'organization_state',
  'outbox',
  'outbox_head',
  'rank_cuts',
  'rank_marking',
  'review_leases',
  'rfm_grid',
  'rfm_models',
  'sandbox_clock',
  'unvalued_days',
];

/** What must outlive, or come before, the rows it speaks of. */
const withoutForeignKeys = [
  'audit_entries',
  'outbox',
  'idempotency_keys',
  'import_chunks',
  'import_rejections',
];

type Constraint = { table: string; name: string; kind: string; columns: string[]; target: string | null };
type Index = { table: string; name: string; unique: boolean; columns: string[] };

let d: TestDatabase;
let columns: { table: string; name: string }[];
let constraints: Constraint[];
let indexes: Index[];

beforeAll(async () => {
  d = await cloneDatabase();
  const ask = async <T>(text: string) => (await d.database.pool.query(text)).rows as T[];
  const ours = `c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`;
  columns = await ask(`
    select c.relname as table, a.attname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
    where ${ours} and a.attnum > 0 and not a.attisdropped order by 1, 2`);
  constraints = await ask(`
    select c.relname as table, k.conname as name, k.contype as kind, k.confrelid::regclass::text as target,
      array(select a.attname::text from unnest(k.conkey) with ordinality as n(number, place)
        join pg_attribute a on a.attrelid = c.oid and a.attnum = n.number order by n.place) as columns
    from pg_class c join pg_constraint k on k.conrelid = c.oid where ${ours} order by 1, 2`);
  indexes = await ask(`
    select c.relname as table, i.relname as name, x.indisunique as unique,
      array(select pg_get_indexdef(x.indexrelid, n, true) from generate_series(1, x.indnkeyatts) as n) as columns
    from pg_class c join pg_index x on x.indrelid = c.oid join pg_class i on i.oid = x.indexrelid
    where ${ours} order by 1, 2`);
});
afterAll(() => d.drop());

describe('columns', () => {
  test('are in the database as they are in the sources', () => {
    const declared = [...tables].flatMap(([table, definition]) =>
      [...classificationOf(definition).keys()].map((name) => `${table}.${name}`),
    );
    expect(columns.map(({ table, name }) => `${table}.${name}`).sort()).toEqual(declared.sort());
    expect(tables.size).toBeGreaterThan(20);
  });

  test('say their data class and their retention', () => {
    const silent = [...tables].flatMap(([table, definition]) =>
      [...classificationOf(definition)]
        .filter(([, said]) => !/^C[123]$/.test(said?.dataClass ?? '') || said?.retention === undefined)
        .map(([name]) => `${table}.${name}`),
    );
    expect(silent).toEqual([]);
  });

  test('that name or seal a person are never called internal', () => {
    const personal =
      /(_name$|^birth_date$|_sealed$|^value$|^value_index$|^number_index$|^attributes$|^balance$|^amount$|_amount$|^secret_hash$|^body$)/;
    /** of definitions, or the total of a file */
    const harmless = ['imports.control_amount'];
    const found = [...tables].flatMap(([table, definition]) =>
      [...classificationOf(definition)]
        .filter(([name, said]) => personal.test(name) && said?.dataClass === 'C1')
        .map(([name]) => `${table}.${name}`),
    );
    expect(found.filter((name) => !harmless.includes(name))).toEqual([]);
  });

  test('with instants carry time zone and microseconds, and money is exact', async () => {
    const { rows } = await d.database.pool.query(`
      select table_name || '.' || column_name as name, data_type, datetime_precision from information_schema.columns
      where table_schema = 'public' and (data_type like 'timestamp%' or data_type in ('real', 'double precision', 'money'))`);
    expect(rows.length).toBeGreaterThan(10);
    const odd = rows.filter(
      (row) => row.data_type !== 'timestamp with time zone' || row.datetime_precision !== 6,
    );
    expect(odd).toEqual([]);
  });
});

describe('names', () => {
  const suffixes: Record<string, string> = { p: 'pkey', u: 'key', c: 'check', f: 'fkey', x: 'excl' };

  test('of constraints are <table>_<columns>_<kind>', () => {
    const odd = constraints
      .filter(({ kind }) => suffixes[kind] !== undefined)
      .filter(({ table, name, kind, columns: concerned }) => {
        const suffix = suffixes[kind];
        if (kind === 'p') return name !== `${table}_pkey`;
        const middle = name.slice(table.length + 1, -(String(suffix).length + 1));
        const follows = name === `${table}_${middle}_${suffix}`;
        // a check may concern several columns and is called after the first that it is about
        const known =
          kind === 'c' ? concerned.some((column) => middle === column) : middle === concerned.join('_');
        return !follows || !known;
      });
    expect(odd).toEqual([]);
  });

  test('of unique indexes end with key, of others with idx', () => {
    const odd = indexes.filter(({ table, name, unique }) =>
      unique
        ? !new RegExp(`^${table}_([a-z_]+_)?(key|pkey)$`).test(name)
        : !new RegExp(`^${table}_[a-z_]+_idx$`).test(name),
    );
    expect(odd).toEqual([]);
  });

  test('are no longer than PostgreSQL keeps them', () => {
    expect([...constraints, ...indexes].filter(({ name }) => name.length >= 63)).toEqual([]);
  });

  test('of an enum exist nowhere: values are texts with a check', async () => {
    const { rows } = await d.database.pool.query(
      `select typname from pg_type where typtype = 'e' and typnamespace = 'public'::regnamespace`,
    );
    expect(rows).toEqual([]);
  });

  test('of triggers and rules exist nowhere: they would not on a distributed table', async () => {
    const { rows } = await d.database.pool.query(`
      select tgname as name from pg_trigger where not tgisinternal
      union all select rulename from pg_rules where schemaname = 'public'`);
    expect(rows).toEqual([]);
  });
});

describe('what grows with the customers', () => {
  const distributed = () => placedAs('customer');
  const keyOf = (table: string) => (table === 'customers' ? 'id' : 'customer_id');

  test('is known: every table has a place, and what is not of a customer is listed here', () => {
    const all = [...new Set(columns.map(({ table }) => table))];
    expect(placements.map(({ name }) => name).sort()).toEqual(all.sort());
    expect(placedAs('local').sort()).toEqual(local);
  });

  test('is found by a key that its primary key holds', () => {
    const odd = placements.filter(
      ({ name, placement }) =>
        placement.kind === 'key' &&
        !indexes
          .filter((index) => index.table === name && index.unique)
          .every((index) => index.columns.includes(placement.column)),
    );
    expect(odd).toEqual([]);
    expect(keyTables.length).toBeGreaterThan(2);
  });

  test('is the only thing that lies apart: references go to references', () => {
    const odd = constraints.filter(
      ({ kind, table, target }) =>
        kind === 'f' &&
        placedAs('reference').includes(table) &&
        !placedAs('reference').includes(target ?? ''),
    );
    expect(odd).toEqual([]);
  });

  test('has the customer in its primary key and in all that is unique', () => {
    const odd = distributed().flatMap((table) => {
      const unique = indexes.filter((index) => index.table === table && index.unique);
      const primary = constraints.some((constraint) => constraint.table === table && constraint.kind === 'p');
      const without = unique.filter((index) => !index.columns.includes(keyOf(table))).map(({ name }) => name);
      return primary ? without : [...without, `${table} without a primary key`];
    });
    expect(odd).toEqual([]);
  });

  test('refers to rows of its customer, or to definitions', () => {
    const odd = constraints
      .filter(({ kind, table }) => kind === 'f' && distributed().includes(table))
      .filter(({ target, columns: concerned }) => {
        if (target === 'customers') return concerned.join() !== 'customer_id';
        if (distributed().includes(target ?? '')) return !concerned.includes('customer_id');
        return !placedAs('reference').includes(target ?? '');
      });
    expect(odd).toEqual([]);
  });

  test('is referred to by nothing that outlives it', () => {
    expect(
      constraints.filter(({ kind, table }) => kind === 'f' && withoutForeignKeys.includes(table)),
    ).toEqual([]);
    expect(constraints.filter(({ kind, table }) => kind === 'f' && keyTables.includes(table))).toEqual([]);
  });

  test('has an index for each foreign key that leads to its customer', () => {
    const odd = constraints
      .filter(({ kind, target }) => kind === 'f' && target === 'customers')
      .filter(
        ({ table }) => !indexes.some((index) => index.table === table && index.columns[0] === 'customer_id'),
      );
    expect(odd).toEqual([]);
  });
});
