/**
 * What is measured of a customer, a fact, activities or balances, held against a value: a constant, or another such of
 * the same customer times a factor. Of two values of one customer each may change with time, and either may be missing:
 * then the comparison is false. Averages are compared as sums and numbers, exactly.
 */
import { Big } from 'big.js';
import { type SQL, sql } from 'drizzle-orm';
import { activityQuantity, activitySeen } from './activity-condition.js';
import { balanceQuantity, balanceSeen } from './balance-condition.js';
import { earliest, type Judged, type Quantity, type SeenQuantity } from './conditions.js';
import { factQuantity, factSeen } from './fact-condition.js';
import { type FactTable, factOf } from './facts.js';
import type { Moment } from './moment.js';
import type { CustomerPicture } from './picture.js';
import {
  type Comparing,
  type Comparison,
  type Measured,
  type MeasuredCondition,
  type Operator,
  type OwnValue,
  ownValueOf,
} from './schema.js';
import type { Frame } from './statement.js';
import { type FactValue, holds, holdsOrdered, holdsSql } from './values.js';

/** Those that a value of the customer's own can be held against with. */
export const ownOperators: readonly Operator[] = ['lt', 'lte', 'gt', 'gte'];

/** What it is held against, where that is a constant. */
const constantOf = ({ op, value }: Comparing): Comparison | undefined => {
  if (value === undefined) return { op };
  return typeof value === 'object' && !Array.isArray(value) ? undefined : { op, value };
};

function quantityOf(measured: Measured, facts: FactTable, frame: Frame, comparison?: Comparison): Quantity {
  if ('fact' in measured) return factQuantity(factOf(facts, measured.fact), frame, comparison);
  if ('balance' in measured) return balanceQuantity(measured, facts, frame);
  return activityQuantity(measured, frame, comparison);
}

export function judgeMeasured(condition: MeasuredCondition, facts: FactTable, frame: Frame): Judged {
  const constant = constantOf(condition);
  const { type, amount, per, ...judged } = quantityOf(condition, facts, frame, constant);
  if (constant !== undefined) return { ...judged, verdict: holdsSql(type, amount, constant, per) };
  const { times = '1', of } = ownValueOf(condition) as OwnValue;
  const other = quantityOf(of, facts, frame);
  return {
    value: judged.value,
    against: other.value,
    verdict: holdsSql(
      'money',
      productOf(amount, other.per),
      { op: condition.op, value: times },
      productOf(other.amount, per),
    ),
    instants: [...judged.instants, ...other.instants],
    days: [...judged.days, ...other.days],
  };
}

const productOf = (amount: SQL, by: SQL | undefined): SQL =>
  by === undefined ? amount : sql`(${amount} * ${by})`;

export type SeenMeasured = SeenQuantity & {
  verdict: boolean;
  /** the customer's own value, as it was seen */
  against?: SeenQuantity;
};

export function seeMeasured(
  condition: MeasuredCondition,
  facts: FactTable,
  picture: CustomerPicture,
  moment: Moment,
): SeenMeasured {
  const see = (measured: Measured, comparison?: Comparison): SeenQuantity => {
    if ('fact' in measured) return factSeen(factOf(facts, measured.fact), picture, moment, comparison);
    if ('balance' in measured) return balanceSeen(measured, facts, picture, moment);
    return activitySeen(measured, picture, moment, comparison);
  };
  const constant = constantOf(condition);
  const seen = see(condition, constant);
  if (constant !== undefined) return { ...seen, verdict: holdsConstant(seen, constant) };
  const { times = '1', of } = ownValueOf(condition) as OwnValue;
  const against = see(of);
  const [left, right] = [ratioOf(seen), ratioOf(against)];
  const stands =
    left !== null &&
    right !== null &&
    holdsOrdered({ op: condition.op, value: times }, () =>
      left.amount.times(right.per).cmp(right.amount.times(times).times(left.per)),
    );
  return { ...seen, verdict: stands, nextChange: earliest([seen.nextChange, against.nextChange]), against };
}

function holdsConstant({ type, value, ratio }: SeenQuantity, comparison: Comparison): boolean {
  const { op } = comparison;
  if (ratio === undefined || op === 'exists' || op === 'missing') return holds(type, value, comparison);
  // exactly, since the quotient may have no end
  return holdsOrdered(comparison, (bound) => ratio.amount.cmp(new Big(bound as string).times(ratio.per)));
}

/** Null where it is missing. */
function ratioOf({ value, ratio }: SeenQuantity): { amount: Big; per: number } | null {
  if (ratio !== undefined) return ratio;
  return value === null ? null : { amount: new Big(value as string | number), per: 1 };
}

/** What was held against, for who reads it: the factor times the value as it is shown. */
export function boundOf({ times = '1' }: OwnValue, value: FactValue | null): string | null {
  return value === null ? null : new Big(value as string | number).times(times).toFixed();
}
