/** Whatever comes in whatever order, customers have what their activities, as they stand in the end, give by the rules. */
import { Big } from 'big.js';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { anEarnRule } from '../support/earning.js';
import { aCustomer } from '../support/factories.js';
import { aProgramme } from '../support/loyalty.js';
import { runs } from '../support/runs.js';

let t: TestApp;
const rules = '/v1/loyalty/programmes/rewards/earn-rules';

beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-01T00:00:00Z' });
  await t.client.post('/v1/loyalty/programmes', aProgramme('rewards'), 201);
  const perSeven = { points: { per: '7', points: 3, rounding: 'nearest' } };
  await t.client.post(rules, anEarnRule('by_amount', perSeven), 201);
  const app = {
    earns: {
      activities: ['card_payment', 'login'],
      where: [{ field: 'channel', op: 'eq', value: 'app' }],
    },
  };
  await t.client.post(rules, anEarnRule('by_app', { ...app, points: { fixed: 11 } }), 201);
  const half = { points: { times: '1.5', of: ['by_amount'] } };
  await t.client.post(rules, anEarnRule('half_more', half), 201);
});
afterAll(() => t.stop());

const message = fc.record({
  id: fc.integer({ min: 0, max: 5 }),
  version: fc.integer({ min: 0, max: 3 }),
  customer: fc.integer({ min: 0, max: 1 }),
  type: fc.constantFrom('card_payment', 'login', 'transfer'),
  channel: fc.constantFrom('app', 'web'),
  initiated_by: fc.constantFrom('customer', 'customer', 'customer', 'bank'),
  hour: fc.integer({ min: 1, max: 20 }),
  amount: fc.option(fc.integer({ min: 1, max: 900 })),
  reverses: fc.option(
    fc.record({
      id: fc.integer({ min: 0, max: 5 }),
      amount: fc.option(fc.integer({ min: 1, max: 900 }), { nil: undefined }),
    }),
    { freq: 3 },
  ),
  /** whether the worker comes by after it */
  works: fc.boolean(),
  /** whether the customer spends what it has, before the worker comes by */
  spends: fc.boolean(),
});
type Message = typeof message extends fc.Arbitrary<infer M> ? M : never;

const itemOf = (source: string, ids: readonly string[], one: Message) => ({
  ...{ source, source_id: `A${one.id}`, source_version: one.version, customer: { id: ids[one.customer] } },
  ...{ type: one.type, channel: one.channel, initiated_by: one.initiated_by },
  occurred_at: `2026-03-02T${String(one.hour).padStart(2, '0')}:00:00Z`,
  ...(one.amount === null ? {} : { amount: String(one.amount), currency: 'CNY' }),
  ...(one.reverses === null || one.reverses.id === one.id
    ? {}
    : {
        reverses: {
          source_id: `A${one.reverses.id}`,
          ...(one.reverses.amount === undefined || one.amount === null
            ? {}
            : { amount: String(one.reverses.amount) }),
        },
      }),
});

type Row = { type: string; channel: string; initiated_by: string; reporting_amount: string | null };

/** By plain arithmetic, from what stands. */
function pointsOf({ type, channel, initiated_by: by, reporting_amount: amount }: Row): number {
  if (by !== 'customer') return 0;
  const share = new Big(amount ?? 0).times(3).div(7).round(0, Big.roundHalfUp).toNumber();
  const byAmount = type === 'card_payment' ? share : 0;
  const byApp = channel === 'app' && type !== 'transfer' ? 11 : 0;
  return byAmount + byApp + Math.floor(byAmount / 2);
}

let sources = 0;

test('corrections and reversals in any order come to what a fresh calculation gives', async () => {
  await t.travelTo('2026-03-03T00:00:00Z');
  await fc.assert(
    fc.asyncProperty(fc.array(message, { minLength: 3, maxLength: 14 }), async (all) => {
      sources += 1;
      const source = `differential_${sources}`;
      const ids: string[] = [];
      for (let count = 0; count < 2; count += 1)
        ids.push((await t.client.post('/v1/customers', aCustomer(), 201)).id);
      for (const id of ids)
        await t.client.put(`/v1/customers/${id}/loyalty/rewards`, { status: 'open' }, 201);
      // they took part before all that they are told to have done
      await t.database.pool.query(
        `update loyalty_accounts set enrolled_at = '2026-03-02T00:00:00Z' where customer_id = any($1)`,
        [ids],
      );
      const spent = new Map<string, number>();
      for (const one of all) {
        await t.client.post('/v1/activities', { items: [itemOf(source, ids, one)] });
        const id = ids[one.customer] as string;
        const path = `/v1/customers/${id}/loyalty/rewards`;
        if (one.spends) {
          const { available } = (await t.client.get(path)).balance;
          if (available > 0)
            await t.client.post(`${path}/redemptions`, { points: available, reason: 'Test' }, 201);
          spent.set(id, (spent.get(id) ?? 0) + available);
        }
        if (one.works) await t.drain();
      }
      await t.drain();
      for (const id of ids) {
        const { rows } = await t.database.pool.query(
          `select type, channel, initiated_by, reporting_amount from activities
           where customer_id = $1 and state = 'current'`,
          [id],
        );
        const expected = rows.reduce((sum: number, row: Row) => sum + pointsOf(row), 0);
        const { balance } = await t.client.get(`/v1/customers/${id}/loyalty/rewards`);
        expect(balance.outstanding).toBe(expected - (spent.get(id) ?? 0));
      }
    }),
    { numRuns: runs(25) },
  );
}, 600_000);
