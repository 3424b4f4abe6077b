/**
 * Which share of relationships lasts beyond a tenure, where many have not ended yet (Kaplan & Meier, JASA 53, 1958), with
 * Greenwood's variance (1926) and intervals on the log-log scale, which stay within 0 and 1 (Kalbfleisch & Prentice, The
 * Statistical Analysis of Failure Time Data, 1980).
 */
export type Lifetime = {
  /** until the end, or until it was last seen; 0 or more */
  duration: number;
  /** false where it has not ended: its true length is unknown */
  ended: boolean;
  /** how many relationships are like this */
  count: number;
};

export type SurvivalStep = {
  /** at which some ended */
  duration: number;
  /** who had lasted until then */
  at_risk: number;
  ended: number;
  survival: number;
  standard_error: number;
  /** null where the log-log scale has none: when all ended */
  lower: number | null;
  upper: number | null;
};

/** of a normal distribution, for intervals that hold the truth 95 times in 100 */
const ninetyFive = 1.959963984540054;

/** One step for each duration at which some ended. Who was last seen at it was at risk still. */
export function survivalOf(lifetimes: readonly Lifetime[], quantile = ninetyFive): SurvivalStep[] {
  const byDuration = new Map<number, { ended: number; left: number }>();
  let atRisk = 0;
  for (const { duration, ended, count } of lifetimes) {
    if (!Number.isFinite(duration) || duration < 0) throw new RangeError('a duration is 0 or more');
    if (!Number.isSafeInteger(count) || count < 1) throw new RangeError('a line stands for one or more');
    const there = byDuration.get(duration) ?? { ended: 0, left: 0 };
    there.left += count;
    if (ended) there.ended += count;
    byDuration.set(duration, there);
    atRisk += count;
  }
  const steps: SurvivalStep[] = [];
  let survival = 1;
  let greenwood = 0;
  for (const [duration, { ended, left }] of [...byDuration].sort(([one], [other]) => one - other)) {
    if (ended > 0) {
      survival *= (atRisk - ended) / atRisk;
      greenwood += ended / (atRisk * (atRisk - ended));
      steps.push({ duration, at_risk: atRisk, ended, survival, ...spreadOf(survival, greenwood, quantile) });
    }
    atRisk -= left;
  }
  return steps;
}

function spreadOf(survival: number, greenwood: number, quantile: number) {
  if (survival === 0) return { standard_error: 0, lower: null, upper: null };
  const width = (quantile * Math.sqrt(greenwood)) / -Math.log(survival);
  return {
    standard_error: survival * Math.sqrt(greenwood),
    lower: survival ** Math.exp(width),
    upper: survival ** Math.exp(-width),
  };
}

/** The tenure beyond which half of them last no longer; null where more than half still do. */
export const medianOf = (steps: readonly SurvivalStep[]): number | null =>
  steps.find(({ survival }) => survival <= 0.5)?.duration ?? null;
