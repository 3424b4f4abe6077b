/** What the metrics say is so, they say it when the database is away too, and they never tell of whom. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type SQL, sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../src/db/client.js';
import { measures } from '../../src/measures.js';
import { realClock } from '../../src/platform/clock.js';
import { serveMetrics } from '../../src/platform/metrics/page.js';
import { measureQueues } from '../../src/platform/metrics/queues.js';
import { openQueues } from '../../src/platform/queue.js';
import { metricsOf } from '../../src/runtime.js';
import { allJobs, buildWorkers } from '../../src/worker.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { Client } from '../support/client.js';
import { openStream } from '../support/event-stream.js';
import { aCustomer } from '../support/factories.js';
import { figure, parseMetrics, type Sample } from '../support/metrics.js';
import { startProxy } from '../support/proxy.js';
import { clearRedis } from '../support/redis.js';

let t: TestApp;
let reader: Client;
beforeAll(async () => {
  t = await startTestApp({ poolSize: 20 });
  reader = await t.clientWith(['metrics:read']);
});
afterAll(() => t.stop());

const scrape = async () => parseMetrics(await reader.get('/metrics'));

/** Scrapes until it is so: figures of the database are read anew from time to time only. */
async function until(isSo: (samples: Sample[]) => boolean): Promise<Sample[]> {
  for (;;) {
    const samples = await scrape();
    if (isSo(samples)) return samples;
    await sleep(100);
  }
}

describe('who may read them', () => {
  test('a key with the scope for it, and nobody else', async () => {
    await new Client(t.origin, undefined).problem('GET', '/metrics', 'unauthenticated');
    const other = await t.clientWith(['customers:read', 'events:read']);
    await other.problem('GET', '/metrics', 'insufficient_scope');
    const reply = await reader.request('GET', '/metrics');
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(reply.headers.get('cache-control')).toBe('no-store');
  });

  test('everybody, where METRICS says so', async () => {
    const open = await startTestApp({ env: { METRICS: 'public' } });
    const reply = await new Client(open.origin, undefined).request('GET', '/metrics');
    expect([reply.status, figure(parseMetrics(reply.body), 'clientele_database_up')]).toEqual([200, 1]);
    await open.stop();
  });
});

describe('requests', () => {
  const name = 'clientele_http_request_duration_seconds_count';

  test('are counted by operation and class of status, whatever was asked for', async () => {
    const before = await scrape();
    const created = { operation: 'createCustomer', method: 'POST' };
    const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
    await t.client.post('/v1/customers', {}, 400);
    await t.client.get(`/v1/customers/${id}`);
    for (const path of ['/v1/nothing', '/v1/customers/1/2/3/4', '/.env']) await t.client.get(path, 404);
    const after = await scrape();
    const risen = (labels: Record<string, string>) =>
      (figure(after, name, labels) ?? 0) - (figure(before, name, labels) ?? 0);
    expect(risen({ ...created, status_class: '2xx' })).toBe(1);
    expect(risen({ ...created, status_class: '4xx' })).toBe(1);
    expect(risen({ operation: 'getCustomer', status_class: '2xx' })).toBe(1);
    expect(risen({ operation: 'none', method: 'any', status_class: '4xx' })).toBe(3);
    expect(figure(after, 'clientele_http_requests_in_flight')).toBeGreaterThanOrEqual(1);
  });

  test('make no more series however many customers there are, and none tells of one', async () => {
    const seriesOf = (samples: Sample[]) =>
      new Set(samples.map((one) => JSON.stringify([one.name, one.labels])));
    const visit = async () => {
      const { id } = await t.client.post('/v1/customers', aCustomer({ full_name: '金丝雀' }), 201);
      await t.client.get(`/v1/customers/${id}?x=${id}`, 400);
      await t.client.get(`/v1/customers/${id}`);
      await t.client.get(`/v1/${id}`, 404);
      return id;
    };
    await visit();
    const before = seriesOf(await scrape());
    const ids = [await visit(), await visit(), await visit()];
    const text = await reader.get('/metrics');
    expect([...seriesOf(parseMetrics(text))].filter((one) => !before.has(one))).toEqual([]);
    for (const secret of [...ids, '金丝雀', t.client.secret, reader.secret])
      expect(text).not.toContain(secret);
  });

  test('that wait as a stream are a figure of their own', async () => {
    const operation = 'streamEvents';
    const client = await t.clientWith(['events:read']);
    const stream = await openStream(t.origin, { secret: client.secret ?? '' });
    await until((samples) => figure(samples, 'clientele_event_streams') === 1);
    stream.leave();
    await stream.ended;
    const samples = await until((seen) => figure(seen, 'clientele_event_streams') === 0);
    expect(figure(samples, name, { operation, status_class: '2xx' })).toBeUndefined();
  });

  test('that were given up are no longer in flight', async () => {
    const socket = connect(Number(new URL(t.origin).port), '127.0.0.1');
    const head = `GET /v1/events?after=9000000&wait=30 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${t.client.secret}\r\n\r\n`;
    socket.write(head);
    await until((samples) => figure(samples, 'clientele_http_requests_in_flight') === 2);
    socket.destroy();
    await until((samples) => figure(samples, 'clientele_http_requests_in_flight') === 1);
  });
});

