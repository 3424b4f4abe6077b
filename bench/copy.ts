/**
 * What ingestion is held against: PostgreSQL takes the very rows that the service wrote, by COPY, into tables with
 * the same columns, checks and indexes, over as many connections, with nothing in front.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';

const tables = ['activity_keys', 'activities'] as const;

export type Copied = { seconds: number; rows: number };

export async function copySameRows(
  databaseUrl: string,
  source: string,
  connections: number,
): Promise<Copied> {
  const folder = await mkdtemp(path.join(tmpdir(), 'clientele-bench-copy-'));
  const clients = await Promise.all(Array.from({ length: connections }, () => connect(databaseUrl)));
  const [admin] = clients;
  if (admin === undefined) throw new Error('at least one connection is needed');
  try {
    await writeRows(admin, folder, source, connections);
    for (const table of tables)
      await admin.query(`create table bench_${table} (like ${table} including all)`);
    await admin.query('checkpoint');
    const begun = performance.now();
    await Promise.all(clients.map((client, share) => readRows(client, folder, share)));
    const seconds = (performance.now() - begun) / 1000;
    const { rows } = await admin.query<{ count: number }>('select count(*)::int from bench_activities');
    for (const table of tables) await admin.query(`drop table bench_${table}`);
    return { seconds, rows: rows[0]?.count ?? 0 };
  } finally {
    await Promise.all(clients.map((client) => client.end()));
    await rm(folder, { recursive: true, force: true });
  }
}

async function connect(databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  return client;
}

const fileOf = (folder: string, table: string, share: number) => path.join(folder, `${table}-${share}`);

/** In the order in which they came, dealt to the connections. */
async function writeRows(client: pg.Client, folder: string, source: string, shares: number): Promise<void> {
  const literal = client.escapeLiteral(source);
  const order = { activity_keys: 'activity_id', activities: 'id' };
  for (const table of tables) {
    for (let share = 0; share < shares; share += 1) {
      const select = `select * from ${table} where source = ${literal}
        and abs(hashtext(source_id)) % ${shares} = ${share} order by ${order[table]}`;
      const rows = client.query(copyTo(`copy (${select}) to stdout`));
      await pipeline(rows, createWriteStream(fileOf(folder, table, share)));
    }
  }
}

async function readRows(client: pg.Client, folder: string, share: number): Promise<void> {
  for (const table of tables) {
    const into = client.query(copyFrom(`copy bench_${table} from stdin`));
    await pipeline(createReadStream(fileOf(folder, table, share), { highWaterMark: 1 << 18 }), into);
  }
}

/** So that neither side pays for what was written before it. */
export async function checkpoint(databaseUrl: string): Promise<void> {
  const client = await connect(databaseUrl);
  await client.query('checkpoint');
  await client.end();
}
