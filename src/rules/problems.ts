/** What is wrong with a rule, as it is told: the place, what it concerns, what would do, and the nearest name. */
import { closestMatch } from 'leven';
import type { ValueType } from './values.js';

export type RuleProblem = {
  /** RFC 6901, into the rule */
  pointer: string;
  code:
    | 'too_deep'
    | 'too_many_conditions'
    | 'unknown_fact'
    | 'unknown_segment'
    | 'circular'
    | 'not_ranked'
    | 'out_of_bounds'
    | 'unknown_field'
    | 'operator_not_allowed'
    | 'value_required'
    | 'value_not_allowed'
    | 'wrong_type'
    | 'unknown_value'
    | 'too_many_values'
    | 'wrong_order'
    | 'window_out_of_bounds'
    | 'window_not_allowed'
    | 'unknown_balance'
    | 'too_many_decimals'
    | 'not_of_a_period'
    | 'field_required'
    | 'field_not_allowed';
  message: string;
  /** the fact, the field or the measure that is concerned */
  fact?: string;
  type?: ValueType;
  allowed?: string[];
  nearest?: string;
};

export function unknownName(
  code: 'unknown_fact' | 'unknown_field' | 'unknown_segment' | 'unknown_balance',
  what: string,
  pointer: string,
  name: string,
  names: string[],
): RuleProblem {
  const near = nearestTo(name, names);
  const hint = near.nearest === undefined ? '' : `; did you mean ${near.nearest}?`;
  const allowed = code === 'unknown_field' || code === 'unknown_balance' ? { allowed: names } : {};
  return { pointer, code, message: `there is no such ${what}${hint}`, fact: name, ...allowed, ...near };
}

/** Near enough to be a slip: at most a third of the letters, and two. */
export function nearestTo(name: string, names: readonly string[]): { nearest?: string } {
  const nearest = closestMatch(name, names, { maxDistance: Math.max(2, Math.floor(name.length / 3)) });
  return nearest === undefined ? {} : { nearest };
}
