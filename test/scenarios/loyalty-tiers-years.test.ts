/**
 * Two years and more of a member, by moving the clock: month ends, a leap day, clocks that are set forward, a worker
 * that was away for months. Up at once, kept in the grace, told of before the review, and down with it; and what came of
 * merges.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';
import { aProgramme, someTiers } from '../support/loyalty.js';

// biome-ignore lint/suspicious/noExplicitAny: whatever the service answered
type Any = any;

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-01-31T17:00:00Z' });
  const lasting = (key: string) => ({ ...aProgramme(key), expiry: { policy: 'never' } });
  await t.client.post('/v1/loyalty/programmes', { ...lasting('york'), time_zone: 'America/New_York' }, 201);
  await t.client.put('/v1/loyalty/programmes/york/tiers', someTiers(), 201);
  await t.client.post('/v1/loyalty/programmes', lasting('rolling'), 201);
  const rolling = {
    ...someTiers(),
    period: { kind: 'rolling', length: 'P1M' },
    grace: 'P0D',
    warn_before: 'P7D',
  };
  await t.client.put('/v1/loyalty/programmes/rolling/tiers', rolling, 201);
});
afterAll(() => t.stop());

async function aMember(programme: string): Promise<{ id: string; path: string }> {
  const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
  const path = `/v1/customers/${id}/loyalty/${programme}`;
  await t.client.put(path, { status: 'open' }, 201);
  return { id, path };
}
const earn = (path: string, points: number): Promise<Any> =>
  t.client.post(`${path}/accruals`, { points, reason: 'Test' }, 201);
async function at(instant: string): Promise<void> {
  await t.travelTo(instant);
  await t.drain();
}
const told = async (id: string, type: string): Promise<Any[]> =>
  (await t.client.get('/v1/events?limit=1000')).data
    .filter((one: Any) => one.subject === id && one.type === `clientele.loyalty.${type}`)
    .map(({ data }: Any) => data);
const millis = (instant: string) => new Date(instant).toISOString();

test('a member goes up, is kept in the grace, is told of, and goes down step by step', async () => {
  const monthly = await aMember('rolling');
  const { id, path } = await aMember('york');
  await earn(monthly.path, 5000);
  await t.drain();
  // reached on 1 February in Shanghai: until 1 March
  expect(await t.client.get(`${monthly.path}/tier`)).toMatchObject({
    tier: 'silver',
    period: { from: '2026-02-01', to: '2026-03-01' },
  });
  // the hour that New York skips on 8 March
  await at('2026-03-08T06:59:59Z');
  await earn(path, 12_000);
  await at('2026-03-08T07:00:00Z');
  const { booked_at: reached } = await earn(path, 8000);
  await t.drain();
  expect(await t.client.get(`${path}/tier`)).toMatchObject({ tier: 'gold', since: reached });
  // 2027 is short until the grace, in which the rest comes in the year after it
  await at('2027-06-30T12:00:00Z');
  await earn(path, 19_000);
  await at('2027-12-02T04:00:00Z');
  expect(await told(id, 'tier_at_risk')).toEqual([]);
  await at('2027-12-02T05:00:00Z');
  expect(await told(id, 'tier_at_risk')).toMatchObject([
    { tier: 'gold', goes_to: 'silver', missing: '1000', review_at: '2028-01-31T05:00:00.000Z' },
  ]);
  await at('2028-01-31T04:00:00Z');
  await earn(path, 20_000);
  await at('2028-01-31T05:00:00Z');
  expect(await t.client.get(`${path}/tier`)).toMatchObject({ tier: 'gold', keep: { missing: '0' } });
  // a leap day counts, and a worker that slept through two reviews decides each at its own instant
  await at('2028-02-29T12:00:00Z');
  await t.travelTo('2031-03-01T00:00:00Z');
  await t.drain();
  const changes = await told(id, 'tier_changed');
  expect(changes.map((one) => [one.to, one.direction, one.cause, millis(one.effective_at)])).toEqual([
    ['member', 'first', 'enrolled', expect.any(String)],
    ['silver', 'up', 'reached', expect.any(String)],
    ['gold', 'up', 'reached', millis(reached)],
    ['silver', 'down', 'review', '2030-01-31T05:00:00.000Z'],
    ['member', 'down', 'review', '2031-01-31T05:00:00.000Z'],
  ]);
  const then = await t.client.get(`${path}/tier?as_of=2030-06-01T00:00:00Z`);
  expect(then).toMatchObject({
    tier: 'silver',
    cause: 'review',
    period: { from: '2030-01-01', to: '2031-01-01' },
  });
  const before = await t.client.get(`${path}/tier?as_of=2028-01-31T05:00:00Z`);
  expect(before).toMatchObject({ tier: 'gold', amount: '20000', keep: { lower_bound: '20000' } });
  // the first month was enough for itself, the second was not
  const [, up, down] = await told(monthly.id, 'tier_changed');
  expect(up).toMatchObject({ to: 'silver', cause: 'reached' });
  expect(down).toMatchObject({ to: 'member', cause: 'review', effective_at: '2026-03-31T16:00:00.000Z' });
});

test('merged customers have the higher tier and count together, and part again', async () => {
  const survivor = await aMember('york');
  const merged = await aMember('york');
  await earn(survivor.path, 4000);
  await earn(merged.path, 16_000);
  await t.drain();
  const tier = async ({ path }: { path: string }) => (await t.client.get(`${path}/tier`)).tier;
  expect([await tier(survivor), await tier(merged)]).toEqual(['member', 'silver']);
  const pair = { survivor: { id: survivor.id }, merged: { id: merged.id } };
  const { id: merge } = await t.client.post('/v1/merges', pair, 201);
  await t.drain();
  expect(await t.client.get(`${survivor.path}/tier`)).toMatchObject({
    tier: 'gold',
    amount: '20000',
    cause: 'merge',
  });
  await t.client.post(`/v1/merges/${merge}/revert`, undefined, 200, { headers: { 'if-match': '*' } });
  await t.drain();
  expect([await tier(survivor), await tier(merged)]).toEqual(['member', 'silver']);
  expect((await t.client.get(`${merged.path}/tier`)).amount).toBe('16000');
});

test('rules read tiers and points, and follow them', async () => {
  const { id, path } = await aMember('york');
  const rule = {
    all: [
      { fact: 'loyalty.tier', op: 'eq', value: 'silver' },
      { fact: 'loyalty.york.tier_rank', op: 'gte', value: 1 },
      { fact: 'loyalty.york.points_balance', op: 'gte', value: 5000 },
    ],
  };
  await t.client.post('/v1/segments', { key: 'silver_york', name: 'Silver', description: '', rule }, 201);
  await earn(path, 5000);
  await t.drain();
  const explain = (): Promise<Any> => t.client.get(`/v1/customers/${id}/segments/silver_york/explanation`);
  expect((await explain()).member).toBe(true);
  await t.client.post(`${path}/holds`, { points: 1, reason: 'Test', expires_after: 'PT1H' }, 201);
  await t.drain();
  expect((await explain()).member).toBe(false);
  const now = Date.parse(await t.now());
  await at(new Date(now + 3_700_000).toISOString());
  expect((await explain()).member).toBe(true);
});
