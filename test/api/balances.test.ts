import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer, aHolding } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-20T04:00:00Z' });
});
afterAll(() => t.stop());

type Body = Record<string, unknown>;

let counter = 0;
const newCustomer = async () => (await t.client.post('/v1/customers', aCustomer(), 201)).id as string;

/** A holding that held 100 at the end of 10 March. */
async function newHolding(stated: Body = {}): Promise<{ id: string; number: string; owner: string }> {
  counter += 1;
  const owner = await newCustomer();
  const number = `BAL${counter}`;
  const body = {
    ...aHolding(number, { id: owner }),
    balance_date: '2026-03-10',
    source_time: '2026-03-11T00:00:00Z',
    ...stated,
  };
  const { holding } = await t.client.post('/v1/holdings/upsert', body, 201);
  return { id: holding.id, number, owner };
}

const state = (number: string, balance_date: string, balance: string | null, source_time: string) =>
  t.client.post('/v1/holdings/upsert', { source: 'core', number, balance, balance_date, source_time });
const shown = async (id: string, query = '') =>
  (await t.client.get(`/v1/holdings/${id}/balances${query}`)).data.map((one: Body) => [
    one.from_date,
    one.to_date,
    one.amount,
  ]);
const versionOf = async (id: string) =>
  (await t.database.pool.query('select version from review_state where customer_id = $1', [id])).rows[0]
    .version;

describe('balances by business date', () => {
  test('stand until another comes; late and corrected days are in their place', async () => {
    const { id, number } = await newHolding();
    await state(number, '2026-03-12', '100', '2026-03-13T00:00:00Z');
    expect(await shown(id)).toEqual([['2026-03-10', null, '100']]);
    await state(number, '2026-03-14', '80', '2026-03-15T00:00:00Z');
    // a correction of the first day leaves the day on which the same was told again
    const corrected = await state(number, '2026-03-10', '90', '2026-03-16T00:00:00Z');
    expect(corrected).toMatchObject({
      outcome: 'updated',
      ignored_fields: [],
      holding: { balance: '80', balance_date: '2026-03-14' },
    });
    // late, and known to its source before all that it told of other fields
    await state(number, '2026-02-27', '-5.50', '2026-02-28T00:00:00Z');
    expect(await shown(id)).toEqual([
      ['2026-02-27', '2026-03-10', '-5.5'],
      ['2026-03-10', '2026-03-12', '90'],
      ['2026-03-12', '2026-03-14', '100'],
      ['2026-03-14', null, '80'],
    ]);
    const old = await state(number, '2026-03-14', '1', '2026-03-14T23:00:00Z');
    expect(old).toMatchObject({
      outcome: 'unchanged',
      ignored_fields: [{ field: 'balance', reason: 'older' }],
      holding: { balance: '80' },
    });
    expect(await shown(id, '?from=2026-03-10&to=2026-03-13')).toEqual([
      ['2026-03-10', '2026-03-12', '90'],
      ['2026-03-12', '2026-03-14', '100'],
    ]);
    const first = await t.client.get(`/v1/holdings/${id}/balances?limit=3`);
    const cursor = encodeURIComponent(first.next_cursor);
    expect(await shown(id, `?limit=3&cursor=${cursor}`)).toEqual([['2026-03-14', null, '80']]);
  });

  test('that say nothing new change nothing, mark nobody and tell nobody, and are kept', async () => {
    const { id, number, owner } = await newHolding();
    await state(number, '2026-03-14', '100', '2026-03-15T00:00:00Z');
    const before = [await versionOf(owner), await t.client.get(`/v1/holdings/${id}`)];
    for (const again of [1, 2]) {
      const reply = await state(number, '2026-03-12', '100.00', `2026-03-13T00:00:0${again}Z`);
      expect(reply).toMatchObject({ outcome: 'unchanged', ignored_fields: [] });
    }
    expect([await versionOf(owner), await t.client.get(`/v1/holdings/${id}`)]).toEqual(before);
    await state(number, '2026-03-11', '70', '2026-03-16T00:00:00Z');
    expect(await shown(id)).toEqual([
      ['2026-03-10', '2026-03-11', '100'],
      ['2026-03-11', '2026-03-12', '70'],
      ['2026-03-12', null, '100'],
    ]);
  });

  test('are one interval over months, and are told as they were known', async () => {
    const { id, number } = await newHolding({ balance_date: '2026-01-30' });
    for (const day of ['2026-01-31', '2026-02-27', '2026-03-01']) {
      await state(number, day, '100', '2026-03-11T00:00:00Z');
    }
    expect(await shown(id)).toEqual([['2026-01-30', null, '100']]);
    const asOf = await t.now();
    await t.travelTo('2026-03-20T05:00:00Z');
    await state(number, '2026-02-27', '60', '2026-03-12T00:00:00Z');
    await state(number, '2026-02-28', '50', '2026-03-12T00:00:00Z');
    await state(number, '2026-02-27', '70', '2026-03-13T00:00:00Z');
    expect(await shown(id)).toEqual([
      ['2026-01-30', '2026-02-27', '100'],
      ['2026-02-27', '2026-02-28', '70'],
      ['2026-02-28', '2026-03-01', '50'],
      ['2026-03-01', null, '100'],
    ]);
    expect(await shown(id, `?as_of=${asOf}`)).toEqual([['2026-01-30', null, '100']]);
    const { rows } = await t.database.pool.query(
      'select amount from superseded_balances where holding_id = $1 order by recorded_micros, id',
      [id],
    );
    expect(rows).toEqual([{ amount: '100' }, { amount: '60' }]);
  });

  test('a balance that is taken back is none from its day on', async () => {
    const { id, number, owner } = await newHolding();
    expect((await state(number, '2026-03-12', null, '2026-03-13T00:00:00Z')).holding).toMatchObject({
      balance: null,
      balance_date: null,
    });
    expect(await shown(id)).toEqual([
      ['2026-03-10', '2026-03-12', '100'],
      ['2026-03-12', null, null],
    ]);
    expect((await t.client.get(`/v1/customers/${owner}/summary`)).totals).toMatchObject({ unvalued: 1 });
  });

  test('live with their holding, whoever its primary owner is', async () => {
    const { id, number } = await newHolding();
    await state(number, '2026-03-10', '90', '2026-03-16T00:00:00Z');
    const next = await newCustomer();
    const parties = [{ customer: { id: next }, role: 'primary_owner' }];
    const moved = { source: 'core', number, parties, balance: '7', balance_date: '2026-03-15' };
    await t.client.post('/v1/holdings/upsert', moved);
    expect(await shown(id)).toEqual([
      ['2026-03-10', '2026-03-15', '90'],
      ['2026-03-15', null, '7'],
    ]);
    for (const table of ['holding_balances', 'superseded_balances']) {
      const { rows } = await t.database.pool.query(
        `select distinct customer_id from ${table} where holding_id = $1`,
        [id],
      );
      expect(rows, table).toEqual([{ customer_id: next }]);
    }
  });

  test('that come while its customer is merged go back with their holding', async () => {
    const { id, number, owner } = await newHolding();
    const survivor = await newCustomer();
    const merged = { survivor: { id: survivor }, merged: { id: owner } };
    const merge = await t.client.post('/v1/merges', merged, 201);
    await state(number, '2026-03-10', '90', '2026-03-16T00:00:00Z');
    await state(number, '2026-03-15', '7', '2026-03-16T00:00:00Z');
    const frozen = { source: 'core', number, status: 'frozen', source_time: '2026-03-17T00:00:00Z' };
    await t.client.post('/v1/holdings/upsert', frozen);
    await t.client.post(`/v1/merges/${merge.id}/revert`, undefined, 200, { headers: { 'if-match': '*' } });
    expect(await shown(id)).toEqual([
      ['2026-03-10', '2026-03-15', '90'],
      ['2026-03-15', null, '7'],
    ]);
    for (const table of ['holding_balances', 'superseded_balances', 'holding_statuses']) {
      const { rows } = await t.database.pool.query(
        `select distinct customer_id from ${table} where holding_id = $1`,
        [id],
      );
      expect(rows, table).toEqual([{ customer_id: owner }]);
    }
  });

  test('what a former release wrote is among them', async () => {
    const { id, number } = await newHolding();
    await t.database.pool.query('delete from holding_balances where holding_id = $1', [id]);
    await state(number, '2026-02-01', '3', '2026-03-12T00:00:00Z');
    expect(await shown(id)).toEqual([
      ['2026-02-01', '2026-03-10', '3'],
      ['2026-03-10', null, '100'],
    ]);
    expect(await t.client.get(`/v1/holdings/${id}`)).toMatchObject({ balance: '100.00' });
  });
});

