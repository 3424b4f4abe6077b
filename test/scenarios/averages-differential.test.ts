/** The averages of the one statement are what a sum day by day gives, of whatever balances, owners, rates and months. */
import { Big } from 'big.js';
import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { json, type Tx } from '../../src/db/client.js';
import { type Attribution, attributions } from '../../src/holdings/attribution.js';
import { averagesOfCustomers, averagesOfHoldings } from '../../src/holdings/average-sql.js';
import { intervalsOf, type StatedDay } from '../../src/holdings/balance-intervals.js';
import { type AverageDays, averageDays, countedMonth } from '../../src/holdings/months.js';
import { cloneDatabase, type TestDatabase } from '../support/database.js';
import { runs } from '../support/runs.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await cloneDatabase();
});
afterAll(() => db.drop());

const id = (kind: number, number: number) =>
  `0198f2a0-0000-7000-8${String(kind).padStart(3, '0')}-${String(number).padStart(12, '0')}`;
const at = '2024-01-01T00:00:00Z';
const people = [id(1, 0), id(1, 1), id(1, 2)];
const bank = { timeZone: 'Asia/Shanghai', currency: 'CNY', country: 'CN' };

const first = Temporal.PlainDate.from('2024-01-25');
const dayOf = (number: number) => first.add({ days: number }).toString();
/** From the end of January to the beginning of April of a leap year. */
const days = Array.from({ length: 75 }, (_, number) => dayOf(number));
const day = fc.integer({ min: 0, max: 70 }).map(dayOf);
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { freq: 2 });

const stated: fc.Arbitrary<StatedDay[]> = fc
  .uniqueArray(
    fc.record({
      day,
      amount: maybe(fc.constantFrom('100', '0.0101', '-33.33', '999999999999999.9999', '7.5')),
      currency: fc.constantFrom('CNY', 'CNY', 'USD', 'EUR'),
      sourceMicros: fc.constant(1),
      recordedMicros: fc.constant(1),
    }),
    { selector: (one) => one.day, maxLength: 12 },
  )
  .map((list) => list.sort((left, right) => (left.day < right.day ? -1 : 1)));

type Owner = { customer: number; share: string | null; starts_on: string | null; ends_on: string | null };
const dates = fc
  .tuple(maybe(day), maybe(day))
  .filter(([from, to]) => from === null || to === null || from < to)
  .map(([starts_on, ends_on]) => ({ starts_on, ends_on }));
const share = maybe(fc.constantFrom('0', '12.5', '33.3333', '50'));
const primary = fc
  .record({ share, dates })
  .map(({ dates: of, ...rest }): Owner => ({ customer: 0, ...rest, ...of }));
const joint = (customer: number) =>
  fc.record({ share, dates }).map(({ dates: of, ...rest }): Owner => ({ customer, ...rest, ...of }));

const holding = fc.record({
  category: fc.constantFrom('deposit', 'fund', 'loan', 'debit_card'),
  closed_on: fc.option(day, { freq: 3 }),
  stated,
  primary,
  joint: fc.tuple(maybe(joint(1)), maybe(joint(2))).map((all) => all.filter((one) => one !== null)),
});
type Holding = typeof holding extends fc.Arbitrary<infer T> ? T : never;

const rates = fc.uniqueArray(
  fc.record({
    day: fc.integer({ min: -10, max: 70 }).map(dayOf),
    rate: fc.constantFrom('7.1', '0.00015', '1'),
  }),
  { selector: (one) => one.day, maxLength: 4 },
);
type Rates = { day: string; rate: string }[];

const insert = (tx: Tx, table: string, rows: readonly object[]) =>
  tx.run(
    sql`insert into ${sql.raw(table)} select * from jsonb_populate_recordset(null::${sql.raw(table)}, ${json(rows)})`,
  );

