/** Samples are stable, of the share that is asked for, and drawn anew by each salt. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { placeOf, placesIn, seeSample } from '../../src/rules/sample.js';
import type { SampleCondition } from '../../src/rules/schema.js';
import { nobody } from '../support/customer-pictures.js';
import { runs } from '../support/runs.js';

const isIn = (percent: number, salt: string, id: string): boolean =>
  seeSample({ sample: { percent, salt } }, { ...nobody, customer: { ...nobody.customer, id } }).verdict;

const percents = fc.integer({ min: 1, max: 1_000_000 }).map((places) => places / 10_000);

test('the place is the first 48 bits of a known hash', () => {
  // printf 'spring:0198f2a0-0000-7000-8000-000000000001' | sha256sum
  expect(placeOf('spring', '0198f2a0-0000-7000-8000-000000000001')).toBe(949900);
  expect(placesIn(100)).toBe(1_000_000);
  expect(placesIn(0.0001)).toBe(1);
  expect(placesIn(33.3333)).toBe(333_333);
});

test('a larger percentage holds all of a smaller one, and a hundred holds everybody', () => {
  fc.assert(
    fc.property(percents, percents, fc.string(), fc.uuid(), (one, other, salt, id) => {
      const [less, more] = [Math.min(one, other), Math.max(one, other)];
      if (isIn(less, salt, id)) expect(isIn(more, salt, id)).toBe(true);
      expect(isIn(100, salt, id)).toBe(true);
    }),
    { numRuns: runs(1000) },
  );
});

const many = 20_000;
/** Ids of one second, as an import makes them: alike but for their last digits. */
const ids = Array.from(
  { length: many },
  (_, number) => `0198f2a0-0000-7000-8000-${number.toString(16).padStart(12, '0')}`,
);
const countOf = (condition: (id: string) => boolean) => ids.filter(condition).length;

/** Within five standard deviations of a binomial count. */
function expectShare(count: number, share: number): void {
  const deviation = Math.sqrt(many * share * (1 - share));
  expect(Math.abs(count - many * share)).toBeLessThan(5 * deviation);
}

test.each<SampleCondition['sample']>([
  { percent: 0.5, salt: 'spring' },
  { percent: 10, salt: 'spring' },
  { percent: 10, salt: '春' },
  { percent: 50, salt: '' },
  { percent: 99, salt: 'spring' },
])('$percent percent by $salt are that many', ({ percent, salt }) => {
  expectShare(
    countOf((id) => isIn(percent, salt, id)),
    percent / 100,
  );
});

test('salts draw independently of one another', () => {
  const salts = ['spring', 'spring2', 'gnirps', '春'];
  for (const one of salts) {
    for (const other of salts.filter((each) => each > one)) {
      expectShare(
        countOf((id) => isIn(20, one, id) && isIn(30, other, id)),
        0.06,
      );
    }
  }
});
