import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startEmbedded } from '../../src/platform/embedded.js';
import { openQueues, type Queues, type Wake } from '../../src/platform/queue.js';
import { type Child, startChild } from '../support/child.js';
import { type CutProxy, startProxy } from '../support/proxy.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const log = pino({ level: 'info' }, { write: (line: string) => logged.push(line) });
let logged: string[] = [];

const dataDir = process.env.DATABASE_URL ? undefined : await mkdtemp(path.join(tmpdir(), 'clientele-'));
const embedded = dataDir === undefined ? undefined : await startEmbedded({ dataDir, port: 0, log });
const maintenanceUrl = embedded?.url ?? process.env.DATABASE_URL ?? '';
const redisUrl = process.env.REDIS_URL;
const suffix = randomBytes(4).toString('hex');
const prefix = `clientele-test-${suffix}`;
const database = `clientele_queue_${suffix}`;
const databaseUrl = Object.assign(new URL(maintenanceUrl), { pathname: `/${database}` }).href;
const names = ['alpha', 'beta'];

let opened: Queues[];
let children: Child[];
let proxies: CutProxy[];

async function query<Row>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(sql).finally(() => client.end());
  return rows as Row[];
}

beforeAll(() => query(maintenanceUrl, `create database ${database}`));
afterAll(async () => {
  await query(maintenanceUrl, `drop database if exists ${database} with (force)`);
  await embedded?.stop();
  if (dataDir !== undefined) await rm(dataDir, { recursive: true, force: true });
});

beforeEach(() => {
  logged = [];
  opened = [];
  children = [];
  proxies = [];
});

afterEach(async () => {
  for (const child of children) child.process.kill('SIGKILL');
  for (const queues of opened) await queues.close(3);
  for (const proxy of proxies) await proxy.cut();
});

type Backend = {
  kind: Queues['kind'];
  url: string;
  clear(): Promise<void>;
  connections(): Promise<number>;
  /** Everything that the store holds about jobs. */
  contents(): Promise<string>;
};

const postgresql: Backend = {
  kind: 'postgresql',
  url: databaseUrl,
  async clear() {
    await query(databaseUrl, 'drop schema if exists bullmq cascade');
  },
  async connections() {
    const sql = `select count(*)::int as n from pg_stat_activity where datname = '${database}'`;
    return (await query<{ n: number }>(maintenanceUrl, sql))[0]?.n ?? 0;
  },
  contents: async () => JSON.stringify(await query(databaseUrl, 'select * from bullmq.job')),
};

const redis: Backend = {
  kind: 'redis',
  url: redisUrl ?? '',
  async clear() {
    await withRedis(async (client) => {
      for await (const keys of client.scanStream({ match: `${prefix}:*`, count: 1000 })) {
        if (keys.length > 0) await client.del(keys);
      }
    });
  },
  connections: () =>
    withRedis(async (client) => {
      const list = (await client.client('LIST')) as string;
      return list.split('\n').filter((line) => line.includes(`name=${prefix}`)).length;
    }),
  contents: () =>
    withRedis(async (client) => {
      const hashes: unknown[] = [];
      for await (const keys of client.scanStream({ match: `${prefix}:*`, type: 'hash' })) {
        for (const key of keys) hashes.push(await client.hgetall(key));
      }
      return JSON.stringify(hashes);
    }),
};

async function withRedis<T>(work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(redisUrl ?? '');
  return work(client).finally(() => client.disconnect());
}

const settings = (backend: Backend, url = backend.url) => ({
  databaseUrl: backend.kind === 'postgresql' ? url : databaseUrl,
  redisUrl: backend.kind === 'redis' ? url : undefined,
  names,
  prefix,
});

async function open(backend: Backend, url?: string) {
  const queues = await openQueues({ ...settings(backend, url), log });
  opened.push(queues);
  return queues;
}

/** Opens the queues in a process of its own and runs `body` with `queues`. */
async function openInChild(backend: Backend, body: string, url = backend.url) {
  const child = await startChild(`
    import { openQueues } from './platform/queue.js';
    const log = { info() {}, warn() {}, error() {}, debug() {} };
    const queues = await openQueues({ ...${JSON.stringify(settings(backend, url))}, log });
    const say = (line) => console.log(line);
    ${body}
  `);
  children.push(child);
  return child;
}