async function store(tx: Tx, holdings: readonly Holding[], ofDollars: Rates): Promise<void> {
  await insert(
    tx,
    'customers',
    people.map((customer) => ({
      ...{ id: customer, kind: 'person', status: 'active', stub: false, attributes: {} },
      ...{ name_tokens: [], name_folded: '', version: 1, created_at: at, updated_at: at },
    })),
  );
  await insert(
    tx,
    'exchange_rates',
    ofDollars.map((one, place) => ({
      ...{ id: id(2, place), currency: 'USD', business_date: one.day, rate: one.rate },
      ...{ source: 's', recorded_at: at },
    })),
  );
  const owner_id = people[0];
  for (const [place, one] of holdings.entries()) {
    const holding_id = id(3, place);
    await insert(tx, 'holdings', [
      {
        ...{
          customer_id: owner_id,
          id: holding_id,
          source: 's',
          number_index: `${place}`,
          category: one.category,
        },
        ...{
          status: one.closed_on === null ? 'active' : 'closed',
          closed_on: one.closed_on,
          currency: 'CNY',
        },
        ...{ attributes: {}, recorded_at: at, version: 1 },
      },
    ]);
    await insert(
      tx,
      'holding_parties',
      [one.primary, ...one.joint].map(({ customer, ...party }, number) => ({
        ...{ ...party, customer_id: people[customer], id: id(4, place * 10 + number), holding_id, owner_id },
        ...{ role: customer === 0 ? 'primary_owner' : 'joint_owner', recorded_at: at },
      })),
    );
    await insert(
      tx,
      'holding_balances',
      intervalsOf(one.stated, null).map(({ from, to, amount, currency, days: of }) => ({
        ...{ customer_id: owner_id, holding_id, from_date: from, to_date: to, amount, currency },
        ...{
          days: of.map((each) => each.day),
          source_micros: of.map(() => 1),
          recorded_micros: of.map(() => 1),
        },
      })),
    );
  }
}

const stands = ({ starts_on: from, ends_on: to }: Owner, on: string) =>
  (from === null || from <= on) && (to === null || to > on);

/** Percent of a holding that is a customer's on a day. */
function weight(one: Holding, customer: number, on: string, attribution: Attribution): Big {
  const own = [one.primary, ...one.joint].find((each) => each.customer === customer);
  if (own === undefined || !stands(own, on)) return new Big(0);
  if (attribution === 'primary_owner') return new Big(customer === 0 ? 100 : 0);
  if (attribution === 'full') return new Big(100);
  if (customer > 0 || own.share !== null) return new Big(own.share ?? 0);
  const others = one.joint.filter((each) => stands(each, on));
  return others.reduce((left, each) => left.minus(each.share ?? 0), new Big(100));
}

/** What a holding is worth at the end of a day: nothing, a value, or unknown. */
function worth(one: Holding, on: string, ofDollars: Rates): Big | 'unvalued' | undefined {
  if (one.closed_on !== null && on >= one.closed_on) return undefined;
  const last = one.stated.filter((each) => each.day <= on).at(-1);
  if (last === undefined) return undefined;
  if (last.amount === null) return 'unvalued';
  if (last.currency === 'CNY') return new Big(last.amount);
  const oldest = Temporal.PlainDate.from(on).subtract({ days: 14 }).toString();
  const [rate] = ofDollars
    .filter((each) => each.day <= on && each.day >= oldest)
    .sort((left, right) => (left.day < right.day ? 1 : -1));
  if (last.currency !== 'USD' || rate === undefined) return 'unvalued';
  return new Big(last.amount).times(rate.rate).round(2, Big.roundHalfUp);
}

/** Halves away from zero, of a quotient that may have no end. */
function cents(sum: Big, divisor: number): string {
  const twice = sum.abs().times(200).plus(divisor);
  const whole = twice.minus(twice.mod(2 * divisor)).div(2 * divisor);
  return whole.times(sum.s).div(100).toFixed(2);
}

