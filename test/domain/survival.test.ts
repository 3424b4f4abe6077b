/** Kaplan and Meier's estimate against a published example, and by what must hold of any lifetimes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Lifetime, medianOf, survivalOf } from '../../src/models/survival.js';
import { runs } from '../support/runs.js';

const lifetimes = (ended: number[], seen: number[]): Lifetime[] => [
  ...ended.map((duration) => ({ duration, ended: true, count: 1 })),
  ...seen.map((duration) => ({ duration, ended: false, count: 1 })),
];

test('weeks of remission under 6-MP', () => {
  // Freireich et al., Blood 21, 1963; the estimates as in Klein & Moeschberger, Survival Analysis, table 4.1
  const steps = survivalOf(
    lifetimes([6, 6, 6, 7, 10, 13, 16, 22, 23], [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]),
  );
  const line = (values: (number | null)[]) => values.map((value) => value?.toFixed(4)).join(' ');
  expect(steps.map(({ duration, at_risk, ended }) => [duration, at_risk, ended])).toEqual([
    ...[
      [6, 21, 3],
      [7, 17, 1],
      [10, 15, 1],
      [13, 12, 1],
      [16, 11, 1],
      [22, 7, 1],
      [23, 6, 1],
    ],
  ]);
  expect(
    steps.map(({ survival, standard_error, lower, upper }) => line([survival, standard_error, lower, upper])),
  ).toEqual([
    '0.8571 0.0764 0.6197 0.9516',
    '0.8067 0.0869 0.5631 0.9228',
    '0.7529 0.0963 0.5032 0.8894',
    '0.6902 0.1068 0.4316 0.8491',
    '0.6275 0.1141 0.3675 0.8049',
    '0.5378 0.1282 0.2678 0.7468',
    '0.4482 0.1346 0.1881 0.6801',
  ]);
  expect(medianOf(steps)).toBe(23);
});

test('of nobody, and of none that ended, there is no step; when all ended, nothing lasts', () => {
  expect(survivalOf([])).toEqual([]);
  expect(survivalOf(lifetimes([], [1, 2]))).toEqual([]);
  expect(medianOf([])).toBeNull();
  expect(survivalOf(lifetimes([1, 1], []))).toEqual([
    { duration: 1, at_risk: 2, ended: 2, survival: 0, standard_error: 0, lower: null, upper: null },
  ]);
  expect(() => survivalOf(lifetimes([-1], []))).toThrow(RangeError);
});

const any = fc.array(
  fc.record({
    duration: fc.integer({ min: 0, max: 30 }),
    ended: fc.boolean(),
    count: fc.integer({ min: 1, max: 4 }),
  }),
  { maxLength: 40 },
);

test('survival falls, its intervals hold it, and lines that stand for several are those several', () =>
  fc.assert(
    fc.property(any, (all) => {
      const steps = survivalOf(all);
      for (const [place, { survival, lower, upper }] of steps.entries()) {
        expect(survival).toBeLessThan(steps[place - 1]?.survival ?? 1);
        expect(survival).toBeGreaterThanOrEqual(0);
        if (lower === null || upper === null) continue;
        expect(lower).toBeGreaterThanOrEqual(0);
        expect(lower).toBeLessThanOrEqual(survival);
        expect(upper).toBeGreaterThanOrEqual(survival);
        expect(upper).toBeLessThanOrEqual(1);
      }
      expect(survivalOf(all.flatMap((each) => Array(each.count).fill({ ...each, count: 1 })))).toEqual(steps);
    }),
    { numRuns: runs(300) },
  ));

test('where all ended it is the share that lasts longer', () =>
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 60 }), (ended) => {
      for (const { duration, survival } of survivalOf(lifetimes(ended, [])))
        expect(survival).toBeCloseTo(ended.filter((each) => each > duration).length / ended.length, 10);
    }),
    { numRuns: runs(200) },
  ));