async function proxied(backend: Backend) {
  const target = new URL(backend.url);
  const standard = backend.kind === 'redis' ? 6379 : 5432;
  const proxy = await startProxy(target.hostname || '127.0.0.1', Number(target.port) || standard);
  proxies.push(proxy);
  return { proxy, url: Object.assign(new URL(backend.url), { host: `127.0.0.1:${proxy.port}` }).href };
}

/** Lets a handler wait for the test. */
function gate() {
  let open: () => void = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, passed };
}

const idle = (queues: Queues) =>
  expect.poll(() => queues.isIdle(), { timeout: 30_000, interval: 50 }).toBe(true);

describe.each(redisUrl ? [postgresql, redis] : [postgresql])('queues on $kind', (backend) => {
  beforeEach(() => backend.clear());
  afterAll(() => (backend.kind === 'redis' ? backend.clear() : undefined));

  it('makes one run of many wake-ups, per queue and bucket', async () => {
    const queues = await open(backend);
    const runs: string[] = [];
    for (let i = 0; i < 200; i += 1) {
      queues.wake('alpha');
      queues.wake('alpha', `b${i % 3}`);
      queues.wake('beta', 'b0');
    }
    await expect.poll(async () => (await queues.counts()).alpha?.waiting).toBe(4);
    for (const queue of names) {
      queues.runWorker({
        queue,
        concurrency: 4,
        handler: async ({ bucket }) => void runs.push(`${queue} ${bucket}`),
      });
    }
    await idle(queues);
    // The first of each key was added at once, those raised while it was under way are one more at most.
    expect(new Set(runs)).toEqual(
      new Set(['alpha undefined', 'alpha b0', 'alpha b1', 'alpha b2', 'beta b0']),
    );
    expect(runs.length).toBe(5);
    expect(await queues.counts()).toEqual({
      alpha: { waiting: 0, active: 0, retrying: 0, failed: 0 },
      beta: { waiting: 0, active: 0, retrying: 0, failed: 0 },
    });
  });

  it('does not lose a wake-up that arrives while its predecessor runs', async () => {
    const queues = await open(backend);
    const other = await open(backend);
    const first = gate();
    let runs = 0;
    queues.runWorker({
      queue: 'alpha',
      concurrency: 4,
      handler: async () => {
        runs += 1;
        if (runs === 1) await first.passed;
      },
    });
    queues.wake('alpha', 'x');
    await expect.poll(() => runs).toBe(1);
    for (let i = 0; i < 20; i += 1) {
      queues.wake('alpha', 'x');
      other.wake('alpha', 'x');
    }
    await expect.poll(() => other.isIdle()).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(runs).toBe(1);
    first.open();
    await expect.poll(() => runs, { timeout: 10_000 }).toBe(2);
    await idle(queues);
    expect(runs).toBe(2);
  });

  it('never loses a wake-up in a race with the end of a run', async () => {
    const queues = await open(backend);
    let written = 0;
    let seen = 0;
    queues.runWorker({
      queue: 'alpha',
      concurrency: 4,
      handler: async () => {
        const now = written;
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
        seen = Math.max(seen, now);
      },
    });
    for (let i = 0; i < 300; i += 1) {
      written += 1;
      queues.wake('alpha', 'x');
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 8));
    }
    await idle(queues);
    expect(seen).toBe(300);
  });

  it('tries a failed job again and tells nobody what was in the error', async () => {
    const queues = await open(backend);
    const wakes: Wake[] = [];
    queues.runWorker({
      queue: 'alpha',
      concurrency: 1,
      handler: async (wake) => {
        wakes.push(wake);
        if (wake.attempt === 1)
          throw Object.assign(new Error('Key (phone)=(13800138000)'), { code: '23505' });
      },
    });
    queues.wake('alpha', 'x');
    await expect.poll(async () => (await queues.counts()).alpha?.retrying, { timeout: 10_000 }).toBe(1);
    const contents = await backend.contents();
    expect(contents).toContain('Error 23505');
    expect(contents).not.toContain('13800138000');
    await expect.poll(() => wakes.map(({ attempt }) => attempt), { timeout: 15_000 }).toEqual([1, 2]);
    await idle(queues);
    expect(logged.filter((line) => line.includes('job failed'))).toHaveLength(1);
  });

  it('gives the job of a killed worker to another', async () => {
    const child = await openInChild(
      backend,
      `queues.runWorker({ queue: 'alpha', concurrency: 1, lockSeconds: 1, handler: () => { say('running'); return new Promise(() => {}); } });`,
    );
    const queues = await open(backend);
    queues.wake('alpha', 'x');
    await child.line('running');
    child.process.kill('SIGKILL');
    await child.ended;
    queues.wake('alpha', 'x');
    let runs = 0;
    const counted = async () => {
      runs += 1;
    };
    queues.runWorker({
      queue: 'alpha',
      concurrency: 1,
      lockSeconds: 1,
      handler: counted,
    });
    await expect.poll(() => runs, { timeout: 30_000 }).toBeGreaterThanOrEqual(1);
    await idle(queues);
  });

  it('wakes by schedule, once for all processes that ask', async () => {
    let runs = 0;
    const counted = async () => {
      runs += 1;
    };
    for (let i = 0; i < 2; i += 1) {
      const queues = await open(backend);
      queues.schedule('alpha', 1);
      queues.runWorker({ queue: 'alpha', concurrency: 2, handler: counted });
    }
    await expect.poll(() => runs, { timeout: 20_000 }).toBeGreaterThanOrEqual(3);
    // Asking again, as each start does, neither multiplies the ticks nor ends them.
    for (let i = 0; i < 5; i += 1) opened[0]?.schedule('alpha', 1);
    const before = runs;
    await expect.poll(() => runs, { timeout: 20_000 }).toBeGreaterThanOrEqual(before + 3);
    const { alpha } = (await opened[0]?.counts()) ?? {};
    expect(alpha?.failed).toBe(0);
  });

  it('survives the loss of its store and heals', async () => {
    const { proxy, url } = await proxied(backend);
    const queues = await open(backend, url);
    const runs: string[] = [];
    queues.runWorker({
      queue: 'alpha',
      concurrency: 2,
      handler: async ({ bucket }) => void runs.push(`${bucket}`),
    });
    queues.wake('alpha', 'before');
    await expect.poll(() => runs, { timeout: 10_000 }).toContain('before');

    await proxy.cut();
    for (let i = 0; i < 50; i += 1) queues.wake('alpha', 'during');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await proxy.restore();
    await expect.poll(() => runs, { timeout: 30_000 }).toContain('during');
    queues.wake('alpha', 'after');
    await expect.poll(() => runs, { timeout: 30_000 }).toContain('after');
    expect(queues.isUp()).toBe(true);
    expect(logged.length).toBeLessThan(10);
  });

  it('starts its workers when the store comes back', async () => {
    const { proxy, url } = await proxied(backend);
    const queues = await open(backend, url);
    await proxy.cut();
    let runs = 0;
    const counted = async () => {
      runs += 1;
    };
    queues.runWorker({ queue: 'beta', concurrency: 1, handler: counted });
    queues.schedule('beta', 1);
    queues.wake('beta');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await proxy.restore();
    await expect.poll(() => runs, { timeout: 30_000 }).toBeGreaterThanOrEqual(1);
  });

  it('lets running jobs end when it closes, and hands on what they left', async () => {
    const queues = await open(backend);
    let started = false;
    let ended = false;
    queues.runWorker({
      queue: 'alpha',
      concurrency: 1,
      handler: async ({ signal }) => {
        started = true;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        ended = true;
      },
    });
    queues.wake('alpha', 'x');
    await expect.poll(() => started, { timeout: 10_000 }).toBe(true);
    expect(await queues.close()).toBe(true);
    expect(ended).toBe(true);

    const next = await open(backend);
    const buckets: (string | undefined)[] = [];
    next.runWorker({
      queue: 'alpha',
      concurrency: 1,
      handler: async ({ bucket }) => void buckets.push(bucket),
    });
    await expect.poll(() => buckets, { timeout: 10_000 }).toEqual(['x']);
  });

  it('closes within its bound though a job does not end', async () => {
    const queues = await open(backend);
    let started = false;
    queues.runWorker({
      queue: 'alpha',
      concurrency: 1,
      handler: () => {
        started = true;
        return new Promise(() => {});
      },
    });
    queues.wake('alpha');
    await expect.poll(() => started, { timeout: 10_000 }).toBe(true);
    expect(await queues.close(2)).toBe(false);
  });

  it('leaves nothing behind that keeps the process or a connection', async () => {
    const child = await openInChild(
      backend,
      `
      let runs = 0;
      for (const queue of queues.names) {
        queues.runWorker({ queue, concurrency: 2, handler: async () => { runs += 1; if (runs === 2) say('ran'); } });
        queues.schedule(queue, 60);
        queues.wake(queue);
      }
      process.stdin.once('data', async () => {
        say('closed ' + (await queues.close()));
        process.stdin.destroy();
      });
      `,
    );
    await child.line('ran');
    child.process.stdin.write('close\n');
    expect(await child.line('closed')).toBe('closed true');
    expect(await child.ended).toEqual({ code: 0, signal: null });
    await expect.poll(() => backend.connections(), { timeout: 5_000 }).toBe(0);
  });

  it('leaves nothing behind when its store is away either', async () => {
    const { proxy, url } = await proxied(backend);
    const child = await openInChild(
      backend,
      `
      queues.runWorker({ queue: 'alpha', concurrency: 2, handler: async () => say('ran') });
      queues.schedule('alpha', 60);
      queues.wake('alpha');
      process.stdin.on('data', async (word) => {
        if (String(word).startsWith('wake')) {
          queues.wake('alpha', 'lost');
          queues.runWorker({ queue: 'beta', concurrency: 1, handler: async () => {} });
          return say('woken');
        }
        say('closed ' + (await queues.close(3)));
        process.stdin.destroy();
      });
      `,
      url,
    );
    await child.line('ran');
    await proxy.cut();
    child.process.stdin.write('wake\n');
    await child.line('woken');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    child.process.stdin.write('close\n');
    await child.line('closed');
    expect(await child.ended).toEqual({ code: 0, signal: null });
  });

  it('knows its queues and its buckets', async () => {
    const queues = await open(backend);
    expect(() => queues.wake('gamma')).toThrow('there is no queue gamma');
    expect(() => queues.wake('alpha', 'a b')).toThrow('not a bucket');
    expect(() => queues.runWorker({ queue: 'gamma', concurrency: 1, handler: async () => {} })).toThrow(
      'no queue',
    );
    expect(() => queues.schedule('gamma', 1)).toThrow('no queue');
  });
});

