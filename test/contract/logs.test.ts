/**
 * Personal data stays where it belongs. Canaries (names, numbers, attributes, secrets that occur nowhere else) go
 * through every kind of request, those that fail at every depth too; afterwards none of them is in a log line, a
 * metric, a span, an event, an audit entry or the body of a problem. `job-canaries.test.ts` does the same with jobs.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTelemetry } from '../../src/platform/tracing/open-telemetry.js';
import type { Tracer } from '../../src/platform/tracing/tracer.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { canaries, found } from '../support/canaries.js';
import { Client } from '../support/client.js';
import { type Collector, startCollector } from '../support/collector.js';
import { sendRaw } from '../support/raw.js';
import { recordedLog } from '../support/recorded-log.js';

const { log, lines } = recordedLog('trace');
process.env.OTEL_BSP_SCHEDULE_DELAY = '50';

let t: TestApp;
let collector: Collector;
let tracer: Tracer;
const problems: string[] = [];
beforeAll(async () => {
  collector = await startCollector();
  tracer = openTelemetry({ endpoint: collector.endpoint, log });
  t = await startTestApp({ log, tracer, env: { LOG_LEVEL: 'trace' }, poolSize: 20 });
  await t.database.pool.query(
    `insert into attribute_definitions (name, description, json_schema, sensitivity, searchable, updated_at)
     values ('hobby', 'What they like', '{"type": "string"}', 'internal', true, '2026-01-01T00:00:00Z')`,
  );
});
afterAll(async () => {
  await t.stop();
  await tracer.close();
  await collector.stop();
});

const customer = (stated: Record<string, unknown> = {}) => ({
  kind: 'person',
  full_name: canaries.name,
  city: canaries.city,
  birth_date: canaries.birthDate,
  identifiers: [
    { scheme: 'core_banking', value: canaries.customerNumber },
    { scheme: 'national_id', value: canaries.nationalId },
  ],
  contact_points: [
    { kind: 'phone', value: canaries.phone },
    { kind: 'email', value: canaries.email },
    { kind: 'address', address: { lines: [canaries.address], country: 'CN' } },
  ],
  attributes: { hobby: canaries.attribute },
  source: 'core',
  ...stated,
});

const holding = (stated: Record<string, unknown> = {}) => ({
  source: 'core',
  number: canaries.card,
  category: 'deposit',
  status: 'active',
  currency: 'CNY',
  balance: canaries.amount,
  balance_date: '2026-01-05',
  parties: [{ customer: { scheme: 'core_banking', value: canaries.customerNumber }, role: 'primary_owner' }],
  ...stated,
});

const activity = (stated: Record<string, unknown> = {}) => ({
  source: 'core',
  source_id: 'A-1',
  customer: { scheme: 'national_id', value: canaries.nationalId },
  type: 'card_payment',
  occurred_at: '2026-01-05T10:30:00+08:00',
  amount: canaries.amount,
  currency: 'CNY',
  direction: 'out',
  initiated_by: 'customer',
  attributes: { merchant: canaries.merchant },
  ...stated,
});

/** Sends, and keeps the body where it is a problem, or holds some. */
async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const reply = await t.client.request(method, path, body, { headers });
  if (reply.status >= 400) problems.push(JSON.stringify(reply.body));
  else if (Array.isArray(reply.body?.rejected)) problems.push(JSON.stringify(reply.body.rejected));
  return reply;
}

/** The rows of a table as text, with whatever is in it. */
async function dump(table: string): Promise<string> {
  const { rows } = await t.database.pool.query(`select to_jsonb(r)::text as row from ${table} r`);
  return rows.map(({ row }) => row).join('\n');
}

/** All spans so far: they come in their order, and so before those of one more request. */
async function spansSoFar(): Promise<string> {
  const trace = randomBytes(16).toString('hex');
  const headers = {
    traceparent: `00-${trace}-00f067aa0ba902b7-01`,
    tracestate: `canary=${canaries.merchant}`,
  };
  await t.client.get('/v1/segments?limit=1', 200, { headers });
  await collector.wait(({ traceId }) => traceId === trace);
  return collector.text();
}

/** The events as others read them. */
async function feed(): Promise<string> {
  const pages: string[] = [];
  for (let after = 0; ; ) {
    const page = await t.client.get(`/v1/events?after=${after}&limit=200`);
    if (page.data.length === 0) return pages.join('\n');
    pages.push(JSON.stringify(page.data));
    after = page.next_after;
  }
}

