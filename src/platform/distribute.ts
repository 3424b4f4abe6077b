/**
 * Spreads a migrated database over the machines of a Citus cluster, by customer. It can be run again at any time: what
 * is in its place stays there, and a run that was cut off is completed by the next.
 */
import { getTableName } from 'drizzle-orm';
import type { ForeignKey } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { type PlacedTable, placedTables } from '../db/placement.js';

/** @throws Error where the database has no `citus` extension */
export async function distributeDatabase(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url, application_name: 'clientele distribute' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query(`select from pg_extension where extname = 'citus'`);
    if (rows.length === 0) throw new Error('the database has no extension citus: nothing to distribute over');
    await client.query(`select pg_advisory_lock(hashtextextended('clientele_migrate', 0))`);
    return await placeTables(client);
  } finally {
    await client.end();
  }
}

/**
 * Places what is not in its place. Foreign keys stand in the way while a table moves and its target has not yet: they
 * are dropped before and made again after, as the sources say them. Returns the statements that it ran.
 */
export async function placeTables(client: pg.ClientBase): Promise<string[]> {
  const tables = placedTables();
  const there = await namesOf(client, 'select logicalrelid::regclass::text as name from pg_dist_partition');
  const moving = tables.filter(({ name, placement }) => placement.kind !== 'local' && !there.has(name));
  const keys = tables
    .filter(({ placement }) => placement.kind !== 'local')
    .flatMap(({ foreignKeys }) => foreignKeys);
  const touched = new Set(moving.map(({ name }) => name));
  const present = await namesOf(client, `select conname as name from pg_constraint where contype = 'f'`);
  const loose = keys.filter(
    (key) => !present.has(key.getName()) || ends(key).some((name) => touched.has(name)),
  );
  const statements = [
    ...loose.filter((key) => present.has(key.getName())).map(dropping),
    ...moving.map(placing),
    ...loose.map(adding),
  ];
  for (const statement of statements) await client.query(statement);
  return statements;
}

async function namesOf(client: pg.ClientBase, query: string): Promise<Set<string>> {
  const { rows } = await client.query<{ name: string }>(query);
  return new Set(rows.map(({ name }) => name));
}

function ends(key: ForeignKey): [string, string] {
  const { columns, foreignTable } = key.reference();
  const [column] = columns;
  if (column === undefined) throw new Error(`${key.getName()} has no column`);
  return [getTableName(column.table), getTableName(foreignTable)];
}

const dropping = (key: ForeignKey) => `alter table ${ends(key)[0]} drop constraint ${key.getName()}`;

function adding(key: ForeignKey): string {
  const { columns, foreignColumns } = key.reference();
  const list = (named: { name: string }[]) => named.map(({ name }) => name).join(', ');
  const [table, target] = ends(key);
  return `alter table ${table} add constraint ${key.getName()} foreign key (${list(columns)}) references ${target} (${list(foreignColumns)})`;
}

function placing({ name, placement }: PlacedTable): string {
  if (placement.kind === 'reference') return `select create_reference_table('${name}')`;
  if (placement.kind === 'local') throw new Error(`${name} stays where it is`);
  const beside = placement.kind === 'key' || name === 'customers' ? 'none' : 'customers';
  return `select create_distributed_table('${name}', '${placement.column}', colocate_with => '${beside}')`;
}
