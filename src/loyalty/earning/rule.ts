/** An earn rule as it is kept, what keeps one from being, and what it warns of. */
import { Big } from 'big.js';
import { bodyProblem, type FieldProblem } from '../../platform/errors.js';
import { microsOf } from '../../platform/instants.js';
import { typesOf } from '../../rules/activity-types.js';
import { checkRule } from '../../rules/check.js';
import {
  type ActivityCondition,
  type ActivityFilter,
  isLeaf,
  type Leaf,
  partsOf,
  type Rule,
} from '../../rules/schema.js';
import type { Vocabulary } from '../../rules/vocabulary.js';
import type { EarnRuleIn } from './schemas.js';

export type EarnRuleContent = EarnRuleIn;
export type Warning = { pointer: string; code: 'deposit_balance'; message: string };

/** What a rule can speak of. */
export type World = {
  /** of segments, the newest rules */
  vocabulary: Vocabulary;
  levels: readonly string[];
  /** of the programme */
  tiers: readonly string[];
  /** the other rules of the programme, and whether each multiplies */
  rules: ReadonlyMap<string, { isCampaign: boolean }>;
};

/** Nothing where it can be. */
export function earnRuleProblems(content: EarnRuleContent, world: World): FieldProblem[] {
  return [
    ...earnsProblems(content, world),
    ...conditionProblems(content, world),
    ...keyProblems('/levels', 'unknown_level', 'level', content.levels, world.levels),
    ...keyProblems('/tiers', 'unknown_tier', 'tier of the programme', content.tiers, world.tiers),
    ...pointsProblems(content, world),
    ...limitProblems(content),
  ];
}

/** As a condition of the rule language, whose words its filters are. */
const asCondition = (activity: string, where: ActivityFilter[]): ActivityCondition => ({
  ...{ activity, where, measure: 'count', op: 'gte', value: 1 },
});

function earnsProblems({ earns, points }: EarnRuleContent, { vocabulary }: World): FieldProblem[] {
  if ('occasion' in earns)
    return 'per' in points
      ? [bodyProblem('/points/per', 'no_amount', 'an occasion has no amount: give fixed points')]
      : [];
  const duplicates = earns.activities.flatMap((type, place) =>
    earns.activities.indexOf(type) < place
      ? [bodyProblem(`/earns/activities/${place}`, 'duplicate', 'is named already')]
      : [],
  );
  const [type = ''] = earns.activities;
  const filters = (earns.where ?? []) as ActivityFilter[];
  const broken = filters.flatMap((filter, place) =>
    checkRule(asCondition(type, [filter]), vocabulary).map((each) => ({
      ...each,
      in: 'body' as const,
      pointer: `/earns/where/${place}${each.pointer.slice('/where/0'.length)}`,
    })),
  );
  return [...duplicates, ...broken];
}

function conditionProblems({ condition }: EarnRuleContent, { vocabulary }: World): FieldProblem[] {
  if (condition === null) return [];
  const ranks = leavesOf(condition, '').flatMap(({ leaf, pointer }) =>
    'rank' in leaf
      ? [
          bodyProblem(
            `/condition${pointer}/rank`,
            'rank_not_allowed',
            'an earn rule ranks nobody by itself: name a segment that does',
          ),
        ]
      : [],
  );
  if (ranks.length > 0) return ranks;
  return checkRule(condition, vocabulary).map((each) => ({
    ...each,
    in: 'body',
    pointer: `/condition${each.pointer}`,
  }));
}

const keyProblems = (
  pointer: string,
  code: string,
  what: string,
  keys: readonly string[] | null,
  known: readonly string[],
): FieldProblem[] =>
  (keys ?? []).flatMap((key, place) =>
    known.includes(key)
      ? []
      : [{ ...bodyProblem(`${pointer}/${place}`, code, `names no ${what}`), allowed: [...known] }],
  );

