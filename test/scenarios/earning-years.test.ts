/** Two years of a programme, with a leap day: birthdays, anniversaries, and the notice before points expire. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { anEarnRule } from '../support/earning.js';
import { aCustomer } from '../support/factories.js';
import { aProgramme } from '../support/loyalty.js';

// biome-ignore lint/suspicious/noExplicitAny: whatever the service answered
type Any = any;

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-12-30T04:00:00Z' });
});
afterAll(() => t.stop());

const occasion = (key: string, fixed: number) =>
  anEarnRule(key, { earns: { occasion: key }, points: { fixed } });

async function aMember(stated: Record<string, unknown>) {
  const { id } = await t.client.post('/v1/customers', aCustomer(stated), 201);
  const path = `/v1/customers/${id}/loyalty/rewards`;
  await t.client.put(path, { status: 'open' }, 201);
  return { id: id as string, path };
}
const earnedBy = async (path: string) =>
  (await t.client.get(`${path}/lots?open=false&limit=200`)).data
    .map((lot: Any) => [lot.earned_at, lot.amount])
    .reverse();
const noticesOf = async (id: string) => {
  const { data } = await t.client.get('/v1/events?after=0&limit=1000');
  return data
    .filter((event: Any) => event.type === 'clientele.loyalty.points_expiring' && event.subject === id)
    .map((event: Any) => [event.data.expires_at, event.data.points]);
};

test('occasions come once a year, and points are told of once before they expire', async () => {
  const programme = { ...aProgramme('rewards'), expiry: { policy: 'end_of_month', after: 'P13M' } };
  await t.client.post('/v1/loyalty/programmes', programme, 201);
  const rules = '/v1/loyalty/programmes/rewards/earn-rules';
  const points = { birthday: 100, customer_anniversary: 20, programme_anniversary: 3 };
  for (const [key, fixed] of Object.entries(points)) await t.client.post(rules, occasion(key, fixed), 201);
  const double = {
    ...{ earns: { occasion: 'birthday' }, points: { times: '2', of: null } },
    ...{ valid_from: '2028-01-01T00:00:00+08:00', valid_to: '2029-01-01T00:00:00+08:00' },
  };
  await t.client.post(rules, anEarnRule('double', double), 201);
  const leap = await aMember({ birth_date: '1996-02-29', customer_since: '2020-02-29' });
  const year = await aMember({ birth_date: '1990-12-31', customer_since: '2026-12-31' });

  // at every turn of a month, and on the days about the end of February
  const stops = [
    ...['2026-12-30T20:00:00Z', '2027-02-27T15:40:00Z', '2027-02-27T16:00:00Z', '2027-03-01T00:00:00Z'],
    ...['2027-09-01T00:00:00Z', '2028-02-28T15:40:00Z', '2028-02-28T16:00:00Z', '2028-03-02T00:00:00Z'],
    ...['2028-03-05T00:00:00Z', '2029-01-02T00:00:00Z'],
  ];
  for (const stop of stops) {
    await t.travelTo(stop);
    await t.drain();
    const birthdays = await earnedBy(leap.path);
    if (stop.endsWith('15:40:00Z'))
      expect(birthdays.some(([at]: [string]) => at === stop.replace('15:40', '16:00'))).toBe(false);
  }
  expect(await earnedBy(leap.path)).toEqual([
    ...[100, 20].map((points) => ['2027-02-27T16:00:00Z', points]),
    ['2027-12-29T16:00:00Z', 3],
    ...[100, 100, 20].map((points) => ['2028-02-28T16:00:00Z', points]),
    ['2028-12-29T16:00:00Z', 3],
  ]);
  expect(await earnedBy(year.path)).toEqual([
    ['2026-12-30T16:00:00Z', 100],
    ['2027-12-29T16:00:00Z', 3],
    ...[100, 20].map((points) => ['2027-12-30T16:00:00Z', points]),
    ['2028-12-29T16:00:00Z', 3],
    ...[100, 100, 20].map((points) => ['2028-12-30T16:00:00Z', points]),
  ]);
  // those alone that a stop fell into the thirty days of
  expect(await noticesOf(leap.id)).toEqual([
    ['2028-03-31T16:00:00Z', 120],
    ['2029-01-31T16:00:00Z', 3],
  ]);
});
