/**
 * The database commits, and its answer is lost; or it never hears of the COMMIT. Nobody can tell these apart, so the
 * request is sent again with the same Idempotency-Key: it has one effect and one event, and answers as it would have.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import type { Response } from '../support/client.js';
import { type CommitProxy, type Loss, startCommitProxy } from '../support/commit-proxy.js';
import { aCustomer, aHolding } from '../support/factories.js';

let t: TestApp;
let proxy: CommitProxy;
let number = 0;

beforeAll(async () => {
  t = await startTestApp({
    provokes: /request failed|connection was lost/,
    timeouts: { queryTimeoutSeconds: 1 },
    urlOf: async (url) => {
      const { hostname, port } = new URL(url);
      proxy = await startCommitProxy(hostname, Number(port || 5432));
      return Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(proxy.port) }).href;
    },
  });
});
afterAll(async () => {
  await t.stop();
  await proxy.close();
});
afterEach(() => proxy.disarm());

type Request = { method: string; path: string; body?: unknown; headers?: Record<string, string> };

/** One write of each kind, on things that were there before. Made anew each time: nothing is sent twice by it. */
const writes: Record<string, () => Promise<Request>> = {
  'a customer is created': async () => ({ method: 'POST', path: '/v1/customers', body: aCustomer() }),
  'a customer without any identifier is created': async () => ({
    method: 'POST',
    path: '/v1/customers',
    body: aCustomer({ identifiers: [] }),
  }),
  'a customer is stated': async () => ({
    method: 'POST',
    path: '/v1/customers/upsert',
    body: aCustomer({ city: '上海' }),
  }),
  'an identifier is added': async () => {
    const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
    number += 1;
    return {
      method: 'POST',
      path: `/v1/customers/${id}/identifiers`,
      body: { scheme: 'core_banking', value: `LOST${number}` },
    };
  },
  'a holding is stated': async () => {
    const { identifiers } = await t.client.post('/v1/customers', aCustomer(), 201);
    number += 1;
    const { scheme, value } = identifiers[0];
    return {
      method: 'POST',
      path: '/v1/holdings/upsert',
      body: aHolding(`62220200${String(number).padStart(8, '0')}`, { scheme, value }),
    };
  },
  'a segment is made': async () => {
    number += 1;
    return {
      method: 'POST',
      path: '/v1/segments',
      body: {
        key: `lost_${number}`,
        name: 'Lost',
        description: '',
        rule: { fact: 'city', op: 'eq', value: '苏州' },
      },
    };
  },
};

/** How many rows each table has that a write adds to. */
async function counts(): Promise<Record<string, number>> {
  const tables = [
    'customers',
    'identifiers',
    'holdings',
    'activities',
    'segments',
    'segment_versions',
    'api_keys',
    'audit_entries',
    'idempotency_keys',
    'outbox',
  ];
  const { rows } = await t.database.pool.query(
    `select ${tables.map((table) => `(select count(*)::int from ${table}) as ${table}`).join(', ')},
       (select coalesce(sum(count), 0)::int from activity_totals) as totals,
       (select coalesce(sum(version), 0)::int from customers) as versions`,
  );
  return rows[0];
}

async function added(work: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await counts();
  await work();
  const after = await counts();
  return Object.fromEntries(
    Object.entries(after).map(([table, count]) => [table, count - (before[table] ?? 0)]),
  );
}

const send = (request: Request, key: string, client = t.client): Promise<Response> =>
  client.request(request.method, request.path, request.body, {
    headers: { ...request.headers, 'idempotency-key': key },
  });

/** Repeats as any client does: while it is told that it may. */
async function repeat(request: Request, key: string): Promise<Response> {
  let reply = await send(request, key);
  // whose COMMIT never arrived still holds the key until the server has seen the connection go
  for (let tries = 0; reply.status === 409 && tries < 100; tries += 1) reply = await send(request, key);
  return reply;
}

/** What differs between two things of one kind made one after the other. */
const shapeOf = (reply: Response) => ({ status: reply.status, members: Object.keys(reply.body).sort() });

const losses: Loss[] = ['the request', 'the answer', 'the answer, in silence'];

