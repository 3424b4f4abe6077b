/** BG/NBD and Gamma-Gamma against their published figures, and by what must hold of any customer. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { randomOf } from '../../src/demo/random.js';
import {
  type BgNbd,
  bgNbdLogLikelihood,
  expectedForCustomer,
  expectedInTime,
  fitBgNbd,
  probabilityAlive,
} from '../../src/models/bg-nbd.js';
import { byFrequency, byPrediction, overall } from '../../src/models/calibration.js';
import { asIntegral, inClosedForm } from '../../src/models/expected-purchases.js';
import {
  correlationOf,
  expectedValue,
  fitGammaGamma,
  type GammaGamma,
  gammaGammaLogLikelihood,
} from '../../src/models/gamma-gamma.js';
import { minimumOf } from '../../src/models/minimum.js';
import { groupStatistics, problemOf, type Statistics } from '../../src/models/statistics.js';
import { hasCdnow, readCdnow } from '../support/cdnow.js';
import { runs } from '../support/runs.js';

const published: BgNbd = { r: 0.242593, alpha: 4.413531, a: 0.792886, b: 2.425753 };
const rounded: BgNbd = { r: 0.243, alpha: 4.414, a: 0.793, b: 2.426 };
const example: Statistics = { frequency: 2, recency: 30.43, age: 38.86 };

describe.runIf(hasCdnow)('fitted to CDNOW', () => {
  const customers = hasCdnow ? readCdnow() : [];
  const groups = groupStatistics(customers);
  const fit = hasCdnow ? fitBgNbd(groups) : undefined;
  const parameters = fit?.parameters ?? published;

  test('BG/NBD is what was published', () => {
    expect(customers).toHaveLength(2357);
    expect(Math.max(...customers.map(({ age }) => age))).toBe(38.86);
    expect(fit?.converged).toBe(true);
    expect(fit?.at_bounds).toEqual([]);
    expect(fit?.log_likelihood).toBeCloseTo(-9582.42556, 4);
    for (const name of ['r', 'alpha', 'a', 'b'] as const)
      expect(Math.abs(parameters[name] - published[name]), name).toBeLessThan(5e-6);
    // whatever the start, it comes to the same
    for (const start of fit?.starts ?? []) expect(start.log_likelihood).toBeCloseTo(-9582.42556, 4);
  });

  test('purchases of anybody and of one customer are what was published', () => {
    const times = [1, 3, 31.8571, 32];
    expect(times.map((time) => expectedInTime(parameters, time).toFixed(4))).toEqual([
      ...['0.0532', '0.1506', '1.0405', '1.0437'],
    ]);
    expect(expectedForCustomer(parameters, example, 39).toFixed(3)).toBe('1.226');
    expect(probabilityAlive(parameters, example).toFixed(6)).toBe('0.726609');
  });

  test('weeks 40 to 78 come as predicted, by how often customers had come before', () => {
    const outcomes = customers.map((customer) => ({
      frequency: customer.frequency,
      predicted: expectedForCustomer(parameters, customer, 39),
      actual: customer.later,
    }));
    const lines = byFrequency(outcomes);
    expect(lines.map(({ from }) => from)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(lines[0]?.customers).toBe(1411);
    expect(lines.reduce((sum, each) => sum + each.customers, 0)).toBe(2357);
    // who came more often is predicted to, and does, within a third of it
    for (const [place, line] of lines.entries()) {
      expect(line.predicted).toBeGreaterThan(lines[place - 1]?.predicted ?? 0);
      expect(Math.abs(line.predicted - line.actual) / line.actual).toBeLessThan(1 / 3);
    }
    const all = overall(outcomes);
    expect(all.actual).toBe(customers.reduce((sum, { later }) => sum + later, 0));
    expect(Math.abs(all.predicted - all.actual) / all.actual).toBeLessThan(0.15);
    const bins = byPrediction(outcomes);
    expect(bins.reduce((sum, each) => sum + each.customers, 0)).toBe(2357);
    expect(bins.at(-1)?.actual).toBeGreaterThan(bins[0]?.actual ?? 0);
  });

  test('Gamma-Gamma is what was published, and says how far its assumption holds', () => {
    const spending = customers
      .filter(({ frequency }) => frequency > 0)
      .map(({ frequency, value }) => ({ frequency, value, customers: 1 }));
    expect(spending).toHaveLength(946);
    const gammaGamma = fitGammaGamma(spending);
    expect(gammaGamma.converged).toBe(true);
    const { p, q, gamma } = gammaGamma.parameters;
    expect([p, q, gamma].map((each) => each.toFixed(2))).toEqual(['6.25', '3.74', '15.44']);
    expect(correlationOf(spending)?.toFixed(4)).toBe('0.1139');
  });
});

test('rounded parameters give what was published for them', () => {
  expect([1, 3, 31.8571, 32].map((time) => expectedInTime(rounded, time).toFixed(4))).toEqual([
    ...['0.0533', '0.1509', '1.0420', '1.0452'],
  ]);
  expect(probabilityAlive(rounded, example).toFixed(6)).toBe('0.726579');
});

/** parameters of any kind: those where the closed form has a pole, too */
const positive = fc.oneof(fc.double({ min: 0.05, max: 20, noNaN: true }), fc.constantFrom(0.5, 1, 2));
const anyParameters = fc.record({ r: positive, alpha: positive, a: positive, b: positive });
const anyCustomer: fc.Arbitrary<Statistics> = fc
  .record({
    frequency: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 5000 })),
    share: fc.double({ min: 0.01, max: 1, noNaN: true }),
    age: fc.double({ min: 1, max: 500, noNaN: true }),
  })
  .map(({ frequency, share, age }) => ({ frequency, recency: frequency === 0 ? 0 : share * age, age }));
