/** Brings a database to the newest schema. Any number of processes may try at once: one does it, the others wait. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import pg from 'pg';

/** dist/platform and src/platform both lie two folders below the project */
const migrationsFolder = fileURLToPath(new URL('../../migrations', import.meta.url));

/**
 * A statement that waits for a lock holds up all who come after it: it waits shortly, and all begins again a little
 * later. Together they wait for minutes, since a backup may hold a lock for as long.
 */
const lockTimeoutMilliseconds = 2000;
const attempts = 60;
const pauseMilliseconds = 3000;

/** @throws Error where the server is too old, not UTF-8, or cannot tell Chinese letters from signs */
export async function migrateDatabase(url: string): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'clientele migrate',
    options: '-c TimeZone=UTC',
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await checkServer(client);
    await client.query(`select pg_advisory_lock(hashtextextended('clientele_migrate', 0))`);
    await client.query('set client_min_messages = warning');
    await client.query(`set lock_timeout = ${lockTimeoutMilliseconds}`);
    await migrateWhenFree(client);
    await checkLetters(client);
  } finally {
    await client.end();
  }
}

async function migrateWhenFree(client: pg.Client): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      // all that is pending in one transaction: what failed has left nothing
      return await migrate(drizzle(client), { migrationsFolder });
    } catch (error) {
      if (attempt === attempts || !isLockTimeout(error)) throw error;
      await sleep(pauseMilliseconds);
    }
  }
}

function isLockTimeout(error: unknown): boolean {
  const { code, cause } = error as { code?: string; cause?: unknown };
  return code === '55P03' || (cause !== undefined && isLockTimeout(cause));
}

async function checkServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ version: number; encoding: string }>(
    `select current_setting('server_version_num')::int as version, current_setting('server_encoding') as encoding`,
  );
  const server = rows[0];
  if (server === undefined || server.version < 150_000) throw new Error('PostgreSQL 15 or newer is needed');
  if (server.encoding !== 'UTF8')
    throw new Error(`the database must be encoded in UTF8, not ${server.encoding}`);
}

/** With LC_CTYPE C every Chinese letter counts as a sign, and similarities of names are all 0. */
async function checkLetters(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ trigrams: string[] }>(`select show_trgm('张') as trigrams`);
  if ((rows[0]?.trigrams.length ?? 0) === 0) {
    throw new Error(
      `the database's LC_CTYPE does not know Chinese letters: create it with a UTF-8 locale, such as C.UTF-8`,
    );
  }
}
