/** What a write touches and what a rule reads are named alike, so that a write asks only for the rules it can change. */
import { typesOf } from './activity-types.js';
import { dailyOf, factOf } from './facts.js';
import { isLeaf, type Measured, measuredIn, partsOf, type Rule } from './schema.js';
import { ruleOf, type Vocabulary } from './vocabulary.js';

export const touchNames = {
  customer: 'customer',
  identifiers: 'identifiers',
  relationships: 'relationships',
  holdings: 'holdings',
  level: 'level',
  loyalty: 'loyalty',
  /** read by what looks at activities of every type; a write names the type */
  anyActivity: 'activity:*',
  activity: (type: string) => `activity:${type}` as const,
  /** a static segment: its members are written, not judged */
  segment: (key: string) => `segment:${key}` as const,
  /** what is held against cuts, which are refreshed for everybody at once */
  rank: 'rank',
  /** what follows the model of recency, frequency and monetary value */
  rfm: 'rfm',
} as const;

/** What the rule reads, and the rules of the segments that it names do, sorted. */
export function readsOf(rule: Rule, vocabulary: Vocabulary): string[] {
  return [...new Set(readsOfCondition(rule, vocabulary))].sort();
}

function readsOfCondition(rule: Rule, vocabulary: Vocabulary): readonly string[] {
  if (!isLeaf(rule)) return partsOf(rule).parts.flatMap((part) => readsOfCondition(part.rule, vocabulary));
  if ('rank' in rule) {
    return [...factOf(vocabulary.facts, rule.rank.fact).touchedBy, touchNames.customer, touchNames.rank];
  }
  if ('segment' in rule) {
    const named = ruleOf(vocabulary, rule.segment);
    return named === null ? [touchNames.segment(rule.segment)] : readsOfCondition(named, vocabulary);
  }
  // a sample follows from what never changes
  return measuredIn(rule).flatMap((measured) => readsOfMeasured(measured, vocabulary));
}

function readsOfMeasured(measured: Measured, { facts }: Vocabulary): readonly string[] {
  if ('fact' in measured) return factOf(facts, measured.fact).touchedBy;
  if ('balance' in measured) return dailyOf(facts).get(measured.balance)?.fact.touchedBy ?? [];
  return typesOf(measured.activity)?.map(touchNames.activity) ?? [touchNames.anyActivity];
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
