/** The grading, against the presets worked out by hand, and by what must hold of any model and any months. */
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { describe, expect, test } from 'vitest';
import {
  gradeMonths,
  type Level,
  type MonthSeen,
  type Movement,
  placeAmong,
  presets,
  type RunningMonth,
  reachedRank,
} from '../../src/levels/grading.js';
import { naiveRank } from '../support/naive-levels.js';

const monthOf = (number: number) =>
  Temporal.PlainYearMonth.from('2025-01').add({ months: number }).toString();
const seen = (averages: readonly (number | null)[]): MonthSeen[] =>
  averages.map((average, number) => ({
    month: monthOf(number),
    average: average === null ? null : average.toFixed(2),
    unvalued: 0,
  }));

/** basic, gold from 500,000, wealth from 1,000,000, private from 6,000,000 */
const bank = (movement: Movement, ofPrivate: Movement = movement): Level[] => [
  { key: 'basic', lower_bound: null, movement },
  { key: 'gold', lower_bound: '500000', movement },
  { key: 'wealth', lower_bound: '1000000', movement },
  { key: 'private', lower_bound: '6000000', movement: ofPrivate },
];
const levelsHeld = (levels: Level[], averages: readonly (number | null)[], running?: RunningMonth) => {
  const { steps, raised } = gradeMonths(levels, seen(averages), running);
  return [...steps, ...(raised === null ? [] : [raised])].map(({ rank }) => levels[rank]?.key);
};
const outcomesOf = (levels: Level[], averages: readonly (number | null)[]) =>
  gradeMonths(levels, seen(averages)).steps.map(({ outcome }) => outcome);

describe('worked by hand', () => {
  test('quarter: up after one month, down after three below to the level of the last', () => {
    const averages = [499_999.99, 500_000, 400_000, 400_000, 600_000, 1_200_000, 700_000, 700_000, 10];
    expect(levelsHeld(bank(presets.quarter), averages)).toEqual([
      ...['basic', 'gold', 'gold', 'gold', 'gold'],
      ...['wealth', 'wealth', 'wealth', 'basic'],
    ]);
    expect(outcomesOf(bank(presets.quarter), averages)).toEqual([
      ...['kept', 'up', 'below', 'below', 'kept'],
      ...['up', 'below', 'below', 'down'],
    ]);
  });

  test('half a year: the private bank keeps for six months, others for three', () => {
    const levels = bank(presets.quarter, presets.half_year);
    const averages = [6_000_000, 1, 1, 1, 1, 1, 1_500_000, 1, 1, 1];
    expect(levelsHeld(levels, averages)).toEqual([
      ...Array(6).fill('private'),
      ...['wealth', 'wealth', 'wealth', 'basic'],
    ]);
  });

  test('watched: three months below to watch, three more to go down to the best level of the six', () => {
    const averages = [6_500_000, 700_000, 1_100_000, 600_000, 1, 1, 1, 1];
    expect(outcomesOf(bank(presets.watched), averages)).toEqual([
      ...['up', 'below', 'below', 'watched', 'watched', 'watched', 'down', 'below'],
    ]);
    expect(levelsHeld(bank(presets.watched), averages)).toEqual([
      ...Array(6).fill('private'),
      ...['wealth', 'wealth'],
    ]);
    // a month that reaches it ends the watch
    expect(outcomesOf(bank(presets.watched), [6_500_000, 1, 1, 1, 6_000_000, 1])).toEqual([
      ...['up', 'below', 'below', 'watched', 'kept', 'below'],
    ]);
  });

  test('at once: when the days so far are enough for the whole month', () => {
    const running = (average: string): RunningMonth => ({
      ...{ month: '2025-03', until: '2025-03-20', average, unvalued: 0 },
    });
    const held = [100, 500_000];
    expect(levelsHeld(bank(presets.watched), held, running('999999.99')).at(-1)).toBe('gold');
    expect(levelsHeld(bank(presets.watched), held, running('1000000.00')).at(-1)).toBe('wealth');
    expect(levelsHeld(bank(presets.quarter), held, running('9000000.00')).at(-1)).toBe('gold');
    // only the private bank waits for the month to end
    const mixed = bank(presets.watched, presets.half_year);
    expect(levelsHeld(mixed, held, running('9000000.00')).at(-1)).toBe('wealth');
    expect(levelsHeld(mixed, [], running('700000.00'))).toEqual(['gold']);
    expect(gradeMonths(mixed, [], running('1.00')).rank).toBeNull();
  });

  test('a month with something unvalued may raise, and otherwise decides nothing', () => {
    const levels = bank(presets.quarter);
    const months = seen([1_000_000, 1, 1, 1, 1]).map((month, place) =>
      place === 2 ? { ...month, unvalued: 1 } : month,
    );
    expect(gradeMonths(levels, months).steps.map(({ outcome }) => outcome)).toEqual([
      ...['up', 'below', 'unknown', 'below', 'down'],
    ]);
    expect(gradeMonths(levels, [{ month: '2025-01', average: '600000.00', unvalued: 2 }]).rank).toBe(1);
  });

  test('a level of another version stands where its key does, or else its bound', () => {
    const levels = bank(presets.quarter);
    const stands = (key: string, lower_bound: string | null) => placeAmong(levels, { key, lower_bound });
    expect([stands('wealth', '1'), stands('silver', '999999'), stands('platinum', '9000000')]).toEqual([
      2, 1, 3,
    ]);
    expect(stands('everybody', null)).toBe(0);
  });

  test('a month in which nothing was held counts as zero', () => {
    expect(outcomesOf(bank(presets.quarter), [500_000, null, null, null])).toEqual([
      ...['up', 'below', 'below', 'down'],
    ]);
    expect(gradeMonths(bank(presets.quarter), [])).toEqual({
      ...{ rank: null, steps: [], monthsBelow: 0, watched: false, raised: null },
    });
  });
});

