/**
 * Two months of a bank that raises at once, looked at each day: whoever has a level has it from the first day on which
 * the days so far, by all days of the month, meet its bound, and no other; also where the worker slept for a week.
 */
import { Temporal } from 'temporal-polyfill';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Level, presets } from '../../src/levels/grading.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer, aHolding } from '../support/factories.js';
import { naiveRank } from '../support/naive-levels.js';

const levels: Level[] = [
  { key: 'basic', lower_bound: null, movement: presets.watched },
  { key: 'gold', lower_bound: '500000', movement: presets.watched },
  { key: 'private_bank', lower_bound: '6000000', movement: presets.half_year },
];
const model = {
  ...{ measure: 'aum', settle_days: 0, movement: { preset: 'watched' } },
  levels: levels.map(({ key, lower_bound }) => ({
    ...{ key, name: key, description: '', lower_bound },
    ...(key === 'private_bank' ? { movement: { preset: 'half_year' } } : {}),
  })),
};

/** By the days on which they change, in whole yuan. */
const held: Record<string, number>[] = [
  { '2024-02-01': 500_000 },
  { '2024-02-03': 1_000_000, '2024-02-20': 0 },
  { '2024-02-10': 20_000_000, '2024-02-11': 0, '2024-03-05': 7_000_000 },
  { '2024-02-15': 900_000, '2024-03-01': 600_000 },
  { '2024-02-29': 14_500_000, '2024-03-01': 499_999 },
];
const zone = 'America/New_York';
const first = Temporal.PlainDate.from('2024-02-01');
const days = Array.from({ length: 62 }, (_, place) => first.add({ days: place }));

const amountOn = (customer: number, day: Temporal.PlainDate): bigint => {
  const known = Object.entries(held[customer] ?? {}).filter(([from]) => from <= day.toString());
  return BigInt(known.at(-1)?.[1] ?? 0) * 100n;
};
const money = (cents: bigint) => `${cents / 100n}.${`${cents % 100n}`.padStart(2, '0')}`;

/** Of the days of a month before a day, by all of its days. */
function averageOf(customer: number, month: Temporal.PlainYearMonth, before: Temporal.PlainDate): string {
  const counted = Array.from({ length: month.daysInMonth }, (_, place) =>
    month.toPlainDate({ day: place + 1 }),
  ).filter((day) => Temporal.PlainDate.compare(day, before) < 0);
  const sum = counted.reduce((all, day) => all + amountOn(customer, day), 0n);
  const by = BigInt(month.daysInMonth);
  return money((2n * sum + by) / (2n * by));
}

function expectedOn(customer: number, day: Temporal.PlainDate): string | null {
  const opened = Temporal.PlainDate.from(Object.keys(held[customer] ?? {})[0] ?? '');
  const closed = [1, 2, 3]
    .map((number) => Temporal.PlainYearMonth.from({ year: 2024, month: number }))
    .filter((month) => Temporal.PlainYearMonth.compare(month, day.toPlainYearMonth()) < 0)
    .filter((month) => Temporal.PlainYearMonth.compare(month, opened.toPlainYearMonth()) >= 0);
  const seen = closed.map((month) => ({
    ...{ month: `${month}`, average: averageOf(customer, month, day), unvalued: 0 },
  }));
  const rank = naiveRank(levels, seen);
  const isGold = Number(averageOf(customer, day.toPlainYearMonth(), day)) >= 500_000;
  const raised = isGold && (rank ?? 0) < 1 ? 1 : rank;
  return raised === null ? null : (levels[raised]?.key ?? null);
}

let t: TestApp;
const ids: string[] = [];
beforeAll(async () => {
  t = await startTestApp({ startAt: '2024-01-31T12:00:00Z', env: { BANK_TIME_ZONE: zone } });
  await t.client.put('/v1/levels/model', model, 200, { headers: { 'if-match': '*' } });
  for (const _ of held) ids.push((await t.client.post('/v1/customers', aCustomer(), 201)).id);
  await t.drain();
});
afterAll(() => t.stop());

test('each day', { timeout: 600_000 }, async () => {
  const present = new Map<number, string | null>();
  const moves: string[] = [];
  for (const day of days) {
    // a worker that sleeps for a week in March does each of its days when it wakes
    const sleeps = day.month === 3 && day.day >= 10 && day.day < 17;
    await t.travelTo(day.toZonedDateTime({ timeZone: zone, plainTime: '00:00:01' }).toInstant().toString());
    if (!sleeps) await t.drain();
    for (const [customer, changes] of held.entries()) {
      if (!sleeps) {
        const { level } = await t.client.get(`/v1/customers/${ids[customer]}/level`);
        expect(level, `${customer} on ${day}`).toBe(expectedOn(customer, day));
        if (level !== (present.get(customer) ?? null)) moves.push(`${customer} ${day} ${level}`);
        present.set(customer, level);
      }
      const amount = changes[day.toString()];
      if (amount === undefined) continue;
      const body = { ...aHolding(`ONCE${customer}`, { id: ids[customer] }), balance_date: `${day}` };
      await t.client.request('POST', '/v1/holdings/upsert', { ...body, balance: `${amount}` });
    }
  }
  for (const day of days)
    for (const [customer, id] of ids.entries()) {
      const at = day.toZonedDateTime({ timeZone: zone, plainTime: '00:00:01' }).toInstant().toString();
      const { level } = await t.client.get(`/v1/customers/${id}/level?as_of=${at}`);
      expect(level, `${customer} as of ${day}`).toBe(expectedOn(customer, day));
    }
  // at the close; when enough; by one day, and at a close; at a close, and when enough; to the cent
  expect(moves.sort()).toEqual([
    '0 2024-03-01 gold',
    '1 2024-02-18 gold',
    '2 2024-02-11 gold',
    '2 2024-04-01 private_bank',
    '3 2024-03-01 basic',
    '3 2024-03-27 gold',
    '4 2024-03-01 gold',
  ]);
});
