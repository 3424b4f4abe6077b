/** More than the service can do: what is too much is refused at once, what was taken is answered, health is told. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { Client, type Response } from '../support/client.js';
import { aCustomer } from '../support/factories.js';

function expectOverloaded(reply: Response) {
  expect(reply.status, JSON.stringify(reply.body)).toBe(503);
  expect(reply.body).toMatchObject({ code: 'overloaded', status: 503 });
  expect(reply.headers.get('content-type')).toContain('application/problem+json');
  expect(reply.headers.get('cache-control')).toBe('no-store');
  expect(Number(reply.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
}

describe('a database that does not keep up', () => {
  const waitingMax = 4;
  const poolSize = 2;
  let t: TestApp;
  let id: string;
  let locker: pg.Client;
  let watcher: pg.Client;
  beforeAll(async () => {
    t = await startTestApp({ poolSize, env: { OVERLOAD_POOL_WAITING: String(waitingMax) } });
    id = (await t.client.post('/v1/customers', aCustomer(), 201)).id;
    locker = new pg.Client({ connectionString: t.databaseUrl });
    watcher = new pg.Client({ connectionString: t.databaseUrl });
    await Promise.all([locker.connect(), watcher.connect()]);
  });
  afterAll(async () => {
    await Promise.all([locker.end(), watcher.end()]);
    await t.stop();
  });

  /** Takes every connection by requests that a lock holds up, and every place to wait for one by other work. */
  async function fill(): Promise<{ requests: Promise<Response>[]; others: Promise<unknown>[] }> {
    const requests: Promise<Response>[] = [];
    const others: Promise<unknown>[] = [];
    for (let count = 0; count < poolSize; count += 1) {
      requests.push(t.client.request('GET', `/v1/customers/${id}`));
      while ((await heldUp()) <= count) await sleep(20);
    }
    while (t.database.pool.waitingCount < waitingMax) others.push(t.database.rows(sql`select 1`));
    return { requests, others };
  }

  /** How many statements wait for the lock. */
  async function heldUp(): Promise<number> {
    const { rows } = await watcher.query(
      `select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return rows[0].count;
  }

  test('sheds what would only wait, answers health, and goes on', async () => {
    await locker.query('begin; lock table customers in access exclusive mode');
    const held = await fill();
    expect(t.database.pool.waitingCount).toBe(waitingMax);

    const anybody = new Client(t.origin, undefined);
    const shed = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        index % 2 === 0
          ? t.client.request('GET', `/v1/customers/${id}`)
          : t.client.request('POST', '/v1/customers', aCustomer({ branch: '5031' })),
      ),
    );
    for (const reply of shed) expectOverloaded(reply);
    // refused before the key is looked at: it costs nothing
    expectOverloaded(await anybody.request('GET', `/v1/customers/${id}`));
    expect(t.database.pool.waitingCount).toBe(waitingMax);
    for (const path of ['/livez', '/readyz']) await anybody.get(path);

    await locker.query('commit');
    for (const reply of await Promise.all(held.requests)) expect(reply.status).toBe(200);
    await Promise.all(held.others);
    await t.client.get(`/v1/customers/${id}`);
    // what was shed has left nothing
    const { rows } = await locker.query(`select count(*)::int as count from customers where branch = '5031'`);
    expect(rows).toEqual([{ count: 0 }]);
  });

  test('keeps answering some while many more come than it can take', async () => {
    let over = false;
    const counts = { answered: 0, shed: 0 };
    const send = async () => {
      while (!over) {
        const reply = await t.client.request('GET', `/v1/customers/${id}`);
        if (reply.status === 200) counts.answered += 1;
        else {
          expectOverloaded(reply);
          counts.shed += 1;
        }
      }
    };
    const clients = Array.from({ length: 40 }, send);
    const anybody = new Client(t.origin, undefined);
    for (let look = 0; look < 20; look += 1) {
      await anybody.get('/livez');
      await anybody.get('/readyz');
      await sleep(50);
    }
    over = true;
    await Promise.all(clients);
    expect(counts.shed).toBeGreaterThan(0);
    expect(counts.answered).toBeGreaterThan(0);
    expect((await t.client.request('GET', `/v1/customers/${id}`)).status).toBe(200);
  });
});

describe('a process that does not keep up', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { OVERLOAD_EVENT_LOOP_DELAY_MILLISECONDS: '200' } });
  });
  afterAll(() => t.stop());

  test('sheds while its event loop is late, answers health, and goes on', async () => {
    const anybody = new Client(t.origin, undefined);
    // the connection that readiness asks over is there: to make one takes many turns of a loop that is late
    await anybody.get('/readyz');
    let busy = true;
    const burn = () => {
      const until = performance.now() + 400;
      while (performance.now() < until);
      if (busy) setImmediate(burn);
    };
    burn();
    const seen: Response[] = [];
    try {
      while (!seen.some(({ status }) => status === 503)) {
        seen.push(await t.client.request('GET', '/v1/customers?limit=1'));
        await anybody.get('/livez');
      }
      await anybody.get('/readyz');
    } finally {
      busy = false;
    }
    for (const reply of seen.filter(({ status }) => status !== 200)) expectOverloaded(reply);
    let last = seen.at(-1);
    while (last?.status !== 200) last = await t.client.request('GET', '/v1/customers?limit=1');
  });

  test('one long step is no load', async () => {
    await sleep(2500);
    const until = performance.now() + 1500;
    while (performance.now() < until);
    for (let turn = 0; turn < 10; turn += 1) {
      expect((await t.client.request('GET', '/v1/customers?limit=1')).status).toBe(200);
      await sleep(50);
    }
  });
});
