import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import type { Client } from '../support/client.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-10T04:00:00Z' });
  await fill();
});
afterAll(() => t.stop());

type Body = Record<string, unknown>;
type Paid = { daysAgo: number; amount: number; stated?: Body };
type Known = { id: string; branch: string; manager: string; paid: Paid[]; stub?: true };

const day = 86_400_000;
const known: Known[] = [];

/** What the test says of each customer; everything is at noon of the bank, as the clock is. */
const customers: Omit<Known, 'id'>[] = [
  {
    branch: '0101',
    manager: 'RM1',
    paid: [
      { daysAgo: 1, amount: 10 },
      { daysAgo: 9, amount: 20 },
      { daysAgo: 30, amount: 70 },
    ],
  },
  { branch: '0101', manager: 'RM1', paid: [{ daysAgo: 1, amount: 5 }] },
  {
    branch: '0101',
    manager: 'RM2',
    paid: [
      { daysAgo: 40, amount: 1000 },
      { daysAgo: 41, amount: 0.5 },
    ],
  },
  {
    branch: '0202',
    manager: 'RM1',
    paid: [
      { daysAgo: 100, amount: 2 },
      { daysAgo: 101, amount: 2 },
    ],
  },
  { branch: '0202', manager: 'RM2', paid: [{ daysAgo: 300, amount: 900 }] },
  { branch: '0202', manager: 'RM2', paid: [{ daysAgo: 300, amount: 33.335 }] },
  // only what does not count
  {
    branch: '0202',
    manager: 'RM2',
    paid: [
      { daysAgo: 2, amount: 1, stated: { initiated_by: 'bank' } },
      { daysAgo: 3, amount: 1, stated: { own_transfer: true } },
      { daysAgo: 400, amount: 1 },
      { daysAgo: -5, amount: 1 },
    ],
  },
];

async function fill(): Promise<void> {
  const now = Date.parse(await t.now());
  for (const [place, one] of customers.entries()) {
    const stated = { branch: one.branch, relationship_manager: one.manager };
    const { id } = await t.client.post('/v1/customers', aCustomer(stated), 201);
    known.push({ ...one, id });
    const items = one.paid.map(({ daysAgo, amount, stated: more }, number) => ({
      source: 'cards',
      source_id: `RFM-${place}-${number}`,
      customer: { id },
      type: 'card_payment',
      occurred_at: new Date(now - daysAgo * day).toISOString(),
      amount: String(amount),
      currency: 'CNY',
      direction: 'out',
      initiated_by: 'customer',
      ...more,
    }));
    await t.client.post('/v1/activities', { items });
  }
  await t.drain();
}

type Values = { known: Known; recency: number; frequency: number; monetary: number };

/** By the words of the definition, of customers with activities that count. */
function valuesAt(windowDays: number, later = 0): Values[] {
  return known.flatMap((one) => {
    const counted = one.paid
      .map((paid) => ({ ...paid, daysAgo: paid.daysAgo + later }))
      .filter(({ daysAgo, stated }) => stated === undefined && daysAgo >= 0 && daysAgo < windowDays);
    if (counted.length === 0) return [];
    const monetary = counted.reduce((sum, { amount }) => sum + amount, 0);
    return [
      {
        known: one,
        recency: Math.min(...counted.map((each) => each.daysAgo)),
        frequency: counted.length,
        monetary,
      },
    ];
  });
}

const scoreIn = (all: readonly number[], value: number) =>
  Math.ceil((5 * all.filter((each) => each <= value).length) / all.length);

const scored = (all: readonly Values[]) =>
  all.map((one) => ({
    ...one,
    recency_score: scoreIn(
      all.map((each) => -each.recency),
      -one.recency,
    ),
    frequency_score: scoreIn(
      all.map((each) => each.frequency),
      one.frequency,
    ),
    monetary_score: scoreIn(
      all.map((each) => each.monetary),
      one.monetary,
    ),
  }));

type Scored = ReturnType<typeof scored>;

function gridOf(all: Scored) {
  return [1, 2, 3, 4, 5].flatMap((recency_score) =>
    [1, 2, 3, 4, 5].map((frequency_score) => {
      const here = all.filter(
        (one) => one.recency_score === recency_score && one.frequency_score === frequency_score,
      );
      const sum = here.reduce((total, one) => total + one.monetary, 0);
      const mean_monetary =
        here.length === 0 ? null : (Math.round((sum / here.length) * 100) / 100).toFixed(2);
      return { recency_score, frequency_score, customers: here.length, mean_monetary };
    }),
  );
}

const distribution = (client: Client = t.client) => client.get('/v1/rfm/distribution');

