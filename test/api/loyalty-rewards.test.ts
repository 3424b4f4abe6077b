/** Rewards: what can be ordered by whom, and that never more is sold, kept or given back than there is. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';
import { aProgramme, findingsOf } from '../support/loyalty.js';

// biome-ignore lint/suspicious/noExplicitAny: whatever the service answered
type Any = any;

const catalogue = '/v1/loyalty/programmes/rewards/rewards';
let t: TestApp;

beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-01T04:00:00Z' });
  await t.client.post('/v1/loyalty/programmes', aProgramme('rewards'), 201);
});
afterAll(async () => {
  expect((await findingsOf(t.client, 'rewards')).findings).toEqual([]);
  await t.stop();
});

const aReward = (key: string, more: object = {}) => ({
  key,
  ...{ name: key, description: '', status: 'active', delivery: 'manual', points: 100, stock: null },
  ...{ per_customer: null, valid_from: null, valid_to: null, eligibility: null },
  ...more,
});
const make = (key: string, more: object = {}): Promise<Any> =>
  t.client.post(catalogue, aReward(key, more), 201);

async function aMember(points = 1000): Promise<{ id: string; path: string }> {
  const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
  const path = `/v1/customers/${id}/loyalty/rewards`;
  await t.client.put(path, { status: 'open' }, 201);
  if (points > 0) await t.client.post(`${path}/accruals`, { points, reason: 'Test' }, 201);
  return { id, path };
}
const order = (path: string, reward: string): Promise<Any> =>
  t.client.post(`${path}/orders`, { reward }, 201);
const step = (path: string, id: string, what: string, body?: object): Promise<Any> =>
  t.client.post(`${path}/orders/${id}/${what}`, body, 201);
const left = async (reward: string): Promise<number> =>
  (await t.client.get(`${catalogue}/${reward}`)).available;

describe('the catalogue', () => {
  test('is made, read, listed and changed by version', async () => {
    const made = await t.client.request('POST', catalogue, aReward('mug', { stock: 5 }));
    expect(made.headers.get('location')).toBe(`${catalogue}/mug`);
    expect(made.body).toMatchObject({ key: 'mug', version: 1, stock: 5, taken: 0, available: 5 });
    await t.client.problem('POST', catalogue, 'conflict', aReward('mug'));
    const { key: _, delivery: __, ...content } = aReward('mug', { stock: 7 });
    await t.client.problem('PUT', `${catalogue}/mug`, 'precondition_required', content);
    const headers = { 'if-match': '"v1"' };
    const changed = await t.client.put(`${catalogue}/mug`, content, 200, { headers });
    expect(changed).toMatchObject({ version: 2, available: 7 });
    await t.client.problem('PUT', `${catalogue}/mug`, 'stale_version', content, { headers });
    const { data } = await t.client.get(catalogue);
    expect(data.map((one: Any) => one.key)).toEqual(['mug']);
    const { path } = await aMember();
    for (let count = 0; count < 2; count += 1) await order(path, 'mug');
    const less = { ...content, stock: 1 };
    const problem = await t.client.problem('PUT', `${catalogue}/mug`, 'rule_broken', less, {
      headers: { 'if-match': '*' },
    });
    expect(problem.errors[0].pointer).toBe('/stock');
    await t.client.problem('GET', `${catalogue}/nothing`, 'not_found');
  });

  test('has no key that is a word of paths', async () => {
    const problem = await t.client.problem('POST', catalogue, 'rule_broken', aReward('search'));
    expect(problem.errors).toMatchObject([{ pointer: '/key', code: 'reserved' }]);
  });

  test('says what is wrong with a reward', async () => {
    const problem = await t.client.problem('POST', catalogue, 'rule_broken', {
      ...aReward('odd', { delivery: 'code', stock: 3 }),
      ...{ valid_from: '2026-05-01T00:00:00Z', valid_to: '2026-04-01T00:00:00Z' },
      eligibility: { all: [{ fact: 'no_such_fact', op: 'eq', value: 1 }] },
    });
    expect(problem.errors.map((one: Any) => one.pointer)).toEqual([
      '/stock',
      '/valid_to',
      '/eligibility/all/0/fact',
    ]);
  });
});

describe('an order', () => {
  test('is reserved, issued and refunded, once each', async () => {
    await make('cup', { stock: 3 });
    const { path } = await aMember(250);
    const placed = await order(path, 'cup');
    expect(placed).toMatchObject({
      order: { status: 'reserved', points: 100, operation_id: null },
      operation: { kind: 'hold', balance: { outstanding: 250, available: 150, held: 100 } },
      code: null,
    });
    const { order_id: id, hold_id: hold } = placed.order;
    expect(await left('cup')).toBe(2);
    // what keeps its points is the order's own
    await t.client.problem('POST', `${path}/holds/${hold}/void`, 'conflict');
    await t.client.problem('POST', `${path}/holds/${hold}/capture`, 'conflict', {});
    await t.client.problem('POST', `${path}/orders/${id}/refund`, 'conflict', {
      reason: 'x',
      restock: false,
    });
    const issued = await step(path, id, 'issue');
    expect(issued).toMatchObject({
      order: { status: 'issued' },
      operation: { kind: 'redemption', points: -100, balance: { outstanding: 150, held: 0 } },
    });
    await t.client.problem('POST', `${path}/orders/${id}/issue`, 'conflict');
    await t.client.problem('POST', `${path}/orders/${id}/cancel`, 'conflict', {});
    const refunded = await step(path, id, 'refund', { reason: 'Broken', restock: true });
    expect(refunded).toMatchObject({
      order: { status: 'refunded', cause: 'asked', reason: 'Broken' },
      operation: { kind: 'refund', points: 100, reverses_id: issued.operation.operation_id },
    });
    expect(await left('cup')).toBe(3);
    await t.client.problem('POST', `${path}/orders/${id}/refund`, 'conflict', {
      reason: 'x',
      restock: false,
    });
    const { data } = await t.client.get(`${path}/orders`);
    expect(data.map((one: Any) => [one.order_id, one.status])).toEqual([[id, 'refunded']]);
    expect((await t.client.get(`${path}/orders/${id}`)).status).toBe('refunded');
  });

  test('is given up: points and stock are free again', async () => {
    await make('pen', { stock: 1 });
    const [a, b] = [await aMember(100), await aMember(100)];
    const placed = await order(a.path, 'pen');
    await t.client.problem('POST', `${b.path}/orders`, 'out_of_stock', { reward: 'pen' });
    const cancelled = await step(a.path, placed.order.order_id, 'cancel', { reason: 'Not wanted' });
    expect(cancelled).toMatchObject({
      order: { status: 'cancelled', reason: 'Not wanted' },
      operation: { kind: 'void', balance: { available: 100 } },
    });
    await order(b.path, 'pen');
    await t.client.problem('POST', `${a.path}/orders`, 'out_of_stock', { reward: 'pen' });
    expect((await t.client.get(a.path)).balance).toMatchObject({ available: 100, held: 0 });
  });

  test('needs points, and a reward that there is', async () => {
    await make('car', { points: 1_000_000 });
    const { path } = await aMember(10);
    await t.client.problem('POST', `${path}/orders`, 'insufficient_points', { reward: 'car' });
    const problem = await t.client.problem('POST', `${path}/orders`, 'not_found', { reward: 'ship' });
    expect(problem.errors[0].pointer).toBe('/reward');
    await t.client.problem('GET', `${path}/orders/${randomUUID()}`, 'not_found');
  });
});

describe('who can have a reward', () => {
  test('is told by its time, its limit for a customer, and its status', async () => {
    await make('spring', { valid_from: '2026-03-02T00:00:00Z', valid_to: '2026-03-03T00:00:00Z' });
    await make('once', { per_customer: 1 });
    await make('old', { status: 'retired' });
    const { path } = await aMember();
    const refused = async (reward: string): Promise<string> =>
      (await t.client.problem('POST', `${path}/orders`, 'not_eligible', { reward })).errors[0].code;
    expect(await refused('spring')).toBe('not_yet');
    expect(await refused('old')).toBe('retired');
    const { order: first } = await order(path, 'once');
    expect(await refused('once')).toBe('per_customer');
    await step(path, first.order_id, 'cancel', {});
    await order(path, 'once');
  });

  test('is told by its rule, and the first condition that fails is named without what was seen', async () => {
    await make('vip', {
      eligibility: {
        all: [
          { fact: 'kind', op: 'eq', value: 'person' },
          {
            any: [
              { fact: 'city', op: 'eq', value: 'Paris' },
              { fact: 'age_years', op: 'gte', value: 150 },
            ],
          },
        ],
      },
    });
    const { path } = await aMember();
    const problem = await t.client.problem('POST', `${path}/orders`, 'not_eligible', { reward: 'vip' });
    expect(problem.errors[0]).toMatchObject({ pointer: '/reward', code: 'condition' });
    expect(problem.condition).toEqual({
      pointer: '/all/1/any/0',
      condition: { fact: 'city', op: 'eq', value: 'Paris' },
    });
    await make('people', { eligibility: { fact: 'kind', op: 'eq', value: 'person' } });
    await order(path, 'people');
  });
});

describe('codes', () => {
  test('are added once, sealed, and handed out once each', async () => {
    await make('coffee', { delivery: 'code' });
    const add = (codes: string[]): Promise<Any> => t.client.post(`${catalogue}/coffee/codes`, { codes }, 200);
    expect(await add(['A-1', 'A-2', 'A-2'])).toEqual({ added: 2, known: 1, available: 2 });
    expect(await add(['A-2'])).toEqual({ added: 0, known: 1, available: 2 });
    const { rows } = await t.database.pool.query('select * from loyalty_reward_codes');
    expect(JSON.stringify(rows.map((row) => String(row.code_sealed)))).not.toContain('A-1');
    await t.client.problem('POST', `${catalogue}/mug/codes`, 'conflict', { codes: ['x'] });
    const { path } = await aMember();
    const [first, second] = [await order(path, 'coffee'), await order(path, 'coffee')];
    await t.client.problem('POST', `${path}/orders`, 'out_of_stock', { reward: 'coffee' });
    await step(path, second.order.order_id, 'cancel', {});
    const third = await order(path, 'coffee');
    const headers = { 'idempotency-key': randomUUID() };
    const issue = `${path}/orders/${first.order.order_id}/issue`;
    const issued = await t.client.post(issue, undefined, 201, { headers });
    const last = await step(path, third.order.order_id, 'issue');
    expect([issued.code, last.code].sort()).toEqual(['A-1', 'A-2']);
    expect(await t.client.post(issue, undefined, 201, { headers })).toEqual(issued);
    const read = await t.client.get(`${path}/orders/${first.order.order_id}`);
    expect(JSON.stringify(read)).not.toContain(issued.code);
    const refunded = await step(path, first.order.order_id, 'refund', { reason: 'Bad', restock: true });
    expect(refunded).toMatchObject({ code: null, order: { status: 'refunded' } });
    // a code that was given out is used up
    await t.client.problem('POST', `${path}/orders`, 'out_of_stock', { reward: 'coffee' });
  });
});

describe('at once', () => {
  test('100 orders of 30 pieces sell 30, of codes too', async () => {
    await make('rare', { points: 1, stock: 30 });
    await make('tickets', { points: 1, delivery: 'code' });
    const codes = Array.from({ length: 30 }, (_, place) => `T-${place}`);
    await t.client.post(`${catalogue}/tickets/codes`, { codes }, 200);
    const members = await Promise.all(Array.from({ length: 20 }, () => aMember(100)));
    for (const reward of ['rare', 'tickets']) {
      const replies = await Promise.all(
        Array.from({ length: 100 }, (_, place) =>
          t.client.request('POST', `${members[place % members.length]?.path}/orders`, { reward }),
        ),
      );
      const statuses = replies.map(({ status, body }) => (status === 201 ? 'sold' : body.code));
      expect(statuses.filter((one) => one === 'sold')).toHaveLength(30);
      expect(new Set(statuses)).toEqual(new Set(['sold', 'out_of_stock']));
      expect(await left(reward)).toBe(0);
      const sold = replies.filter(({ status }) => status === 201).map(({ body }) => body.order);
      const ended = await Promise.all(
        sold.map((one: Any, place: number) =>
          step(
            `/v1/customers/${one.customer_id}/loyalty/rewards`,
            one.order_id,
            place % 3 === 0 ? 'cancel' : 'issue',
            place % 3 === 0 ? {} : undefined,
          ),
        ),
      );
      expect(await left(reward)).toBe(10);
      const given = ended.map((one: Any) => one.code).filter((code: string | null) => code !== null);
      expect(new Set(given).size).toBe(reward === 'tickets' ? 20 : 0);
    }
  });

  test('one order that is issued and cancelled 10 times each is one of both, once', async () => {
    await make('single', { stock: 1 });
    const { path } = await aMember(100);
    const { order: placed } = await order(path, 'single');
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, place) =>
        t.client.request(
          'POST',
          `${path}/orders/${placed.order_id}/${place % 2 === 0 ? 'issue' : 'cancel'}`,
          place % 2 === 0 ? undefined : {},
        ),
      ),
    );
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(1);
  });
});

describe('when time passes', () => {
  test('an order that nobody issues is cancelled with its hold, and can be ordered again', async () => {
    await make('short', { stock: 1 });
    const { path } = await aMember(100);
    const { order: placed } = await order(path, 'short');
    await t.travelTo(new Date(Date.parse(placed.expires_at) + 1000).toISOString());
    // before anybody has written it down
    const read = await t.client.get(`${path}/orders/${placed.order_id}`);
    expect(read).toMatchObject({ status: 'cancelled', cause: 'timed_out', ended_at: placed.expires_at });
    await t.client.problem('POST', `${path}/orders/${placed.order_id}/issue`, 'conflict');
    await t.drain();
    expect(await left('short')).toBe(1);
    expect(await t.client.get(`${path}/orders/${placed.order_id}`)).toEqual(read);
    await order(path, 'short');
    const { data } = await t.client.get('/v1/events?limit=1000');
    const types = data.map((one: Any) => one.type.replace('clientele.', ''));
    for (const type of ['reserved', 'issued', 'cancelled', 'refunded'])
      expect(types).toContain(`loyalty.order_${type}`);
  });

  test('orders go with a customer that turns out to be another, and come back', async () => {
    const [a, b] = [await aMember(500), await aMember(500)];
    await make('gift', { stock: 10 });
    const { order: placed } = await order(b.path, 'gift');
    const merge = await t.client.post('/v1/merges', { survivor: { id: a.id }, merged: { id: b.id } }, 201);
    const { data } = await t.client.get(`${a.path}/orders`);
    expect(data.map((one: Any) => one.order_id)).toEqual([placed.order_id]);
    const issued = await step(a.path, placed.order_id, 'issue');
    expect(issued.operation.balance).toMatchObject({ outstanding: 900 });
    await t.client.post(`/v1/merges/${merge.id}/revert`, undefined, 200, { headers: { 'if-match': '*' } });
    expect((await t.client.get(`${a.path}/orders`)).data).toEqual([]);
    expect((await t.client.get(`${b.path}/orders/${placed.order_id}`)).status).toBe('issued');
    expect((await t.client.get(b.path)).balance).toMatchObject({ outstanding: 400 });
  });
});
