/** Points that customers had in another system come by file, with dates of their own, and once. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';
import { aProgramme } from '../support/loyalty.js';

// biome-ignore lint/suspicious/noExplicitAny: whatever the service answered
type Any = any;

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-01T04:00:00Z' });
  await t.client.post('/v1/loyalty/programmes', aProgramme('rewards'), 201);
});
afterAll(() => t.stop());

const line = (reference: string, customer: string, more: object = {}) => ({
  ...{ reference, programme: 'rewards', customer: { id: customer }, points: 100 },
  ...{ earned_at: '2025-06-10T00:00:00Z', ...more },
});
async function bring(...lines: object[]): Promise<Any> {
  const body = lines.map((one) => `${JSON.stringify(one)}\n`).join('');
  const headers = { 'content-type': 'application/x-ndjson' };
  const { id } = await t.client.post('/v1/imports?kind=points', body, 202, { headers });
  await t.drain();
  const rejections = await t.client.get(`/v1/imports/${id}/rejections`);
  const rejected = String(rejections)
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => JSON.parse(text));
  return { ...(await t.client.get(`/v1/imports/${id}`)), rejected };
}
const lotsOf = async (id: string): Promise<Any[]> =>
  (await t.client.get(`/v1/customers/${id}/loyalty/rewards/lots`)).data.reverse();

test('lots keep the dates of the file, and those who take no part yet are enrolled', async () => {
  const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
  const done = await bring(
    line('L1', id),
    line('L2', id, { points: 40, expires_at: null, reason: 'Old system' }),
    line('L3', id, { available_at: '2026-04-01T00:00:00Z', expires_at: '2026-12-31T00:00:00Z' }),
  );
  expect(done).toMatchObject({ state: 'completed', rejected: [] });
  expect(
    (await lotsOf(id)).map((lot) => [lot.earned_at, lot.available_at, lot.expires_at, lot.amount]),
  ).toEqual([
    ['2025-06-10T00:00:00Z', '2025-06-10T00:00:00Z', '2026-06-30T16:00:00Z', 100],
    ['2025-06-10T00:00:00Z', '2025-06-10T00:00:00Z', null, 40],
    ['2025-06-10T00:00:00Z', '2026-04-01T00:00:00Z', '2026-12-31T00:00:00Z', 100],
  ]);
  const path = `/v1/customers/${id}/loyalty/rewards`;
  expect((await t.client.get(path)).balance).toMatchObject({
    outstanding: 240,
    available: 140,
    pending: 100,
  });
  const { data } = await t.client.get(`${path}/entries`);
  expect(data.map((one: Any) => [one.kind, one.points, one.reason, one.reference])).toEqual([
    ['opening', 100, null, { reference: 'L3' }],
    ['opening', 40, 'Old system', { reference: 'L2' }],
    ['opening', 100, null, { reference: 'L1' }],
  ]);
  const back = { operation_id: data[1].operation_id, reason: 'Brought by mistake' };
  expect(await t.client.post(`${path}/reversals`, back, 201)).toMatchObject({ points: -40 });
});

test('a line that comes again does nothing, and other content under its reference is refused', async () => {
  const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
  await bring(line('A1', id), line('A1', id));
  const again = await bring(line('A1', id), line('A2', id, { points: 7 }), line('A1', id, { points: 99 }));
  expect(again).toMatchObject({ accepted: 1, duplicates: 1 });
  expect(again.rejected.map((one: Any) => one.code)).toEqual(['conflict']);
  expect((await lotsOf(id)).map((lot) => lot.amount)).toEqual([100, 7]);
});

test('a line that cannot be says why, and the others are taken', async () => {
  const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
  const { id: left } = await t.client.post('/v1/customers', aCustomer(), 201);
  const path = `/v1/customers/${left}/loyalty/rewards`;
  await t.client.put(path, { status: 'open' }, 201);
  await t.client.put(path, { status: 'closed' }, 200, { headers: { 'if-match': '*' } });
  const done = await bring(
    line('B1', id),
    line('B2', '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d'),
    line('B3', id, { programme: 'nowhere' }),
    line('B4', id, { earned_at: '2026-03-02T00:00:00Z' }),
    line('B5', id, { earned_at: '2020-01-01T00:00:00Z' }),
    line('B6', id, { available_at: '2026-12-31T00:00:00Z', expires_at: '2026-12-31T00:00:00Z' }),
    line('B7', left),
    { ...line('B8', id), points: 0 },
  );
  expect(done).toMatchObject({ accepted: 1 });
  expect(done.rejected.map((one: Any) => [one.line, one.code])).toEqual([
    [2, 'not_found'],
    [3, 'not_found'],
    [4, 'rule_broken'],
    [5, 'rule_broken'],
    [6, 'rule_broken'],
    [7, 'conflict'],
    [8, 'malformed_request'],
  ]);
  // what was refused can come again
  await t.client.put(path, { status: 'open' }, 200, { headers: { 'if-match': '*' } });
  expect(await bring(line('B7', left))).toMatchObject({ accepted: 1 });
});