describe('what is read from the database', () => {
  const waiting = 'clientele_outbox_unpublished_events';
  const backlog = 'clientele_review_backlog_customers';

  test('says what waits and for how long, and when nothing does', async () => {
    await t.drain();
    const idle = await until(
      (samples) => figure(samples, waiting) === 0 && figure(samples, 'clientele_feed_head') !== 0,
    );
    expect(figure(idle, backlog)).toBe(0);
    expect(figure(idle, 'clientele_outbox_oldest_unpublished_seconds')).toBe(0);
    expect(figure(idle, 'clientele_review_backlog_oldest_seconds')).toBe(0);
    const head = figure(idle, 'clientele_feed_head') ?? 0;
    expect(head).toBeGreaterThan(0);
    for (let count = 0; count < 3; count += 1) await t.client.post('/v1/customers', aCustomer(), 201);
    await t.travelTo('2026-03-01T06:00:00Z');
    const busy = await until((samples) => figure(samples, waiting) === 3);
    expect(figure(busy, backlog)).toBe(3);
    expect(figure(busy, 'clientele_feed_head')).toBe(head);
    for (const name of ['clientele_outbox_oldest_unpublished', 'clientele_review_backlog_oldest']) {
      expect(figure(busy, `${name}_seconds`)).toBeGreaterThan(6000);
      expect(figure(busy, `${name}_seconds`)).toBeLessThan(7300);
    }
    await t.drain();
    await until((samples) => figure(samples, waiting) === 0 && figure(samples, backlog) === 0);
  });

  test('says which imports are open, and counts their rows', async () => {
    const rows = 'clientele_import_rows_total';
    const before = await scrape();
    const state = (samples: Sample[], one: string) =>
      figure(samples, 'clientele_imports_open', { state: one });
    expect(['receiving', 'queued', 'running'].map((one) => state(before, one))).toEqual([0, 0, 0]);
    const known = await t.client.post('/v1/customers', aCustomer(), 201);
    const line = (source_id: string) =>
      JSON.stringify({
        source: 'core',
        source_id,
        customer: { id: known.id },
        type: 'login',
        occurred_at: '2026-01-05T10:00:00Z',
      });
    const body = `${[line('M-1'), line('M-2'), line('M-1'), '{}'].join('\n')}\n`;
    const headers = { 'content-type': 'application/x-ndjson' };
    await t.client.post('/v1/imports?kind=activities', body, 202, { headers });
    await t.travelTo('2026-03-01T07:00:00Z');
    const queued = await until((samples) => state(samples, 'queued') === 1);
    expect(figure(queued, 'clientele_imports_queued_oldest_seconds')).toBeGreaterThan(0);
    await t.drain();
    const done = await until((samples) => state(samples, 'queued') === 0);
    const risen = (outcome: string) =>
      (figure(done, rows, { kind: 'activities', outcome }) ?? 0) -
      (figure(before, rows, { kind: 'activities', outcome }) ?? 0);
    expect(['accepted', 'duplicate', 'rejected'].map(risen)).toEqual([2, 1, 1]);
  });

  test('is asked for once, however often it is scraped', async () => {
    let asked = 0;
    const counting = await startTestApp();
    counting.database.pool.on('acquire', () => {
      asked += 1;
    });
    await Promise.all(Array.from({ length: 20 }, () => counting.deps.metrics.text()));
    // the sandbox's clock, and the one statement
    expect(asked).toBe(2);
    await counting.deps.metrics.text();
    expect(asked).toBe(2);
    await counting.stop();
  });

  test.each(measures.map((one) => [one.name, one] as const))(
    '%s is found by an index',
    async (_name, one) => {
      const plan = await t.database.begin(async (tx) => {
        await tx.run(sql`set local enable_seqscan = off`);
        const now: SQL = sql`'2026-03-01T00:00:00Z'::timestamptz`;
        return tx.rows<Record<string, string>>(sql`explain ${one.select(now)}`);
      });
      const lines = plan.map((row) => row['QUERY PLAN'] ?? '');
      expect(lines.filter((line) => /Seq Scan on (?!\w*(states|buckets))/.test(line))).toEqual([]);
      expect(lines.some((line) => /Index/.test(line))).toBe(true);
    },
  );
});