const movement: fc.Arbitrary<Movement> = fc.oneof(
  fc.constantFrom(...Object.values(presets)),
  fc.record({
    up: fc.constantFrom('next_month', 'at_once'),
    months_below: fc.integer({ min: 1, max: 6 }),
    watch_months: fc.integer({ min: 0, max: 4 }),
    down_to: fc.constantFrom('last_month', 'best_of_window'),
  }),
);
const models: fc.Arbitrary<Level[]> = fc
  .tuple(
    fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 4 }),
    fc.array(movement, { minLength: 5 }),
  )
  .map(([bounds, movements]) =>
    [null, ...bounds.sort((left, right) => left - right)].map((bound, place) => ({
      key: `l${place}`,
      lower_bound: bound === null ? null : `${bound}.00`,
      movement: movements[place] ?? presets.quarter,
    })),
  );
const months: fc.Arbitrary<MonthSeen[]> = fc
  .array(
    fc.record({
      average: fc.option(fc.integer({ min: -500, max: 4500 }), { freq: 6 }),
      unvalued: fc.constantFrom(0, 0, 0, 0, 1),
    }),
    { maxLength: 30 },
  )
  .map((all) =>
    all.map(({ average, unvalued }, number) => ({
      month: monthOf(number),
      average: average === null ? null : (average / 100).toFixed(2),
      unvalued,
    })),
  );

const numRuns = Number(process.env.PROPERTY_RUNS ?? 1000);

describe('of any model and months', () => {
  const always = (property: (levels: Level[], all: MonthSeen[]) => void) =>
    fc.assert(fc.property(models, months, property), { numRuns });

  test('it is what the policy says when it is told another way', () =>
    always((levels, all) => {
      expect(gradeMonths(levels, all).rank).toBe(naiveRank(levels, all));
    }));

  test('each step is the grade of the months so far: what comes later changes none', () =>
    always((levels, all) => {
      const { steps } = gradeMonths(levels, all);
      for (const [place, step] of steps.entries())
        expect(gradeMonths(levels, all.slice(0, place + 1)).rank).toBe(step.rank);
    }));

  test('a month that reaches more raises to just that, and nothing else raises', () =>
    always((levels, all) => {
      let held = 0;
      for (const { rank, reached, outcome } of gradeMonths(levels, all).steps) {
        expect(rank > held).toBe(reached > held);
        if (rank > held) expect([rank, outcome]).toEqual([reached, 'up']);
        held = rank;
      }
    }));

  test('nobody goes down before the months below are over, nor below what the months reached', () =>
    always((levels, all) => {
      let held = 0;
      let counted: number[] = [];
      for (const { rank, reached, outcome } of gradeMonths(levels, all).steps) {
        if (reached >= held) counted = [];
        else if (outcome !== 'unknown') counted.push(reached);
        const rules = levels[held]?.movement ?? presets.quarter;
        const patience = rules.months_below + rules.watch_months;
        if (rank < held) {
          expect(counted.length).toBe(patience);
          expect(rank).toBe(rules.down_to === 'last_month' ? counted.at(-1) : Math.max(...counted));
        } else expect(counted.length).toBeLessThan(patience);
        if (rank !== held) counted = [];
        held = rank;
      }
    }));

  test('a bound is met exactly, and not by a cent less', () =>
    fc.assert(
      fc.property(models, (levels) => {
        for (const [place, { lower_bound: bound }] of levels.entries()) {
          if (bound === null) continue;
          expect(reachedRank(levels, bound)).toBe(place);
          expect(reachedRank(levels, (Number(bound) - 0.01).toFixed(2))).toBe(place - 1);
        }
      }),
    ));

  test('the running month never lowers, and raises to no more than is assured', () =>
    fc.assert(
      fc.property(models, months, fc.integer({ min: 0, max: 4500 }), (levels, all, amount) => {
        const average = (amount / 100).toFixed(2);
        const running = { month: '2030-01', until: '2030-01-15', average, unvalued: 0 };
        const without = gradeMonths(levels, all);
        const { rank, raised } = gradeMonths(levels, all, running);
        if (raised === null) expect(rank).toBe(without.rank);
        else {
          expect(raised.rank).toBeGreaterThan(without.rank ?? 0);
          expect(raised.rank).toBeLessThanOrEqual(reachedRank(levels, average));
          expect(levels[raised.rank]?.movement.up).toBe('at_once');
          // the same month closed with no more than that raises at least as far
          const closed = gradeMonths(levels, [...all, { month: '2030-01', average, unvalued: 0 }]);
          expect(closed.rank).toBeGreaterThanOrEqual(raised.rank);
        }
      }),
      { numRuns },
    ));
});