async function expectSilence() {
  const metrics = await t.client.get('/metrics');
  expect(found(metrics), 'in the metrics').toEqual([]);
  expect(metrics).toContain('operation="createCustomer"');
  expect(found(await feed()), 'in the feed').toEqual([]);
  const spans = await spansSoFar();
  expect(found(spans), 'in spans').toEqual([]);
  expect(spans, 'a secret in spans').not.toContain(t.client.secret);
  expect(found(lines.join('')), 'in the log').toEqual([]);
  expect(lines.join(''), 'a secret in the log').not.toContain(t.client.secret);
  expect(found(problems.join('\n')), 'in problems').toEqual([]);
  for (const table of ['outbox', 'audit_entries', 'idempotency_keys', 'review_state', 'import_rejections'])
    expect(found(await dump(table)), `in ${table}`).toEqual([]);
}

describe('what works', () => {
  test('leaves none of it in logs, events and audit', async () => {
    const key = { 'idempotency-key': canaries.idempotencyKey.replace('zyx', 'abc') };
    const made = await send('POST', '/v1/customers', customer(), key);
    expect(made.status, JSON.stringify(made.body)).toBe(201);
    const again = await send('POST', '/v1/customers', customer(), key);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    const { id } = made.body;
    const bodies: [number, string, string, unknown?, Record<string, string>?][] = [
      [200, 'GET', `/v1/customers/${id}`],
      [200, 'GET', `/v1/customers/by-identifier/core_banking/${canaries.customerNumber}`],
      [200, 'POST', '/v1/customers/lookup', { scheme: 'national_id', value: canaries.nationalId }],
      [200, 'POST', '/v1/customers/search', { name: canaries.name, birth_date: canaries.birthDate }],
      [200, 'POST', '/v1/customers/search', { phone: canaries.phone }],
      [200, 'POST', '/v1/customers/upsert', customer({ full_name: canaries.latinName, language: 'zh' })],
      [
        200,
        'PATCH',
        `/v1/customers/${id}`,
        { attributes: { hobby: `${canaries.attribute}-2` } },
        { 'if-match': '*' },
      ],
      [201, 'POST', '/v1/holdings/upsert', holding()],
      [200, 'POST', '/v1/holdings/lookup', { source: 'core', number: canaries.card }],
      [200, 'POST', '/v1/activities', { items: [activity(), activity()] }],
      [200, 'GET', `/v1/customers/${id}/profile`],
      [200, 'GET', `/v1/customers/${id}/timeline`],
      [200, 'GET', `/v1/customers?branch=${encodeURIComponent(canaries.city)}`],
    ];
    for (const [status, method, path, body, headers] of bodies) {
      const reply = await send(method, path, body, headers);
      expect(reply.status, `${method} ${path}: ${JSON.stringify(reply.body)}`).toBe(status);
    }
    await t.drain();
    await expectSilence();
    // the canaries are alive: what may hold them does
    expect(found(JSON.stringify([customer(), holding(), activity()]))).toHaveLength(
      Object.keys(canaries).length - 2,
    );
    expect(found(await dump('customers'))).toEqual(
      expect.arrayContaining(['latinName', 'city', 'birthDate', 'attribute']),
    );
    expect((await dump('outbox')).length).toBeGreaterThan(100);
    expect((await dump('audit_entries')).length).toBeGreaterThan(100);
    expect(lines.some((line) => line.includes('/v1/customers/:id'))).toBe(true);
  });
});

