import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-01T04:00:00Z' });
});
afterAll(() => t.stop());

const segmentsOf = async (id: string, query = ''): Promise<string[]> =>
  (await t.client.get(`/v1/customers/${id}/segments${query}`)).data.map(
    (one: { segment: string }) => one.segment,
  );

async function member(stated: Record<string, unknown>): Promise<string> {
  const { id } = await t.client.post('/v1/customers', aCustomer(stated), 201);
  await t.drain();
  return id;
}

const fromShanghai = { rule: { fact: 'city', op: 'eq', value: '上海' }, name: 'Shanghai', description: '' };

describe('membership', () => {
  test('follows a write, and tells when it entered and left', async () => {
    await t.client.post('/v1/segments', { key: 'shanghai', ...fromShanghai }, 201);
    await t.drain();
    const id = await member({ city: '上海' });
    expect(await segmentsOf(id)).toContain('shanghai');
    const before = await t.now();
    await t.travelTo('2026-03-02T04:00:00Z');
    await t.client.patch(`/v1/customers/${id}`, { city: '北京' }, '*');
    await t.drain();
    expect(await segmentsOf(id)).not.toContain('shanghai');
    expect(await segmentsOf(id, `?as_of=${before}`)).toContain('shanghai');
    const members = await t.client.get(`/v1/segments/shanghai/members?as_of=${before}`);
    expect(members.data.map((one: { customer_id: string }) => one.customer_id)).toContain(id);
    const events = (await t.client.get('/v1/events?limit=1000')).data.filter(
      (event: { subject: string; type: string }) => event.subject === id && event.type.includes('segment'),
    );
    const about = (event: { type: string; data: { segment: string; cause: string } }) => [
      event.type,
      event.data.segment,
      event.data.cause,
    ];
    expect(events.map(about)).toEqual([
      ['clientele.segment.entered', 'shanghai', 'change'],
      ['clientele.segment.left', 'shanghai', 'change'],
    ]);
  });

  test('follows the clock alone, at its exact instant, however late the review comes', async () => {
    const id = await member({ customer_since: '2026-03-01' });
    expect(await segmentsOf(id)).toContain('new');
    await t.travelTo('2026-07-01T00:00:00Z');
    await t.drain();
    expect(await segmentsOf(id)).toEqual(['ordinary']);
    const { rows } = await t.database.pool.query(
      `select left_at, left_cause from memberships where customer_id = $1 and segment = 'new'`,
      [id],
    );
    // 90 days after 1 March is 30 May, which begins in Shanghai at 16:00 UTC of the day before
    expect(rows[0]).toEqual({ left_at: '2026-05-29T16:00:00Z', left_cause: 'time' });
  });

  test('a changed rule is another version, and judges everybody again', async () => {
    const id = await member({ city: '成都' });
    expect(await segmentsOf(id)).not.toContain('shanghai');
    const { rule_version } = await t.client.get('/v1/segments/shanghai');
    const changed = { ...fromShanghai, rule: { fact: 'city', op: 'in', value: ['上海', '成都'] } };
    const options = { headers: { 'if-match': `"v${rule_version}"` } };
    const made = await t.client.put('/v1/segments/shanghai', changed, 200, options);
    expect(made).toMatchObject({ rule_version: rule_version + 1, state: 'evaluating' });
    await t.client.problem('PUT', '/v1/segments/shanghai', 'stale_version', changed, options);
    await t.drain();
    expect(await t.client.get('/v1/segments/shanghai')).toMatchObject({ state: 'current' });
    expect(await segmentsOf(id)).toContain('shanghai');
  });

  test('the same rule again is no other version, in whatever order it is written', async () => {
    const before = await t.client.get('/v1/segments/shanghai');
    const again = { ...fromShanghai, rule: { value: ['上海', '成都'], op: 'in', fact: 'city' } };
    const headers = { 'if-match': '*' };
    const renamed = await t.client.put('/v1/segments/shanghai', { ...again, name: 'Two cities' }, 200, {
      headers,
    });
    expect(renamed).toMatchObject({ name: 'Two cities', rule_version: before.rule_version });
  });

  test('a deleted segment has no members, and had them', async () => {
    await t.client.post('/v1/segments', { key: 'gone', ...fromShanghai, name: 'Gone' }, 201);
    const id = await member({ city: '上海' });
    const then = await t.now();
    await t.travelTo('2026-07-02T00:00:00Z');
    await t.client.delete('/v1/segments/gone', 204, { headers: { 'if-match': '*' } });
    await t.drain();
    await t.client.problem('GET', '/v1/segments/gone', 'not_found');
    expect(await segmentsOf(id)).not.toContain('gone');
    expect(await segmentsOf(id, `?as_of=${then}`)).toContain('gone');
  });

  test('lists obey the data scope', async () => {
    const id = await member({ city: '上海', branch: '7777' });
    await member({ city: '上海', branch: '8888' });
    const scoped = await t.clientWith(['segments:read'], { branches: ['7777'] });
    const { data } = await scoped.get('/v1/segments/shanghai/members');
    expect(data.map((one: { customer_id: string }) => one.customer_id)).toEqual([id]);
  });
});