const anyTime = fc.double({ min: 0.1, max: 1000, noNaN: true });

describe('of any customer', () => {
  test('a probability is one, falls with silence, and is 1 without a repeat purchase', () =>
    fc.assert(
      fc.property(anyParameters, anyCustomer, anyTime, (parameters, customer, silent) => {
        const now = probabilityAlive(parameters, customer);
        expect(now).toBeGreaterThanOrEqual(0);
        expect(now).toBeLessThanOrEqual(1);
        const after = probabilityAlive(parameters, { ...customer, age: customer.age + silent });
        expect(after).toBeLessThanOrEqual(now);
        if (customer.frequency === 0) expect(now).toBe(1);
      }),
      { numRuns: runs(300) },
    ));

  test('what is expected is finite, at least nothing, and more in a longer time', () =>
    fc.assert(
      fc.property(anyParameters, anyCustomer, anyTime, anyTime, (parameters, customer, time, more) => {
        const expected = expectedForCustomer(parameters, customer, time);
        const longer = expectedForCustomer(parameters, customer, time + more);
        expect(expected).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(longer)).toBe(true);
        expect(longer).toBeGreaterThanOrEqual(expected * (1 - 1e-9));
        // nobody buys more than it would if it never left
        const rate = (parameters.r + customer.frequency) / (parameters.alpha + customer.age);
        expect(expected).toBeLessThanOrEqual(rate * time * (1 + 1e-9));
      }),
      { numRuns: runs(300) },
    ));

  test('the closed form and the integral are the same where both hold', () =>
    fc.assert(
      fc.property(
        fc.record({
          shape: fc.double({ min: 0.05, max: 30, noNaN: true }),
          rate: fc.constant(1),
          leaving: fc.double({ min: 0.05, max: 30, noNaN: true }).filter((a) => Math.abs(a - 1) >= 0.01),
          staying: fc.double({ min: 1.1, max: 30, noNaN: true }),
        }),
        fc.double({ min: 1e-3, max: 3, noNaN: true }),
        (active, time) => {
          const integral = asIntegral(active, time);
          expect(Math.abs(inClosedForm(active, time) / integral - 1)).toBeLessThan(1e-7);
        },
      ),
      { numRuns: runs(300) },
    ));

  test('the likelihood of groups is that of each one, in whatever order', () =>
    fc.assert(
      fc.property(
        anyParameters,
        fc.array(anyCustomer, { minLength: 1, maxLength: 20 }),
        fc.array(fc.nat(19), { maxLength: 40 }),
        (parameters, some, again) => {
          const each = [...some, ...again.map((place) => some[place % some.length] as Statistics)];
          const groups = groupStatistics(each);
          const apart = each.reduce(
            (sum, one) => sum + bgNbdLogLikelihood(parameters, [{ ...one, customers: 1 }]),
            0,
          );
          const together = bgNbdLogLikelihood(parameters, groups.reverse());
          expect(Number.isFinite(together)).toBe(true);
          expect(Math.abs(together - apart)).toBeLessThanOrEqual(1e-9 * (1 + Math.abs(apart)));
        },
      ),
      { numRuns: runs(200) },
    ));

  test('statistics that cannot be are refused', () => {
    expect(problemOf(example)).toBeNull();
    for (const wrong of [
      { frequency: 1, recency: 11, age: 10 },
      { frequency: 0, recency: 1, age: 10 },
      { frequency: 1, recency: 0, age: 10 },
      { frequency: 1.5, recency: 1, age: 10 },
      { frequency: 1, recency: Number.NaN, age: 10 },
      { frequency: 0, recency: 0, age: Number.POSITIVE_INFINITY },
    ]) {
      expect(problemOf(wrong)).not.toBeNull();
      expect(() => probabilityAlive(published, wrong)).toThrow(RangeError);
      expect(() => fitBgNbd([{ ...wrong, customers: 1 }])).toThrow(RangeError);
    }
    expect(() => fitBgNbd([])).toThrow(RangeError);
    expect(() => fitGammaGamma([{ frequency: 0, value: 1, customers: 1 }])).toThrow(RangeError);
    expect(() => fitGammaGamma([{ frequency: 1, value: 0, customers: 1 }])).toThrow(RangeError);
  });

  test('an expected value lies between the own mean and that of all', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.double({ min: 1, max: 1e4, noNaN: true }),
        (n, value) => {
          const model: GammaGamma = { p: 6.25, q: 3.74, gamma: 15.44 };
          const all = expectedValue(model, { frequency: 0, value: 0 }) as number;
          const own = expectedValue(model, { frequency: n, value }) as number;
          expect(own).toBeGreaterThanOrEqual(Math.min(all, value) - 1e-9);
          expect(own).toBeLessThanOrEqual(Math.max(all, value) + 1e-9);
        },
      ),
      { numRuns: runs(200) },
    ));
});

