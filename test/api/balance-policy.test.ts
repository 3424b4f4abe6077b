import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer, aHolding } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-10T04:00:00Z' });
});
afterAll(() => t.stop());

type Body = Record<string, unknown>;

let counter = 0;
const newCustomer = async (stated: Body = {}) =>
  (await t.client.post('/v1/customers', aCustomer(stated), 201)).id as string;
const owner = (id: string, role: string, more: Body = {}) => ({ customer: { id }, role, ...more });

async function hold(parties: Body[], stated: Body): Promise<{ id: string; number: string }> {
  counter += 1;
  const number = `POL${counter}`;
  const body = { ...aHolding(number, undefined), parties, ...stated };
  return { id: (await t.client.post('/v1/holdings/upsert', body, 201)).holding.id, number };
}

const totalsOf = async (id: string) => {
  const { totals } = await t.client.get(`/v1/customers/${id}/profile`);
  expect((await t.client.get(`/v1/customers/${id}/summary`)).totals).toEqual(totals);
  return totals;
};
const averagesOf = (id: string, month: string) =>
  t.client.get(`/v1/customers/${id}/balances/averages?month=${month}`);
const segmentsOf = async (id: string) =>
  (await t.client.get(`/v1/customers/${id}/segments`)).data.map((one: { segment: string }) => one.segment);

async function setPolicy(stated: Body): Promise<void> {
  const path = '/v1/balance-policy';
  const before = await t.client.request('GET', path);
  await t.client.problem('PUT', path, 'precondition_required', stated);
  const headers = { 'if-match': before.headers.get('etag') ?? '' };
  expect(await t.client.put(path, stated, 200, { headers })).toMatchObject(stated);
  await t.drain();
  expect(await t.client.get(path)).toMatchObject({ ...stated, customers_marked: true });
}

describe('a holding with several owners', () => {
  test('is the primary owner’s, each owner’s by share, or in full every owner’s', async () => {
    const [first, second] = [await newCustomer(), await newCustomer()];
    const rule = { fact: 'holdings.aum', op: 'gte', value: '30' };
    await t.client.post('/v1/segments', { key: 'saver', name: 'S', description: '', rule }, 201);
    await hold([owner(first, 'primary_owner'), owner(second, 'joint_owner', { share: '33.3333' })], {
      balance: '100.01',
      balance_date: '2026-02-01',
    });
    await hold([owner(first, 'primary_owner'), owner(second, 'authorised')], {
      category: 'loan',
      balance: '-3',
    });
    await t.drain();
    expect(await totalsOf(first)).toMatchObject({ aum: '100.01', liabilities: '3', holdings: 2 });
    expect(await totalsOf(second)).toMatchObject({ aum: null, holdings: 0 });
    expect(await segmentsOf(second)).not.toContain('saver');

    await setPolicy({ attribution: 'by_share', average_days: 'calendar' });
    expect(await totalsOf(first)).toMatchObject({ aum: '66.67', liabilities: '3.00', holdings: 2 });
    expect(await totalsOf(second)).toMatchObject({
      aum: '33.34',
      liabilities: '0',
      net: '33.34',
      holdings: 1,
    });
    expect(await segmentsOf(second)).toContain('saver');
    expect(await averagesOf(second, '2026-02')).toMatchObject({ attribution: 'by_share', aum: '33.34' });

    await setPolicy({ attribution: 'full', average_days: 'thirty' });
    expect(await totalsOf(second)).toMatchObject({ aum: '100.01', holdings: 1 });
    // 28 days by 30
    expect(await averagesOf(second, '2026-02')).toMatchObject({
      attribution: 'full',
      days: 30,
      aum: '93.34',
    });
    await setPolicy({ attribution: 'primary_owner', average_days: 'calendar' });
    expect(await segmentsOf(second)).not.toContain('saver');
    expect(await segmentsOf(first)).toContain('saver');
  });

  test('counts for an owner from the first day to before the last, and who comes in between is reviewed', async () => {
    await setPolicy({ attribution: 'full', average_days: 'calendar' });
    const [first, second] = [await newCustomer(), await newCustomer()];
    const joint = owner(second, 'joint_owner', { starts_on: '2026-03-12', ends_on: '2026-03-14' });
    await hold([owner(first, 'primary_owner'), joint], { balance: '100' });
    await t.drain();
    const seen: boolean[] = [(await segmentsOf(second)).includes('saver')];
    for (const day of ['11', '12', '13']) {
      await t.travelTo(`2026-03-${day}T16:00:00Z`);
      await t.drain();
      expect((await totalsOf(second)).holdings, day).toBe(day === '13' ? 0 : 1);
      seen.push((await segmentsOf(second)).includes('saver'));
    }
    expect(seen).toEqual([false, true, true, false]);
    await setPolicy({ attribution: 'primary_owner', average_days: 'calendar' });
  });

  test('is handed over on the day, not before', async () => {
    const [first, second] = [await newCustomer(), await newCustomer()];
    const { number } = await hold([owner(first, 'primary_owner')], {});
    const handOver = (starts_on: string) => ({
      source: 'core',
      number,
      parties: [owner(second, 'primary_owner', { starts_on })],
    });
    const path = '/v1/holdings/upsert';
    const problem = await t.client.problem('POST', path, 'rule_broken', handOver('2026-03-31'));
    expect(problem.errors).toMatchObject([{ pointer: '/parties', code: 'takes_over_later' }]);
    const { holding } = await t.client.post(path, handOver('2026-03-11'));
    expect(holding.primary_owner_id).toBe(second);
  });

  test('is counted once in a household', async () => {
    const [first, second] = [await newCustomer(), await newCustomer()];
    await hold([owner(first, 'primary_owner'), owner(second, 'joint_owner')], { balance: '100' });
    await hold([owner(second, 'primary_owner')], { balance: '50' });
    await hold([owner(second, 'primary_owner')], { category: 'mortgage', balance: '-20' });
    await hold([owner(second, 'primary_owner')], { currency: 'USD', balance: '7' });
    const position = (...ids: string[]) =>
      t.client.post('/v1/customers/positions', { customers: ids.map((id) => ({ id })) });
    expect(await position(first, second, first)).toEqual({
      currency: 'CNY',
      customers: 2,
      aum: '150',
      liabilities: '20',
      net: '130',
      holdings: 4,
      unvalued: 1,
    });
    expect(await position(first)).toMatchObject({ aum: '100', holdings: 1 });
    const hidden = await newCustomer({ branch: '0909' });
    const clerk = await t.clientWith(['customers:read'], { branches: ['0101'] });
    await clerk.problem('POST', '/v1/customers/positions', 'not_found', {
      customers: [{ id: first }, { id: hidden }],
    });
  });
});

