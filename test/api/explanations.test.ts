import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../src/platform/ids.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-01T04:00:00Z' });
  await t.client.post(
    '/v1/segments',
    { key: 'shanghai', name: 'Shanghai', description: '', rule: inShanghai },
    201,
  );
  await t.client.post('/v1/segments', { key: 'active', name: 'Active', description: '', rule: active }, 201);
  await t.client.post(
    '/v1/segments',
    {
      key: 'courted',
      name: 'Courted',
      description: '',
      rule: { all: [{ segment: 'shanghai' }, { not: { segment: 'active' } }] },
    },
    201,
  );
  await t.drain();
});
afterAll(() => t.stop());

const inShanghai = { fact: 'city', op: 'eq', value: '上海' };
const active = {
  activity: 'login',
  where: [{ field: 'channel', op: 'eq', value: 'app' }],
  window: { last: 'P30D' },
  measure: 'count',
  op: 'gte',
  value: 2,
};

async function member(stated: Record<string, unknown>): Promise<string> {
  const { id } = await t.client.post('/v1/customers', aCustomer(stated), 201);
  await t.drain();
  return id;
}

async function logIn(id: string, at: string): Promise<void> {
  const login = {
    source: 'app',
    source_id: newId(),
    customer: { id },
    type: 'login',
    occurred_at: at,
    channel: 'app',
  };
  await t.client.post('/v1/activities', { items: [login] });
}

const explain = (id: string, key: string, query = '') =>
  t.client.get(`/v1/customers/${id}/segments/${key}/explanation${query}`);

describe('at present', () => {
  test('activities of several types, and of any, are found as the membership has counted them', async () => {
    const id = await member({});
    const rule = {
      all: [
        {
          activity: ['branch_visit', 'login'],
          window: { last: 'P30D' },
          measure: 'count',
          op: 'eq',
          value: 2,
        },
        { activity: '*', window: { last: 'P90D' }, measure: 'count', op: 'eq', value: 3 },
        { activity: '*', measure: 'count', op: 'gte', value: 4 },
      ],
    };
    await t.client.post('/v1/segments', { key: 'busy', name: 'Busy', description: '', rule }, 201);
    const told = [
      ['login', '2026-02-20T00:00:00Z'],
      ['branch_visit', '2026-02-21T00:00:00Z'],
      ['call', '2026-01-10T00:00:00Z'],
      ['call', '2025-01-10T00:00:00Z'],
    ];
    const items = told.map(([type, occurred_at]) => ({
      source: 'app',
      source_id: newId(),
      customer: { id },
      type,
      occurred_at,
    }));
    await t.client.post('/v1/activities', { items });
    await t.drain();
    const { member: isIn, explanation } = await explain(id, 'busy');
    expect(isIn).toBe(true);
    expect(explanation.conditions).toMatchObject([{ value: 2 }, { value: 3 }, { value: 4 }]);
    const counted = explanation.conditions.map((one: { counted: string[] }) => one.counted.length);
    expect(counted).toEqual([2, 3, 4]);
  });

  test("a value of the customer's own is told beside what was held against it, then and now", async () => {
    const id = await member({});
    const rule = {
      activity: 'login',
      window: { last: 'P7D' },
      measure: 'count',
      op: 'gte',
      value: { times: '0.5', of: { activity: 'login', window: { last: 'P90D' }, measure: 'count' } },
    };
    await t.client.post('/v1/segments', { key: 'quickened', name: 'Quickened', description: '', rule }, 201);
    await logIn(id, '2026-01-10T00:00:00Z');
    await logIn(id, '2026-02-25T00:00:00Z');
    await t.drain();
    const why = await explain(id, 'quickened');
    expect(why).toMatchObject({
      member: true,
      next_change_at: '2026-03-04T00:00:00.000Z',
      explanation: { value: 1, condition: rule, against: { value: 2, bound: '1' } },
    });
    expect(why.explanation.against.counted).toHaveLength(2);
    expect(await explain(id, 'quickened', `?as_of=${why.evaluated_at}`)).toMatchObject({
      basis: 'recorded',
      explanation: { value: 1, against: { value: 2, bound: '1' } },
    });
    await logIn(id, '2026-01-11T00:00:00Z');
    expect(await explain(id, 'quickened')).toMatchObject({
      member: false,
      explanation: { value: 1, against: { value: 3, bound: '1.5' } },
    });
    await t.client.delete('/v1/segments/quickened', 204, { headers: { 'if-match': '*' } });
    await t.drain();
  });

  test('the tree says of each part what it saw, what was counted, and when it can change', async () => {
    const id = await member({ city: '上海' });
    expect(await explain(id, 'active')).toMatchObject({
      basis: 'present',
      member: false,
      explanation: { kind: 'activity', verdict: false, value: 0, counted: [], condition: active },
    });
    await logIn(id, '2026-02-20T00:00:00Z');
    await logIn(id, '2026-02-25T00:00:00Z');
    // nothing is drained: what waits for its review is reviewed first
    const why = await explain(id, 'active');
    expect(why).toMatchObject({
      member: true,
      rule_version: 1,
      cause: 'change',
      next_change_at: '2026-03-22T00:00:00.000Z',
      explanation: { verdict: true, value: 2, next_change_at: '2026-03-22T00:00:00.000Z' },
    });
    expect(why.explanation.counted).toHaveLength(2);
    expect(await explain(id, 'courted')).toMatchObject({
      member: false,
      explanation: {
        kind: 'all',
        verdict: false,
        conditions: [
          { kind: 'segment', pointer: '/all/0', verdict: true, value: true },
          { kind: 'not', verdict: false, conditions: [{ pointer: '/all/1/not', verdict: true }] },
        ],
      },
    });
  });

  test('who is out of reach, and what is not there, is the one 404', async () => {
    const id = await member({ city: '上海', branch: '7777' });
    const scoped = await t.clientWith(['segments:read'], { branches: ['8888'] });
    await scoped.problem('GET', `/v1/customers/${id}/segments/shanghai/explanation`, 'not_found');
    await t.client.problem('GET', `/v1/customers/${id}/segments/none/explanation`, 'not_found');
    await t.client.problem('GET', `/v1/customers/${newId()}/segments/shanghai/explanation`, 'not_found');
  });
});

