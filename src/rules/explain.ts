/**
 * A rule judged for one customer in memory: the tree with each condition's verdict, what it saw, and when it can
 * next change. The verdict of the root is that of the compiled statement.
 */
import { instantOf, microsOf } from '../platform/instants.js';
import { countedDays } from './calendar.js';
import { earliest, type Seen, type SeenQuantity } from './conditions.js';
import { factOf } from './facts.js';
import { boundOf, seeMeasured } from './measured-condition.js';
import { type Moment, momentOf, type RuleContext } from './moment.js';
import { nameOfBack, periodConditions } from './periods.js';
import type { CustomerPicture } from './picture.js';
import { heldAgainst, seeRank } from './rank-condition.js';
import type { RankCondition } from './rank-schema.js';
import { seeSample } from './sample.js';
import {
  type ActivityCondition,
  type BalanceCondition,
  type FactCondition,
  type HoldsForCondition,
  isLeaf,
  isMeasured,
  type Leaf,
  type MeasuredBalance,
  type MeasuredCondition,
  type OwnValue,
  ownValueOf,
  partsOf,
  type Rule,
  type SampleCondition,
  type SegmentCondition,
} from './schema.js';
import { isListed } from './segment-condition.js';
import type { FactValue } from './values.js';
import { ruleOf, type Vocabulary } from './vocabulary.js';

/** The customer's own value that another was held against, and what that came to. */
export type Against = {
  value: FactValue | null;
  /** the value as it is told here, times the factor */
  bound: string | null;
  since?: string | null;
  counted?: string[];
  days?: { first: string; until: string };
};

export type Explanation = {
  /** RFC 6901, into the rule */
  pointer: string;
  verdict: boolean;
  /** the earliest instant at which the verdict can flip with no write */
  next_change_at: string | null;
} & (
  | { kind: 'all' | 'any' | 'not'; conditions: Explanation[] }
  | {
      kind: 'fact';
      condition: FactCondition;
      value: FactValue | null;
      against?: Against;
      /** of a score: when it was refreshed last */
      as_of?: string | null;
    }
  | { kind: 'segment'; condition: SegmentCondition; value: boolean }
  | {
      kind: 'rank';
      condition: RankCondition;
      value: FactValue | null;
      /** what it was held against, of how many customers, and as of when; nothing before the first refresh */
      bounds: (string | null)[];
      population: number | null;
      as_of: string | null;
    }
  | {
      kind: 'activity';
      condition: ActivityCondition;
      value: FactValue | null;
      against?: Against;
      /** the earliest instant that the window reaches back to */
      since: string | null;
      /** ids, the latest first, at most 20 */
      counted: string[];
    }
  | {
      kind: 'balance';
      condition: BalanceCondition;
      value: FactValue | null;
      against?: Against;
      /** the days that were counted: from the first to before the other */
      days: { first: string; until: string };
    }
  | {
      kind: 'sample';
      condition: SampleCondition;
      /** the customer's place among 1,000,000 */
      value: FactValue | null;
    }
  | { kind: 'holds_for'; conditions: (Explanation & { period: string })[] }
);

export function explain(
  rule: Rule,
  vocabulary: Vocabulary,
  picture: CustomerPicture,
  context: RuleContext,
): Explanation {
  const moment = momentOf(context);
  const explanation = explained(rule, '', { vocabulary, picture, moment });
  if (explanation.next_change_at !== null && microsOf(explanation.next_change_at) <= moment.nowMicros) {
    throw new Error(`the next change ${explanation.next_change_at} is not later than ${moment.now}`);
  }
  return explanation;
}

export const matches = (
  rule: Rule,
  vocabulary: Vocabulary,
  picture: CustomerPicture,
  context: RuleContext,
): boolean => explain(rule, vocabulary, picture, context).verdict;

type Seeing = { vocabulary: Vocabulary; picture: CustomerPicture; moment: Moment };

function explained(rule: Rule, pointer: string, seeing: Seeing): Explanation {
  if (isLeaf(rule)) return explainedLeaf(rule, pointer, seeing);
  if ('holds_for' in rule) return explainedPeriods(rule, pointer, seeing);
  const { word, parts } = partsOf(rule);
  const conditions = parts.map((part) => explained(part.rule, `${pointer}/${part.path}`, seeing));
  return { pointer, ...combined(word, conditions), kind: word, conditions };
}