type World = {
  holdings: Holding[];
  ofDollars: Rates;
  attribution: Attribution;
  month: string;
  today: string;
  divide: AverageDays;
};

class Done extends Error {}

async function agree({ holdings, ofDollars, attribution, month, today, divide }: World): Promise<void> {
  const counted = countedMonth(month, today, divide);
  if (counted === undefined || counted.divisor === 0) return;
  const within = days.filter((each) => each.slice(0, 7) === month && each < today);
  expect(counted.divisor).toBe(
    divide === 'thirty' && today.slice(0, 7) > month
      ? 30
      : Temporal.PlainDate.from(counted.first).until(counted.until, { largestUnit: 'days' }).days,
  );
  const settings = { counted, attribution, bank };
  await db.database
    .begin(async (tx) => {
      await store(tx, holdings, ofDollars);
      const all = sql`p.customer_id = any(${sql.param(people)}::uuid[])`;
      const rows = await tx.rows<Record<string, string | number | null>>(averagesOfCustomers(settings, all));
      for (const [customer, customerId] of people.entries()) {
        const sums = new Map<string, Big>();
        const unvalued = new Set<number>();
        let isValued = false;
        for (const [place, one] of holdings.entries()) {
          if (one.category === 'debit_card') continue;
          for (const on of within) {
            const own = [one.primary, ...one.joint].find((each) => each.customer === customer);
            if (own === undefined || !stands(own, on)) continue;
            if (attribution === 'primary_owner' && customer > 0) continue;
            const value = worth(one, on, ofDollars);
            if (value === 'unvalued') unvalued.add(place);
            if (value === undefined || value === 'unvalued') continue;
            isValued = true;
            const part = value.times(weight(one, customer, on, attribution)).times('0.01');
            sums.set(one.category, (sums.get(one.category) ?? new Big(0)).plus(part));
          }
        }
        const of = (...categories: string[]) =>
          categories.reduce((sum, each) => sum.plus(sums.get(each) ?? 0), new Big(0));
        const row = rows.find((each) => each.customer_id === customerId);
        const value = (sum: Big) => (isValued ? cents(sum, counted.divisor) : null);
        const plain = (text: unknown) => (text === null ? null : new Big(String(text)).toFixed(2));
        const seen = row && [plain(row.aum), plain(row.liabilities), plain(row.net), row.unvalued];
        const expected = [
          value(of('deposit', 'fund')),
          value(of('loan').times(-1)),
          value(of('deposit', 'fund', 'loan')),
          unvalued.size,
        ];
        const zero = (each: unknown) => (each === '-0.00' ? '0.00' : each);
        expect((seen ?? [null, null, null, 0]).map(zero)).toEqual(expected.map(zero));
      }
      const whole = await tx.rows<{ holding_id: string; unvalued_days: number }>(
        averagesOfHoldings(settings, sql`p.customer_id = ${people[0]}::uuid`),
      );
      for (const { holding_id, unvalued_days } of whole) {
        const one = holdings[Number(holding_id.slice(-12))] as Holding;
        const unknown = within.filter(
          (on) => stands(one.primary, on) && worth(one, on, ofDollars) === 'unvalued',
        );
        expect(unvalued_days).toBe(unknown.length);
      }
      throw new Done();
    })
    .catch((error: unknown) => {
      if (!(error instanceof Done)) throw error;
    });
}

const worlds: fc.Arbitrary<World> = fc.record({
  holdings: fc.array(holding, { minLength: 1, maxLength: 4 }),
  ofDollars: rates,
  attribution: fc.constantFrom(...attributions),
  month: fc.constantFrom('2024-01', '2024-02', '2024-03'),
  today: fc.constantFrom('2024-02-10', '2024-03-01', '2024-04-20'),
  divide: fc.constantFrom(...averageDays),
});

test('they are the sums of days, to the cent', { timeout: 3_600_000 }, () =>
  fc.assert(fc.asyncProperty(worlds, agree), { numRuns: runs(60) }),
);