describe.each(losses)('of a COMMIT, %s is lost', (loss) => {
  // every kind of write where it is hardest to tell, one of them elsewhere
  test.each(Object.keys(writes).slice(0, loss === 'the answer' ? undefined : 1))('while %s', async (name) => {
    const make = writes[name] as () => Promise<Request>;
    const undisturbed = await make();
    let whole: Response | undefined;
    const expected = await added(async () => {
      whole = await send(undisturbed, randomUUID());
    });
    expect(expected.audit_entries).toBeGreaterThan(0);

    const request = await make();
    const key = randomUUID();
    const lostBefore = proxy.lost();
    const replies: Response[] = [];
    const disturbed = await added(async () => {
      proxy.loseNext(loss, /idempotency_keys/);
      const lost = await send(request, key);
      expect(proxy.lost()).toBe(lostBefore + 1);
      expect(lost.status, JSON.stringify(lost.body)).toBe(503);
      expect(lost.body).toMatchObject({ code: 'unavailable' });
      expect(lost.headers.get('content-type')).toContain('application/problem+json');
      expect(Number(lost.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      replies.push(await repeat(request, key), await send(request, key));
    });
    expect(disturbed).toEqual(expected);
    const [first, second] = replies as [Response, Response];
    expect(shapeOf(first)).toEqual(shapeOf(whole as Response));
    expect(first.headers.get('idempotent-replayed')).toBe(loss === 'the request' ? null : 'true');
    expect({ status: second.status, body: second.body }).toEqual({ status: first.status, body: first.body });
    expect(second.headers.get('etag')).toBe(first.headers.get('etag'));
    expect(second.headers.get('idempotent-replayed')).toBe('true');
  });
});

test('a change that names a version is safe to repeat without a key: it is refused as done', async () => {
  const created = await t.client.request('POST', '/v1/customers', aCustomer());
  const address = `/v1/customers/${created.body.id}`;
  const headers = { 'if-match': created.headers.get('etag') ?? '' };
  const change = () => t.client.request('PATCH', address, { city: '苏州' }, { headers });
  proxy.loseNext('the answer', /insert into outbox/);
  expect((await change()).status).toBe(503);
  expect((await change()).status).toBe(412);
  expect(await t.client.get(address)).toMatchObject({ city: '苏州', version: 2 });
  const events = await t.database.pool.query(
    `select type from outbox where subject = $1 order by subject_version`,
    [created.body.id],
  );
  expect(events.rows.map(({ type }) => type)).toEqual(['customer.created', 'customer.updated']);
});

test.each(losses)('activities are known by their own ids where %s is lost', async (loss) => {
  const { id, identifiers } = await t.client.post('/v1/customers', aCustomer(), 201);
  const [{ scheme, value }] = identifiers;
  const one = (index: number) => ({
    source: 'cards',
    source_id: `LOST ${loss} ${index}`,
    customer: { scheme, value },
    type: 'card_payment',
    occurred_at: '2026-02-20T09:00:00Z',
    amount: '10.00',
    currency: 'CNY',
    direction: 'out',
    initiated_by: 'customer',
  });
  const record = () => t.client.request('POST', '/v1/activities', { items: [0, 1, 2].map(one) });
  const first = await added(async () => {
    proxy.loseNext(loss, /activity_keys/);
    expect((await record()).status).toBe(503);
    let again = await record();
    for (let tries = 0; again.status === 503 && tries < 50; tries += 1) again = await record();
    expect(again.body).toMatchObject(
      loss === 'the request' ? { accepted: 3, duplicates: 0 } : { accepted: 0, duplicates: 3 },
    );
  });
  expect(first).toMatchObject({ activities: 3, totals: 3, outbox: 1 });
  const { activity_totals: totals } = await t.client.get(`/v1/customers/${id}/profile`);
  expect(totals).toMatchObject([{ count: 3, amount: '30' }]);
});

test.each(losses)('the relay goes on, without a gap or a repetition, where %s is lost', async (loss) => {
  await t.client.post('/v1/customers', aCustomer(), 201);
  proxy.loseNext(loss, /outbox_head|clientele_relay/);
  const lostBefore = proxy.lost();
  await expect(t.drain()).rejects.toThrow();
  expect(proxy.lost()).toBe(lostBefore + 1);
  await expect
    .poll(async () => {
      await t.drain().catch(() => undefined);
      const { rows } = await t.database.pool.query(
        'select count(*)::int as waiting from outbox where sequence is null',
      );
      return rows[0].waiting;
    })
    .toBe(0);
  const { rows } = await t.database.pool.query<{ sequence: number }>(
    'select sequence from outbox order by sequence',
  );
  expect(rows.map(({ sequence }) => Number(sequence))).toEqual(rows.map((_, index) => index + 1));
  const head = await t.database.pool.query('select sequence from outbox_head');
  expect(Number(head.rows[0].sequence)).toBe(rows.length);
});
