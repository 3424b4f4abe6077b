/**
 * API and workers are killed while points are earned, by activities and one by one: what was acknowledged is in the
 * ledger once, and nothing else is. `FAULT_ACCRUALS` says how many, `FAULT_SEED` when the kills come.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomOf } from '../../src/demo/random.js';
import { cloneDatabase, type TestDatabase } from '../support/database.js';
import { anEarnRule } from '../support/earning.js';
import { aCustomer } from '../support/factories.js';
import { killInRounds } from '../support/kills.js';
import { untilAcknowledged, type Write } from '../support/ledger.js';
import { aProgramme } from '../support/loyalty.js';
import { openServices, type Service, type Services } from '../support/service.js';

const accruals = Number(process.env.FAULT_ACCRUALS ?? 4_000);
const seed = Number(process.env.FAULT_SEED ?? 1);
const rounds = 3;
const members = 40;
const batchSize = 40;
const [earnedEach, creditedEach] = [3, 10];
const patience = 240_000 + accruals * 60;

let database: TestDatabase;
let services: Services;
beforeAll(async () => {
  database = await cloneDatabase();
  services = await openServices({ DATABASE_URL: database.url });
});
afterAll(async () => {
  await services?.close();
  await database?.drop();
});

test(
  `none of ${accruals} accruals is lost or doubled, seed ${seed}`,
  async () => {
    const random = randomOf('loyalty-kills', seed);
    const apis = [await services.start('api'), await services.start('api')] as const;
    const workers = [await services.start('worker'), await services.start('worker')] as const;
    const ids = await enrol(apis[0]);
    let turn = 0;
    let acknowledged = 0;
    const refused: Record<string, number> = {};
    const client = () => (apis[turn++ % apis.length] as Service).client;
    const send = (write: Write) => untilAcknowledged(write, { client, mayBreak: true, refused });

    const batches = Math.floor((accruals * 0.8) / batchSize);
    const singles = accruals - batches * batchSize;
    const occurred_at = new Date().toISOString();
    const work = [
      ...Array.from({ length: batches }, (_, batch) => async () => {
        const items = Array.from({ length: batchSize }, (_, place) => ({
          ...{ source: 'cards', source_id: `${batch}-${place}`, type: 'card_payment', occurred_at },
          ...{
            customer: { id: ids[(batch + place) % members] },
            amount: '1.00',
            currency: 'CNY',
            direction: 'out',
          },
        }));
        await send({ path: '/v1/activities', key: `batch-${batch}`, status: 200, body: { items } });
        acknowledged += batchSize;
      }),
      ...Array.from({ length: singles }, (_, single) => async () => {
        const path = `/v1/customers/${ids[single % members]}/loyalty/rewards/accruals`;
        const body = { points: creditedEach, reason: 'Test' };
        await send({ path, key: `single-${single}`, status: 201, body });
        acknowledged += 1;
      }),
    ];
    const shuffled = work
      .map((one) => ({ one, at: random.integer(0, 1_000_000) }))
      .sort((a, b) => a.at - b.at);
    const writer = async () => {
      for (let next = shuffled.pop(); next !== undefined; next = shuffled.pop()) await next.one();
    };
    const kills = (pair: readonly Service[]) =>
      killInRounds(pair, { done: () => acknowledged, total: accruals, rounds, random, patience });
    await Promise.all([...Array.from({ length: 8 }, writer), kills(apis), kills(workers)]);
    expect(acknowledged).toBe(accruals);
    expect(refused.broken).toBeGreaterThan(0);

    const earned = batches * batchSize;
    const expected = { points: earned * earnedEach + singles * creditedEach, entries: accruals };
    await expect
      .poll(
        () =>
          sums(
            'select sum(outstanding)::int as points, sum(last_number)::int as entries from loyalty_accounts',
          ),
        {
          timeout: patience,
          interval: 500,
        },
      )
      .toEqual(expected);
    expect(
      await sums(`select sum(points) filter (where ledger = 'member')::int as points, count(*)::int / 2 as entries,
        sum(points)::int as balance from loyalty_postings`),
    ).toEqual({ ...expected, balance: 0 });
    expect(
      await sums('select sum(remaining)::int as points, count(*)::int as entries from loyalty_lots'),
    ).toEqual(expected);
  },
  patience * 2,
);

async function enrol({ client }: Service): Promise<string[]> {
  await client.post('/v1/loyalty/programmes', aProgramme('rewards'), 201);
  const rule = anEarnRule('payments', { points: { fixed: earnedEach } });
  await client.post('/v1/loyalty/programmes/rewards/earn-rules', rule, 201);
  const ids: string[] = [];
  for (let count = 0; count < members; count += 1) {
    const { id } = await client.post('/v1/customers', aCustomer(), 201);
    await client.put(`/v1/customers/${id}/loyalty/rewards`, { status: 'open' }, 201);
    ids.push(id);
  }
  return ids;
}

const sums = async (text: string) => (await database.database.pool.query(text)).rows[0];
