/** What a rule may name: the facts of what the bank has declared, and the segments that there are. */
import type { FactTable } from './facts.js';
import { isLeaf, partsOf, type Rule } from './schema.js';

export type Vocabulary = {
  facts: FactTable;
  /** the rules of segments as they count now; null of a static one, whose members are listed */
  segments: ReadonlyMap<string, Rule | null>;
};

/** The segments that a rule names itself, each once, in the order of their names. */
export function segmentsNamed(rule: Rule): string[] {
  const named = (part: Rule): string[] => {
    if (!isLeaf(part)) return partsOf(part).parts.flatMap((each) => named(each.rule));
    return 'segment' in part ? [part.segment] : [];
  };
  return [...new Set(named(rule))].sort();
}

/** The rule of a segment that a checked rule names; null of a static one. */
export function ruleOf({ segments }: Vocabulary, key: string): Rule | null {
  const rule = segments.get(key);
  if (rule === undefined) throw new Error(`no segment ${key}`);
  return rule;
}

/** How segments name one another on the way back to where it began: none where there is no such way. */
export function cycleThrough(
  key: string,
  rule: Rule,
  { segments }: Pick<Vocabulary, 'segments'>,
): string[] | undefined {
  const seen = new Set<string>();
  const search = (from: Rule, path: readonly string[]): string[] | undefined => {
    for (const named of segmentsNamed(from)) {
      if (named === key) return [...path, key];
      if (seen.has(named)) continue;
      seen.add(named);
      const next = segments.get(named);
      const found = next ? search(next, [...path, named]) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return search(rule, [key]);
}

/** How many segments stand one on another below a rule: 0 where it names none. */
export function layersBelow(rule: Rule, { segments }: Pick<Vocabulary, 'segments'>): number {
  const known = new Map<string, number>();
  const below = (part: Rule): number => {
    const layers = segmentsNamed(part).map((key) => {
      const seen = known.get(key);
      if (seen !== undefined) return seen;
      known.set(key, 0);
      const next = segments.get(key);
      const count = 1 + (next ? below(next) : 0);
      known.set(key, count);
      return count;
    });
    return Math.max(0, ...layers);
  };
  return below(rule);
}

/** All segments whose rules name one of these, directly or through others, with these themselves. */
export function dependentsOf(
  keys: readonly string[],
  { segments }: Pick<Vocabulary, 'segments'>,
): Set<string> {
  const found = new Set(keys);
  for (let size = -1; size !== found.size; ) {
    size = found.size;
    for (const [key, rule] of segments) {
      if (rule !== null && segmentsNamed(rule).some((named) => found.has(named))) found.add(key);
    }
  }
  return found;
}

/** The rule with the segments that it names called otherwise. */
export function withSegmentsNamed(rule: Rule, rename: (key: string) => string): Rule {
  if ('segment' in rule) return { segment: rename(rule.segment) };
  // a period names no segment
  if (isLeaf(rule) || 'holds_for' in rule) return rule;
  if ('not' in rule) return { not: withSegmentsNamed(rule.not, rename) };
  if ('all' in rule) return { all: rule.all.map((part) => withSegmentsNamed(part, rename)) };
  return { any: rule.any.map((part) => withSegmentsNamed(part, rename)) };
}