describe('what is refused', () => {
  test('says where it is wrong and not what was sent', async () => {
    const body = JSON.stringify(customer());
    const wrong: [string, string, unknown?, Record<string, string>?][] = [
      // malformed
      ['POST', '/v1/customers', body.slice(0, -10)],
      ['POST', '/v1/customers', `${body}\u0000`],
      ['POST', '/v1/customers', body.replace(canaries.name, `${canaries.name}\\ud800`)],
      ['POST', '/v1/customers', customer({ kind: canaries.name })],
      ['POST', '/v1/customers', customer({ birth_date: `${canaries.birthDate}x` })],
      ['POST', '/v1/customers', customer({ full_name: canaries.name.repeat(200) })],
      ['POST', '/v1/customers', customer({ source: canaries.name })],
      ['POST', '/v1/customers', customer(), { 'content-type': 'text/plain' }],
      ['POST', '/v1/customers', customer(), { 'idempotency-key': `${canaries.idempotencyKey} x` }],
      ['GET', `/v1/customers/${encodeURIComponent(canaries.name)}`],
      ['GET', `/v1/customers?kind=${encodeURIComponent(canaries.name)}`],
      ['GET', `/v1/customers?cursor=${encodeURIComponent(canaries.card)}`],
      ['GET', `/v1/${canaries.card}`],
      ['PATCH', `/v1/customers/by-identifier/core_banking/${canaries.customerNumber}`, {}],
      // a rule broken
      ['POST', '/v1/customers', customer()],
      ['POST', '/v1/customers/upsert', customer({ kind: 'organization' })],
      [
        'POST',
        '/v1/customers',
        customer({ identifiers: [{ scheme: 'national_id', value: `${canaries.nationalId.slice(0, -1)}0` }] }),
      ],
      [
        'POST',
        '/v1/customers',
        customer({ identifiers: [], contact_points: [{ kind: 'phone', value: `${canaries.phone}999999` }] }),
      ],
      ['POST', '/v1/customers', customer({ identifiers: [], attributes: { hobby: [canaries.attribute] } })],
      ['GET', `/v1/customers/by-identifier/national_id/${canaries.nationalId}`],
      ['POST', '/v1/holdings/upsert', holding({ currency: canaries.name })],
      ['POST', '/v1/holdings/upsert', holding({ number: '', balance: `${canaries.amount}1234567` })],
      ['POST', '/v1/holdings/upsert', holding({ status: canaries.card })],
      ['POST', '/v1/customers/lookup', { scheme: 'national_id', value: canaries.card }],
      // items of a batch
      [
        'POST',
        '/v1/activities',
        { items: [activity({ type: canaries.name }), activity({ amount: `-${canaries.amount}` })] },
      ],
      ['POST', '/v1/activities', { items: [activity({ attributes: { merchant: 'other' } })] }],
      [
        'POST',
        '/v1/activities',
        {
          items: [activity({ source_id: 'A-2', customer: { scheme: 'core_banking', value: canaries.card } })],
        },
      ],
    ];
    for (const [method, path, sent, headers] of wrong) {
      const before = problems.length;
      const reply = await send(method, path, sent, headers);
      expect(reply.status, `${method} ${path}: ${JSON.stringify(reply.body)}`).toBeLessThan(500);
      expect(problems.length, `${method} ${path} ${reply.status}`).toBe(before + 1);
    }
    const stranger = new Client(t.origin, `ck_${canaries.card}_0123456789abcdef`);
    problems.push(JSON.stringify((await stranger.request('POST', '/v1/customers', customer())).body));
    for (const bytes of [
      `GARBAGE ${canaries.card}\r\n\r\n`,
      `GET /v1/customers?branch=${canaries.card}%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      `GET /v1/x HTTP/1.1\r\nHost: x\r\nExpect: ${canaries.card}\r\nConnection: close\r\n\r\n`,
      `GET /v1/x HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${canaries.card}\r\nConnection: close\r\n\r\n`,
    ]) {
      problems.push((await sendRaw(t.origin, bytes)).body);
    }
    await t.drain();
    await expectSilence();
  });
});

describe('imports', () => {
  test('keep what they reject sealed, and say the rest without it', async () => {
    const body = [activity({ source_id: 'I-1' }), activity({ source_id: 'I-2', amount: canaries.name })]
      .map((line) => JSON.stringify(line))
      .join('\n');
    const reply = await t.client.request(
      'POST',
      '/v1/imports?kind=activities',
      `${body}\n{"broken": "${canaries.card}\n`,
      {
        headers: { 'content-type': 'application/x-ndjson' },
      },
    );
    expect(reply.status, JSON.stringify(reply.body)).toBe(202);
    await t.drain();
    const done = await t.client.get(`/v1/imports/${reply.body.id}`);
    expect(found(JSON.stringify(done))).toEqual([]);
    expect(found(await dump('imports'))).toEqual([]);
    expect(found(await dump('import_chunks'))).toEqual([]);
    await expectSilence();
  });
});

/** last: it breaks the database of this file */
describe('what breaks', () => {
  test('is described by type, code, constraint and table, and by nothing that was sent', async () => {
    const q = (text: string) => t.database.pool.query(text);
    expect((await send('POST', '/v1/customers/upsert', customer())).status).toBe(200);
    await q(`alter table customers add constraint customers_city_check check (city <> '城')`);
    const broken = { ...customer({ identifiers: [], city: '城' }) };
    expect((await send('POST', '/v1/customers', broken)).status).toBe(500);
    await q('alter table customers drop constraint customers_city_check');
    await q('create unique index customers_full_name_key on customers (full_name)');
    expect((await send('POST', '/v1/customers', customer({ identifiers: [] }))).status).toBe(500);
    await q('drop index customers_full_name_key');
    await q('alter table contact_points rename column label to tag');
    expect((await send('POST', '/v1/customers', customer({ identifiers: [] }))).status).toBe(500);
    await q('alter table holdings rename column balance to weight');
    expect((await send('POST', '/v1/holdings/upsert', holding({ balance: '1.00' }))).status).toBe(500);
    await q('alter table activity_totals rename column amount to sum');
    expect((await send('POST', '/v1/activities', { items: [activity({ source_id: 'A-9' })] })).status).toBe(
      500,
    );
    const told = lines.filter((line) => line.includes('request failed')).map((line) => JSON.parse(line));
    expect(told.map((line) => line.err.code)).toEqual(['23514', '23505', '42703', '42703', '42703']);
    expect(told[0].err).toMatchObject({ constraint: 'customers_city_check', table: 'customers' });
    await expectSilence();
  });
});