describe('a database that is away', () => {
  const withDatabaseAt = (port: number) => {
    const url = new URL(t.databaseUrl);
    const database = openDatabase({
      url: Object.assign(url, { host: `127.0.0.1:${port}` }).href,
      poolSize: 2,
      applicationName: 'metrics test',
      statementTimeoutSeconds: 15,
      lockTimeoutSeconds: 5,
      poolTimeoutSeconds: 5,
      queryTimeoutSeconds: 20,
      onError: () => undefined,
    });
    return { database, metrics: metricsOf(database, realClock) };
  };

  test('leaves its figures out, says so, and comes back', async () => {
    const target = new URL(t.databaseUrl);
    const proxy = await startProxy(target.hostname, Number(target.port) || 5432);
    await proxy.cut();
    const { database, metrics } = withDatabaseAt(proxy.port);
    const read = async () => parseMetrics(await metrics.text());
    const away = await read();
    expect(figure(away, 'clientele_database_up')).toBe(0);
    for (const { name } of measures) expect(figure(away, name)).toBeUndefined();
    expect(figure(away, 'process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(figure(away, 'clientele_database_connections_max')).toBe(2);
    await proxy.restore();
    let back = await read();
    while (figure(back, 'clientele_database_up') === 0) {
      await sleep(50);
      back = await read();
    }
    for (const { name } of measures) expect(figure(back, name), name).toBeDefined();
    await database.close();
    await proxy.cut();
  });

  test('that answers nothing at all keeps no scrape waiting', async () => {
    const hole = (await import('node:net')).createServer(() => undefined);
    hole.listen(0, '127.0.0.1');
    await once(hole, 'listening');
    const { database, metrics } = withDatabaseAt((hole.address() as { port: number }).port);
    const first = parseMetrics(await metrics.text());
    expect(figure(first, 'clientele_database_up')).toBe(0);
    expect(figure(first, 'clientele_database_connection_waits')).toBeDefined();
    hole.close();
    await database.close();
  });
});

const backends = [
  ['PostgreSQL', undefined],
  ...(process.env.REDIS_URL ? [['Redis', process.env.REDIS_URL] as const] : []),
] as const;

describe.each(backends)('a worker on %s', (_name, redisUrl) => {
  test('shows what it does on a port of its own', async () => {
    const jobs = allJobs(t.deps);
    const names = jobs.map((job) => job.queue);
    const prefix = `clientele-metrics-test-${process.pid}`;
    const queues = await openQueues({ databaseUrl: t.databaseUrl, redisUrl, names, log: t.deps.log, prefix });
    const metrics = metricsOf(t.database, t.deps.clock);
    measureQueues(metrics, queues);
    const page = await serveMetrics(metrics, { host: '127.0.0.1', port: 0 });
    const at = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${page.port}${path}`, init);
    const shown = async () => parseMetrics(await (await at('/metrics')).text());
    const workers = buildWorkers({ ...t.deps, metrics, queues, config: t.config });

    await t.client.post('/v1/customers', aCustomer(), 201);
    const published = 'clientele_events_published_total';
    let samples = await shown();
    while (figure(samples, published, { type: 'customer.created' }) === undefined) {
      await sleep(50);
      samples = await shown();
    }
    expect(figure(samples, 'clientele_relay_lag_seconds_count')).toBeGreaterThan(0);
    expect(figure(samples, 'clientele_relay_lag_seconds_sum')).toBeLessThan(60);
    for (const queue of names) {
      while (figure(samples, 'clientele_job_last_success_timestamp_seconds', { queue }) === undefined) {
        queues.wake(queue);
        await sleep(50);
        samples = await shown();
      }
      expect(
        figure(samples, 'clientele_job_duration_seconds_count', { queue, outcome: 'done' }),
      ).toBeGreaterThan(0);
      expect(figure(samples, 'clientele_jobs', { queue, state: 'failed' })).toBe(0);
    }
    expect(figure(samples, 'clientele_queues_up')).toBe(1);
    expect(await (await at('/livez')).json()).toEqual({ status: 'alive' });
    expect((await at('/metrics', { method: 'HEAD' })).status).toBe(200);
    expect((await at('/v1/customers')).status).toBe(404);
    expect((await at('/metrics', { method: 'POST' })).status).toBe(405);
    await workers.stop();
    await queues.close(5);
    await clearRedis(redisUrl, prefix);
    await page.close();
  });

  test('counts jobs that fail', async () => {
    const [job] = allJobs(t.deps);
    if (job === undefined) throw new Error('there is no job');
    const names = [job.queue];
    const prefix = `clientele-metrics-test-failing-${process.pid}`;
    const log = { ...t.deps.log, error: () => undefined } as never;
    const queues = await openQueues({ databaseUrl: t.databaseUrl, redisUrl, names, log, prefix });
    const metrics = metricsOf(t.database, t.deps.clock);
    const failing = { ...job, work: () => Promise.reject(new Error('no')) };
    const workers = buildWorkers({ ...t.deps, metrics, queues, config: t.config }, [failing]);
    queues.wake(job.queue);
    const failed = { queue: job.queue, outcome: 'failed' };
    while (
      figure(parseMetrics(await metrics.text()), 'clientele_job_duration_seconds_count', failed) === undefined
    )
      await sleep(50);
    await workers.stop();
    await queues.close(5);
    await clearRedis(redisUrl, prefix);
  });
});
