/** What a write touches and what a rule reads are named alike, so that a write asks only for the rules it can change. */
import { type FactTable, factOf } from './facts.js';
import { isLeaf, partsOf, type Rule } from './schema.js';

export const touchNames = {
  customer: 'customer',
  identifiers: 'identifiers',
  relationships: 'relationships',
  holdings: 'holdings',
  /** read by what looks at activities of every type; a write names the type */
  anyActivity: 'activity:*',
  activity: (type: string) => `activity:${type}` as const,
} as const;

/** What the rule reads, sorted. */
export function readsOf(rule: Rule, facts: FactTable): string[] {
  return [...new Set(readsOfCondition(rule, facts))].sort();
}

function readsOfCondition(rule: Rule, facts: FactTable): readonly string[] {
  if (!isLeaf(rule)) return partsOf(rule).parts.flatMap((part) => readsOfCondition(part.rule, facts));
  if ('fact' in rule) return factOf(facts, rule.fact).touchedBy;
  return [touchNames.activity(rule.activity)];
}

/**
 * Whether a rule that reads this may be changed by writes that touched that. A customer that was never reviewed
 * is judged by every rule, whatever was touched.
 */
export function isConcerned(reads: readonly string[], touched: readonly string[]): boolean {
  return reads.some(
    (read) =>
      touched.includes(read) ||
      (read === touchNames.anyActivity && touched.some((each) => each.startsWith('activity:'))),
  );
}
