/** Whether a rank can be taken: of a fact that has an order, with bounds that say something. */
import { defaultRefresh, hundredthsOf, isRefreshable, rankedTypes, refreshBounds } from './cuts.js';
import type { FactTable } from './facts.js';
import { type RuleProblem, unknownName } from './problems.js';
import type { Ranking } from './rank-schema.js';

/** Whether ranks can be taken of the fact, and so. */
export function checkRank(rank: Ranking, pointer: string, facts: FactTable): RuleProblem | undefined {
  const fact = facts.get(rank.fact);
  const at = `${pointer}/fact`;
  if (fact === undefined) return unknownName('unknown_fact', 'fact', at, rank.fact, [...facts.keys()]);
  const { name, type } = fact;
  if (!rankedTypes.includes(type)) {
    const message = `${name} is of type ${type}; ranks are taken of ${rankedTypes.join(', ')}`;
    return { pointer: at, code: 'not_ranked', message, fact: name, type, allowed: [...rankedTypes] };
  }
  const percents = percentsOf(rank);
  const precise = percents.find(({ percent }) => hundredthsOf(percent) / 100 !== percent);
  if (precise !== undefined) {
    const message = 'percent have at most two decimals';
    return { pointer: `${pointer}/${precise.path}`, code: 'too_many_decimals', message, fact: name };
  }
  if ('between' in rank && rank.between.percent[0] >= rank.between.percent[1]) {
    const message = 'the low bound comes first';
    return { pointer: `${pointer}/between/percent`, code: 'wrong_order', message, fact: name };
  }
  if (isRefreshable(rank.refresh ?? defaultRefresh)) return undefined;
  const message = `a rank is refreshed every ${refreshBounds.join(' to ')}`;
  return { pointer: `${pointer}/refresh`, code: 'out_of_bounds', message, fact: name };
}

function percentsOf(rank: Ranking): { path: string; percent: number }[] {
  if ('between' in rank)
    return rank.between.percent.map((percent, place) => ({ path: `between/percent/${place}`, percent }));
  const [end, share] = 'top' in rank ? (['top', rank.top] as const) : (['bottom', rank.bottom] as const);
  return 'percent' in share ? [{ path: `${end}/percent`, percent: share.percent }] : [];
}
