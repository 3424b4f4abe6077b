/** The clock of a sandbox: moved for API and worker at once, by many, never back, and nowhere else. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realNow } from '../../src/platform/clock.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { type Child, startChild } from '../support/child.js';
import { Client } from '../support/client.js';
import { cloneDatabase, type TestDatabase } from '../support/database.js';
import { aCustomer } from '../support/factories.js';

const clock = '/v1/sandbox/clock';
const later = (a: string, b: string) => expect(Date.parse(a)).toBeGreaterThanOrEqual(Date.parse(b));

describe('the clock', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ startAt: '2026-01-31T04:00:00Z', poolSize: 25 });
  });
  afterAll(() => t.stop());

  const read = async () => (await t.client.get(clock)).now as string;

  test('moves to an instant, whatever its offset, and runs on', async () => {
    const moved = await t.client.post(clock, { now: '2026-01-31T13:00:00.5+08:00' });
    expect(moved).toEqual({ now: '2026-01-31T05:00:00.500Z' });
    later(await read(), '2026-01-31T05:00:00.500Z');
    later('2026-01-31T06:00:00Z', await read());
  });

  test('moves by the calendar of the bank', async () => {
    // midnight of 31 March in Shanghai: a month later it is that of 30 April
    await t.client.post(clock, { now: '2026-03-30T16:00:00Z' });
    const { now } = await t.client.post(clock, { advance: 'P1M' });
    expect(now.slice(0, 16)).toBe('2026-04-29T16:00');
    expect((await t.client.post(clock, { advance: 'PT1H30M' })).now.slice(0, 16)).toBe('2026-04-29T17:30');
  });

  test('never goes back', async () => {
    const before = await read();
    const problem = await t.client.problem('POST', clock, 'conflict', { now: '2026-01-01T00:00:00Z' });
    expect(problem.detail).toContain('never goes back');
    later(await read(), before);
  });

  test.each([
    [{ now: '2200-01-01T00:00:01Z' }, 'rule_broken', '/now'],
    [{ now: '2199-12-31T23:59:60Z' }, 'rule_broken', '/now'],
    [{ advance: 'P9999Y' }, 'rule_broken', '/advance'],
    [{ advance: 'P1000Y' }, 'rule_broken', '/advance'],
    [{ advance: '-P1D' }, 'malformed_request', '/advance'],
    [{ advance: '1 day' }, 'malformed_request', '/advance'],
    [{ now: 'tomorrow' }, 'malformed_request', '/now'],
    [{ now: '2027-01-01T00:00:00Z', advance: 'P1D' }, 'malformed_request', ''],
    [{}, 'malformed_request', ''],
  ])('%j is refused', async (body, code, pointer) => {
    const before = await read();
    const problem = await t.client.problem('POST', clock, code, body);
    expect(problem.errors[0].pointer).toBe(pointer);
    later('2026-05-01T00:00:00Z', before);
    later('2026-05-01T00:00:00Z', await read());
  });

  test('is for administrators', async () => {
    const reader = await t.clientWith(['segments:write', 'customers:read']);
    await reader.problem('GET', clock, 'insufficient_scope');
    await reader.problem('POST', clock, 'insufficient_scope', { advance: 'P1D' });
  });

  test('is moved by many at once, each from where the last one ended', async () => {
    const before = await read();
    const moves = await Promise.all(
      Array.from({ length: 20 }, () => t.client.post(clock, { advance: 'PT24H' })),
    );
    const instants = moves.map(({ now }) => Date.parse(now)).sort((a, b) => a - b);
    for (const [index, instant] of instants.entries())
      expect(instant).toBeGreaterThanOrEqual((instants[index - 1] ?? Date.parse(before)) + 86_400_000);
    const after = Date.parse(await read());
    expect(after).toBeGreaterThanOrEqual(Date.parse(before) + 20 * 86_400_000);
    expect(after).toBeLessThan(Date.parse(before) + 21 * 86_400_000);
  });

  test('of those who name instants, the latest one stays', async () => {
    const targets = Array.from({ length: 10 }, (_, index) => `2026-07-0${(index % 9) + 1}T00:00:00Z`);
    const replies = await Promise.all(targets.map((now) => t.client.request('POST', clock, { now })));
    for (const { status } of replies) expect([200, 409]).toContain(status);
    const present = await read();
    later(present, '2026-07-09T00:00:00Z');
    later('2026-07-09T01:00:00Z', present);
  });

  test('is moved once by a request that is repeated', async () => {
    const headers = { 'idempotency-key': 'a-day-later' };
    const send = () => t.client.request('POST', clock, { advance: 'P1D' }, { headers });
    const first = await send();
    // the key is kept by the real time: no jump makes it expire
    await t.client.post(clock, { advance: 'P10Y' });
    await t.drain();
    const again = await send();
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.body).toEqual(first.body);
  });

  test('is told of: who moved it, from where, to where', async () => {
    const { now } = await t.client.post(clock, { advance: 'P1D' });
    const { rows } = await t.database.pool.query(
      `select actor, details from audit_entries where action = 'sandbox_clock.moved' order by id desc limit 1`,
    );
    expect(rows[0].actor).toMatch(/^key:/);
    expect(rows[0].details.to).toBe(now);
    later(now, rows[0].details.from);
    await t.drain();
    const { data } = await t.client.get('/v1/events?after=0&limit=1000');
    const told = data.filter((event: { type: string }) => event.type === 'clientele.sandbox_clock.moved');
    expect(told.at(-1)).toMatchObject({ subject: 'sandbox_clock', data: rows[0].details });
    expect(Date.parse(told.at(-1).time)).toBe(Date.parse(now));
  });

  test('leaves keys alone, and what comes after a jump of ten years comes in', async () => {
    const { secret } = await t.client.post(
      '/v1/api-keys',
      {
        name: 'of today',
        scopes: ['customers:write', 'customers:read', 'activities:write', 'segments:read'],
        expires_at: new Date(Date.parse(realNow()) + 3_600_000).toISOString(),
      },
      201,
    );
    const client = new Client(t.origin, secret);
    await t.client.post(clock, { advance: 'P10Y' });
    const { id } = await client.post('/v1/customers', aCustomer(), 201);
    const present = await read();
    const item = {
      source: 'cards',
      source_id: 'far-off',
      customer: { id },
      type: 'card_payment',
      occurred_at: present,
      amount: '1.00',
      currency: 'CNY',
      direction: 'out',
      initiated_by: 'customer',
    };
    expect(await client.post('/v1/activities', { items: [item] })).toMatchObject({ accepted: 1 });
    await t.drain();
    expect((await client.get(`/v1/customers/${id}/segments`)).pending).toBe(false);
  });
});

describe('outside of a sandbox', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { SANDBOX: 'false' } });
  });
  afterAll(() => t.stop());

  test('nobody moves the clock, nor reads it', async () => {
    const before = await t.now();
    await t.client.problem('POST', clock, 'sandbox_only', { advance: 'P1D' });
    await t.client.problem('POST', clock, 'sandbox_only', { now: '2030-01-01T00:00:00Z' });
    await t.client.problem('GET', clock, 'sandbox_only');
    later('2026-03-02T00:00:00Z', before);
    later('2026-03-02T00:00:00Z', await t.now());
    const { rows } = await t.database.pool.query(
      `select from audit_entries where action = 'sandbox_clock.moved'`,
    );
    expect(rows).toHaveLength(0);
  });
});

describe('API and worker as processes of their own', () => {
  const secret = 'ck_clock_test_0123456789abcdef';
  const children: Child[] = [];
  let database: TestDatabase;
  let directory: string;
  let client: Client;
  beforeAll(async () => {
    database = await cloneDatabase();
    directory = await mkdtemp(path.join(tmpdir(), 'clientele-clock-'));
    const api = await start('runApi', 'Clientele answers at');
    await start('runWorker', 'Worker runs');
    client = new Client(/http:\S+/.exec(api)?.[0] ?? '', secret);
  });
  afterAll(async () => {
    for (const child of children) child.process.kill('SIGKILL');
    await Promise.all(children.map((child) => child.ended));
    await database.drop();
    await rm(directory, { recursive: true, force: true });
  });

  async function start(part: 'runApi' | 'runWorker', word: string): Promise<string> {
    const env = {
      DATABASE_URL: database.url,
      DATA_DIR: directory,
      BOOTSTRAP_API_KEY: secret,
      PORT: '0',
      SANDBOX: 'true',
      SANDBOX_START_AT: '2026-01-01T00:00:00Z',
    };
    const child = await startChild(`
      import { loadConfig } from './config.js';
      import { createLog } from './platform/log.js';
      import { ${part} } from './processes.js';
      await ${part}(loadConfig(${JSON.stringify(env)}), createLog('silent'));`);
    children.push(child);
    return child.line(word);
  }

  /** Looks again until it is so; the time-out of the test ends it. */
  async function until(isSo: () => Promise<boolean>): Promise<void> {
    while (!(await isSo())) await sleep(50);
  }
  const members = async (segment: string): Promise<number> =>
    (await client.get(`/v1/segments/${segment}/members`)).data.length;

  test('both follow: a window empties, and a tenure begins', async () => {
    const rule = {
      activity: 'card_payment',
      window: { last: 'P30D' },
      measure: 'count',
      op: 'gte',
      value: 1,
    };
    await client.post('/v1/segments', { key: 'payers', name: 'Payers', description: '', rule }, 201);
    const tenured = { fact: 'tenure_days', op: 'gte', value: 3650 };
    await client.post('/v1/segments', { key: 'old', name: 'Old', description: '', rule: tenured }, 201);
    const { id } = await client.post('/v1/customers', aCustomer({ customer_since: '2026-01-01' }), 201);
    const { now } = await client.get(clock);
    const item = {
      source: 'cards',
      source_id: 'P-1',
      customer: { id },
      type: 'card_payment',
      occurred_at: now,
      amount: '1.00',
      currency: 'CNY',
      direction: 'out',
      initiated_by: 'customer',
    };
    await client.post('/v1/activities', { items: [item] });
    await until(async () => (await members('payers')) === 1);

    await client.post(clock, { advance: 'P29D' });
    await until(async () => !(await client.get(`/v1/customers/${id}/segments`)).pending);
    expect(await members('payers')).toBe(1);
    await client.post(clock, { advance: 'P1D' });
    await until(async () => (await members('payers')) === 0);
    expect(await members('old')).toBe(0);
    await client.post(clock, { advance: 'P10Y' });
    await until(async () => (await members('old')) === 1);

    // what it left at is the end of its window, not the moment at which the clock was moved
    const left = (await client.get('/v1/events?after=0&limit=1000')).data.find(
      (event: { type: string; data: { segment: string } }) =>
        event.type === 'clientele.segment.left' && event.data.segment === 'payers',
    );
    expect(left.data).toMatchObject({ cause: 'time' });
    expect(Date.parse(left.data.effective_at)).toBe(Date.parse(now) + 30 * 86_400_000);
  });
});