describe('the distribution', () => {
  test('is what the definition says, in each reach', async () => {
    const all = scored(valuesAt(365));
    expect(all).toHaveLength(6);
    const whole = await distribution();
    expect(whole).toEqual({
      ranks_as_of: expect.stringMatching(/^2026-03-10T04:0/),
      population: 6,
      currency: 'CNY',
      cells: gridOf(all),
    });
    const chart = await t.client.request('GET', '/v1/rfm/distribution', undefined, {
      headers: { accept: 'image/svg+xml' },
    });
    expect([chart.status, chart.headers.get('content-type')]).toEqual([200, 'image/svg+xml; charset=utf-8']);
    expect(String(chart.body)).toContain('6 customers by their scores, as of 2026-03-10T04:0');
    const scopes = ['segments:read'] as const;
    const clerk = await t.clientWith(scopes, { branches: ['0202'] });
    const ofBranch = all.filter((one) => one.known.branch === '0202');
    expect(await distribution(clerk)).toMatchObject({ population: 3, cells: gridOf(ofBranch) });
    const manager = await t.clientWith(scopes, { manager: 'RM1' });
    const ofBook = all.filter((one) => one.known.manager === 'RM1');
    expect(await distribution(manager)).toMatchObject({ population: 3, cells: gridOf(ofBook) });
    const nobody = await t.clientWith(scopes, { branches: ['0909'] });
    expect(await distribution(nobody)).toMatchObject({ population: 0, cells: gridOf([]) });
  });

  test('stands until the next refresh, and says so', async () => {
    const before = await distribution();
    await t.travelTo('2026-03-10T04:50:00Z');
    await t.drain();
    expect(await distribution()).toEqual(before);
    // 66 days later, two are out of the window, and one has begun to count
    await t.travelTo('2026-05-15T04:00:00Z');
    await t.drain();
    const later = scored(valuesAt(365, 66));
    expect(later).toHaveLength(5);
    expect(await distribution()).toMatchObject({
      ranks_as_of: expect.stringMatching(/^2026-05-15T04:/),
      population: 5,
      cells: gridOf(later),
    });
  });
});

describe('the model', () => {
  test('answers from its first refresh on', async () => {
    const before = await t.client.request('GET', '/v1/rfm/model');
    expect(before.body).toMatchObject({
      types: null,
      window: { last: 'P1Y' },
      refresh_every: 'PT1H',
      version: 1,
      state: 'current',
      ranks_as_of: expect.stringMatching(/^2026-05-15T04:/),
    });
    const stated = { types: ['card_payment'], window: { last: 'P100D' }, refresh_every: 'P1D' };
    await t.client.problem('PUT', '/v1/rfm/model', 'precondition_required', stated);
    const headers = { 'if-match': before.headers.get('etag') ?? '' };
    const put = await t.client.put('/v1/rfm/model', stated, 200, { headers });
    expect(put).toMatchObject({ ...stated, version: 2, state: 'refreshing' });
    await t.client.problem('PUT', '/v1/rfm/model', 'stale_version', stated, { headers });
    await t.drain();
    expect(await t.client.get('/v1/rfm/model')).toMatchObject({ ...stated, version: 2, state: 'current' });
    const short = scored(valuesAt(100, 66));
    expect(await distribution()).toMatchObject({ population: 3, cells: gridOf(short) });
    // the same once more is no new version
    const again = await t.client.put('/v1/rfm/model', stated, 200, { headers: { 'if-match': '*' } });
    expect(again.version).toBe(2);
  });

  test('is bounded, and shown before it is made', async () => {
    const stated = { types: ['login'], window: { last: 'P30D' }, refresh_every: 'P1D' };
    const headers = { 'if-match': '*' };
    const wrong = { ...stated, window: { last: 'P21Y' }, refresh_every: 'PT1M' };
    const problem = await t.client.problem('PUT', '/v1/rfm/model', 'rule_broken', wrong, { headers });
    expect(problem.errors.map((each: Body) => each.pointer)).toEqual(['/window/last', '/refresh_every']);
    const plan = await t.client.put('/v1/rfm/model?dry_run=true', stated, 200, { headers });
    expect(plan.plan).toMatchObject({
      base_version: 2,
      version: 3,
      former: { types: ['card_payment'] },
      ...stated,
    });
    expect((await t.client.get('/v1/rfm/model')).version).toBe(2);
    await t.client.put('/v1/rfm/model', { ...stated, types: ['nothing'] }, 200, { headers });
    await t.drain();
    expect(await distribution()).toMatchObject({ population: 0, cells: gridOf([]) });
  });
});
