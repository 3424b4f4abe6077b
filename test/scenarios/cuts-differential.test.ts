/** Where PostgreSQL cuts an order is where the pure core cuts it, of every type, with ties and missing values. */
import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cutOf, dimensions } from '../../src/rfm/scores.js';
import { type CutRow, cutRows, cutsOfRows } from '../../src/rules/cut-statement.js';
import { boundsOf, type Place } from '../../src/rules/cuts.js';
import { compareValues, type ValueType } from '../../src/rules/values.js';
import { cloneDatabase, type TestDatabase } from '../support/database.js';
import { runs } from '../support/runs.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await cloneDatabase();
});
afterAll(() => db.drop());

const sqlTypes = {
  money: 'numeric',
  number: 'numeric',
  integer: 'integer',
  date: 'text',
  instant: 'timestamptz',
} as const;
const types = Object.keys(sqlTypes) as (keyof typeof sqlTypes)[];

const values: Record<keyof typeof sqlTypes, fc.Arbitrary<string>> = {
  money: fc.integer({ min: -300, max: 300 }).map((cents) => (cents / 100).toFixed(2)),
  number: fc.constantFrom('0', '1.5', '-2', '0.1', '100', '12'),
  integer: fc.integer({ min: -5, max: 12 }).map(String),
  date: fc.constantFrom('1999-12-31', '2024-02-29', '2024-03-01', '2024-10-01'),
  instant: fc.constantFrom('2024-02-29T00:00:00.000001Z', '2024-02-29T00:00:00Z', '2024-03-01T00:00:00Z'),
};

const end = fc.constantFrom<'top' | 'bottom'>('top', 'bottom');
const hundredths = fc.integer({ min: 0, max: 10_000 }).map((each) => each / 100);
const places: fc.Arbitrary<Place> = fc.oneof(
  fc.record({ from: end, percent: hundredths }),
  fc.record({ from: end, beyond: hundredths }),
  fc.record({ from: end, count: fc.integer({ min: 1, max: 50 }) }),
);

const worlds = fc.constantFrom(...types).chain((type) =>
  fc.record({
    type: fc.constant(type),
    seen: fc.array(fc.option(values[type], { freq: 5 }), { maxLength: 40 }),
    cuts: fc.array(fc.array(places, { minLength: 1, maxLength: 4 }), { maxLength: 4 }),
  }),
);

/** As PostgreSQL and the core write the same value. */
const plain = (type: ValueType, value: string | null) =>
  value === null
    ? null
    : type === 'instant'
      ? Date.parse(value) + Number(value.slice(23, 26) || 0) / 1000
      : type === 'date'
        ? value
        : Number(value);

test('of any places', () =>
  fc.assert(
    fc.asyncProperty(worlds, async ({ type, seen, cuts }) => {
      const all = [...cuts, cutOf(dimensions[0] as 'recency').places];
      const rows = await db.database.rows<CutRow>(sql`
        with ranked as (select v from unnest(${sql.param(seen)}::${sql.raw(sqlTypes[type])}[]) as v)
        ${cutRows(
          sql`ranked`,
          [{ name: 'v', type }],
          all.map((each) => ({ column: 0, places: each })),
        )}`);
      const ascending = seen
        .filter((value) => value !== null)
        .sort((left, right) => compareValues(type, left, right));
      const found = cutsOfRows(rows, '2024-01-01T00:00:00Z');
      expect(found.map(({ population }) => population)).toEqual(all.map(() => ascending.length));
      expect(found.map(({ bounds }) => bounds.map((bound) => plain(type, bound)))).toEqual(
        all.map((each) => boundsOf(each, ascending).map((bound) => plain(type, bound))),
      );
    }),
    { numRuns: runs(150) },
  ));
