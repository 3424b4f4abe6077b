/**
 * Gamma-Gamma: what a customer's purchase is worth on average (Fader & Hardie, "The Gamma-Gamma Model of Monetary
 * Value", note 025, 2013). Each purchase is gamma distributed (p) around a mean that varies over customers (q, gamma).
 * It presumes that how much and how often have nothing to do with one another, so the correlation goes with the estimate.
 */
import gammaln from '@stdlib/math-base-special-gammaln';
import { type Fit, fitParameters, type Parameters } from './fit.js';

export type GammaGammaName = 'p' | 'q' | 'gamma';
/** `gamma` is an amount, in the currency of the values; the others are plain numbers */
export type GammaGamma = Parameters<GammaGammaName>;

/** Repeat purchases, 1 or more, what they were worth on average, above 0, and how many customers are like this. */
export type Spending = { frequency: number; value: number; customers: number };

function mustBeSpending(spending: readonly Spending[]): void {
  if (spending.length === 0) throw new RangeError('a model is not fitted to nobody');
  for (const { frequency, value, customers } of spending) {
    if (!Number.isSafeInteger(frequency) || frequency < 1) throw new RangeError('frequency is 1 or more');
    if (!Number.isFinite(value) || value <= 0) throw new RangeError('a mean value is above 0');
    if (!Number.isSafeInteger(customers) || customers < 1)
      throw new RangeError('a line stands for one customer or more');
  }
}

/** The logarithm of the likelihood of all customers' mean values (formula 1a there). */
export function gammaGammaLogLikelihood(parameters: GammaGamma, spending: readonly Spending[]): number {
  const { p, q, gamma } = parameters;
  const constant = q * Math.log(gamma) - gammaln(q);
  const byFrequency = new Map<number, number>();
  const ofFrequency = (frequency: number) => {
    const known = byFrequency.get(frequency);
    if (known !== undefined) return known;
    const shape = p * frequency;
    const made = constant + gammaln(shape + q) - gammaln(shape) + shape * Math.log(frequency);
    byFrequency.set(frequency, made);
    return made;
  };
  let sum = 0;
  for (const { frequency, value, customers } of spending) {
    const shape = p * frequency;
    sum +=
      customers *
      (ofFrequency(frequency) +
        (shape - 1) * Math.log(value) -
        (shape + q) * Math.log(gamma + frequency * value));
  }
  return sum;
}

/** in units of the mean value */
const starts: readonly GammaGamma[] = [
  { p: 1, q: 2, gamma: 1 },
  { p: 6, q: 4, gamma: 0.5 },
  { p: 2, q: 10, gamma: 5 },
];

/** The parameters under which the values are likeliest. Refused values throw a RangeError. */
export function fitGammaGamma(spending: readonly Spending[]): Fit<GammaGammaName> {
  mustBeSpending(spending);
  const { value } = meansOf(spending);
  return fitParameters({
    names: ['p', 'q', 'gamma'],
    units: { p: 1, q: 1, gamma: value },
    starts,
    logLikelihood: (parameters) => gammaGammaLogLikelihood(parameters, spending),
  });
}

/**
 * What a customer's purchases are worth on average (formula 5 there): between what its own were worth and what
 * everybody's are, nearer to its own the more there are. `frequency` 0 knows nothing of it, whatever `value`. Null
 * where q is so small that there is no mean.
 */
export function expectedValue(
  { p, q, gamma }: GammaGamma,
  { frequency, value }: Pick<Spending, 'frequency' | 'value'>,
): number | null {
  const weight = p * frequency + q - 1;
  return weight > 0 ? (p * (gamma + frequency * (frequency === 0 ? 0 : value))) / weight : null;
}

function meansOf(spending: readonly Spending[]): { frequency: number; value: number; customers: number } {
  const customers = spending.reduce((sum, each) => sum + each.customers, 0);
  const meanOf = (what: 'frequency' | 'value') =>
    spending.reduce((sum, each) => sum + each.customers * each[what], 0) / customers;
  return { frequency: meanOf('frequency'), value: meanOf('value'), customers };
}

/** Pearson's correlation of frequency and mean value, -1 to 1; null where one of them does not vary. */
export function correlationOf(spending: readonly Spending[]): number | null {
  if (spending.length === 0) return null;
  const means = meansOf(spending);
  let both = 0;
  let frequencies = 0;
  let values = 0;
  for (const { frequency, value, customers } of spending) {
    both += customers * (frequency - means.frequency) * (value - means.value);
    frequencies += customers * (frequency - means.frequency) ** 2;
    values += customers * (value - means.value) ** 2;
  }
  const spread = Math.sqrt(frequencies) * Math.sqrt(values);
  return spread === 0 ? null : Math.max(-1, Math.min(1, both / spread));
}
