/** A migrated database of one's own, on a server that is there or started for it, kept for another run where it is given a name. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import pg from 'pg';
import { type Database, openDatabase } from '../src/db/client.js';
import { startEmbedded } from '../src/platform/embedded.js';
import { createLog } from '../src/platform/log.js';
import { newDataDir, removeDataDir } from './service.js';

export type ScratchOptions = {
  /** URL of any database of the server; without one a server is started for it, and its data removed */
  server: string | undefined;
  /** of an earlier run: it is used again, and stays */
  keep: string | undefined;
  fill: (client: pg.Client) => Promise<void>;
};

type Work = (database: Database) => Promise<void>;

export async function inScratchDatabase({ server, ...options }: ScratchOptions, work: Work): Promise<void> {
  if (server !== undefined) return onServer({ server, ...options }, work);
  const dataDir = await newDataDir();
  const started = await startEmbedded({ dataDir, port: 0, log: createLog('warn', process.stderr) });
  try {
    await onServer({ server: started.url, ...options }, work);
  } finally {
    await started.stop();
    await removeDataDir(dataDir);
  }
}

async function onServer(
  { server, keep, fill }: ScratchOptions & { server: string },
  work: Work,
): Promise<void> {
  const name = keep ?? `clientele_bench_${randomBytes(4).toString('hex')}`;
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).toString();
  const isThere = (await run(server, `select from pg_database where datname = '${name}'`)) > 0;
  if (!isThere) {
    await run(
      server,
      `create database ${name} template template0 encoding 'UTF8' lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8'`,
    );
    const env = { ...process.env, DATABASE_URL: url };
    await promisify(execFile)(process.execPath, ['dist/main.js', 'migrate'], { env });
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await fill(client);
    await client.end();
  }
  const database = openDatabase({
    url,
    poolSize: 2,
    applicationName: 'clientele bench',
    statementTimeoutSeconds: 600,
    lockTimeoutSeconds: 5,
    poolTimeoutSeconds: 5,
    queryTimeoutSeconds: 610,
    onError: () => undefined,
  });
  try {
    await work(database);
  } finally {
    await database.close();
    if (keep === undefined) await run(server, `drop database ${name} with (force)`);
  }
}

async function run(server: string, statement: string): Promise<number> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  const { rowCount } = await client.query(statement);
  await client.end();
  return rowCount ?? 0;
}
