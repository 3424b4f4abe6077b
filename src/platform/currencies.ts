/**
 * Amounts in the bank's currency that come of a conversion are rounded to its minor unit (ISO 4217: the fen of the
 * yuan, none of the yen), halves away from zero: what `round` of PostgreSQL does, so that both give the same.
 */
import { Big } from 'big.js';

const known = new Map<string, number>();

/** How many decimals the currency has. */
export function minorUnits(currency: string): number {
  const found = known.get(currency);
  if (found !== undefined) return found;
  const { maximumFractionDigits = 2 } = new Intl.NumberFormat('en', {
    style: 'currency',
    currency,
  }).resolvedOptions();
  known.set(currency, maximumFractionDigits);
  return maximumFractionDigits;
}

/** What an amount is worth at a rate, in the currency that the rate leads to. */
export function converted(amount: string, rate: string, currency: string): string {
  const digits = minorUnits(currency);
  return new Big(amount).times(rate).round(digits, Big.roundHalfUp).toFixed(digits);
}
