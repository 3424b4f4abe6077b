/** The dashboard of the queues: who may look, what it shows on either backend, and that it does nothing but look. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openQueues, type Queues } from '../../src/platform/queue.js';
import { allJobs } from '../../src/worker.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { type CutProxy, startProxy } from '../support/proxy.js';
import { clearRedis } from '../support/redis.js';

const redis = process.env.REDIS_URL;

/** As a browser sends what its user has typed. */
const typed = (secret: string, name = 'admin') => ({
  authorization: `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`,
});

const look = (t: TestApp, path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(`${t.origin}/admin/queues${path}`, { method, headers, redirect: 'manual' });

const asAdmin = (t: TestApp) => typed(t.client.secret ?? '');

async function expectProblem(reply: Response, status: number, code: string) {
  expect([reply.status, reply.headers.get('content-type')]).toEqual([
    status,
    'application/problem+json; charset=utf-8',
  ]);
  expect(await reply.json()).toMatchObject({ status, code });
  expect(reply.headers.get('cache-control')).toBe('no-store');
  expect(reply.headers.get('content-security-policy')).toMatch(/^default-src 'none';/);
}

/** Pages, what they are made of, and what they ask for. */
const paths = [
  '',
  '/',
  '/queue/reviews',
  '/queue/reviews/1',
  '/static/images/logo.svg',
  '/api/queues',
  '/api/queues?activeQueue=reviews',
  '/api/redis/stats',
  '/api/queues/reviews/1',
  '/nothing',
];

describe('who may look', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { FAILED_AUTHENTICATION_LIMIT: '0' } });
  });
  afterAll(() => t.stop());

  test('whoever has sent nothing is asked for it, in a way that browsers understand', async () => {
    for (const path of paths) {
      for (const method of ['GET', 'HEAD']) {
        const reply = await look(t, path, {}, method);
        expect(reply.headers.get('www-authenticate')).toBe('Basic realm="Clientele", charset="UTF-8"');
        if (method === 'GET') await expectProblem(reply, 401, 'unauthenticated');
        else expect(reply.status).toBe(401);
      }
    }
  });

  test('what is no key, or no longer one, is asked for anew', async () => {
    const { secret, id } = await t.client.post('/v1/api-keys', { name: 'gone', scopes: ['admin'] }, 201);
    await t.client.delete(`/v1/api-keys/${id}`);
    const wrong = [
      typed(secret),
      typed('ck_unknown_0123456789abcdefghij'),
      typed(''),
      typed('', t.client.secret),
      typed(`${t.client.secret} `),
      { authorization: `Basic ${t.client.secret}` },
      { authorization: 'Basic %%%' },
      { authorization: `Basic ${Buffer.from(t.client.secret ?? '').toString('base64')}` },
      { authorization: `Bearer ${secret}` },
      { authorization: t.client.secret ?? '' },
    ];
    for (const headers of wrong) {
      const reply = await look(t, '/api/queues', headers);
      expect(reply.headers.get('www-authenticate')).toBe('Basic realm="Clientele", charset="UTF-8"');
      await expectProblem(reply, 401, 'unauthenticated');
    }
  });

  test('a key without the scope, or with a part of the bank, is not let in', async () => {
    const other = await t.clientWith(['metrics:read', 'customers:read', 'segments:write']);
    const bound = await t.clientWith(['admin'], { branches: ['0101'] });
    for (const path of paths) {
      await expectProblem(await look(t, path, typed(other.secret ?? '')), 403, 'insufficient_scope');
      await expectProblem(await look(t, path, typed(bound.secret ?? '')), 403, 'bank_wide');
    }
  });

  test('an admin is, by whatever name, and by a bearer too', async () => {
    const secret = t.client.secret ?? '';
    for (const headers of [typed(secret), typed(secret, ''), { authorization: `Bearer ${secret}` }])
      expect((await look(t, '/api/queues', headers)).status).toBe(200);
  });

  test('elsewhere a password is none', async () => {
    for (const path of ['/v1/customers', '/metrics', '/v1/api-keys']) {
      const reply = await fetch(t.origin + path, { headers: asAdmin(t) });
      expect([reply.status, reply.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    }
  });
});

test('failed tries are counted by address, and do not hold off who has a key', async () => {
  const t = await startTestApp({ env: { FAILED_AUTHENTICATION_LIMIT: '3' } });
  const guess = () => look(t, '/', typed('ck_unknown_0123456789abcdefghij'));
  for (let count = 0; count < 3; count += 1) expect((await guess()).status).toBe(401);
  const held = await guess();
  expect(Number(held.headers.get('retry-after'))).toBeGreaterThan(0);
  await expectProblem(held, 429, 'rate_limited');
  expect((await look(t, '/', asAdmin(t))).status).toBe(200);
  await t.stop();
});

