/** What happens when the database does not answer in time: 503, in time, and no connection is lost by it. */
import { sql } from 'drizzle-orm';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { Client, type Response } from '../support/client.js';
import { aCustomer } from '../support/factories.js';
import { type CutProxy, startProxy } from '../support/proxy.js';

const provokes = /request failed/;

function expectUnavailable(reply: Response) {
  expect(reply.status, JSON.stringify(reply.body)).toBe(503);
  expect(reply.body).toMatchObject({ code: 'unavailable', status: 503 });
  expect(Number(reply.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
}

/** An application whose customers somebody else has locked. */
async function withLockedCustomers(
  timeouts: { lockTimeoutSeconds: number; statementTimeoutSeconds: number },
  work: (t: TestApp, id: string, unlock: () => Promise<unknown>) => Promise<void>,
) {
  const t = await startTestApp({ timeouts, provokes });
  const locker = new pg.Client({ connectionString: t.databaseUrl });
  await locker.connect();
  try {
    const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
    await locker.query('begin; lock table customers in access exclusive mode');
    await work(t, id, () => locker.query('commit'));
  } finally {
    await locker.end();
    await t.stop();
  }
}

describe.each([
  ['a lock', { lockTimeoutSeconds: 1, statementTimeoutSeconds: 60 }, '55P03'],
  ['a statement', { lockTimeoutSeconds: 60, statementTimeoutSeconds: 1 }, '57014'],
])('%s that takes too long', (_what, timeouts, state) => {
  test('is given up, for reads and writes, and leaves nothing behind', async () => {
    await withLockedCustomers(timeouts, async (t, id, unlock) => {
      await expect(t.database.rows(sql`select from customers`)).rejects.toMatchObject({ code: state });
      expectUnavailable(await t.client.request('GET', `/v1/customers/${id}`));
      const body = aCustomer({ city: '苏州' });
      const headers = { 'idempotency-key': 'given-up' };
      expectUnavailable(await t.client.request('POST', '/v1/customers', body, { headers }));
      await unlock();
      // the same request again: nothing was half done, and nothing is remembered
      const again = await t.client.request('POST', '/v1/customers', body, { headers });
      expect(again.status).toBe(201);
      expect(again.headers.get('idempotent-replayed')).toBeNull();
      const { rows } = await t.database.pool.query(
        `select count(*)::int as count from customers where city = '苏州'`,
      );
      expect(rows).toEqual([{ count: 1 }]);
    });
  });
});

test('whoever waits too long for a connection is told', async () => {
  const t = await startTestApp({ poolSize: 2, timeouts: { poolTimeoutSeconds: 1 }, provokes });
  try {
    await t.client.get('/v1/customers?limit=1');
    const held = [await t.database.pool.connect(), await t.database.pool.connect()];
    expectUnavailable(await t.client.request('GET', '/v1/customers?limit=1'));
    expect(t.database.pool.waitingCount).toBe(0);
    await new Client(t.origin, undefined).get('/readyz');
    for (const client of held) client.release();
    await t.client.get('/v1/customers?limit=1');
  } finally {
    await t.stop();
  }
});

describe('a link to the database that swallows everything', () => {
  const poolSize = 3;
  let t: TestApp;
  let proxy: CutProxy;
  beforeAll(async () => {
    t = await startTestApp({
      poolSize,
      provokes,
      timeouts: { queryTimeoutSeconds: 1, poolTimeoutSeconds: 2 },
      urlOf: async (url) => {
        const { hostname, port } = new URL(url);
        proxy = await startProxy(hostname, Number(port || 5432));
        return Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(proxy.port) }).href;
      },
    });
  });
  afterAll(async () => {
    await proxy.restore();
    await t.stop();
    await proxy.cut();
  });

  test('ends requests, tells readiness, and is gone when it works again', async () => {
    const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
    const anybody = new Client(t.origin, undefined);
    await anybody.get('/readyz');
    proxy.silence();
    // more than there are connections, reads and transactions: none of them may keep one
    const silent = await Promise.all(
      Array.from({ length: poolSize * 3 }, (_, index) =>
        index % 2 === 0
          ? t.client.request('GET', `/v1/customers/${id}`)
          : t.client.request('POST', '/v1/customers', aCustomer()),
      ),
    );
    for (const reply of silent) expectUnavailable(reply);
    await anybody.get('/livez');
    expect(await anybody.get('/readyz', 503)).toMatchObject({ checks: { database: 'failing' } });

    await proxy.restore();
    await expect
      .poll(async () => (await t.client.request('GET', `/v1/customers/${id}`)).status, { timeout: 20_000 })
      .toBe(200);
    await anybody.get('/readyz');
    await Promise.all(
      Array.from({ length: poolSize * 3 }, () => t.client.post('/v1/customers', aCustomer(), 201)),
    );
  });

  test('holds a transaction up no longer than its one statement', async () => {
    await Promise.all(Array.from({ length: poolSize }, () => t.database.rows(sql`select pg_sleep(.2)`)));
    proxy.silence();
    const statement = () => t.database.rows(sql`select 1`);
    const order: string[] = [];
    await Promise.all([
      statement()
        .catch(statement)
        .catch(() => order.push('two statements')),
      // a rollback over a dead link would wait as long again
      t.database.begin((tx) => tx.rows(sql`select 1`)).catch(() => order.push('a transaction')),
    ]);
    await proxy.restore();
    expect(order).toEqual(['a transaction', 'two statements']);
    expect(t.database.pool.totalCount - t.database.pool.idleCount).toBe(0);
  });
});
