/**
 * PostgreSQL goes away in every way that it has, while writes come in: all that it cannot take is refused with a 503
 * within the time-outs that are configured, and when it is back everything goes on by itself, with nothing lost.
 */
import { chmod, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Embedded, startEmbedded } from '../../src/platform/embedded.js';
import { createLog } from '../../src/platform/log.js';
import { migrateDatabase } from '../../src/platform/migrate.js';
import { expectNotNow, type Ledger, makeSegments, newLedger, writeAll } from '../support/ledger.js';
import { expectAllThereOnce } from '../support/ledger-check.js';
import { type CutProxy, startProxy } from '../support/proxy.js';
import { openServices, type Service, type Services } from '../support/service.js';

/** a server of its own: it is stopped and killed */
let dataDir: string;
let embedded: Embedded | undefined;
let proxy: CutProxy;
/** past the proxy */
let pool: pg.Pool;
let services: Services;
let api: Service;
const ledger: Ledger = newLedger();
const log = createLog('silent');

beforeAll(async () => {
  dataDir = await realpath(await mkdtemp(path.join(tmpdir(), 'clientele-fault-')));
  await chmod(dataDir, 0o755);
  embedded = await startEmbedded({ dataDir, port: 0, log });
  await migrateDatabase(embedded.url);
  const port = Number(new URL(embedded.url).port);
  proxy = await startProxy('127.0.0.1', port);
  pool = new pg.Pool({ connectionString: embedded.url, max: 3 });
  pool.on('error', () => undefined);
  services = await openServices({
    DATABASE_URL: Object.assign(new URL(embedded.url), { port: String(proxy.port) }).href,
    LOCK_TIMEOUT_SECONDS: '1',
    STATEMENT_TIMEOUT_SECONDS: '2',
    QUERY_TIMEOUT_SECONDS: '3',
    POOL_TIMEOUT_SECONDS: '1',
  });
  api = await services.start('api');
  await services.start('worker');
  await makeSegments(api.client);
});
afterAll(async () => {
  await services?.close();
  await proxy?.cut();
  await pool?.end().catch(() => undefined);
  await embedded?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

let seed = 0;

/** Writes go on while `fault` comes and goes; then all is there, and new writes are taken. */
async function through(fault: () => Promise<void>): Promise<void> {
  const write = (writes: number) => {
    seed += 1;
    return writeAll(ledger, { seed, writes, client: () => api.client });
  };
  let over = false;
  const writing = (async () => {
    while (!over) await write(50);
  })();
  const faulty = fault().finally(() => {
    over = true;
  });
  await Promise.all([writing, faulty]);
  await write(50);
  await expectAllThereOnce(pool, api.client, ledger);
}

/** Reads and writes that have come to nothing before the fault ends. */
async function expectRefused(): Promise<void> {
  const [known] = ledger.customers;
  const replies = await Promise.all([
    api.client.request('GET', `/v1/customers/${known?.id}`),
    api.client.request('GET', '/v1/customers?limit=1'),
    api.client.request('POST', '/v1/customers/upsert', {
      kind: 'person',
      identifiers: [{ scheme: 'core_banking', value: known?.value }],
      source: 'core',
    }),
  ]);
  for (const reply of replies) {
    expect(reply.status, JSON.stringify(reply.body)).toBe(503);
    expectNotNow(reply);
  }
}

/** Waits until some more writes came through. */
async function untilWritten(more = 60): Promise<void> {
  const goal = ledger.writes + more;
  await expect.poll(() => ledger.writes, { timeout: 60_000, interval: 10 }).toBeGreaterThanOrEqual(goal);
}

test('its connections are terminated, again and again', async () => {
  await through(async () => {
    for (let round = 0; round < 5; round += 1) {
      await untilWritten(30);
      const { rowCount } = await pool.query(`
        select pg_terminate_backend(pid) from pg_stat_activity
        where application_name like 'clientele%' and pid <> pg_backend_pid()`);
      expect(rowCount).toBeGreaterThan(0);
    }
  });
}, 180_000);

test('its customers are locked for longer than anybody waits', async () => {
  await through(async () => {
    await untilWritten();
    const locker = new pg.Client({ connectionString: embedded?.url });
    await locker.connect();
    try {
      await locker.query('begin');
      await locker.query('lock table customers in access exclusive mode');
      await expectRefused();
      await locker.query('commit');
    } finally {
      await locker.end();
    }
  });
}, 180_000);

test('the link to it swallows everything', async () => {
  await through(async () => {
    await untilWritten();
    proxy.silence();
    try {
      await expectRefused();
    } finally {
      await proxy.restore();
    }
  });
}, 180_000);

test('it is stopped, and started again', async () => {
  const port = Number(new URL(embedded?.url ?? '').port);
  await through(async () => {
    await untilWritten();
    await embedded?.stop();
    embedded = undefined;
    try {
      await expectRefused();
    } finally {
      embedded = await startEmbedded({ dataDir, port, log });
    }
  });
}, 180_000);

test('it is killed', async () => {
  await through(async () => {
    await untilWritten();
    const file = await readFile(path.join(dataDir, 'postgres/postmaster.pid'), 'utf8');
    process.kill(Number(file.split('\n')[0]), 'SIGKILL');
    // whoever keeps it starts it again
    await untilWritten();
  });
}, 180_000);
