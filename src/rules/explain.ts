/**
 * A rule judged for one customer in memory: the tree with each condition's verdict, what it saw, and when it can
 * next change. The verdict of the root is that of the compiled statement.
 */
import { instantOf, microsOf } from '../platform/instants.js';
import { seeActivity } from './activity-condition.js';
import { earliest, type Seen } from './conditions.js';
import { seeFact } from './fact-condition.js';
import { type FactTable, factOf } from './facts.js';
import { type Moment, momentOf, type RuleContext } from './moment.js';
import type { CustomerPicture } from './picture.js';
import { type ActivityCondition, type FactCondition, isLeaf, partsOf, type Rule } from './schema.js';
import type { FactValue } from './values.js';

export type Explanation = {
  /** RFC 6901, into the rule */
  pointer: string;
  verdict: boolean;
  /** the earliest instant at which the verdict can flip with no write */
  next_change_at: string | null;
} & (
  | { kind: 'all' | 'any' | 'not'; conditions: Explanation[] }
  | { kind: 'fact'; condition: FactCondition; value: FactValue | null }
  | {
      kind: 'activity';
      condition: ActivityCondition;
      value: FactValue | null;
      /** the earliest instant that the window reaches back to */
      since: string | null;
      /** ids, the latest first, at most 20 */
      counted: string[];
    }
);

export function explain(
  rule: Rule,
  facts: FactTable,
  picture: CustomerPicture,
  context: RuleContext,
): Explanation {
  const moment = momentOf(context);
  const explanation = explained(rule, '', facts, picture, moment);
  if (explanation.next_change_at !== null && microsOf(explanation.next_change_at) <= moment.nowMicros) {
    throw new Error(`the next change ${explanation.next_change_at} is not later than ${moment.now}`);
  }
  return explanation;
}

export const matches = (
  rule: Rule,
  facts: FactTable,
  picture: CustomerPicture,
  context: RuleContext,
): boolean => explain(rule, facts, picture, context).verdict;

function explained(
  rule: Rule,
  pointer: string,
  facts: FactTable,
  picture: CustomerPicture,
  moment: Moment,
): Explanation {
  if (!isLeaf(rule)) {
    const { word, parts } = partsOf(rule);
    const conditions = parts.map((part) =>
      explained(part.rule, `${pointer}/${part.path}`, facts, picture, moment),
    );
    return { pointer, ...combined(word, conditions), kind: word, conditions };
  }
  if ('fact' in rule) {
    const seen = seeFact(rule, factOf(facts, rule.fact), picture, moment);
    return { pointer, ...outcomeOf(seen), kind: 'fact', condition: rule, value: seen.value };
  }
  const seen = seeActivity(rule, picture, moment);
  const { value, since = null, counted = [] } = seen;
  return { pointer, ...outcomeOf(seen), kind: 'activity', condition: rule, value, since, counted };
}

const outcomeOf = ({ verdict, nextChange }: Pick<Seen, 'verdict' | 'nextChange'>) => ({
  verdict,
  next_change_at: nextChange === null ? null : instantOf(nextChange),
});

function combined(word: 'all' | 'any' | 'not', conditions: readonly Explanation[]) {
  const verdicts = conditions.map((each) => each.verdict);
  const changes = conditions.map((each) =>
    each.next_change_at === null ? null : microsOf(each.next_change_at),
  );
  const verdict = word === 'any' ? verdicts.includes(true) : !verdicts.includes(word === 'not');
  return outcomeOf({ verdict, nextChange: earliest(changes) });
}
