/**
 * Which of the rules that speak of the same thing give points for it. Those that stack all do. Of those that do not, in
 * each group, the one with the highest priority does, of equal ones the first by key; a rule without a group is in the
 * group of those without. Campaigns that multiply exclude one another alone, not what they multiply. A rule that has
 * reached its caps gives its place to no other.
 */
import type { EarnRuleIn } from './schemas.js';

type Choosable = {
  key: string;
  content: Pick<EarnRuleIn, 'points' | 'priority' | 'stacks' | 'group'>;
};

export const isCampaign = ({ content }: Choosable): boolean => 'times' in content.points;

/** Those that give, in the order in which they do: campaigns last, the highest priority first, then by key. */
export function chosen<T extends Choosable>(matching: readonly T[]): T[] {
  const sorted = [...matching].sort(
    (a, b) =>
      Number(isCampaign(a)) - Number(isCampaign(b)) ||
      b.content.priority - a.content.priority ||
      (a.key < b.key ? -1 : Number(a.key > b.key)),
  );
  const taken = new Set<string>();
  return sorted.filter((rule) => {
    if (rule.content.stacks) return true;
    const place = `${isCampaign(rule)} ${rule.content.group ?? ''}`;
    const isFirst = !taken.has(place);
    taken.add(place);
    return isFirst;
  });
}
