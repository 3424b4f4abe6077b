/**
 * Personal data stays out of the queues, on either store of theirs: a job that fails with a canary in its error leaves
 * none in what is kept of it, in the dashboard that shows it, in the metrics, in its span, or in the log.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { measureQueues } from '../../src/platform/metrics/queues.js';
import { openQueues } from '../../src/platform/queue.js';
import { openTelemetry } from '../../src/platform/tracing/open-telemetry.js';
import type { Tracer } from '../../src/platform/tracing/tracer.js';
import { allJobs, buildWorkers } from '../../src/worker.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { canaries, found } from '../support/canaries.js';
import { type Collector, startCollector } from '../support/collector.js';
import { aCustomer } from '../support/factories.js';
import { recordedLog } from '../support/recorded-log.js';
import { clearRedis } from '../support/redis.js';

process.env.OTEL_BSP_SCHEDULE_DELAY = '50';

/** All that PostgreSQL keeps of jobs. */
async function keptInPostgres({ database }: TestApp): Promise<string> {
  const { rows: tables } = await database.pool.query(
    `select table_name as name from information_schema.tables where table_schema = 'bullmq' and table_type = 'BASE TABLE'`,
  );
  const kept: string[] = [];
  for (const { name } of tables) {
    const { rows } = await database.pool.query(`select to_jsonb(r)::text as row from bullmq."${name}" r`);
    kept.push(...rows.map(({ row }) => row));
  }
  return kept.join('\n');
}

/** All that Redis keeps of jobs. */
async function keptInRedis(url: string, prefix: string): Promise<string> {
  const redis = new Redis(url);
  const readers: Record<string, (key: string) => Promise<unknown>> = {
    hash: (key) => redis.hgetall(key),
    list: (key) => redis.lrange(key, '0', '-1'),
    set: (key) => redis.smembers(key),
    zset: (key) => redis.zrange(key, '0', '-1'),
    stream: (key) => redis.xrange(key, '-', '+'),
    string: (key) => redis.get(key),
  };
  const kept: string[] = [];
  for await (const keys of redis.scanStream({ match: `${prefix}:*` })) {
    for (const key of keys as string[]) {
      kept.push(key, JSON.stringify(await readers[await redis.type(key)]?.(key)));
    }
  }
  await redis.quit();
  return kept.join('\n');
}

/** What the dashboard tells of every queue and every job in it, and of what is none. */
async function pagesOf(t: TestApp, names: readonly string[]): Promise<string> {
  const page = async (path: string) => {
    const headers = { authorization: `Bearer ${t.client.secret}` };
    return (await fetch(`${t.origin}/admin/queues/api${path}`, { headers })).text();
  };
  const pages = [
    await page('/redis/stats'),
    await page(`/queues/${canaries.card}/${canaries.customerNumber}`),
  ];
  for (const name of names) {
    const text = await page(`/queues?activeQueue=${name}`);
    pages.push(text);
    for (const { jobs } of JSON.parse(text).queues as { jobs: { id: string }[] }[])
      for (const { id } of jobs)
        pages.push(await page(`/queues/${name}/${id}`), await page(`/queues/${name}/${id}/logs`));
  }
  return pages.join('\n');
}

const backends = [
  ['PostgreSQL', undefined],
  ...(process.env.REDIS_URL ? [['Redis', process.env.REDIS_URL] as const] : []),
] as const;

describe.each(backends)('on %s', (_name, redisUrl) => {
  const prefix = `clientele-canary-test-${process.pid}`;
  const { log, lines } = recordedLog('trace');
  let collector: Collector;
  let tracer: Tracer;
  let t: TestApp;
  beforeAll(async () => {
    collector = await startCollector();
    tracer = openTelemetry({ endpoint: collector.endpoint, log });
    const env = redisUrl === undefined ? {} : { REDIS_URL: redisUrl };
    t = await startTestApp({ log, tracer, env, queuePrefix: prefix, poolSize: 20 });
  });
  afterAll(async () => {
    await t.stop();
    await clearRedis(redisUrl, prefix);
    await tracer.close();
    await collector.stop();
  });

  test('jobs carry none of it, and keep, show and tell none when they fail', async () => {
    const jobs = allJobs(t.deps);
    const names = jobs.map((job) => job.queue);
    const queues = await openQueues({ databaseUrl: t.databaseUrl, redisUrl, names, log, prefix });
    measureQueues(t.deps.metrics, queues);
    const failing = jobs.map((job) => ({
      ...job,
      async work(): Promise<boolean> {
        await t.database.pool.query(`select $1::text::integer`, [canaries.card]);
        return false;
      },
    }));
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    for (const name of names) queues.wake(name, undefined, [`00-${trace}-00f067aa0ba902b7-01`]);
    while (Object.values(await queues.counts()).some(({ waiting }) => waiting === 0)) await sleep(50);
    const workers = buildWorkers({ ...t.deps, queues, config: t.config }, failing);
    const customer = aCustomer({ full_name: canaries.name, city: canaries.city });
    await t.client.post('/v1/customers', customer, 201);

    const spans = await collector.wait(({ name }) => name.startsWith('job '), names.length);
    expect(new Set(spans.map(({ attributes }) => attributes['error.type']))).toEqual(new Set(['22003']));
    expect(found(collector.text()), 'in spans').toEqual([]);
    let shown = '';
    while (!shown.includes('22003')) shown = await pagesOf(t, names);
    expect(found(shown), 'in the dashboard').toEqual([]);
    const metrics = await t.client.get('/metrics');
    expect(metrics).toMatch(/clientele_job_duration_seconds_count\{queue="reviews",outcome="failed"\} \d/);
    expect(found(metrics), 'in the metrics').toEqual([]);
    await workers.stop();
    await queues.close(5);
    const kept = redisUrl === undefined ? await keptInPostgres(t) : await keptInRedis(redisUrl, prefix);
    expect(kept).toContain('22003');
    expect(found(kept), 'in the queue').toEqual([]);
    expect(lines.some((line) => line.includes('job failed'))).toBe(true);
    expect(found(lines.join('')), 'in the log').toEqual([]);
  });
});
