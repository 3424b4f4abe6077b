/**
 * BG/NBD: how often a customer comes, and whether it still does (Fader, Hardie & Lee, "Counting Your Customers" the Easy
 * Way, Marketing Science 24(2), 2005). While active it purchases at random at a rate that is gamma distributed over
 * customers (r, alpha); after each purchase it leaves with a probability that is beta distributed (a, b). It leaves
 * silently: what leaves visibly, as by closing an account, is not for this model.
 */
import gammaln from '@stdlib/math-base-special-gammaln';
import { expectedPurchases } from './expected-purchases.js';
import { type Fit, fitParameters, type Parameters } from './fit.js';
import { type GroupedStatistics, mustBeGrouped, mustBeStatistics, type Statistics } from './statistics.js';

export type BgNbdName = 'r' | 'alpha' | 'a' | 'b';
/** `alpha` is a time, in the unit of the statistics; the others are plain numbers */
export type BgNbd = Parameters<BgNbdName>;

/**
 * The logarithm of the likelihood of all customers (formula 6 there: A1 A2 (A3 + A4), in logarithms, so that no number
 * of purchases overflows).
 */
export const bgNbdLogLikelihood = (parameters: BgNbd, groups: readonly GroupedStatistics[]): number =>
  likelihoodOf(groups)(parameters);

/** For many parameters in turn: what is costly is done once for each frequency, recency and age, which many lines share. */
function likelihoodOf(groups: readonly GroupedStatistics[]): (parameters: BgNbd) => number {
  const frequencies = distinct(groups.map(({ frequency }) => frequency));
  const recencies = distinct(groups.map(({ recency }) => recency));
  const ages = distinct(groups.map(({ age }) => age));
  const customers = Float64Array.from(groups, (group) => group.customers);
  return ({ r, alpha, a, b }) => {
    const constant = r * Math.log(alpha) - gammaln(r) + gammaln(a + b) - gammaln(b);
    const counted = frequencies.values.map(
      (frequency) => constant + gammaln(r + frequency) + gammaln(b + frequency) - gammaln(a + b + frequency),
    );
    const leaving = frequencies.values.map((frequency) => Math.log(a) - Math.log(b + frequency - 1));
    const untilLast = recencies.values.map((recency) => Math.log(alpha + recency));
    const untilEnd = ages.values.map((age) => Math.log(alpha + age));
    let sum = 0;
    for (let place = 0; place < customers.length; place += 1) {
      const kind = frequencies.places[place] as number;
      const frequency = frequencies.values[kind] as number;
      const times = r + frequency;
      const stayed = -times * (untilEnd[ages.places[place] as number] as number);
      let both = stayed;
      if (frequency > 0) {
        const last = untilLast[recencies.places[place] as number] as number;
        const left = (leaving[kind] as number) - times * last;
        both = Math.max(stayed, left) + Math.log1p(Math.exp(-Math.abs(stayed - left)));
      }
      sum += (customers[place] as number) * ((counted[kind] as number) + both);
    }
    return sum;
  };
}

/** The different values, and for each line which of them it has. */
function distinct(each: readonly number[]): { values: Float64Array; places: Int32Array } {
  const known = new Map<number, number>();
  const places = Int32Array.from(each, (value) => {
    const place = known.get(value) ?? known.size;
    known.set(value, place);
    return place;
  });
  return { values: Float64Array.from(known.keys()), places };
}

/** in units of the mean age: rare and frequent, loyal and fickle customers */
const starts: readonly BgNbd[] = [
  { r: 1, alpha: 1, a: 1, b: 1 },
  { r: 0.3, alpha: 0.2, a: 0.5, b: 3 },
  { r: 3, alpha: 0.3, a: 0.3, b: 1 },
];

/** The parameters under which the statistics are likeliest. Refused statistics throw a RangeError. */
export function fitBgNbd(groups: readonly GroupedStatistics[]): Fit<BgNbdName> {
  mustBeGrouped(groups);
  const customers = groups.reduce((sum, group) => sum + group.customers, 0);
  const meanAge = groups.reduce((sum, { age, customers: many }) => sum + many * age, 0) / customers;
  if (meanAge === 0) throw new RangeError('nobody was seen for any time');
  return fitParameters({
    names: ['r', 'alpha', 'a', 'b'],
    units: { r: 1, alpha: meanAge, a: 1, b: 1 },
    starts,
    logLikelihood: likelihoodOf(groups),
  });
}

/**
 * The probability that a customer is still active at the end of the window. Without a repeat purchase it is exactly 1:
 * by the model a customer leaves only after one. That is a known weakness, and whoever shows the number says so.
 */
export function probabilityAlive(parameters: BgNbd, statistics: Statistics): number {
  mustBeStatistics(statistics);
  const { r, alpha, a, b } = parameters;
  const { frequency, recency, age } = statistics;
  if (frequency === 0) return 1;
  const logOdds =
    Math.log(a) -
    Math.log(b + frequency - 1) +
    (r + frequency) * (Math.log(alpha + age) - Math.log(alpha + recency));
  return 1 / (1 + Math.exp(logOdds));
}

/** How many repeat purchases anybody makes in a time after the first one (formula 9 there). */
export const expectedInTime = ({ r, alpha, a, b }: BgNbd, time: number): number =>
  expectedPurchases({ shape: r, rate: alpha, leaving: a, staying: b }, time);

/**
 * How many purchases a customer makes in a time after the end of the window (formula 10 there): those of an active one
 * whose purchases until now are known, times the probability that it is active.
 */
export function expectedForCustomer(parameters: BgNbd, statistics: Statistics, time: number): number {
  const alive = probabilityAlive(parameters, statistics);
  const { r, alpha, a, b } = parameters;
  const { frequency, age } = statistics;
  return (
    alive *
    expectedPurchases({ shape: r + frequency, rate: alpha + age, leaving: a, staying: b + frequency }, time)
  );
}
