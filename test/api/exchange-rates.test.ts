import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer, aHolding } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.stop());

type Rate = { currency: string; rate: string; business_date: string; source?: string };

const record = (...items: Rate[]) =>
  t.client.post('/v1/exchange-rates', { items: items.map((one) => ({ source: 'treasury', ...one })) });
const rateOn = (currency: string, on: string) => t.client.get(`/v1/exchange-rates/${currency}?on=${on}`);

let counter = 0;
const newCustomer = async () => (await t.client.post('/v1/customers', aCustomer(), 201)).id as string;

async function pay(customerId: string, stated: Record<string, unknown>): Promise<string> {
  counter += 1;
  const source_id = `X${counter}`;
  const item = {
    source: 'cards',
    source_id,
    customer: { id: customerId },
    type: 'card_payment',
    occurred_at: `${stated.business_date}T03:00:00Z`,
    direction: 'out',
    ...stated,
  };
  expect(await t.client.post('/v1/activities', { items: [item] })).toMatchObject({ accepted: 1 });
  return source_id;
}

const paid = async (customerId: string, sourceId: string) =>
  (await t.client.get(`/v1/customers/${customerId}/activities`)).data.find(
    (one: { source_id: string }) => one.source_id === sourceId,
  );
const profileOf = (customerId: string) => t.client.get(`/v1/customers/${customerId}/profile`);

