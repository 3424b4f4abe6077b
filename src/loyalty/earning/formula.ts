/**
 * How many points something gives. By amount: the amount of what was paid, in the bank's currency and less what was
 * reversed of it, by the amount that gives points, rounded once at the end (nearest: halves up). So what is left after a
 * partial reversal is what a fresh calculation gives.
 */
import { Big } from 'big.js';
import { mostPoints } from '../ledger/lots.js';
import type { EarnRuleIn } from './schemas.js';

export type Formula = EarnRuleIn['points'];
export type Rounding = 'down' | 'nearest' | 'up';

/** Of a rule that is no campaign. `amount` is null where there is none, or none with a rate. */
export function pointsFor(formula: Exclude<Formula, { times: string }>, amount: string | null): number {
  if ('fixed' in formula) return formula.fixed;
  if (amount === null) return 0;
  return Math.min(
    rounded(new Big(amount).times(formula.points), new Big(formula.per), formula.rounding),
    mostPoints,
  );
}

/** What a campaign gives beside the points that others gave: (times - 1) of them, rounded down. */
export const extraOf = (times: string, points: number): number =>
  Math.min(new Big(times).minus(1).times(points).round(0, Big.roundDown).toNumber(), mostPoints);

/** Exactly: a quotient may have no end. Neither is negative. */
function rounded(dividend: Big, divisor: Big, rounding: Rounding): number {
  const rest = dividend.mod(divisor);
  const whole = dividend.minus(rest).div(divisor).toNumber();
  const isUp = rounding === 'up' ? rest.gt(0) : rounding === 'nearest' && rest.times(2).gte(divisor);
  return whole + (isUp ? 1 : 0);
}
