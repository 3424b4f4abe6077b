/**
 * Ranks as customers live with them: a rule asks for the first by what they pay, cuts stand still until they are
 * refreshed, and a refresh moves exactly those who stand elsewhere then.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { instantOf, microsOf } from '../../src/platform/instants.js';
import { markByRanks, refreshRanks } from '../../src/segments/ranks.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';
import { runs } from '../support/runs.js';

let t: TestApp;
const ids: string[] = [];
beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-10T04:00:00Z' });
  for (let each = 0; each < 10; each += 1) ids.push(await aNewCustomer());
});
afterAll(() => t.stop());

const aNewCustomer = async (): Promise<string> =>
  (await t.client.post('/v1/customers', aCustomer(), 201)).id as string;

const day = 86_400_000_000;
type Paid = { id: string; at: number; amount: number };
const paid: Paid[] = [];

async function pay(id: string, amount: number, daysAgo = 0): Promise<void> {
  const at = microsOf(await t.now()) - daysAgo * day;
  const item = {
    source: 'cards',
    source_id: `P${paid.length}`,
    customer: { id },
    type: 'card_payment',
    occurred_at: instantOf(at),
    amount: String(amount),
    currency: 'CNY',
    direction: 'out',
    initiated_by: 'customer',
  };
  await t.client.post('/v1/activities', { items: [item] });
  paid.push({ id, at, amount });
}

async function later(days: number, minutes = 0): Promise<void> {
  await t.travelTo(instantOf(microsOf(await t.now()) + days * day + minutes * 60_000_000));
}

const publish = (key: string, rule: object) =>
  t.client.post('/v1/segments', { key, name: key, description: '', rule }, 201);

async function membersOf(key: string): Promise<string[]> {
  const { data } = await t.client.get(`/v1/segments/${key}/members?limit=200`);
  return data.map((one: { customer_id: string }) => one.customer_id).sort();
}

async function causesOf(key: string): Promise<string[]> {
  const { rows } = await t.database.pool.query<{ cause: string }>(
    `select data ->> 'cause' as cause from outbox where data ->> 'segment' = $1 and type like 'segment.%' order by sequence`,
    [key],
  );
  return rows.map((row) => row.cause);
}

/** What they paid in the last P1Y, of those who did. */
async function monetary(): Promise<Map<string, number>> {
  const now = microsOf(await t.now());
  const sums = new Map<string, number>();
  for (const { id, at, amount } of paid) {
    // days of a year without a leap day
    if (at <= now && now < at + 365 * day) sums.set(id, (sums.get(id) ?? 0) + amount);
  }
  return sums;
}

/** The first by their values; customers who never paid have paid nothing. */
async function first(share: number): Promise<string[]> {
  const sums = await monetary();
  const values = ids.map((id) => [id, sums.get(id) ?? 0] as const);
  const descending = values.map(([, value]) => value).sort((a, b) => b - a);
  const bound = descending[Math.max(1, Math.floor(values.length * share)) - 1] as number;
  return values.flatMap(([id, value]) => (value >= bound ? [id] : [])).sort();
}

const [a, b, c] = [0, 1, 2].map((place) => () => ids[place] as string) as [
  () => string,
  () => string,
  () => string,
];

