import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-10T04:00:00Z' });
});
afterAll(() => t.stop());

let holdingNumber = 62_220_000;

async function aBankedCustomer(branch = '0101') {
  const customer = await t.client.post('/v1/customers', aCustomer({ branch, city: '上海' }), 201);
  holdingNumber += 1;
  const party = { customer: { id: customer.id }, role: 'primary_owner' };
  const holding = {
    source: 'core',
    currency: 'CNY',
    status: 'active',
    opened_on: '2020-01-01',
    parties: [party],
  };
  await t.client.post(
    '/v1/holdings/upsert',
    {
      ...holding,
      number: `D${holdingNumber}`,
      category: 'deposit',
      balance: '1200000.50',
      balance_date: '2026-03-09',
    },
    201,
  );
  await t.client.post(
    '/v1/holdings/upsert',
    {
      ...holding,
      number: `L${holdingNumber}`,
      category: 'loan',
      balance: '-200000.25',
      balance_date: '2026-03-09',
    },
    201,
  );
  const items = Array.from({ length: 7 }, (_, index) => ({
    source: 'cards',
    source_id: `${customer.id}-${index}`,
    customer: { id: customer.id },
    type: 'card_payment',
    occurred_at: `2026-03-0${index + 1}T02:00:00Z`,
    amount: '10.10',
    currency: 'CNY',
    direction: 'out',
    initiated_by: 'customer',
  }));
  await t.client.post('/v1/activities', { items });
  await t.drain();
  return customer;
}

test('the profile is the whole picture', async () => {
  const customer = await aBankedCustomer();
  const other = await t.client.post('/v1/customers', aCustomer({ full_name: '李雷' }), 201);
  await t.client.post(
    `/v1/customers/${customer.id}/relationships`,
    { related_customer: { id: other.id }, role: 'spouse' },
    201,
  );
  const profile = await t.client.get(`/v1/customers/${customer.id}/profile`);
  expect(profile.totals).toEqual({
    currency: 'CNY',
    aum: '1200000.50',
    liabilities: '200000.25',
    net: '1000000.25',
    holdings: 2,
    unvalued: 0,
  });
  expect(profile.segments.map((one: { segment: string }) => one.segment)).toEqual(['high_net_worth']);
  expect(profile.holdings.map((one: { holding: { category: string } }) => one.holding.category)).toEqual([
    'deposit',
    'loan',
  ]);
  expect(profile.relationships[0]).toMatchObject({
    role: 'spouse',
    related_customer: { id: other.id, display_name: '李雷' },
  });
  expect(profile.activity_totals).toMatchObject([{ type: 'card_payment', count: 7, amount: '70.7' }]);
  expect(profile.last_activities).toHaveLength(7);
  expect(profile.provenance.city[0]).toMatchObject({ source: 'core', value: '上海' });
  expect(profile.customer.status).toBe('active');
});

test('the summary is small, and unchanged while nothing changes', async () => {
  const { id } = await aBankedCustomer();
  const first = await t.client.request('GET', `/v1/customers/${id}/summary`);
  expect(first.body).toMatchObject({ segments: ['high_net_worth'], totals: { net: '1000000.25' } });
  const headers = { 'if-none-match': String(first.headers.get('etag')) };
  expect((await t.client.request('GET', `/v1/customers/${id}/summary`, undefined, { headers })).status).toBe(
    304,
  );
});

test('nothing that identifies is told without the scope for it', async () => {
  const { id } = await aBankedCustomer();
  const masked = await t.clientWith(['customers:read']);
  for (const part of ['profile', 'summary', 'timeline']) {
    expect(JSON.stringify(await masked.get(`/v1/customers/${id}/${part}`))).not.toContain('小明');
  }
  expect(JSON.stringify(await masked.get(`/v1/customers/${id}/profile`))).not.toContain(
    String(holdingNumber),
  );
});

test('the timeline pages without loss or repetition, newest first', async () => {
  const { id } = await aBankedCustomer();
  await t.client.patch(`/v1/customers/${id}`, { city: '北京' }, '*');
  await t.drain();
  type Entry = { id: string; at: string; kind: string };
  const whole: { data: Entry[] } = await t.client.get(`/v1/customers/${id}/timeline?limit=200`);
  expect(new Set(whole.data.map((entry) => entry.kind))).toEqual(new Set(['activity', 'change', 'event']));
  const paged: Entry[] = [];
  let cursor: string | null = null;
  do {
    const page: { data: Entry[]; next_cursor: string | null } = await t.client.get(
      `/v1/customers/${id}/timeline?limit=3${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    paged.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor !== null);
  expect(paged).toEqual(whole.data);
  const instants = paged.map((entry) => Date.parse(entry.at));
  expect(instants).toEqual([...instants].sort((left, right) => right - left));
  const activities = await t.client.get(`/v1/customers/${id}/timeline?kind=activity`);
  expect(activities.data).toHaveLength(7);
});

test('what lies outside the data scope is not there', async () => {
  const { id } = await aBankedCustomer('0101');
  const scoped = await t.clientWith(['customers:read'], { branches: ['0202'] });
  for (const part of ['profile', 'summary', 'timeline']) {
    await scoped.problem('GET', `/v1/customers/${id}/${part}`, 'not_found');
  }
});
