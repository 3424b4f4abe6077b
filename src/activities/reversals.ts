/**
 * What is left of activities that others reverse. A reversal names its original by source id and takes all of it, or
 * an amount in its currency; several add up and take no more than there is. A reversal is itself reversed in the same
 * way, and what it took is then given back. One whose original is not known takes nothing yet. All is worked out anew
 * from what stands, so the order in which it came is of no consequence; a circle of reversals takes nothing.
 */
import { Big } from 'big.js';

export type Reversal = {
  /** of what it reverses */
  key: string;
  /** null: all */
  amount: string | null;
  /** it may take only from an activity of its own customer */
  sameCustomer: boolean;
};

/** The content that stands under a key. */
export type Standing = {
  key: string;
  customerId: string;
  amount: string | null;
  reverses: Reversal | null;
};

export type Left = {
  /** nothing is left of it */
  isWhole: boolean;
  /** null where it has no amount, or nothing is reversed */
  reversed: string | null;
};

const nothing = new Big(0);
type Taken = { isWhole: boolean; amount: Big };

/** By key. `standings` hold all reversals of each of them. */
export function whatIsLeft(standings: Iterable<Standing>): Map<string, Left> {
  const all = new Map([...standings].map((one) => [one.key, one]));
  const original = ({ customerId, reverses }: Standing): Standing | undefined => {
    const found = reverses === null ? undefined : all.get(reverses.key);
    return reverses?.sameCustomer && found?.customerId !== customerId ? undefined : found;
  };
  const reversals = new Map<Standing, Standing[]>();
  const roots: Standing[] = [];
  for (const one of all.values()) {
    const of = original(one);
    if (of === undefined) roots.push(one);
    else if (reversals.get(of)?.push(one) === undefined) reversals.set(of, [one]);
  }
  const left = new Map<string, Left>();
  for (const root of roots)
    take(root, root.reverses === null ? root.amount : root.reverses.amount, reversals, left);
  return left;
}

/** What the reversals of `one` take, whose own amount is `base`. */
function take(
  one: Standing,
  base: string | null,
  reversals: ReadonlyMap<Standing, readonly Standing[]>,
  left: Map<string, Left>,
): Taken {
  let sum = nothing;
  let isAll = false;
  for (const reversal of reversals.get(one) ?? []) {
    const claim = reversal.reverses?.amount ?? null;
    const own = claim ?? base;
    const taken = take(reversal, own, reversals, left);
    if (own !== null) sum = sum.plus(own).minus(taken.amount);
    if (claim === null && !taken.isWhole) isAll = true;
  }
  const amount = base === null ? nothing : new Big(base);
  const reversed = sum.gt(amount) ? amount : sum;
  const isWhole = amount.gt(0) ? reversed.eq(amount) : isAll;
  left.set(one.key, { isWhole, reversed: reversed.gt(0) ? reversed.toFixed() : null });
  return { isWhole, amount: reversed };
}

/** Decimals that a part of an amount in the bank's currency is rounded to. */
export const reportingDecimals = 4;

/** The part of an amount in the bank's currency that is reversed with `reversed` of `amount`. */
export function reversedPart(reporting: string, amount: string, { isWhole, reversed }: Left): string | null {
  if (isWhole) return reporting;
  if (reversed === null) return null;
  return new Big(reporting).times(reversed).div(amount).round(reportingDecimals, Big.roundHalfUp).toFixed();
}
