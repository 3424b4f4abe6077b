/** A database of one's own, cloned from the migrated template. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { type Database, type DatabaseOptions, openDatabase } from '../../src/db/client.js';
import { withDatabase } from './global-setup.js';

export type TestDatabase = { url: string; database: Database; drop(): Promise<void> };

export type CloneOptions = {
  poolSize?: number;
  /** patient ones else: a slow machine is no failure */
  timeouts?: Partial<DatabaseOptions>;
  /** where the service finds it, for tests that put something between */
  urlOf?: (url: string) => Promise<string>;
};

export async function cloneDatabase(options: CloneOptions = {}): Promise<TestDatabase> {
  const adminUrl = inject('adminUrl');
  const template = inject('template');
  const name = `${template}_${randomBytes(5).toString('hex')}`;
  await asAdmin(adminUrl, async (admin) => {
    // a template can be copied by one at a time
    await admin.query(`select pg_advisory_lock(hashtextextended('clientele_test_template', 0))`);
    await admin.query(`create database ${name} template ${template}`);
  });
  const url = withDatabase(adminUrl, name);
  const database = openDatabase({
    url: (await options.urlOf?.(url)) ?? url,
    poolSize: options.poolSize ?? 10,
    applicationName: 'clientele test',
    statementTimeoutSeconds: 60,
    lockTimeoutSeconds: 30,
    poolTimeoutSeconds: 60,
    queryTimeoutSeconds: 90,
    onError: () => undefined,
    ...options.timeouts,
  });
  const drop = async () => {
    await database.close();
    await asAdmin(adminUrl, (admin) => admin.query(`drop database ${name} with (force)`));
  };
  return { url, database, drop };
}

async function asAdmin(url: string, work: (admin: pg.Client) => Promise<unknown>): Promise<void> {
  const admin = new pg.Client({ connectionString: url });
  admin.on('error', () => undefined);
  await admin.connect();
  await work(admin);
  await admin.end();
}
