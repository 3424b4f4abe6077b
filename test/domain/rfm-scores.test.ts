/** Scores by fifths of a population are what the cumulative distribution says, whatever the population is. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutOf, type Dimension, scoreOf } from '../../src/rfm/scores.js';
import { boundsOf, type Cut, type Place, placeIn } from '../../src/rules/cuts.js';
import { runs } from '../support/runs.js';

const cutIn = (dimension: Dimension, values: readonly number[]): Cut => ({
  as_of: '2026-01-01T00:00:00Z',
  population: values.length,
  bounds: boundsOf(cutOf(dimension).places, [...values].sort((a, b) => a - b).map(String)),
});

const scoresBy = (dimension: Dimension, values: readonly number[]) => {
  const cut = cutIn(dimension, values);
  return values.map((value) => scoreOf(dimension, dimension === 'monetary' ? String(value) : value, cut));
};

/** By its definition: five times the share of those who are not better, rounded up, in whole numbers. */
const byDistribution = (dimension: Dimension, values: readonly number[]) =>
  values.map((value) => {
    const below = values.filter((each) => (dimension === 'recency' ? each >= value : each <= value)).length;
    return Math.ceil((5 * below) / values.length);
  });

const dimension = fc.constantFrom<Dimension>('recency', 'frequency', 'monetary');
/** few values, so that they tie, or many */
const populations = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 60 }),
  fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 60 }),
);
const holds = (property: (dimension: Dimension, values: number[]) => void) =>
  fc.assert(fc.property(dimension, populations, property), { numRuns: runs(300) });

describe('scores', () => {
  test('are five times the cumulative distribution, rounded up', () =>
    holds((of, values) => {
      expect(scoresBy(of, values)).toEqual(byDistribution(of, values));
    }));

  test('are the same in whatever order customers come', () =>
    fc.assert(
      fc.property(
        dimension,
        populations.chain((values) =>
          fc.tuple(
            fc.constant(values),
            fc.shuffledSubarray([...values.keys()], { minLength: values.length }),
          ),
        ),
        (of, [values, order]) => {
          const scores = scoresBy(of, values);
          const shuffled = scoresBy(
            of,
            order.map((place) => values[place] as number),
          );
          expect(shuffled).toEqual(order.map((place) => scores[place]));
        },
      ),
      { numRuns: runs(300) },
    ));

  test('never fall as the value gets better, and are equal where it is', () =>
    holds((of, values) => {
      const scores = scoresBy(of, values) as number[];
      const sign = of === 'recency' ? -1 : 1;
      for (const [i, value] of values.entries()) {
        for (const [j, other] of values.entries()) {
          if (value === other) expect(scores[i]).toBe(scores[j]);
          else if (sign * (value - other) > 0)
            expect(scores[i] as number).toBeGreaterThanOrEqual(scores[j] as number);
        }
      }
    }));

  test('are the same when all dates shift', () =>
    fc.assert(
      fc.property(populations, fc.nat({ max: 1000 }), (values, days) => {
        expect(
          scoresBy(
            'recency',
            values.map((value) => value + days),
          ),
        ).toEqual(scoresBy('recency', values));
      }),
      { numRuns: runs(300) },
    ));

  test('of few customers, and of customers who are all the same', () => {
    expect(scoresBy('frequency', [7])).toEqual([5]);
    expect(scoresBy('frequency', [1, 2])).toEqual([3, 5]);
    expect(scoresBy('recency', [1, 2, 3, 4])).toEqual([5, 4, 3, 2]);
    expect(scoresBy('monetary', Array(9).fill(20))).toEqual(Array(9).fill(5));
    expect(scoreOf('frequency', 3, undefined)).toBeNull();
    expect(scoreOf('frequency', 3, cutIn('frequency', []))).toBeNull();
    expect(scoreOf('frequency', null, cutIn('frequency', [1]))).toBeNull();
  });

  test('of a value that nobody had at the refresh stand between those about it', () => {
    const cut = cutIn('frequency', [10, 20, 30, 40, 50]);
    expect([0, 10, 19, 20, 35, 50, 99].map((value) => scoreOf('frequency', value, cut))).toEqual([
      1, 1, 1, 2, 3, 5, 5,
    ]);
  });
});

describe('places', () => {
  const valuesFrom = (from: 'top' | 'bottom', values: readonly number[]) =>
    [...values].sort((a, b) => (from === 'top' ? b - a : a - b));

  test('a top share begins at the value in its place, and is never nobody', () =>
    fc.assert(
      fc.property(
        populations,
        fc.integer({ min: 1, max: 10_000 }),
        fc.constantFrom('top', 'bottom'),
        (values, hundredths, from) => {
          const place: Place = { from, percent: hundredths / 100 };
          const [bound] = boundsOf(
            [place],
            [...values].sort((a, b) => a - b),
          );
          const many = Number((BigInt(values.length) * BigInt(hundredths)) / 10_000n);
          expect(bound).toBe(valuesFrom(from, values)[Math.max(1, many) - 1]);
        },
      ),
      { numRuns: runs(300) },
    ));

  test('bands between percentiles part everybody', () =>
    fc.assert(
      fc.property(populations, fc.integer({ min: 1, max: 99 }), (values, percent) => {
        const ascending = [...values].sort((a, b) => a - b);
        const [bound] = boundsOf([{ from: 'bottom', beyond: percent }], ascending);
        const below = values.filter((value) => value < (bound as number)).length;
        // the lower band is as large as it can be without parting equal values
        expect(below).toBeLessThanOrEqual(Math.floor((values.length * percent) / 100));
        expect(values.filter((value) => value <= (bound as number)).length).toBeGreaterThan(
          Math.floor((values.length * percent) / 100),
        );
      }),
      { numRuns: runs(300) },
    ));

  test('of nobody are nowhere, and no population is too small for a count', () => {
    expect(placeIn({ from: 'top', percent: 50 }, 0)).toBeNull();
    expect(placeIn({ from: 'top', count: 3 }, 0)).toBeNull();
    expect(placeIn({ from: 'top', count: 3 }, 2)).toBe(2);
    expect(placeIn({ from: 'bottom', beyond: 100 }, 9)).toBeNull();
    expect(placeIn({ from: 'bottom', beyond: 0 }, 9)).toBe(1);
    expect(placeIn({ from: 'top', percent: 0.29 }, 10_000)).toBe(29);
  });
});

const sample = path.resolve(import.meta.dirname, '../../../shared/data/cdnow/CDNOW_sample.txt');

test.runIf(existsSync(sample))('1,411 of the 2,357 customers of CDNOW tie, and stay together', () => {
  const repeats = new Map<string, Set<string>>();
  for (const line of readFileSync(sample, 'utf8').trim().split('\n')) {
    const [, customer = '', date = ''] = line.trim().split(/\s+/);
    const days = repeats.get(customer) ?? new Set();
    // the first 39 weeks
    if (date <= '19970930') days.add(date);
    repeats.set(customer, days);
  }
  const frequencies = [...repeats.values()].map((days) => days.size - 1);
  expect(frequencies).toHaveLength(2357);
  expect(frequencies.filter((each) => each === 0)).toHaveLength(1411);
  const scores = scoresBy('frequency', frequencies);
  expect(scores).toEqual(byDistribution('frequency', frequencies));
  // 60 percent are within the lowest three fifths
  expect(new Set(scores.filter((_, place) => frequencies[place] === 0))).toEqual(new Set([3]));
  expect([1, 2, 3, 4, 5].map((score) => scores.filter((each) => each === score).length)).toEqual([
    0, 0, 1411, 439, 507,
  ]);
});