describe('monthly averages', () => {
  test('open and close inside the month, and follow late days', async () => {
    const id = await newCustomer();
    const { id: holding, number } = await hold([owner(id, 'primary_owner')], {
      balance: '280',
      balance_date: '2026-02-20',
    });
    const average = async () => (await averagesOf(id, '2026-02')).aum;
    // nine days of 28
    expect(await average()).toBe('90.00');
    expect(await t.client.get(`/v1/holdings/${holding}/balances/averages?month=2026-02`)).toMatchObject({
      until: '2026-03-01',
      days: 28,
      average: '90.00',
      unvalued_days: 0,
    });
    const state = (stated: Body) =>
      t.client.post('/v1/holdings/upsert', { source: 'core', number, ...stated });
    await state({ balance: '28', balance_date: '2026-02-01' });
    expect(await average()).toBe('109.00');
    await state({ status: 'closed', closed_on: '2026-02-22' });
    // 19 days of 28, and two of 280
    expect(await average()).toBe('39.00');
    // of March nothing is left; nine days are over
    expect(await averagesOf(id, '2026-03')).toMatchObject({ aum: null, holdings: [] });
    await state({ status: 'active' });
    expect(await average()).toBe('109.00');
    await t.client.problem('GET', `/v1/customers/${id}/balances/averages?month=2099-01`, 'rule_broken');
  });

  test('value other currencies at the rate of each day', async () => {
    const id = await newCustomer();
    const rates = [
      { currency: 'EUR', rate: '8', business_date: '2026-02-08' },
      { currency: 'EUR', rate: '7', business_date: '2026-02-15' },
    ];
    const items = rates.map((one) => ({ ...one, source: 'treasury' }));
    await hold([owner(id, 'primary_owner')], { currency: 'EUR', balance: '28', balance_date: '2026-02-01' });
    await t.client.post('/v1/exchange-rates', { items });
    // seven days without a rate, seven at 8, fourteen at 7
    expect(await averagesOf(id, '2026-02')).toMatchObject({
      aum: '154.00',
      unvalued: 1,
      holdings: [{ category: 'deposit', average: '154.00', unvalued_days: 7 }],
    });
    expect((await totalsOf(id)).aum).toBe('196.00');
  });
});

test('another policy passes over customers that were merged', async () => {
  const [survivor, merged] = [await newCustomer(), await newCustomer()];
  await t.client.post('/v1/merges', { survivor: { id: survivor }, merged: { id: merged } }, 201);
  await t.drain();
  const { attribution, average_days } = await t.client.get('/v1/balance-policy');
  await setPolicy({ attribution: 'full', average_days });
  await setPolicy({ attribution, average_days });
});