describe('the page', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t.stop());

  test('has its own scripts and styles, and asks nobody else for any', async () => {
    const reply = await look(t, '/', asAdmin(t));
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')).toMatch(/^text\/html/);
    const page = await reply.text();
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
    const base = /<base href="([^"]+)"/.exec(page)?.[1] ?? '';
    const files = [...page.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map(([, file]) => file ?? '');
    expect(files.filter((file) => file.endsWith('.js')).length).toBeGreaterThan(1);
    expect(files.some((file) => file.endsWith('.css'))).toBe(true);
    for (const file of files) {
      const asset = await fetch(new URL(file, t.origin + base), { headers: asAdmin(t) });
      expect(asset.status, file).toBe(200);
      const expected = file.endsWith('.js') ? /javascript/ : file.endsWith('.css') ? /text\/css/ : /image/;
      expect(asset.headers.get('content-type'), file).toMatch(expected);
      expect((await asset.arrayBuffer()).byteLength).toBeGreaterThan(0);
    }
  });

  test('is kept by nobody, in no frame, and runs no script but its own', async () => {
    for (const path of ['', '/', '/queue/reviews', '/static/images/logo.svg', '/api/queues']) {
      const reply = await look(t, path, asAdmin(t));
      expect(reply.status, path).toBe(200);
      expect(reply.headers.get('cache-control'), path).toBe('no-store');
      expect(reply.headers.get('x-content-type-options')).toBe('nosniff');
      expect(reply.headers.get('x-frame-options')).toBe('DENY');
      expect(reply.headers.get('cross-origin-resource-policy')).toBe('same-origin');
      const directives = (reply.headers.get('content-security-policy') ?? '').split('; ');
      expect(directives).toEqual(
        expect.arrayContaining([
          "default-src 'none'",
          "script-src 'self'",
          "connect-src 'self'",
          "frame-ancestors 'none'",
        ]),
      );
    }
  });

  test('does not say more of itself than a problem does', async () => {
    const asked = (path: string) => look(t, path, asAdmin(t));
    await expectProblem(await asked('/api/queues?activeQueue=%25E0'), 400, 'malformed_request');
    await expectProblem(await asked('/api/queues?page=x'), 400, 'malformed_request');
    await expectProblem(await asked('/api/queues/nothing/rate-limit'), 404, 'not_found');
    await expectProblem(await asked('/api/queues/reviews/99999999'), 404, 'not_found');
    await expectProblem(await asked('/static/nothing.js'), 404, 'not_found');
    await expectProblem(await asked('/static/..%2f..%2fpackage.json'), 404, 'not_found');
    await expectProblem(await asked('/nothing'), 404, 'not_found');
  });
});

const backends = [
  ['PostgreSQL', undefined] as const,
  ...(redis === undefined || redis === '' ? [] : [['Redis', redis] as const]),
];