function explainedPeriods(rule: HoldsForCondition, pointer: string, seeing: Seeing): Explanation {
  const conditions = periodConditions(rule).map(({ back, rule: condition }) => ({
    ...explained(condition, `${pointer}/holds_for/condition`, seeing),
    period: nameOfBack(rule.holds_for.of, back, seeing.moment.today),
  }));
  return { pointer, ...combined('all', conditions), kind: 'holds_for', conditions };
}

function explainedLeaf(leaf: Leaf, pointer: string, seeing: Seeing): Explanation {
  const { vocabulary, picture, moment } = seeing;
  if (isMeasured(leaf)) return explainedMeasured(leaf, pointer, seeing);
  if ('segment' in leaf) {
    const named = ruleOf(vocabulary, leaf.segment);
    const { verdict, next_change_at } =
      named === null
        ? { verdict: isListed(leaf.segment, picture), next_change_at: null }
        : explained(named, '', seeing);
    return { pointer, verdict, next_change_at, kind: 'segment', condition: leaf, value: verdict };
  }
  if ('sample' in leaf) {
    const seen = seeSample(leaf, picture);
    return { pointer, ...outcomeOf(seen), kind: 'sample', condition: leaf, value: seen.value };
  }
  const seen = seeRank(leaf, factOf(vocabulary.facts, leaf.rank.fact), picture, moment);
  const { value, cut } = seen;
  return { pointer, ...outcomeOf(seen), kind: 'rank', condition: leaf, value, ...heldAgainst(cut) };
}

function explainedMeasured(
  leaf: MeasuredCondition,
  pointer: string,
  { vocabulary: { facts }, picture, moment }: Seeing,
): Explanation {
  const seen = seeMeasured(leaf, facts, picture, moment);
  const own = ownValueOf(leaf);
  const against =
    own === undefined || seen.against === undefined ? {} : { against: againstOf(own, seen.against, moment) };
  const told = { pointer, ...outcomeOf(seen), value: seen.value, ...against };
  if ('fact' in leaf) {
    const { cut } = factOf(facts, leaf.fact);
    const asOf = cut === undefined ? {} : { as_of: moment.cuts?.get(cut)?.as_of ?? null };
    return { ...told, kind: 'fact', condition: leaf, ...asOf };
  }
  if ('balance' in leaf) {
    return { ...told, kind: 'balance', condition: leaf, days: daysOf(leaf, moment) };
  }
  return { ...told, kind: 'activity', condition: leaf, ...countedIn(seen) };
}

function againstOf(own: OwnValue, seen: SeenQuantity, moment: Moment): Against {
  const told = { value: seen.value, bound: boundOf(own, seen.value) };
  if ('balance' in own.of) return { ...told, days: daysOf(own.of, moment) };
  return 'activity' in own.of ? { ...told, ...countedIn(seen) } : told;
}

const countedIn = ({ since, counted }: SeenQuantity) => ({ since: since ?? null, counted: counted ?? [] });

function daysOf({ window }: MeasuredBalance, { today }: Moment) {
  const { first, until } = countedDays(window, today);
  return { first, until };
}

const outcomeOf = ({ verdict, nextChange }: Pick<Seen, 'verdict' | 'nextChange'>) => ({
  verdict,
  next_change_at: nextChange === null ? null : instantOf(nextChange),
});

function combined(word: 'all' | 'any' | 'not', conditions: readonly Explanation[]) {
  const changes = conditions.map((each) =>
    each.next_change_at === null ? null : microsOf(each.next_change_at),
  );
  return outcomeOf({ verdict: verdictOf(word, conditions), nextChange: earliest(changes) });
}

/** What conditions come to together. */
export function verdictOf(
  word: 'all' | 'any' | 'not' | 'holds_for',
  conditions: readonly { verdict: boolean }[],
): boolean {
  const verdicts = conditions.map((each) => each.verdict);
  return word === 'any' ? verdicts.includes(true) : !verdicts.includes(word === 'not');
}
