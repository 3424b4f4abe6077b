/**
 * A leap year of a bank in which only balances and the clock move: holdings open and close, days come late and are
 * corrected, a worker dies within a close, two work at once, and for two months none does. After each close the average
 * and the level of every customer are what a sum day by day, in cents, and the policy told another way give.
 */
import { Temporal } from 'temporal-polyfill';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from '../../src/db/client.js';
import { correctNext } from '../../src/levels/corrections.js';
import { type Level, type MonthSeen, type Movement, presets } from '../../src/levels/grading.js';
import { beginRound, continueRound } from '../../src/levels/rounds.js';
import { workUntilDone } from '../../src/platform/jobs.js';
import { allJobs } from '../../src/worker.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';
import { naiveRank } from '../support/naive-levels.js';

const customers = Number(process.env.LEVEL_CUSTOMERS ?? 40);
const seed = Number(process.env.LEVEL_SEED ?? 1);

/** mulberry32 */
function randomOf(state: number): () => number {
  let at = state;
  return () => {
    at = (at + 0x6d2b79f5) | 0;
    let mixed = Math.imul(at ^ (at >>> 15), 1 | at);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
const random = randomOf(seed);
const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;

const movement: Movement = presets.quarter;
const levels: Level[] = [
  { key: 'basic', lower_bound: null, movement },
  {
    key: 'gold',
    lower_bound: '500000',
    movement: { ...presets.watched, up: 'next_month', months_below: 2, watch_months: 1 },
  },
  { key: 'wealth', lower_bound: '1000000', movement },
  { key: 'private_bank', lower_bound: '6000000', movement: presets.half_year },
];
const model = {
  measure: 'aum',
  settle_days: 1,
  movement: { preset: 'quarter' },
  levels: levels.map(({ key, lower_bound, movement: own }) => ({
    ...{ key, name: key, description: '', lower_bound, movement: own },
  })),
};

type Stated = { day: string; cents: bigint; sentIn: string };
type Holding = {
  number: string;
  customer: number;
  category: 'deposit' | 'fund' | 'loan';
  /** of each day what was told, in the order in which it came */
  told: Stated[];
  closedOn: string | null;
};

const months = Array.from({ length: 12 }, (_, place) =>
  Temporal.PlainYearMonth.from('2024-01').add({ months: place }),
);
const daysOf = (month: Temporal.PlainYearMonth) =>
  Array.from({ length: month.daysInMonth }, (_, place) => month.toPlainDate({ day: place + 1 }).toString());

const money = (cents: bigint) => {
  const text = `${cents < 0n ? -cents : cents}`.padStart(3, '0');
  return `${cents < 0n ? '-' : ''}${text.slice(0, -2)}.${text.slice(-2)}`;
};
/** About the bounds, so that averages lie on either side of them. */
const anAmount = (): bigint =>
  BigInt(pick([0, 20_000_000, 49_900_000, 50_000_000, 99_900_000, 120_000_000, 580_000_000, 700_000_000])) +
  BigInt(Math.floor(random() * 400_000));

const holdings: Holding[] = Array.from({ length: customers * 2 }, (_, place) => ({
  number: `YEAR${place}`,
  customer: place % customers,
  category: place < customers ? 'deposit' : pick(['deposit', 'fund', 'loan'] as const),
  told: [],
  closedOn: null,
}));

/** What is told in a month: of its own days, and late or once more of those before. */
function statementsOf(month: Temporal.PlainYearMonth): { holding: Holding; day: string; cents: bigint }[] {
  return holdings.flatMap((holding, place) => {
    const opensIn = place < customers ? place % 4 : place % 9;
    const own = months.findIndex((one) => one.equals(month));
    if (own < opensIn || holding.closedOn !== null) return [];
    const count = holding.told.length === 0 ? 1 : Math.floor(random() * 4);
    const sign = holding.category === 'loan' ? -1n : 1n;
    const now = Array.from({ length: count }, () => pick(daysOf(month)));
    const before = months[own - Math.ceil(random() * 4)];
    const late =
      before !== undefined && holding.told.length > 0 && random() < 0.15 ? [pick(daysOf(before))] : [];
    return [...new Set([...now, ...late])].map((day) => ({ holding, day, cents: sign * anAmount() }));
  });
}

/** At the end of each day of the month, in cents; zero before the first and once it is closed. */
function heldOn({ told, closedOn }: Holding, day: string): bigint {
  if (closedOn !== null && day >= closedOn) return 0n;
  const latest = new Map(told.map((one) => [one.day, one.cents]));
  const [last] = [...latest.keys()].filter((each) => each <= day).sort((a, b) => (a < b ? 1 : -1));
  return last === undefined ? 0n : (latest.get(last) ?? 0n);
}

/** null where no holding was told of up to its end. */
function averageOf(customer: number, month: Temporal.PlainYearMonth): string | null {
  const days = daysOf(month);
  const own = holdings.filter((one) => one.customer === customer);
  const counts = own.some((one) =>
    days.some(
      (day) => one.told.some((told) => told.day <= day) && (one.closedOn === null || day < one.closedOn),
    ),
  );
  if (!counts) return null;
  const assets = own.filter(({ category }) => category !== 'loan');
  const sum = assets.reduce((all, one) => days.reduce((total, day) => total + heldOn(one, day), all), 0n);
  const count = BigInt(days.length);
  return money((2n * sum + count) / (2n * count));
}

/** Of all closed months from the first with a balance on. */
function seenOf(customer: number, closed: readonly Temporal.PlainYearMonth[]): MonthSeen[] {
  const all = closed.map((month) => ({
    month: `${month}`,
    average: averageOf(customer, month),
    unvalued: 0,
  }));
  const first = all.findIndex(({ average }) => average !== null);
  return first < 0 ? [] : all.slice(first);
}

let t: TestApp;
const ids: string[] = [];
beforeAll(async () => {
  t = await startTestApp({ startAt: '2023-12-20T04:00:00Z' });
  await t.client.put('/v1/levels/model', model, 200, { headers: { 'if-match': '*' } });
  for (let place = 0; place < customers; place += 1)
    ids.push((await t.client.post('/v1/customers', aCustomer(), 201)).id);
  await t.drain();
});
afterAll(() => t.stop());

async function send(month: Temporal.PlainYearMonth): Promise<void> {
  await t.travelTo(`${month.toPlainDate({ day: month.daysInMonth })}T15:00:00Z`);
  const statements = statementsOf(month);
  for (const { holding, day, cents } of statements.filter(({ holding: one }) => one.told.length === 0)) {
    const body = {
      ...{
        source: 'core',
        number: holding.number,
        category: holding.category,
        status: 'active',
        currency: 'CNY',
      },
      ...{ balance: money(cents), balance_date: day },
      parties: [{ customer: { id: ids[holding.customer] }, role: 'primary_owner' }],
    };
    await t.client.post('/v1/holdings/upsert', body, 201);
    holding.told.push({ day, cents, sentIn: `${month}` });
  }
  const lines = statements
    .filter(
      ({ holding: one, day }) => !one.told.some((told) => told.day === day && told.sentIn === `${month}`),
    )
    .map(({ holding, day, cents }) => {
      holding.told.push({ day, cents, sentIn: `${month}` });
      return JSON.stringify({
        source: 'core',
        number: holding.number,
        business_date: day,
        balance: money(cents),
      });
    });
  const headers = { 'content-type': 'application/x-ndjson' };
  if (lines.length > 0) {
    const sent = `${lines.join('\n')}\n`;
    const { id } = await t.client.post('/v1/imports?kind=balances&source=core', sent, 202, { headers });
    await workOnAllElse();
    expect(await t.client.get(`/v1/imports/${id}`)).toMatchObject({ state: 'completed', rejected: 0 });
  }
  const closing = holdings.filter(
    ({ told, closedOn }) => told.length > 4 && closedOn === null && random() < 0.06,
  );
  for (const holding of closing) {
    holding.closedOn = pick(daysOf(month));
    const closed = { source: 'core', number: holding.number, status: 'closed', closed_on: holding.closedOn };
    await t.client.post('/v1/holdings/upsert', closed);
  }
}

/** All background work but that of levels. */
async function workOnAllElse(): Promise<void> {
  for (const job of allJobs(t.deps).filter(({ queue }) => queue !== 'levels'))
    await workUntilDone(job, () => false);
}

const closeOf = (month: Temporal.PlainYearMonth) => `${month.add({ months: 1 })}-01T16:00:00Z`;

type Answer = { level: string | null; months: { month: string; average: string | null; level: string }[] };

/** Everything that is known of everybody, as it is read. */
const readAll = (asOf?: string): Promise<Answer[]> =>
  Promise.all(
    ids.map(async (id) => {
      const query = asOf === undefined ? '' : `?as_of=${encodeURIComponent(asOf)}`;
      const { level, months: seen, pending } = await t.client.get(`/v1/customers/${id}/level${query}`);
      if (asOf === undefined) expect(pending).toBe(false);
      return { level, months: seen };
    }),
  );

const levelAt = (rank: number | null) => (rank === null ? null : (levels[rank]?.key ?? null));

async function expectAll(closed: readonly Temporal.PlainYearMonth[]): Promise<Answer[]> {
  const all = await readAll();
  for (const [customer, answer] of all.entries()) {
    const seen = seenOf(customer, closed);
    expect(
      answer.months.map(({ month, average }) => [month, average]),
      `the averages of ${customer} after ${closed.at(-1)}`,
    ).toEqual(seen.map(({ month, average }) => [month, average]));
    expect(answer.level, `the level of ${customer} after ${closed.at(-1)}`).toBe(
      levelAt(naiveRank(levels, seen)),
    );
    // what explains it ends with it
    expect(answer.months.at(-1)?.level ?? null).toBe(answer.level);
  }
  return all;
}

/** A worker that dies as it commits. */
async function dieInClose(): Promise<void> {
  const ctx = await t.context();
  const begin: Database['begin'] = (work) =>
    t.database.begin(async (tx) => {
      await work(tx);
      throw new Error('killed');
    });
  await expect(continueRound({ ...ctx, database: { ...t.database, begin } }, 7)).rejects.toThrow('killed');
}

const ways: Record<number, () => Promise<void>> = {
  2: async () => {
    const ctx = await t.context();
    expect(await beginRound(ctx)).toBe(true);
    await continueRound(ctx, 7);
    await dieInClose();
    await continueRound(ctx, 7);
    await dieInClose();
  },
  4: async () => {
    const ctx = await t.context();
    const worker = async () => {
      for (let turns = 0; turns < 200; turns += 1) {
        const worked = (await beginRound(ctx)) || (await continueRound(ctx, 3)) || (await correctNext(ctx));
        if (!worked && turns > 60) return;
      }
    };
    await Promise.all([worker(), worker()]);
  },
};

test('every average and every level, to the cent', { timeout: 3_600_000 }, async () => {
  const recorded: { at: string; all: Answer[] }[] = [];
  const sleeping = [6, 7];
  const counts = { up: 0, down: 0, corrected: 0 };
  for (const [place, month] of months.entries()) {
    await send(month);
    // what came late in this month is graded before its close
    if (!sleeping.includes(place)) await t.drain();
    if (!sleeping.includes(place) && place > 0) {
      recorded.push({ at: await t.now(), all: await expectAll(months.slice(0, place)) });
    }
    await t.travelTo(closeOf(month).replace('00Z', '01Z'));
    if (sleeping.includes(place)) continue;
    await ways[place]?.();
    await t.drain();
    recorded.push({ at: await t.now(), all: await expectAll(months.slice(0, place + 1)) });
  }
  // none of it is told otherwise since
  for (const { at, all } of recorded) expect(await readAll(at)).toEqual(all);

  const { rows } = await t.database.pool.query(`
    select customer_id, level, rank, cause, from_at, to_at,
      lag(to_at) over w as former_to, lag(rank) over w as former_rank
    from customer_levels window w as (partition by customer_id order by from_at)`);
  for (const row of rows) {
    if (row.former_to !== null) expect(row.former_to).toEqual(row.from_at);
    if (row.former_rank !== null) counts[row.rank > row.former_rank ? 'up' : 'down'] += 1;
    if (row.cause === 'correction') counts.corrected += 1;
  }
  // the world moves enough to mean something
  expect(counts.up).toBeGreaterThan(customers / 4);
  expect(counts.down).toBeGreaterThan(customers / 4);
  expect(counts.corrected).toBeGreaterThan(3);
  const { rows: closes } = await t.database.pool.query(
    `select effective_at::text as at, count(*)::int as count from level_rounds where kind = 'close' group by 1 order by 1`,
  );
  expect(closes.length).toBe(13);
  expect(closes.every(({ count }) => count === 1)).toBe(true);
  // each move is told once
  const { rows: told } = await t.database.pool.query(`
    select (select count(*)::int from outbox where type = 'level.changed') as events, (select count(*)::int
      from (select level, lag(level) over (partition by customer_id order by from_at) as former from customer_levels) as l
      where former is distinct from level) as moves`);
  expect(told[0].events).toBe(told[0].moves);
});