function pointsProblems({ points }: EarnRuleContent, { rules }: World): FieldProblem[] {
  if ('per' in points)
    return new Big(points.per).eq(0) ? [bodyProblem('/points/per', 'zero', 'must be more than nothing')] : [];
  if (!('times' in points)) return [];
  return [
    ...(new Big(points.times).lte(1)
      ? [bodyProblem('/points/times', 'too_few', 'must be more than 1: a campaign gives something beside')]
      : []),
    ...(points.of ?? []).flatMap((key, place) => {
      const named = rules.get(key);
      if (named === undefined)
        return [bodyProblem(`/points/of/${place}`, 'unknown_rule', 'names no other rule of the programme')];
      return named.isCampaign
        ? [
            bodyProblem(
              `/points/of/${place}`,
              'campaign',
              'multiplies itself: campaigns do not multiply campaigns',
            ),
          ]
        : [];
    }),
  ];
}

function limitProblems({ valid_from, valid_to, caps, stacks, group }: EarnRuleContent): FieldProblem[] {
  return [
    ...(valid_from !== null && valid_to !== null && microsOf(valid_from) >= microsOf(valid_to)
      ? [bodyProblem('/valid_to', 'wrong_order', 'must be later than valid_from')]
      : []),
    ...caps.flatMap(({ period }, place) =>
      caps.findIndex((one) => one.period === period) < place
        ? [bodyProblem(`/caps/${place}/period`, 'duplicate', 'has a cap already')]
        : [],
    ),
    ...(stacks && group !== null
      ? [bodyProblem('/group', 'stacks', 'is of rules that do not stack: make it null, or stacks false')]
      : []),
  ];
}

function leavesOf(rule: Rule, pointer: string): { leaf: Leaf; pointer: string }[] {
  if (isLeaf(rule)) return [{ leaf: rule, pointer }];
  return partsOf(rule).parts.flatMap((part) => leavesOf(part.rule, `${pointer}/${part.path}`));
}

/** Deposits are in aum and net too. */
const ofDeposits = /(^|[._])(time_deposit|deposit|deposits|aum|net)([._]|$)/;
const depositType = /(^|_)deposits?(_|$)/;

const depositWarning = (pointer: string): Warning => ({
  pointer,
  code: 'deposit_balance',
  message:
    'It speaks of deposits. To attract deposits by gifts is barred: have it approved, and see that it rewards no balance',
});

/** What to consider before it counts: it needs the approval of a second person then. */
export function earnRuleWarnings({ earns, condition }: EarnRuleContent, vocabulary: Vocabulary): Warning[] {
  const pointers: string[] = [];
  if ('activities' in earns) {
    earns.activities.forEach((type, place) => {
      if (depositType.test(type)) pointers.push(`/earns/activities/${place}`);
    });
    ((earns.where ?? []) as ActivityFilter[]).forEach((filter, place) => {
      if (namesDeposits(filter)) pointers.push(`/earns/where/${place}`);
    });
  }
  if (condition !== null)
    for (const { leaf, pointer } of leavesOf(condition, '/condition'))
      if (speaksOfDeposits(leaf, vocabulary, new Set())) pointers.push(pointer);
  return pointers.map(depositWarning);
}

const namesDeposits = ({ value }: { value?: unknown }): boolean =>
  [value].flat().some((each) => typeof each === 'string' && depositType.test(each));

function speaksOfDeposits(leaf: Leaf, vocabulary: Vocabulary, seen: Set<string>): boolean {
  if ('fact' in leaf) return ofDeposits.test(leaf.fact) || namesDeposits(leaf);
  if ('balance' in leaf) return ofDeposits.test(leaf.balance);
  if ('activity' in leaf)
    return (
      (typesOf(leaf.activity) ?? []).some((type) => depositType.test(type)) ||
      (leaf.where ?? []).some(namesDeposits)
    );
  if (!('segment' in leaf) || seen.has(leaf.segment)) return false;
  seen.add(leaf.segment);
  const rule = vocabulary.segments.get(leaf.segment);
  return rule != null && leavesOf(rule, '').some((one) => speaksOfDeposits(one.leaf, vocabulary, seen));
}
