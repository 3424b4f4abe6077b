/** Traces: from a request through its transaction and the relay to the jobs that it woke, told to a collector. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config.js';
import { createLog } from '../../src/platform/log.js';
import { openQueues } from '../../src/platform/queue.js';
import { openTelemetry } from '../../src/platform/tracing/open-telemetry.js';
import type { Tracer } from '../../src/platform/tracing/tracer.js';
import { runApi } from '../../src/processes.js';
import { allJobs, buildWorkers } from '../../src/worker.js';
import { startTestApp, type TestApp, testKeys } from '../support/app.js';
import { Client } from '../support/client.js';
import { type Collector, type SeenSpan, startCollector } from '../support/collector.js';
import { aCustomer } from '../support/factories.js';
import { recordedLog } from '../support/recorded-log.js';
import { clearRedis } from '../support/redis.js';

// the library's own variables: how soon it sends
process.env.OTEL_BSP_SCHEDULE_DELAY = '50';

const silent = createLog('silent');

const newTrace = () => randomBytes(16).toString('hex');
const caller = '00f067aa0ba902b7';
const sent = (trace: string, flags = '01') => ({ traceparent: `00-${trace}-${caller}-${flags}` });

let collector: Collector;
let tracer: Tracer;
let t: TestApp;
beforeAll(async () => {
  collector = await startCollector();
  tracer = openTelemetry({ endpoint: `${collector.endpoint}/`, log: silent });
  t = await startTestApp({ tracer, poolSize: 20, provokes: /"code":"42703"/ });
});
afterAll(async () => {
  await t.stop();
  await tracer.close();
  await collector.stop();
});

const ofTrace = (trace: string, name: string) => (span: SeenSpan) =>
  span.traceId === trace && span.name === name;

describe('a request', () => {
  test('continues the trace that it comes with, and tells so in its reply and its events', async () => {
    const trace = newTrace();
    const reply = await t.client.request('POST', '/v1/customers', aCustomer(), { headers: sent(trace) });
    expect(reply.status).toBe(201);
    const [request] = await collector.wait(ofTrace(trace, 'POST /v1/customers'));
    const [transaction] = await collector.wait(ofTrace(trace, 'transaction'));
    expect(request).toMatchObject({
      parentSpanId: caller,
      kind: 2,
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/v1/customers',
        'http.response.status_code': 201,
        'clientele.operation': 'createCustomer',
      },
    });
    expect(transaction?.parentSpanId).toBe(request?.spanId);
    const told = `00-${trace}-${request?.spanId}-01`;
    expect(reply.headers.get('traceparent')).toBe(told);
    const { rows } = await t.database.pool.query('select traceparent from outbox where subject = $1', [
      reply.body.id,
    ]);
    expect(new Set(rows.map((row) => row.traceparent))).toEqual(new Set([told]));
  });

  test('begins one where it comes with none', async () => {
    const reply = await t.client.request('GET', '/v1/customers?limit=1');
    const [, trace = ''] = reply.headers.get('traceparent')?.split('-') ?? [];
    const [request] = await collector.wait(ofTrace(trace, 'GET /v1/customers'));
    expect(request?.parentSpanId ?? '').toBe('');
  });

  test('that is not to be recorded is not', async () => {
    const [quiet, loud] = [newTrace(), newTrace()];
    const reply = await t.client.request('POST', '/v1/customers', aCustomer(), {
      headers: sent(quiet, '00'),
    });
    expect(reply.headers.get('traceparent')).toMatch(new RegExp(`^00-${quiet}-[0-9a-f]{16}-00$`));
    await t.client.get('/v1/customers?limit=1', 200, { headers: sent(loud) });
    await collector.wait(ofTrace(loud, 'GET /v1/customers'));
    expect(collector.spans().filter(({ traceId }) => traceId === quiet)).toEqual([]);
  });

  test('of health and metrics is none', async () => {
    const [quiet, loud] = [newTrace(), newTrace()];
    for (const path of ['/livez', '/readyz', '/metrics'])
      await t.client.get(path, 200, { headers: sent(quiet) });
    await t.client.get('/v1/customers?limit=1', 200, { headers: sent(loud) });
    await collector.wait(ofTrace(loud, 'GET /v1/customers'));
    expect(collector.spans().filter(({ traceId }) => traceId === quiet)).toEqual([]);
  });

  test('has the pattern of its route as its name, and nothing of what was sent', async () => {
    const trace = newTrace();
    const headers = { ...sent(trace), tracestate: 'canary=6222029876543210988' };
    const { id } = await t.client.post('/v1/customers', aCustomer({ full_name: '金丝雀甲乙' }), 201);
    await t.client.get(`/v1/customers/${id}`, 200, { headers });
    await t.client.get(`/v1/customers?branch=canary_branch&limit=1`, 200, { headers });
    await t.client.get(`/v1/6222029876543210988`, 404, { headers });
    await t.client.post('/v1/customers/lookup', { scheme: 'passport', value: 'canary-value' }, 404, {
      headers,
    });
    const spans = await collector.wait(({ traceId, kind }) => traceId === trace && kind === 2, 4);
    expect(spans.map(({ name }) => name).sort()).toEqual([
      'GET',
      'GET /v1/customers',
      'GET /v1/customers/:id',
      'POST /v1/customers/lookup',
    ]);
    // whoever sent something wrong has made no error here
    expect(spans.map(({ status }) => status.code)).toEqual([0, 0, 0, 0]);
    for (const canary of [id, '金丝雀甲乙', 'canary', '6222029876543210988', t.client.secret ?? ''])
      expect(collector.text()).not.toContain(canary);
  });

  test('that fails here says so by its kind', async () => {
    const trace = newTrace();
    await t.database.pool.query('alter table contact_points rename column label to tag');
    await t.client.post('/v1/customers', aCustomer(), 500, { headers: sent(trace) });
    await t.database.pool.query('alter table contact_points rename column tag to label');
    const [request] = await collector.wait(ofTrace(trace, 'POST /v1/customers'));
    const [transaction] = await collector.wait(ofTrace(trace, 'transaction'));
    expect(request).toMatchObject({ status: { code: 2 }, attributes: { 'error.type': '500' }, events: [] });
    expect(transaction).toMatchObject({ status: { code: 2 }, attributes: { 'error.type': '42703' } });
    expect(transaction?.status.message ?? '').toBe('');
  });

  test('says who tells it', () => {
    expect(collector.resource()).toMatchObject({ 'service.name': 'clientele' });
  });
});

const backends = [
  ['PostgreSQL', undefined],
  ...(process.env.REDIS_URL ? [['Redis', process.env.REDIS_URL] as const] : []),
] as const;

describe.each(backends)('jobs on %s', (_name, redisUrl) => {
  test('are in the trace that woke them', async () => {
    await t.drain();
    const names = allJobs(t.deps).map((job) => job.queue);
    const prefix = `clientele-traces-test-${process.pid}`;
    const queues = await openQueues({ databaseUrl: t.databaseUrl, redisUrl, names, log: t.deps.log, prefix });
    const workers = buildWorkers({ ...t.deps, queues, config: t.config });
    // a job that waits since the start was woken by nobody, and what wakes it as well adds no trace to it
    await expect.poll(() => queues.isIdle(), { timeout: 50_000 }).toBe(true);
    const trace = newTrace();
    await t.client.post('/v1/customers', aCustomer(), 201, { headers: sent(trace) });
    const [request] = await collector.wait(ofTrace(trace, 'POST /v1/customers'));
    const [relay] = await collector.wait(ofTrace(trace, 'relay'));
    const [job] = await collector.wait(ofTrace(trace, 'job reviews'));
    expect(relay?.parentSpanId).toBe(request?.spanId);
    expect(job).toMatchObject({
      parentSpanId: relay?.spanId,
      kind: 5,
      attributes: { 'messaging.destination.name': 'reviews' },
    });
    expect(BigInt(relay?.endTimeUnixNano ?? 0) >= BigInt(relay?.startTimeUnixNano ?? 0)).toBe(true);
    // what schedules wake, and what jobs do to others, is in no trace of a request
    const { rows } = await t.database.pool.query(
      `select count(*)::int as count from outbox where traceparent like $1 and type like 'segment.%'`,
      [`%${trace}%`],
    );
    expect(rows).toEqual([{ count: 0 }]);
    await workers.stop();
    await queues.close(5);
    await clearRedis(redisUrl, prefix);
  }, 120_000);

  test('that several requests woke name them all', async () => {
    const names = allJobs(t.deps).map((job) => job.queue);
    const prefix = `clientele-traces-test-many-${process.pid}`;
    const traces = [newTrace(), newTrace(), newTrace()];
    for (const trace of traces)
      await t.client.post('/v1/customers', aCustomer(), 201, { headers: sent(trace) });
    const queues = await openQueues({ databaseUrl: t.databaseUrl, redisUrl, names, log: t.deps.log, prefix });
    const workers = buildWorkers({ ...t.deps, queues, config: t.config });
    const [job] = await collector.wait(
      ({ name, traceId }) => name === 'job reviews' && traces.includes(traceId),
    );
    const named = [job?.traceId, ...(job?.links ?? []).map(({ traceId }) => traceId)];
    expect(named.sort()).toEqual([...traces].sort());
    await workers.stop();
    await queues.close(5);
    await clearRedis(redisUrl, prefix);
  });
});

describe('a collector that is away', () => {
  const { log, lines } = recordedLog('warn');
  const lost = () => lines.filter((line) => line.includes('traces could not be sent'));

  test('disturbs nothing, is told of once, and holds up no end', async () => {
    const gone = await startCollector();
    await gone.stop();
    const away = openTelemetry({ endpoint: gone.endpoint, log });
    const app = await startTestApp({ tracer: away });
    for (let count = 0; count < 20; count += 1) await app.client.post('/v1/customers', aCustomer(), 201);
    await app.drain();
    while (lost().length === 0) await sleep(50);
    await app.client.post('/v1/customers', aCustomer(), 201);
    await app.stop();
    await away.close();
    expect(lost()).toHaveLength(1);
    expect(lost()[0]).not.toContain(gone.endpoint);
  });

  test('nor does one that never answers', async () => {
    const hole = createServer(() => undefined);
    hole.listen(0, '127.0.0.1');
    await once(hole, 'listening');
    const endpoint = `http://127.0.0.1:${(hole.address() as AddressInfo).port}`;
    const away = openTelemetry({ endpoint, log });
    const app = await startTestApp({ tracer: away });
    await app.client.post('/v1/customers', aCustomer(), 201);
    await app.stop();
    await away.close();
    hole.close();
  });
});

test('a process sends what is left when it ends', async () => {
  process.env.OTEL_BSP_SCHEDULE_DELAY = '600000';
  const own = await startCollector();
  const secret = `ck_${randomBytes(24).toString('base64url')}`;
  const config = loadConfig({
    DATABASE_URL: t.databaseUrl,
    ENCRYPTION_KEYS: testKeys,
    BOOTSTRAP_API_KEY: secret,
    PORT: '0',
    SANDBOX: 'true',
    METRICS_PORT: '0',
    DRAIN_DELAY_SECONDS: '0',
    OTEL_EXPORTER_OTLP_ENDPOINT: own.endpoint,
  });
  const lines: string[] = [];
  const told = console.log;
  console.log = (line: string) => void lines.push(line);
  const running = await runApi(config, silent);
  console.log = told;
  const origin = /answers at (\S+)/.exec(lines.join('\n'))?.[1] ?? '';
  const trace = newTrace();
  await new Client(origin, secret).get('/v1/customers?limit=1', 200, { headers: sent(trace) });
  expect(own.spans()).toEqual([]);
  await running.stop();
  expect(own.spans().map(({ traceId, name }) => [traceId, name])).toEqual([[trace, 'GET /v1/customers']]);
  await own.stop();
});