describe('of a past instant', () => {
  test('is told by the evidence that was kept, whatever came later', async () => {
    await t.travelTo('2026-04-01T00:00:00Z');
    const id = await member({ city: '北京' });
    const never = await t.now();
    await t.travelTo('2026-04-02T00:00:00Z');
    await logIn(id, '2026-04-01T12:00:00Z');
    await logIn(id, '2026-04-01T13:00:00Z');
    await t.drain();
    await t.travelTo('2026-04-03T00:00:00Z');
    const during = await t.now();
    await t.travelTo('2026-07-01T00:00:00Z');
    await t.drain();
    // late data: the same days, told now
    await logIn(id, '2026-04-01T14:00:00Z');
    await t.drain();
    const after = await t.now();

    expect(await explain(id, 'active', `?as_of=${never}`)).toMatchObject({
      member: false,
      explanation: null,
    });
    expect(await explain(id, 'active', `?as_of=${during}`)).toMatchObject({
      basis: 'recorded',
      member: true,
      cause: 'change',
      explanation: { kind: 'activity', verdict: true, value: 2, condition: active },
    });
    expect(await explain(id, 'active', `?as_of=${after}`)).toMatchObject({
      member: false,
      cause: 'time',
      left_at: '2026-05-01T12:00:00Z',
      explanation: { verdict: false, value: 1 },
    });
    expect(await explain(id, 'active', `?as_of=${during}&basis=restated`)).toMatchObject({
      basis: 'restated',
      member: true,
      explanation: { verdict: true, value: 3 },
    });
    const restated = async (at: string) => {
      const { data } = await t.client.get(`/v1/segments/active/members?as_of=${at}&basis=restated`);
      return data.map((one: { customer_id: string }) => one.customer_id);
    };
    expect(await restated(during)).toContain(id);
    expect(await restated(after)).not.toContain(id);
    const segments = await t.client.get(`/v1/customers/${id}/segments?as_of=${during}&basis=restated`);
    expect(segments.data).toMatchObject([{ segment: 'active', cause: 'restated' }]);
  });

  test('is told by the rule of then', async () => {
    const id = await member({ city: '南京' });
    await t.client.post(
      '/v1/segments',
      { key: 'cities', name: 'Cities', description: '', rule: { ...inShanghai, value: '南京' } },
      201,
    );
    await t.drain();
    const before = await t.now();
    await t.travelTo('2026-07-02T00:00:00Z');
    await t.client.put('/v1/segments/cities', { name: 'Cities', description: '', rule: inShanghai }, 200, {
      headers: { 'if-match': '*' },
    });
    await t.drain();
    expect(await explain(id, 'cities')).toMatchObject({ member: false, rule_version: 2 });
    expect(await explain(id, 'cities', `?as_of=${before}`)).toMatchObject({
      member: true,
      rule_version: 1,
      cause: 'rule_version',
      explanation: { verdict: true, value: '南京', condition: { value: '南京' } },
    });
    expect(await explain(id, 'cities', `?as_of=${before}&basis=restated`)).toMatchObject({
      member: true,
      rule_version: 1,
    });
  });

  test('is not yet to come', async () => {
    const id = await member({ city: '上海' });
    const problem = await t.client.problem(
      'GET',
      `/v1/customers/${id}/segments/shanghai/explanation?as_of=2027-01-01T00:00:00Z`,
      'rule_broken',
    );
    expect(problem.errors[0]).toMatchObject({ in: 'query', pointer: '/as_of', code: 'in_the_future' });
  });
});

