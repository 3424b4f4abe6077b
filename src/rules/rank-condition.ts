/**
 * A customer's rank by a fact: among the first or the last of all customers, or between two percentiles. A rank is the
 * customer's own value now held against the bounds of the last refresh, so it is judged as one or two comparisons of
 * the fact. Nobody has a rank before the first refresh; stubs, and customers of whom the fact is missing, have none.
 */
import { type SQL, sql } from 'drizzle-orm';
import { customers } from '../db/tables/customers.js';
import { earliest, type Judged, type Seen } from './conditions.js';
import type { Cut, CutDefinition, Place } from './cuts.js';
import { judgeFact, seeFact } from './fact-condition.js';
import { type Fact, factOf } from './facts.js';
import type { Moment } from './moment.js';
import type { CustomerPicture } from './picture.js';
import type { RankCondition, Ranking } from './rank-schema.js';
import { type Comparison, isLeaf, type Leaf, measuredIn, partsOf, type Rule } from './schema.js';
import type { Frame } from './statement.js';
import { jsonSql, type ValueType } from './values.js';
import { ruleOf, type Vocabulary } from './vocabulary.js';

/** What is to be refreshed for a rank; the same places of the same fact are the same cut. */
export function cutOfRank({ rank }: RankCondition): CutDefinition {
  const { fact } = rank;
  if ('between' in rank) {
    const [low, high] = rank.between.percent;
    const places = [low, high].map((beyond): Place => ({ from: 'bottom', beyond }));
    return { key: `${fact} between ${low}% and ${high}%`, fact, places };
  }
  const [from, share] = 'top' in rank ? (['top', rank.top] as const) : (['bottom', rank.bottom] as const);
  const many = 'percent' in share ? `${share.percent}%` : String(share.count);
  return { key: `${fact} ${from} ${many}`, fact, places: [{ from, ...share }] };
}

/** The leaves of rules, and of the rules of the segments that they name. */
function leavesOf(rules: readonly Rule[], vocabulary: Vocabulary): Leaf[] {
  const known = new Set<string>();
  const inside = (part: Rule): Leaf[] => {
    if (!isLeaf(part)) return partsOf(part).parts.flatMap((each) => inside(each.rule));
    if (!('segment' in part)) return [part];
    const named = known.has(part.segment) ? null : ruleOf(vocabulary, part.segment);
    known.add(part.segment);
    return named === null ? [] : inside(named);
  };
  return rules.flatMap(inside);
}

/** The ranks that a rule asks for itself. */
export function ranksIn(rule: Rule): RankCondition[] {
  if (isLeaf(rule)) return 'rank' in rule ? [rule] : [];
  return partsOf(rule).parts.flatMap((part) => ranksIn(part.rule));
}

/** What a rank is told with: the bounds, of how many, and as of when; nothing before the first refresh. */
export const heldAgainst = (cut: Cut | undefined) => ({
  bounds: [...(cut?.bounds ?? [])],
  population: cut?.population ?? null,
  as_of: cut?.as_of ?? null,
});

/** The ranks that rules ask for, and the rules of the segments that they name do. */
export const ranksOf = (rules: readonly Rule[], vocabulary: Vocabulary): RankCondition[] =>
  leavesOf(rules, vocabulary).filter((leaf): leaf is RankCondition => 'rank' in leaf);

/** The keys of all cuts that rules are judged by: of ranks, and of facts that are read from one. */
export function cutKeysOf(rules: readonly Rule[], vocabulary: Vocabulary): string[] {
  const keys = leavesOf(rules, vocabulary).flatMap((leaf): (string | undefined)[] => {
    if ('rank' in leaf) return [cutOfRank(leaf).key, factOf(vocabulary.facts, leaf.rank.fact).cut];
    return measuredIn(leaf).map((measured) =>
      'fact' in measured ? factOf(vocabulary.facts, measured.fact).cut : undefined,
    );
  });
  return [...new Set(keys.filter((key) => key !== undefined))].sort();
}

/** What the value is held against; nothing where nobody is ranked. */
function comparisonsOf(rank: Ranking, type: ValueType, cut: Cut | undefined): Comparison[] {
  if (cut === undefined) return [];
  const [first = null, second = null] = cut.bounds;
  if (first === null) return [];
  const value = (bound: string) => (type === 'integer' || type === 'number' ? Number(bound) : bound);
  if ('top' in rank) return [{ op: 'gte', value: value(first) }];
  if ('bottom' in rank) return [{ op: 'lte', value: value(first) }];
  const above: Comparison = { op: 'gte', value: value(first) };
  return second === null ? [above] : [above, { op: 'lt', value: value(second) }];
}

export function judgeRank(condition: RankCondition, fact: Fact, frame: Frame): Judged {
  const cut = frame.moment.cuts?.get(cutOfRank(condition).key);
  const value = jsonSql(
    fact.type,
    frame.value(`fact:${fact.name}`, () => fact.sql(frame)),
  );
  const judged = comparisonsOf(condition.rank, fact.type, cut).map((comparison) =>
    judgeFact({ fact: fact.name, ...comparison }, fact, frame),
  );
  if (judged.length === 0) return { verdict: sql`false`, value, instants: [], days: [] };
  const verdicts = [frame.value('ranked', () => ranked), ...judged.map((each) => each.verdict)];
  return {
    verdict: sql`(${sql.join(verdicts, sql` and `)})`,
    value,
    instants: judged.flatMap((each) => each.instants),
    days: judged.flatMap((each) => each.days),
  };
}

const ranked: SQL = sql`not ${customers.stub}`;

/** With the cut that it was held against. */
export function seeRank(
  condition: RankCondition,
  fact: Fact,
  picture: CustomerPicture,
  moment: Moment,
): Seen & { cut: Cut | undefined } {
  const cut = moment.cuts?.get(cutOfRank(condition).key);
  const seen = comparisonsOf(condition.rank, fact.type, cut).map((comparison) =>
    seeFact({ fact: fact.name, ...comparison }, fact, picture, moment),
  );
  return {
    verdict: !picture.customer.stub && seen.length > 0 && seen.every((each) => each.verdict),
    value: fact.value(picture, moment),
    nextChange: earliest(seen.map((each) => each.nextChange)),
    cut,
  };
}
