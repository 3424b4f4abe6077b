/**
 * How many purchases an active customer makes in a time: at a rate that is gamma distributed, leaving after each one
 * with a probability p that is beta distributed. In closed form it is a hypergeometric function (Fader, Hardie & Lee,
 * 2005, formulas 9 and 10). Its series does not converge near 1, overflows for many purchases and has poles where
 * leaving is 1 or leaving and staying together are 1, although the expectation has none; there the same expectation is
 * taken as an integral over p.
 */
import gammaln from '@stdlib/math-base-special-gammaln';
import hyp2f1 from '@stdlib/math-base-special-hyp2f1';

export type Active = {
  /** of the rate's gamma distribution: `shape`, a number, and `rate`, a time */
  shape: number;
  rate: number;
  /** of the beta distribution of leaving after a purchase */
  leaving: number;
  staying: number;
};

/** `time` is 0 or more, in the unit of `rate`. */
export function expectedPurchases(active: Active, time: number): number {
  if (!Number.isFinite(time) || time < 0) throw new RangeError('a time is 0 or more');
  if (time === 0) return 0;
  return isTame(active, time) ? inClosedForm(active, time) : asIntegral(active, time);
}

/** where the closed form keeps ten digits */
function isTame({ shape, rate, leaving, staying }: Active, time: number): boolean {
  const reach = time / rate;
  return (
    reach >= 1e-3 &&
    reach <= 3 &&
    shape <= 30 &&
    staying <= 30 &&
    leaving <= 30 &&
    Math.abs(leaving - 1) >= 1e-2 &&
    leaving + staying - 1 >= 0.1
  );
}

export function inClosedForm({ shape, rate, leaving, staying }: Active, time: number): number {
  const both = leaving + staying - 1;
  const series = hyp2f1(shape, staying, both, time / (rate + time));
  return (both / (leaving - 1)) * (1 - series * (rate / (rate + time)) ** shape);
}

/**
 * The mean over p of (1 - (rate / (rate + p time))^shape) / p, which is what remains after the mean over rates. By the
 * trapezoidal rule on the log-odds of p, where the integrand is smooth and falls exponentially to both sides, so that
 * equal steps converge faster than any power of them.
 */
export function asIntegral({ shape, rate, leaving, staying }: Active, time: number): number {
  const reach = time / rate;
  const constant = gammaln(leaving + staying) - gammaln(leaving) - gammaln(staying);
  const termAt = (logOdds: number) => {
    const logLeaves = logOdds > 0 ? -Math.log1p(Math.exp(-logOdds)) : logOdds - Math.log1p(Math.exp(logOdds));
    const leaves = Math.exp(logLeaves);
    // so rare that a customer never leaves in the time
    const purchases =
      leaves * reach < 1e-300 ? shape * reach : -Math.expm1(-shape * Math.log1p(leaves * reach)) / leaves;
    return Math.exp(constant + leaving * logLeaves + staying * (logLeaves - logOdds)) * purchases;
  };
  const step = Math.min(0.25, Math.sqrt(1 / leaving + 1 / staying) / 2);
  const middle = Math.log(leaving) - Math.log(staying);
  let sum = termAt(middle);
  for (const direction of [-step, step])
    for (let place = 1; place < mostTerms; place += 1) {
      const term = termAt(middle + place * direction);
      sum += term;
      if (term <= sum * 1e-17) break;
    }
  return sum * step;
}

/** a guard: terms fall exponentially */
const mostTerms = 1_000_000;