describe('the first by what they pay', () => {
  test('enter when the rule is published, as the plan said', async () => {
    for (const [place, id] of ids.entries()) if (place < 6) await pay(id, 100 * (place + 1), place);
    const rule = { rank: { fact: 'rfm.monetary', top: { percent: 20 }, refresh: 'P1D' } };
    const input = { key: 'first', name: 'first', description: '', rule };
    const plan = await t.client.post('/v1/segments?dry_run=true', input, 200);
    expect(plan.forecast).toEqual({ enters: 2, leaves: 0 });
    await publish('first', rule);
    await t.drain();
    expect(await membersOf('first')).toEqual(await first(0.2));
    expect(await t.client.get('/v1/segments/first')).toMatchObject({
      state: 'current',
      ranks_as_of: expect.stringMatching(/^2026-03-10T04:/),
    });
  });

  test('are held against the cut of the last refresh until there is another one', async () => {
    // 500 is the bound: whoever reaches it is in, and nobody is pushed out
    await pay(a(), 400);
    await t.drain();
    const members = await membersOf('first');
    expect(members).toHaveLength(3);
    expect(members).toContain(a());
    expect(await causesOf('first')).toEqual(['change']);
    await later(0, 23 * 60);
    await t.drain();
    expect(await membersOf('first')).toEqual(members);
  });

  test('are others after a refresh, and only they were looked at', async () => {
    await pay(b(), 5000);
    await pay(c(), 4000);
    await t.drain();
    expect(await membersOf('first')).toHaveLength(5);
    await later(1);
    await refreshRanks(await t.context(), t.deps.facts);
    const before = await membersOf('first');
    const after = await first(0.2);
    expect(after).toEqual([b(), c()].sort());
    // who is asked for meanwhile is judged by the new cuts, and is not in yet or any more
    expect((await t.client.get(`/v1/customers/${a()}/segments`)).pending).toBe(true);
    expect(await t.client.get(`/v1/customers/${a()}/segments/first/explanation`)).toMatchObject({
      member: false,
      explanation: {
        kind: 'rank',
        verdict: false,
        value: '500',
        bounds: ['4300'],
        population: 10,
        as_of: expect.stringMatching(/^2026-03-12T/),
      },
    });
    while (await markByRanks(await t.context(), t.deps.facts));
    const { rows } = await t.database.pool.query<{ id: string }>(
      `select customer_id as id from review_state where touched @> '{rank}' order by 1`,
    );
    expect(rows.map((row) => row.id)).toEqual(before.filter((id) => id !== a() && !after.includes(id)));
    await t.drain();
    expect(await membersOf('first')).toEqual(after);
    expect((await causesOf('first')).filter((cause) => cause === 'rank')).toHaveLength(3);
  });
});

test('a bound that comes nearer is noted of those who stay', async () => {
  await later(400);
  await t.drain();
  // the bound is what nine of ten have: 20 days
  for (const id of ids) await pay(id, 1, id === a() ? 0 : 20);
  await publish('recent', { rank: { fact: 'rfm.recency', bottom: { count: 2 }, refresh: 'P10D' } });
  await t.drain();
  expect(await membersOf('recent')).toEqual([...ids].sort());
  await later(10);
  await pay(b(), 1, 12);
  await t.drain();
  // 10 and 12 days: the bound is 12 by now, and whoever has 10 belongs on for two days, not for ten
  expect(await membersOf('recent')).toEqual([a(), b()].sort());
  await later(3);
  await t.drain();
  expect(await membersOf('recent')).toEqual([]);
  expect((await causesOf('recent')).at(-1)).toBe('time');
});

test('after any history, a refresh leaves who a full computation says', { timeout: 3_600_000 }, async () => {
  await publish('upper', { rank: { fact: 'rfm.monetary', top: { percent: 50 }, refresh: 'PT1H' } });
  await publish('best', { all: [{ fact: 'rfm.monetary_score', op: 'eq', value: 5 }, { segment: 'upper' }] });
  const step = fc.oneof(
    fc.record({
      pays: fc.nat({ max: 9 }),
      amount: fc.integer({ min: 1, max: 4000 }),
      daysAgo: fc.nat({ max: 400 }),
    }),
    fc.record({ passes: fc.constantFrom(0, 1, 40, 200) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      for (const each of steps) {
        if ('passes' in each) await later(each.passes, 61);
        else await pay(ids[each.pays] as string, each.amount, each.daysAgo);
        await t.drain();
      }
      await later(0, 61);
      await t.drain();
      expect(await membersOf('upper')).toEqual(await first(0.5));
      const sums = [...(await monetary())];
      const score = (value: number) =>
        Math.ceil((5 * sums.filter(([, each]) => each <= value).length) / sums.length);
      const upper = await first(0.5);
      const best = sums.flatMap(([id, sum]) => (score(sum) === 5 && upper.includes(id) ? [id] : []));
      expect(await membersOf('best')).toEqual(best.sort());
      const { rows } = await t.database.pool.query(`select from review_state where marked_at is not null`);
      expect(rows).toEqual([]);
    }),
    { numRuns: runs(6) },
  );
});
