import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer, aHolding } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.stop());

type Body = Record<string, unknown>;

let counter = 0;
const newCustomer = async () => (await t.client.post('/v1/customers', aCustomer(), 201)).id as string;
const party = (id: string, role = 'primary_owner') => ({ customer: { id }, role });

async function hold(parties: Body[], stated: Body = {}): Promise<{ id: string; number: string }> {
  counter += 1;
  const number = `STA${counter}`;
  const body = { ...aHolding(number, undefined), source_time: '2026-02-01T00:00:00Z', parties, ...stated };
  return { id: (await t.client.post('/v1/holdings/upsert', body, 201)).holding.id, number };
}

const state = (number: string, stated: Body) =>
  t.client.post('/v1/holdings/upsert', { source: 'core', number, ...stated });
const statusOf = async (id: string) => (await t.client.get(`/v1/customers/${id}`)).status;

describe('statuses of a holding', () => {
  test('are kept, with their reasons; a closure has a day, and can be taken back', async () => {
    const { id, number } = await hold([party(await newCustomer())]);
    const frozen = { status: 'frozen', status_reason: '法院冻结', source_time: '2026-02-02T00:00:00Z' };
    expect((await state(number, frozen)).holding).toMatchObject({ status_reason: '法院冻结' });
    expect(await state(number, frozen)).toMatchObject({ outcome: 'unchanged' });
    await state(number, { product: 'X', source_time: '2026-02-03T00:00:00Z' });
    const closed = await state(number, { status: 'closed', source_time: '2026-02-03T17:00:00Z' });
    expect(closed.holding).toMatchObject({ status_reason: null, closed_on: '2026-02-04' });
    const reopened = await state(number, { status: 'active', source_time: '2026-02-06T00:00:00Z' });
    expect(reopened.holding).toMatchObject({ status: 'active', closed_on: null });
    const { data } = await t.client.get(`/v1/holdings/${id}/statuses`);
    expect(data.map((one: Body) => [one.status, one.reason, one.source_time])).toEqual([
      ['active', null, '2026-02-06T00:00:00Z'],
      ['closed', null, '2026-02-03T17:00:00Z'],
      ['frozen', '法院冻结', '2026-02-02T00:00:00Z'],
      ['active', null, '2026-02-01T00:00:00Z'],
    ]);
    const first = await t.client.get(`/v1/holdings/${id}/statuses?limit=3`);
    const rest = await t.client.get(
      `/v1/holdings/${id}/statuses?limit=3&cursor=${encodeURIComponent(first.next_cursor)}`,
    );
    expect([...first.data, ...rest.data]).toEqual(data);
    // they go where the holding goes
    await state(number, { parties: [party(await newCustomer())] });
    expect((await t.client.get(`/v1/holdings/${id}/statuses`)).data).toEqual(data);
  });
});

describe('the status of a customer', () => {
  test('follows its holdings: closed with the last one, active again when one is reopened', async () => {
    const [owner, other] = [await newCustomer(), await newCustomer()];
    const first = await hold([party(owner)]);
    const second = await hold([party(owner), party(other, 'joint_owner')]);
    expect([await statusOf(owner), await statusOf(other)]).toEqual(['active', 'prospect']);
    await state(first.number, { status: 'closed', source_time: '2026-02-10T00:00:00Z' });
    expect(await statusOf(owner)).toBe('active');
    await state(second.number, { status: 'closed', source_time: '2026-02-11T00:00:00Z' });
    expect([await statusOf(owner), await statusOf(other)]).toEqual(['closed', 'prospect']);
    await state(first.number, { status: 'dormant', source_time: '2026-02-12T00:00:00Z' });
    expect(await statusOf(owner)).toBe('active');
  });

  test('is closed too where the last one went to somebody else, and is not while one is owned with others', async () => {
    const [former, next] = [await newCustomer(), await newCustomer()];
    const one = await hold([party(former)]);
    await state(one.number, { parties: [party(next)], source_time: '2026-02-10T00:00:00Z' });
    expect([await statusOf(former), await statusOf(next)]).toEqual(['closed', 'active']);
    const shared = await hold([party(next), party(former, 'joint_owner')]);
    await hold([party(former)], { source_time: '2026-02-11T00:00:00Z' }).then(({ number }) =>
      state(number, { status: 'closed', source_time: '2026-02-12T00:00:00Z' }),
    );
    expect(await statusOf(former)).toBe('active');
    await state(shared.number, { status: 'closed', source_time: '2026-02-13T00:00:00Z' });
    expect([await statusOf(former), await statusOf(next)]).toEqual(['closed', 'active']);
  });

  test('is left where a source said otherwise later, or another thing', async () => {
    const owner = await newCustomer();
    const { number } = await hold([party(owner)]);
    const path = `/v1/customers/${owner}`;
    await t.client.patch(path, { status: 'restricted' }, '*');
    await state(number, { status: 'closed', source_time: '2026-02-10T00:00:00Z' });
    expect(await statusOf(owner)).toBe('restricted');
    await t.client.patch(path, { status: 'active' }, '*');
    await state(number, { status: 'active', source_time: '2026-02-11T00:00:00Z' });
    await state(number, { status: 'closed', source_time: '2026-02-12T00:00:00Z' });
    // the bank's own people said it at the instant of now
    expect(await statusOf(owner)).toBe('active');
  });
});