describe('rates', () => {
  test('that of a day is the latest one up to it, while it is not too old', async () => {
    expect(
      await record(
        { currency: 'EUR', rate: '7.85', business_date: '2026-02-02' },
        { currency: 'EUR', rate: '7.9', business_date: '2026-02-05' },
      ),
    ).toEqual({ recorded: 2, unchanged: 0 });
    expect(await record({ currency: 'EUR', rate: '7.850', business_date: '2026-02-02' })).toEqual({
      recorded: 0,
      unchanged: 1,
    });
    await t.client.problem('GET', '/v1/exchange-rates/EUR?on=2026-02-01', 'not_found');
    expect(await rateOn('EUR', '2026-02-04')).toMatchObject({ rate: { rate: '7.85' }, is_latest: false });
    expect(await rateOn('EUR', '2026-02-05')).toMatchObject({ rate: { rate: '7.9' }, is_latest: true });
    expect((await rateOn('EUR', '2026-02-19')).rate.business_date).toBe('2026-02-05');
    await t.client.problem('GET', '/v1/exchange-rates/EUR?on=2026-02-20', 'not_found');
  });

  test('a correction takes the place of the former one, which is kept', async () => {
    await record({ currency: 'GBP', rate: '9.1', business_date: '2026-02-02' });
    const former = (await rateOn('GBP', '2026-02-02')).rate;
    await record(
      { currency: 'GBP', rate: '9.2', business_date: '2026-02-02' },
      { currency: 'GBP', rate: '9.3', business_date: '2026-02-02' },
    );
    const standing = (await rateOn('GBP', '2026-02-02')).rate;
    expect(standing).toMatchObject({ rate: '9.3', superseded_at: null });
    const list = (query: string) => t.client.get(`/v1/exchange-rates?currency=GBP${query}`);
    expect((await list('')).data).toEqual([standing]);
    const all = (await list('&superseded=true')).data;
    expect(all.map(({ rate }: Rate) => rate).sort()).toEqual(['9.1', '9.2', '9.3']);
    expect(all.find(({ id }: { id: string }) => id === former.id).superseded_at).not.toBeNull();
    expect((await list('&from=2026-02-03')).data).toEqual([]);
    const first = await t.client.get('/v1/exchange-rates?superseded=true&limit=2');
    const next = await t.client.get(
      `/v1/exchange-rates?superseded=true&limit=200&cursor=${encodeURIComponent(first.next_cursor)}`,
    );
    const ids = [...first.data, ...next.data].map(({ id }: { id: string }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBe((await t.client.get('/v1/exchange-rates?superseded=true&limit=200')).data.length);
  });

  test.each([
    [{ currency: 'CNY', rate: '1', business_date: '2026-02-02' }, '/items/1/currency', 'own_currency'],
    [{ currency: 'CHF', rate: '0.000', business_date: '2026-02-02' }, '/items/1/rate', 'not_positive'],
    [{ currency: 'CHF', rate: '8', business_date: '2026-03-02' }, '/items/1/business_date', 'in_the_future'],
  ])('all of a batch are refused for one: %j', async (rate, pointer, code) => {
    const good = { currency: 'CHF', rate: '8', business_date: '2026-02-02', source: 'treasury' };
    const items = [good, { ...rate, source: 'treasury' }];
    const problem = await t.client.problem('POST', '/v1/exchange-rates', 'rule_broken', { items });
    expect(problem.errors).toMatchObject([{ pointer, code }]);
    await t.client.problem('GET', '/v1/exchange-rates/CHF?on=2026-02-02', 'not_found');
  });

  test('a file of them is an import, for the whole bank alone', async () => {
    const line = { currency: 'SEK', rate: '0.67', business_date: '2026-02-02' };
    const body = [line, line, { ...line, currency: 'CNY' }].map((one) => JSON.stringify(one)).join('\n');
    const headers = { 'content-type': 'application/x-ndjson' };
    const path = '/v1/imports?kind=exchange_rates&source=treasury';
    const { id } = await t.client.post(path, body, 202, { headers });
    await t.drain();
    expect(await t.client.get(`/v1/imports/${id}`)).toMatchObject({
      state: 'completed',
      accepted: 1,
      duplicates: 1,
      rejected: 1,
    });
    expect((await rateOn('SEK', '2026-02-02')).rate).toMatchObject({ rate: '0.67', source: 'treasury' });
    const clerk = await t.clientWith(['imports:write', 'definitions:write'], { branches: ['0101'] });
    await clerk.problem('POST', path, 'bank_wide', body, { headers });
  });
});

describe('activities', () => {
  test('are valued by the rate of their business date, and keep it', async () => {
    const customer = await newCustomer();
    await record({ currency: 'USD', rate: '7.085', business_date: '2026-02-06' });
    const first = await pay(customer, { amount: '0.3', currency: 'USD', business_date: '2026-02-08' });
    const { rate } = await rateOn('USD', '2026-02-06');
    // 2.1255, to the fen
    expect(await paid(customer, first)).toMatchObject({ reporting_amount: '2.13', rate_id: rate.id });
    await record({ currency: 'USD', rate: '8', business_date: '2026-02-06' });
    const second = await pay(customer, { amount: '1', currency: 'USD', business_date: '2026-02-08' });
    const own = await pay(customer, { amount: '1.005', currency: 'CNY', business_date: '2026-02-08' });
    expect(await paid(customer, first)).toMatchObject({ reporting_amount: '2.13', rate_id: rate.id });
    expect(await paid(customer, second)).toMatchObject({ reporting_amount: '8.00' });
    expect(await paid(customer, own)).toMatchObject({ reporting_amount: '1.005', rate_id: null });
    const { activity_totals: totals } = await profileOf(customer);
    expect(totals).toMatchObject([{ count: 3, amount: '11.135', unvalued: 0 }]);
  });

  test('that came before their rate have no value, and get it when it comes', async () => {
    const [one, other] = [await newCustomer(), await newCustomer()];
    const first = await pay(one, { amount: '1000', currency: 'JPY', business_date: '2026-02-09' });
    await pay(other, { amount: '500', currency: 'JPY', business_date: '2026-02-10' });
    const much = await pay(other, { amount: '7', currency: 'JPY', business_date: '2026-01-02' });
    await t.drain();
    expect(await paid(one, first)).toMatchObject({ reporting_amount: null, rate_id: null });
    expect((await profileOf(one)).activity_totals).toMatchObject([{ amount: '0', unvalued: 1 }]);
    await record({ currency: 'JPY', rate: '0.04568', business_date: '2026-02-09' });
    await t.drain();
    const { rate } = await rateOn('JPY', '2026-02-09');
    expect(await paid(one, first)).toMatchObject({ reporting_amount: '45.68', rate_id: rate.id });
    expect((await profileOf(one)).activity_totals).toMatchObject([{ amount: '45.68', unvalued: 0 }]);
    expect((await profileOf(other)).activity_totals).toMatchObject([{ amount: '22.84', unvalued: 1 }]);
    expect(await paid(other, much)).toMatchObject({ reporting_amount: null });
    const { data } = await t.client.get('/v1/events?after=0&limit=1000');
    const told = data.filter(({ type }: { type: string }) => type === 'clientele.activities.valued');
    expect(told.map((event: { data: { count: number } }) => event.data.count)).toEqual([1, 1]);
    const { rows } = await t.database.pool.query('select business_date from unvalued_days');
    expect(rows).toEqual([{ business_date: '2026-01-02' }]);
  });

  test('of a release that wrote no days down are found by their rates', async () => {
    const customer = await newCustomer();
    const late = await pay(customer, { amount: '2', currency: 'NOK', business_date: '2026-02-09' });
    await t.database.pool.query(`delete from unvalued_days where currency = 'NOK'`);
    await record({ currency: 'NOK', rate: '0.7', business_date: '2026-02-03' });
    await t.drain();
    expect(await paid(customer, late)).toMatchObject({ reporting_amount: '1.40' });
  });
});

describe('balances', () => {
  const isRich = async (id: string) =>
    (await t.client.get(`/v1/customers/${id}/segments`)).data.some(
      ({ segment }: { segment: string }) => segment === 'holds_much',
    );

  test('are worth what the latest rate says: who holds the currency is reviewed', async () => {
    const rule = { fact: 'holdings.aum', op: 'gte', value: '1000' };
    await t.client.post('/v1/segments', { key: 'holds_much', name: 'Much', description: '', rule }, 201);
    const [holder, other] = [await newCustomer(), await newCustomer()];
    const hold = (number: string, id: string, stated: object) =>
      t.client.post('/v1/holdings/upsert', { ...aHolding(number, { id }), ...stated }, 201);
    await hold('RATE1', holder, { currency: 'HKD', balance: '1000.05' });
    await hold('RATE2', holder, { currency: 'CNY', balance: '99.5' });
    await hold('RATE3', other, { currency: 'CNY', balance: '5' });
    await t.drain();
    expect((await profileOf(holder)).totals).toMatchObject({ aum: '99.5', unvalued: 1 });
    await record({ currency: 'HKD', rate: '0.90', business_date: '2026-02-10' });
    expect(await rateOn('HKD', '2026-02-10')).toMatchObject({ holders_marked: false });
    const versionOf = async (id: string) =>
      (await t.database.pool.query('select version from review_state where customer_id = $1', [id])).rows[0];
    const before = await versionOf(other);
    await t.drain();
    expect(await rateOn('HKD', '2026-02-10')).toMatchObject({ holders_marked: true });
    expect(await versionOf(other)).toEqual(before);
    // 900.045 to the fen
    expect((await profileOf(holder)).totals).toMatchObject({ aum: '999.55', unvalued: 0 });
    expect((await t.client.get(`/v1/customers/${holder}/summary`)).totals.aum).toBe('999.55');
    expect(await isRich(holder)).toBe(false);
    await record({ currency: 'HKD', rate: '0.91', business_date: '2026-02-11' });
    await t.drain();
    expect(await isRich(holder)).toBe(true);
    // of a day that is not the latest: what they held on it is worth another amount
    const reviewed = await versionOf(holder);
    await record({ currency: 'HKD', rate: '0.5', business_date: '2026-02-09' });
    await t.drain();
    expect((await versionOf(holder)).version).toBeGreaterThan(reviewed.version);
    expect(await isRich(holder)).toBe(true);
  });
});
