/** Segments by what customers held on the days of a month: late days, rates, owners and the clock are followed. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer, aHolding } from '../support/factories.js';

let t: TestApp;
const keys = ['last_month', 'three_months', 'never_low'];
beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-10T04:00:00Z' });
  const month = { calendar: 'month' };
  const average = (window: object) => ({
    balance: 'aum',
    measure: 'average',
    window,
    op: 'gte',
    value: '100',
  });
  const rules = {
    last_month: average({ ...month, offset: -1 }),
    three_months: { holds_for: { periods: 3, of: 'month', condition: average(month) } },
    never_low: { balance: 'aum', measure: 'min', window: { last: 'P7D' }, op: 'gte', value: '50' },
  };
  for (const [key, rule] of Object.entries(rules)) {
    await t.client.post('/v1/segments', { key, name: key, description: '', rule }, 201);
  }
});
afterAll(() => t.stop());

type Body = Record<string, unknown>;

let counter = 0;
const newCustomer = async () => (await t.client.post('/v1/customers', aCustomer(), 201)).id as string;

async function hold(customer: string, stated: Body): Promise<string> {
  counter += 1;
  const number = `DAY${counter}`;
  await t.client.post('/v1/holdings/upsert', { ...aHolding(number, { id: customer }), ...stated }, 201);
  return number;
}
const state = (number: string, balance: string, balance_date: string, more: Body = {}) =>
  t.client.post('/v1/holdings/upsert', { source: 'core', number, balance, balance_date, ...more }, 200);

async function segmentsOf(id: string): Promise<string[]> {
  await t.drain();
  const { data } = await t.client.get(`/v1/customers/${id}/segments`);
  return data
    .map((one: { segment: string }) => one.segment)
    .filter((key: string) => keys.includes(key))
    .sort();
}

test('a day that is stated late, or corrected, counts from its arrival', async () => {
  const id = await newCustomer();
  const number = await hold(id, { balance: '100', balance_date: '2026-03-09' });
  expect(await segmentsOf(id)).toEqual([]);
  await state(number, '100', '2026-02-01');
  expect(await segmentsOf(id)).toEqual(['last_month', 'never_low']);
  await state(number, '100', '2025-12-01');
  expect(await segmentsOf(id)).toEqual(['last_month', 'never_low', 'three_months']);
  await state(number, '99.7', '2026-01-31');
  // January is 99.99 now, and February what was stated of it
  expect(await segmentsOf(id)).toEqual(['last_month', 'never_low']);
  await state(number, '49.99', '2026-03-09');
  expect(await segmentsOf(id)).toEqual(['last_month']);
});

test('why is told of each month that is over', async () => {
  const id = await newCustomer();
  const number = await hold(id, { balance: '100', balance_date: '2025-12-01' });
  await state(number, '99.99', '2026-01-31');
  expect(await segmentsOf(id)).not.toContain('three_months');
  const { member, explanation, next_change_at } = await t.client.get(
    `/v1/customers/${id}/segments/three_months/explanation`,
  );
  expect({ member, kind: explanation.kind, verdict: explanation.verdict }).toEqual({
    member: false,
    kind: 'holds_for',
    verdict: false,
  });
  expect(explanation.conditions).toMatchObject([
    { period: '2026-02', verdict: false, value: '99.99', days: { first: '2026-02-01', until: '2026-03-01' } },
    { period: '2026-01', verdict: true, value: '100' },
    { period: '2025-12', verdict: true, value: '100' },
  ]);
  expect(next_change_at).toMatch(/^2026-03-31T16:00:00/);
});

test('a month is over at the bank’s midnight', async () => {
  const id = await newCustomer();
  const number = await hold(id, { balance: '100', balance_date: '2026-03-01' });
  expect(await segmentsOf(id)).toEqual(['never_low']);
  await t.travelTo('2026-04-02T04:00:00Z');
  await state(number, '1', '2026-04-01');
  expect(await segmentsOf(id)).toEqual(['last_month']);
  const { data } = await t.client.get(`/v1/segments/last_month/members`);
  const member = data.find((one: { customer_id: string }) => one.customer_id === id);
  expect(member.entered_at).toBe('2026-03-31T16:00:00Z');
});

test('the way days are counted concerns everybody', async () => {
  const id = await newCustomer();
  await hold(id, { balance: '99', balance_date: '2026-03-01' });
  expect(await segmentsOf(id)).toEqual(['never_low']);
  const put = async (stated: Body) => {
    const { headers } = await t.client.request('GET', '/v1/balance-policy');
    await t.client.put('/v1/balance-policy', stated, 200, {
      headers: { 'if-match': headers.get('etag') ?? '' },
    });
  };
  // 31 days by 30
  await put({ attribution: 'primary_owner', average_days: 'thirty' });
  expect(await segmentsOf(id)).toEqual(['last_month', 'never_low']);
  await put({ attribution: 'primary_owner', average_days: 'calendar' });
  expect(await segmentsOf(id)).toEqual(['never_low']);
});

test('a rate that is corrected changes the days that it values', async () => {
  const record = (rate: string, business_date: string) =>
    t.client.post('/v1/exchange-rates', {
      items: [{ currency: 'EUR', rate, business_date, source: 'treasury' }],
    });
  for (const day of ['2026-03-01', '2026-03-11', '2026-03-21', '2026-03-31']) await record('8', day);
  const id = await newCustomer();
  await hold(id, { currency: 'EUR', balance: '12.5', balance_date: '2026-03-01' });
  const closed = await newCustomer();
  const more = { status: 'closed', closed_on: '2026-04-01' };
  await hold(closed, { currency: 'EUR', balance: '12.5', balance_date: '2026-03-01', ...more });
  expect(await segmentsOf(id)).toEqual(['last_month', 'never_low']);
  expect(await segmentsOf(closed)).toEqual(['last_month']);
  await record('7.99', '2026-03-11');
  expect(await segmentsOf(id)).toEqual(['never_low']);
  expect(await segmentsOf(closed)).toEqual([]);
});

test('who owned a holding then is concerned by what is told of then', async () => {
  const [former, next] = [await newCustomer(), await newCustomer()];
  const number = await hold(former, { balance: '100', balance_date: '2026-03-31' });
  const taken = { customer: { id: next }, role: 'primary_owner', starts_on: '2026-04-01' };
  await t.client.post('/v1/holdings/upsert', { source: 'core', number, parties: [taken] }, 200);
  expect(await segmentsOf(former)).toEqual([]);
  await t.travelTo('2026-04-03T04:00:00Z');
  await state(number, '100', '2026-03-01');
  expect(await segmentsOf(former)).toEqual(['last_month']);
  expect(await segmentsOf(next)).toEqual([]);
});
