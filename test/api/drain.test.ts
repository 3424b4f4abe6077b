/** A process that is told to stop while it is in use: nobody loses a request. */
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Child, startChild } from '../support/child.js';
import { cloneDatabase, type TestDatabase } from '../support/database.js';
import { aCustomer } from '../support/factories.js';
import { openServices, type Services, serviceKey } from '../support/service.js';

const secret = serviceKey;
let database: TestDatabase;
let directory: string;
const children: Child[] = [];
beforeAll(async () => {
  database = await cloneDatabase();
  directory = await mkdtemp(path.join(tmpdir(), 'clientele-drain-'));
});
afterAll(async () => {
  for (const child of children) child.process.kill('SIGKILL');
  await database.drop();
  await rm(directory, { recursive: true, force: true });
});

/** An API process of its own. Returns where it answers, and what stops it. */
async function startApi() {
  const env = { DATABASE_URL: database.url, DATA_DIR: directory, BOOTSTRAP_API_KEY: secret, PORT: '0' };
  const child = await startChild(`
    import { loadConfig } from './config.js';
    import { createLog } from './platform/log.js';
    import { runApi } from './processes.js';
    const running = await runApi(loadConfig(${JSON.stringify(env)}), createLog('silent'));
    process.once('SIGTERM', () => running.stop().then(() => process.exit(0)));`);
  children.push(child);
  const line = await child.line('Clientele answers at');
  return {
    port: Number(/:(\d+)$/.exec(line)?.[1]),
    async stop() {
      child.process.kill('SIGTERM');
      return (await child.ended).code;
    },
  };
}

type Answer = { status: number; closes: boolean; body: string };

/** One request over a connection that is kept. Rejects where the connection breaks. */
function send(agent: Agent, port: number, method: string, target: string, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${secret}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const sent = request({ agent, port, host: '127.0.0.1', method, path: target, headers }, (reply) => {
      const chunks: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => chunks.push(chunk));
      reply.on('error', reject);
      reply.on('end', () =>
        resolve({
          status: reply.statusCode ?? 0,
          closes: reply.headers.connection === 'close',
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

test('a rolling restart under load drops nothing', async () => {
  const [first, second] = await Promise.all([startApi(), startApi()]);
  const agent = new Agent({ keepAlive: true });
  let over = false;
  const counts = { first: 0, second: 0, created: 0 };

  const client = async (index: number) => {
    let [port, where]: [number, 'first' | 'second'] = [first.port, 'first'];
    for (let turn = index; !over; turn += 1) {
      const writes = turn % 4 === 0;
      const reply = writes
        ? await send(agent, port, 'POST', '/v1/customers', aCustomer())
        : await send(agent, port, 'GET', '/v1/customers?limit=5');
      expect(reply.status, reply.body).toBe(writes ? 201 : 200);
      counts[where] += 1;
      if (writes) counts.created += 1;
      // as a load balancer does: whoever says that it closes gets no more
      if (reply.closes) [port, where] = [second.port, 'second'];
    }
  };
  const clients = Promise.all(Array.from({ length: 12 }, (_, index) => client(index)));
  const poll = send(agent, first.port, 'GET', '/v1/events?after=1000000&wait=30');
  await sleep(500);
  const stopped = first.stop();
  expect((await poll).status).toBe(200);
  expect(await stopped).toBe(0);
  await sleep(300);
  over = true;
  await clients;
  agent.destroy();
  expect(await second.stop()).toBe(0);
  expect(counts.first).toBeGreaterThan(0);
  expect(counts.second).toBeGreaterThan(0);
  const [row] = (await database.database.pool.query('select count(*)::int as count from customers')).rows;
  expect(row.count).toBe(counts.created);
}, 180_000);

describe('the program itself', () => {
  let own: TestDatabase;
  let services: Services;
  beforeAll(async () => {
    own = await cloneDatabase();
    services = await openServices({ DATABASE_URL: own.url, DRAIN_DELAY_SECONDS: '1' });
  });
  afterAll(async () => {
    await services.close();
    await own.drop();
  });
  const count = async (table: string): Promise<number> =>
    (await own.database.pool.query(`select count(*)::int as count from ${table}`)).rows[0].count;

  test('all in one process, told to stop under load, answers whatever it was sent, and ends well', async () => {
    const service = await services.start('start');
    const port = Number(new URL(service.origin).port);
    const agent = new Agent({ keepAlive: true });
    let [created, answered] = [0, 0];
    const client = async (index: number) => {
      for (let turn = index; ; turn += 1) {
        const writes = turn % 3 === 0;
        const reply = writes
          ? await send(agent, port, 'POST', '/v1/customers', aCustomer())
          : await send(agent, port, 'GET', '/v1/customers?limit=5');
        expect(reply.status, reply.body).toBe(writes ? 201 : 200);
        answered += 1;
        if (writes) created += 1;
        if (reply.closes) return;
      }
    };
    const clients = Promise.all(Array.from({ length: 8 }, (_, index) => client(index)));
    while (created < 20) await sleep(20);
    expect(await service.stop()).toBe(0);
    await clients;
    agent.destroy();
    expect(answered).toBeGreaterThan(created);
    expect(await count('customers')).toBe(created);
  });

  test('a worker, told to stop in the middle of a file, ends well; what it left another one finishes', async () => {
    const api = await services.start('api');
    const first = await services.start('worker');
    const number = (index: number) => `DRAIN-${index}`;
    const rows = Array.from({ length: 4000 }, (_, index) => ({
      ...aCustomer(),
      identifiers: [{ scheme: 'core_banking', value: number(index) }],
    }));
    const body = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    const headers = { 'content-type': 'application/x-ndjson' };
    const before = await count('customers');
    const { body: started } = await api.client.request('POST', '/v1/imports?kind=customers', body, {
      headers,
    });
    while ((await count('customers')) === before) await sleep(5);
    expect(await first.stop()).toBe(0);
    const second = await services.start('worker');
    let job = await api.client.get(`/v1/imports/${started.id}`);
    while (['queued', 'running'].includes(job.state)) {
      await sleep(100);
      job = await api.client.get(`/v1/imports/${started.id}`);
    }
    expect(job).toMatchObject({ state: 'completed', accepted: rows.length, rejected: 0, duplicates: 0 });
    expect(await count('customers')).toBe(before + rows.length);
    expect(await second.stop()).toBe(0);
    expect(await api.stop()).toBe(0);
  });
});