test('a fresh answer waits for nobody', async () => {
  const { id } = await t.client.post('/v1/customers', aCustomer({ city: '上海' }), 201);
  const segments = async (query: string) => (await t.client.get(`/v1/customers/${id}/segments${query}`)).data;
  expect(await segments('')).toEqual([]);
  expect(await segments('?fresh=true')).toMatchObject([
    { segment: 'cities' },
    { segment: 'courted' },
    { segment: 'shanghai' },
  ]);
});

describe('a preview', () => {
  test('is what saving then gives', async () => {
    const ids = [
      await member({ city: '杭州' }),
      await member({ city: '杭州' }),
      await member({ city: '苏州' }),
    ].sort();
    await t.client.post(
      '/v1/segments',
      { key: 'lakes', name: 'Lakes', description: '', rule: { ...inShanghai, value: '苏州' } },
      201,
    );
    await t.drain();
    const rule = { ...inShanghai, value: '杭州' };
    const told = await t.client.post('/v1/segments/preview', { key: 'lakes', rule });
    expect(told).toMatchObject({ count: 2, enters: 2, leaves: 1 });
    expect([...told.sample_enters, ...told.sample_leaves].sort()).toEqual(ids);
    await t.client.put('/v1/segments/lakes', { name: 'Lakes', description: '', rule }, 200, {
      headers: { 'if-match': '*' },
    });
    await t.drain();
    const { data } = await t.client.get('/v1/segments/lakes/members');
    expect(data.map((one: { customer_id: string }) => one.customer_id)).toEqual(told.sample);
  });

  test('counts those in reach, and refuses what cannot be', async () => {
    await member({ city: '扬州', branch: '7777' });
    await member({ city: '扬州', branch: '8888' });
    const scoped = await t.clientWith(['segments:read'], { branches: ['7777'] });
    const rule = { ...inShanghai, value: '扬州' };
    expect(await scoped.post('/v1/segments/preview', { rule })).toMatchObject({ count: 1 });
    expect(await t.client.post('/v1/segments/preview', { rule })).toMatchObject({ count: 2 });
    const problem = await t.client.problem('POST', '/v1/segments/preview', 'rule_broken', {
      key: 'shanghai',
      rule: { segment: 'courted' },
    });
    expect(problem.errors[0]).toMatchObject({ pointer: '/rule/segment', code: 'circular' });
  });
});