describe('imports of balances', () => {
  test('state days of holdings that are there', async () => {
    const one = await newHolding();
    const other = await newHolding();
    const line = (number: string, business_date: string, balance: string | null) => ({
      source: 'core',
      number,
      business_date,
      balance,
      source_time: '2026-03-18T00:00:00Z',
    });
    const body = [
      line(one.number, '2026-03-17', '5'),
      line(other.number, '2026-03-12', '100'),
      line(one.number, '2026-03-16', '4'),
      line('NOWHERE', '2026-03-16', '4'),
      line(one.number, '2026-02-30', '4'),
    ];
    const headers = { 'content-type': 'application/x-ndjson' };
    const { id } = await t.client.post(
      '/v1/imports?kind=balances',
      body.map((each) => JSON.stringify(each)).join('\n'),
      202,
      { headers },
    );
    await t.drain();
    expect(await t.client.get(`/v1/imports/${id}`)).toMatchObject({
      state: 'completed',
      accepted: 3,
      duplicates: 0,
      rejected: 2,
    });
    const rejections = await t.client.get(`/v1/imports/${id}/rejections`);
    expect(rejections).toContain('"code":"not_found"');
    expect(await shown(one.id)).toEqual([
      ['2026-03-10', '2026-03-16', '100'],
      ['2026-03-16', '2026-03-17', '4'],
      ['2026-03-17', null, '5'],
    ]);
    expect(await t.client.get(`/v1/holdings/${one.id}`)).toMatchObject({
      balance: '5',
      balance_date: '2026-03-17',
    });
    expect(await shown(other.id)).toEqual([['2026-03-10', null, '100']]);
  });
});