describe.each(backends)('on %s', (_name, redisUrl) => {
  const queuePrefix = `clientele-dashboard-test-${process.pid}`;
  let t: TestApp;
  let queues: Queues;
  let names: string[];
  beforeAll(async () => {
    t = await startTestApp({
      queuePrefix,
      ...(redisUrl === undefined ? {} : { env: { REDIS_URL: redisUrl } }),
    });
    names = allJobs(t.deps).map((job) => job.queue);
    queues = await openQueues({
      databaseUrl: t.databaseUrl,
      redisUrl,
      names,
      log: { ...t.deps.log, error: () => undefined } as never,
      prefix: queuePrefix,
    });
  });
  afterAll(async () => {
    await queues.close(5);
    await t.stop();
    await clearRedis(redisUrl, queuePrefix);
  });

  // biome-ignore lint/suspicious/noExplicitAny: whatever the dashboard answered
  const asked = async (path: string): Promise<any> => {
    const reply = await look(t, path, asAdmin(t));
    expect(reply.status, path).toBe(200);
    return reply.json();
  };

  test('every queue is there, with what waits in it', async () => {
    const [first = ''] = names;
    queues.wake(first, 'bucket-7');
    let shown = await asked(`/api/queues?activeQueue=${first}&jobsPerPage=10`);
    const waiting = () => shown.queues.find((queue: { name: string }) => queue.name === first);
    while (waiting().counts.waiting === 0) {
      await sleep(50);
      shown = await asked(`/api/queues?activeQueue=${first}&jobsPerPage=10`);
    }
    expect(shown.queues.map((queue: { name: string }) => queue.name).sort()).toEqual([...names].sort());
    expect(shown.queues.every((queue: { readOnlyMode: boolean }) => queue.readOnlyMode)).toBe(true);
    const [job] = waiting().jobs;
    expect(job).toMatchObject({ name: 'wake', data: { bucket: 'bucket-7' } });
    const one = await asked(`/api/queues/${first}/${job.id}`);
    expect(one).toMatchObject({ job: { id: job.id }, status: 'waiting' });
    for (const about of ['default-job-options', 'rate-limit', `${job.id}/logs`, `${job.id}/flow`])
      await asked(`/api/queues/${first}/${about}`);
    for (const about of ['redis/stats', 'job-schedulers']) await asked(`/api/${about}`);
  });

  test('nothing is changed, by whatever method', async () => {
    const [first = ''] = names;
    const before = await queues.counts();
    const changes = [
      ['PUT', '/api/queues/pause'],
      ['PUT', `/api/queues/${first}/empty`],
      ['PUT', `/api/queues/${first}/obliterate`],
      ['PUT', `/api/queues/${first}/clean/wait`],
      ['POST', `/api/queues/${first}/add`],
      ['PATCH', `/api/queues/${first}/1/update-data`],
      ['DELETE', `/api/queues/${first}/1`],
      ['PUT', '/'],
    ] as const;
    for (const [method, path] of changes) {
      const reply = await look(t, path, asAdmin(t), method);
      expect(reply.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
      await expectProblem(reply, 405, 'method_not_allowed');
    }
    expect(await queues.counts()).toEqual(before);
  });

  test('a job that failed is shown by type and code', async () => {
    const failing = names.at(-1) ?? '';
    queues.runWorker({
      queue: failing,
      concurrency: 1,
      handler: () => Promise.reject(Object.assign(new Error('of 金丝雀甲乙'), { code: '23505' })),
    });
    for (const queue of await queues.look())
      if (queue.name === failing) await queue.add('wake', {}, { attempts: 1 });
    let text = '';
    while (!text.includes('23505')) {
      text = JSON.stringify(await asked(`/api/queues?activeQueue=${failing}&status=failed`));
      await sleep(50);
    }
    expect(text).toContain('Error 23505');
    expect(text).not.toContain('金丝雀');
  });
});

test('a process that works on no queue opens no connection for one until somebody looks', async () => {
  const fresh = await startTestApp();
  const connections = async () => {
    const { rows } = await fresh.database.pool.query(
      `select count(*)::int as count from pg_stat_activity
       where datname = current_database() and application_name = 'clientele queues'`,
    );
    return rows[0].count;
  };
  expect((await look(fresh, '/', asAdmin(fresh))).status).toBe(200);
  expect(await connections()).toBe(0);
  expect((await look(fresh, '/api/queues', asAdmin(fresh))).status).toBe(200);
  expect(await connections()).toBeGreaterThan(0);
  await fresh.stop();
});

describe.runIf(redis)('Redis that is away', () => {
  const queuePrefix = `clientele-dashboard-away-test-${process.pid}`;
  let proxy: CutProxy;
  let t: TestApp;
  beforeAll(async () => {
    const url = new URL(redis ?? '');
    proxy = await startProxy(url.hostname, Number(url.port) || 6379);
    url.hostname = '127.0.0.1';
    url.port = String(proxy.port);
    await proxy.cut();
    const env = { REDIS_URL: url.toString() };
    t = await startTestApp({ queuePrefix, env, provokes: /"code":"unavailable"/ });
  });
  afterAll(async () => {
    await t.stop();
    await proxy.cut();
    await clearRedis(redis, queuePrefix);
  });

  const isThere = async () => (await look(t, '/api/queues', asAdmin(t))).status === 200;

  test('is told, at the first look and later, until it is back', async () => {
    await expectProblem(await look(t, '/api/queues', asAdmin(t)), 503, 'unavailable');
    await expectProblem(await look(t, '/api/queues', asAdmin(t)), 503, 'unavailable');
    expect((await look(t, '/', asAdmin(t))).status).toBe(200);
    await proxy.restore();
    while (!(await isThere())) await sleep(100);
    await proxy.cut();
    await expectProblem(await look(t, '/api/redis/stats', asAdmin(t)), 503, 'unavailable');
    await proxy.restore();
    while (!(await isThere())) await sleep(100);
  });

  test('or answers nothing: nobody waits for ever', async () => {
    proxy.silence();
    const reply = await look(t, '/api/queues', asAdmin(t));
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
    await expectProblem(reply, 503, 'unavailable');
    await proxy.restore();
  });
});