describe('a fit', () => {
  const random = randomOf('purchase models');
  const fraction = () => random.integer(1, 2 ** 30) / (2 ** 30 + 1);
  /** Marsaglia & Tsang, 2000 */
  const gammaOf = (shape: number): number => {
    if (shape < 1) return gammaOf(shape + 1) * fraction() ** (1 / shape);
    const d = shape - 1 / 3;
    for (;;) {
      const normal = random.normal(0, 1);
      const v = (1 + normal / Math.sqrt(9 * d)) ** 3;
      if (v > 0 && Math.log(fraction()) < normal ** 2 / 2 + d - d * v + d * Math.log(v)) return d * v;
    }
  };

  test('finds the parameters that customers were made by', () => {
    const truth: BgNbd = { r: 0.8, alpha: 6, a: 0.9, b: 2.5 };
    const customers = Array.from({ length: 6000 }, (): Statistics => {
      const age = random.integer(20, 60);
      const rate = gammaOf(truth.r) / truth.alpha;
      const [one, other] = [gammaOf(truth.a), gammaOf(truth.b)];
      let [frequency, recency] = [0, 0];
      for (;;) {
        const next = recency - Math.log(fraction()) / rate;
        if (next > age) break;
        [frequency, recency] = [frequency + 1, next];
        if (random.chance(one / (one + other))) break;
      }
      return { frequency, recency, age };
    });
    const groups = groupStatistics(customers);
    const { parameters, converged, log_likelihood } = fitBgNbd(groups);
    expect(converged).toBe(true);
    expect(log_likelihood).toBeGreaterThanOrEqual(bgNbdLogLikelihood(truth, groups));
    for (const name of ['r', 'alpha', 'a', 'b'] as const)
      expect(Math.abs(Math.log(parameters[name] / truth[name])), name).toBeLessThan(0.25);
    expect(expectedInTime(parameters, 40) / expectedInTime(truth, 40)).toBeCloseTo(1, 1);
  });

  test('finds the parameters that values were made by, in whatever currency', () => {
    const truth: GammaGamma = { p: 5, q: 4, gamma: 20 };
    const spending = Array.from({ length: 4000 }, () => {
      const frequency = random.integer(1, 12);
      const rate = gammaOf(truth.q) / truth.gamma;
      return { frequency, value: gammaOf(truth.p * frequency) / rate / frequency, customers: 1 };
    });
    const fit = fitGammaGamma(spending);
    for (const name of ['p', 'q', 'gamma'] as const)
      expect(Math.abs(Math.log(fit.parameters[name] / truth[name])), name).toBeLessThan(0.2);
    expect(fit.log_likelihood).toBeGreaterThanOrEqual(gammaGammaLogLikelihood(truth, spending));
    const dear = fitGammaGamma(spending.map((each) => ({ ...each, value: each.value * 1e6 })));
    expect(dear.parameters.gamma / fit.parameters.gamma / 1e6).toBeCloseTo(1, 4);
    expect(Math.abs(correlationOf(spending) as number)).toBeLessThan(0.1);
  });

  test('of customers who never come again says that it knows nothing', () => {
    const fit = fitBgNbd([{ frequency: 0, recency: 0, age: 10, customers: 100 }]);
    expect(fit.converged).toBe(false);
    expect(Number.isFinite(fit.log_likelihood)).toBe(true);
  });

  test('goes down a curved valley', () => {
    const valley = ([x = 0, y = 0]: readonly number[]) => 100 * (y - x * x) ** 2 + (1 - x) ** 2;
    const { at, converged } = minimumOf(valley, [-1.2, 1]);
    expect(converged).toBe(true);
    expect(at[0]).toBeCloseTo(1, 5);
    expect(at[1]).toBeCloseTo(1, 5);
  });
});