it('says that the database is not there', async () => {
  const { proxy, url } = await proxied(postgresql);
  await proxy.cut();
  await expect(openQueues({ ...settings(postgresql, url), log })).rejects.toThrow(/ECONNREFUSED/);
});

it('heals when the tables of the queues are gone for a while', async () => {
  await postgresql.clear();
  const queues = await open(postgresql);
  const runs: string[] = [];
  queues.runWorker({
    queue: 'alpha',
    concurrency: 2,
    handler: async ({ bucket }) => void runs.push(`${bucket}`),
  });
  queues.wake('alpha', 'before');
  await expect.poll(() => runs, { timeout: 10_000 }).toContain('before');
  await query(databaseUrl, 'alter schema bullmq rename to elsewhere');
  queues.wake('alpha', 'during');
  await new Promise((resolve) => setTimeout(resolve, 3000));
  await query(databaseUrl, 'alter schema elsewhere rename to bullmq');
  await expect.poll(() => runs, { timeout: 30_000 }).toContain('during');
  expect(logged.length).toBeLessThan(10);
});

describe.runIf(redisUrl)('Redis', () => {
  beforeEach(() => redis.clear());
  afterAll(() => redis.clear());

  it('is waited for when it is away at the start', async () => {
    const { proxy, url } = await proxied(redis);
    await proxy.cut();
    const queues = await open(redis, url);
    expect(queues.isUp()).toBe(false);
    expect(logged.join('')).toContain('Redis does not answer yet');
    let ran = false;
    const handler = async () => {
      ran = true;
    };
    queues.runWorker({ queue: 'alpha', concurrency: 1, handler });
    queues.wake('alpha');
    await proxy.restore();
    await expect.poll(() => ran, { timeout: 20_000 }).toBe(true);
    expect(queues.isUp()).toBe(true);
  });

  it.skipIf(spawnSync('redis-server', ['--version']).error)('is refused when it may evict jobs', async () => {
    const port = 20_000 + Math.floor(Math.random() * 20_000);
    const flags = [
      '--port',
      `${port}`,
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--maxmemory-policy',
      'allkeys-lru',
    ];
    const server = spawn('redis-server', flags, { stdio: 'ignore' });
    try {
      await expect(open(redis, `redis://127.0.0.1:${port}`)).rejects.toThrow(
        'REDIS_URL: maxmemory-policy is allkeys-lru and must be noeviction',
      );
    } finally {
      server.kill();
    }
  });
});
