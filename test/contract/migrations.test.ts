/** From an empty database to the newest schema: once, twice, at once from many sides, and nothing is left to generate. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import pg from 'pg';
import { expect, inject, test } from 'vitest';
import { migrateDatabase } from '../../src/platform/migrate.js';
import { withDatabase } from '../support/global-setup.js';

/** how many migrations the last release has */
const releasedCount = 2;

const root = path.resolve(import.meta.dirname, '../..');

async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** An empty database of one's own. */
async function withEmpty(options: string, work: (url: string) => Promise<void>): Promise<void> {
  const admin = inject('adminUrl');
  const name = `${inject('template')}_m${randomBytes(4).toString('hex')}`;
  await connected(admin, (client) => client.query(`create database ${name} template template0 ${options}`));
  try {
    await work(withDatabase(admin, name));
  } finally {
    await connected(admin, (client) => client.query(`drop database ${name} with (force)`));
  }
}

const utf8 = `encoding 'UTF8' lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8'`;

/** All that a schema is, as text. */
const shapeOf = (url: string) =>
  connected(url, async (client) => {
    const parts = [
      `select table_name, column_name, data_type, is_nullable, column_default, ordinal_position from information_schema.columns
       where table_schema = 'public' order by 1, 6`,
      `select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
       where connamespace = 'public'::regnamespace order by 1, 2`,
      `select tablename, indexname, indexdef from pg_indexes where schemaname = 'public' order by 1, 2`,
      'select hash from drizzle.__drizzle_migrations order by id',
    ];
    const shape: unknown[] = [];
    for (const part of parts) shape.push((await client.query(part)).rows);
    return shape;
  });

test('an empty database becomes the newest one, and a second run changes nothing', async () => {
  await withEmpty(utf8, async (url) => {
    await migrateDatabase(url);
    const once = await shapeOf(url);
    await migrateDatabase(url);
    expect(await shapeOf(url)).toEqual(once);
    expect(once).toEqual(await shapeOf(withDatabase(inject('adminUrl'), inject('template'))));
  });
});

test('many processes at once migrate once', async () => {
  await withEmpty(utf8, async (url) => {
    await Promise.all(Array.from({ length: 8 }, () => migrateDatabase(url)));
    const migrations = await connected(url, (client) =>
      client.query('select hash from drizzle.__drizzle_migrations'),
    );
    const journal = JSON.parse(await readFile(path.join(root, 'migrations/meta/_journal.json'), 'utf8'));
    expect(migrations.rows).toHaveLength(journal.entries.length);
    const seeds = await connected(url, (client) => client.query('select key from segments order by key'));
    const keys = seeds.rows.map(({ key }) => key);
    expect(keys).toEqual(expect.arrayContaining(['high_net_worth', 'new', 'ordinary', 'seniors', 'silent']));
    expect(keys).toHaveLength(17);
  });
});

/** A folder with the migrations of the last release alone. */
async function releasedMigrations(folder: string): Promise<string> {
  await cp(path.join(root, 'migrations'), folder, { recursive: true });
  const file = path.join(folder, 'meta/_journal.json');
  const journal = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, JSON.stringify({ ...journal, entries: journal.entries.slice(0, releasedCount) }));
  return folder;
}

test('who holds a lock holds a migration up, and the migration nobody', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'clientele-migrations-'));
  await withEmpty(utf8, async (url) => {
    await connected(url, async (client) =>
      migrate(drizzle(client), { migrationsFolder: await releasedMigrations(folder) }),
    );
    await connected(url, async (holder) => {
      await holder.query('begin; select from api_keys; select from imports; select from outbox');
      const migrated = migrateDatabase(url);
      await connected(url, async (reader) => {
        const waits = `select from pg_stat_activity where application_name = 'clientele migrate' and wait_event_type = 'Lock'
          and datname = current_database()`;
        while ((await reader.query(waits)).rowCount === 0)
          await new Promise((resolve) => setTimeout(resolve, 20));
        // this waits behind it, until it gives up: the holder goes on holding
        await reader.query('select from api_keys');
      });
      await holder.query('commit');
      await migrated;
    });
    expect(await shapeOf(url)).toEqual(await shapeOf(withDatabase(inject('adminUrl'), inject('template'))));
  });
  await rm(folder, { recursive: true });
});

/** A check that is dropped and added again with more words lets in all that the last release writes. */
const words = (definition: string) => new Set(definition.match(/'[^']*'/g));
function widened(statement: string, statements: readonly string[], former: readonly string[]): boolean {
  // without a foreign key that only refuses, everything is let in that it let in
  const key = /^alter table \S+ drop constraint (\w+_fkey);?$/i.exec(statement)?.[1];
  if (key !== undefined)
    return former.some((one) => one.includes(key) && /on delete no action on update no action/i.test(one));
  const name = /^alter table \S+ drop constraint (\w+_check);?$/i.exec(statement)?.[1];
  if (name === undefined) return false;
  const definitionOf = (texts: readonly string[]) =>
    texts.findLast((text) => new RegExp(`constraint ${name} check`, 'i').test(text));
  const before = definitionOf(former)
    ?.split('\n')
    .find((line) => line.includes(name));
  const after = definitionOf(statements);
  if (before === undefined || after === undefined) return false;
  return words(before).size > 0 && [...words(before)].every((word) => words(after).has(word));
}

test('since the last release migrations only add: its code runs on', async () => {
  const names = (await readdir(path.join(root, 'migrations'))).filter((name) => name.endsWith('.sql')).sort();
  const takesAway =
    /\b(drop (table|column|type|view|constraint)|rename (to|column)|alter column \S+ (set not null|type|set data type)|truncate|delete from)\b/i;
  const former: string[] = [];
  for (const [place, name] of names.entries()) {
    const text = await readFile(path.join(root, 'migrations', name), 'utf8');
    const statements = text.split('--> statement-breakpoint').map((one) => one.replaceAll('"', '').trim());
    for (const statement of place < releasedCount ? [] : statements) {
      if (!widened(statement, statements, former)) expect(statement, name).not.toMatch(takesAway);
      if (/add column/i.test(statement) && /not null/i.test(statement))
        expect(statement, name).toMatch(/default/i);
    }
    former.push(...statements);
  }
});

test('a database in which Chinese names could not be found is refused', async () => {
  await withEmpty(`encoding 'UTF8' locale_provider libc lc_collate 'C' lc_ctype 'C'`, async (url) => {
    await expect(migrateDatabase(url)).rejects.toThrow(/Chinese/);
  });
  await withEmpty(`encoding 'SQL_ASCII' locale_provider libc lc_collate 'C' lc_ctype 'C'`, async (url) => {
    await expect(migrateDatabase(url)).rejects.toThrow(/UTF8/);
  });
});

test('the migrations say all that the tables say: nothing is left to generate', async () => {
  const copy = await mkdtemp(path.join(tmpdir(), 'clientele-migrations-'));
  try {
    await cp(path.join(root, 'migrations'), copy, { recursive: true });
    const before = await readdir(copy, { recursive: true });
    // drizzle-kit takes a path for one of the project, however it begins
    const out = path.relative(root, copy);
    const settings = ['--dialect', 'postgresql', '--schema', './src/db/tables/*.ts', '--out', out];
    const { stdout } = await promisify(execFile)('node_modules/.bin/drizzle-kit', ['generate', ...settings], {
      cwd: root,
    });
    expect((await readdir(copy, { recursive: true })).sort(), stdout).toEqual(before.sort());
    expect(stdout).toContain('No schema changes');
  } finally {
    await rm(copy, { recursive: true });
  }
});