test.each([
  ['/rule/fact', { fact: 'tenure_day', op: 'lt', value: 3 }, { nearest: 'tenure_days' }],
  ['/rule/all/0/op', { all: [{ fact: 'stub', op: 'lt', value: true }] }, { fact: 'stub', type: 'boolean' }],
  [
    '/rule/value',
    { fact: 'tenure_days', op: 'lt', value: 'three' },
    { fact: 'tenure_days', type: 'integer' },
  ],
])('a rule that cannot be is refused at %s', async (pointer, rule, expected) => {
  const problem = await t.client.problem('POST', '/v1/segments', 'rule_broken', {
    key: 'wrong',
    name: 'Wrong',
    description: '',
    rule,
  });
  expect(problem.errors[0]).toMatchObject({ pointer, ...expected });
  const checked = await t.client.post('/v1/rules/validate', { rule });
  expect(checked).toMatchObject({ valid: false, errors: [{ pointer }] });
});

test('the facts are documented', async () => {
  const { data } = await t.client.get('/v1/facts');
  const names = data.map((fact: { name: string }) => fact.name);
  for (const name of [
    'holdings.net',
    'tenure_days',
    'age_years',
    'city',
    'identifiers.national_id',
    'activities.last_at',
  ]) {
    expect(names).toContain(name);
  }
});

test('who leaves because something was told wrongly is told so', async () => {
  const rule = { activity: 'card_payment', measure: 'sum', op: 'gte', value: '100' };
  await t.client.post('/v1/segments', { key: 'payers', name: 'Payers', description: '', rule }, 201);
  await t.drain();
  const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
  const payment = { source: 'cards', source_id: 'corrected', customer: { id }, type: 'card_payment' };
  const occurred_at = await t.now();
  const paid = { ...payment, occurred_at, currency: 'CNY', direction: 'out', amount: '120.00' };
  await t.client.post('/v1/activities', { items: [paid] });
  await t.drain();
  await t.client.post('/v1/activities', { items: [{ ...paid, source_version: 2, amount: '12.00' }] });
  await t.drain();
  const { rows } = await t.database.pool.query(
    `select cause, left_cause from memberships where customer_id = $1 and segment = 'payers'`,
    [id],
  );
  expect(rows).toEqual([{ cause: 'change', left_cause: 'correction' }]);
});

test('two workers at once make each membership once', async () => {
  await t.client.post(
    '/v1/segments',
    { key: 'raced', ...fromShanghai, name: 'Raced', member_events: true },
    201,
  );
  for (let made = 0; made < 60; made += 1)
    await t.client.post('/v1/customers', aCustomer({ city: '上海' }), 201);
  await Promise.all([t.drain(), t.drain(), t.drain()]);
  await t.drain();
  const { rows } = await t.database.pool.query(`
    select (select count(*)::int from memberships where segment = 'raced' and left_at is null) as members,
      (select count(*)::int from customers where city = '上海') as customers,
      (select count(*)::int from outbox where type = 'segment.entered' and data ->> 'segment' = 'raced') as events`);
  expect(rows[0].members).toBe(rows[0].customers);
  expect(rows[0].events).toBe(rows[0].customers);
});
