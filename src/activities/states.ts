/** How an activity stands: what is measured of it, and why not all. */
import { Big } from 'big.js';
import type { PlacedActivity } from './preparation.js';
import { type Left, reversedPart } from './reversals.js';
import type { RowState, StoredActivity } from './rows.js';

const untouched: Left = { isWhole: false, reversed: null };

/** What the activity was worth in the bank's currency before anything of it was reversed. */
const statedReporting = (one: StoredActivity): string | null =>
  one.reporting_amount === null
    ? null
    : new Big(one.reporting_amount).plus(one.reversed_reporting_amount ?? 0).toFixed();

/** @param supersededBy what stands in its place; null: it stands itself */
export function stateOf(
  one: PlacedActivity | StoredActivity,
  version: number,
  supersededBy: string | null,
  left: Left = untouched,
): RowState {
  const { amount, reporting, rateId, isReversal } =
    'activity' in one
      ? {
          amount: one.activity.amount,
          reporting: one.activity.reportingAmount,
          rateId: one.activity.rateId,
          isReversal: one.activity.reverses !== null,
        }
      : {
          amount: one.amount,
          reporting: statedReporting(one),
          rateId: one.rate_id,
          isReversal: one.reverses_source_id !== null,
        };
  const state = { source_version: version, superseded_by: supersededBy, rate_id: rateId };
  const whole = { reporting_amount: reporting, reversed_amount: null, reversed_reporting_amount: null };
  if (supersededBy !== null) return { ...state, ...whole, state: 'superseded' };
  if (isReversal) {
    return {
      ...state,
      ...whole,
      state: left.isWhole ? 'reversed' : 'reversal',
      reversed_amount: left.reversed,
    };
  }
  const part = reporting === null || amount === null ? null : reversedPart(reporting, amount, left);
  return {
    ...state,
    state: left.isWhole ? 'reversed' : 'current',
    reporting_amount: part === null ? reporting : new Big(reporting ?? 0).minus(part).toFixed(),
    reversed_amount: left.reversed,
    reversed_reporting_amount: part,
  };
}
