/** The tree of a rule with what was recorded of its conditions when it was judged. */
import type { Cuts } from './cuts.js';
import { type Against, type Explanation, verdictOf } from './explain.js';
import { boundOf } from './measured-condition.js';
import { periodConditions } from './periods.js';
import { cutOfRank, heldAgainst } from './rank-condition.js';
import { isLeaf, isMeasured, type Leaf, leafKinds, ownValueOf, partsOf, type Rule } from './schema.js';
import type { FactValue } from './values.js';

/** What the conditions saw and said, in their order. */
export type Evidence = {
  at: string;
  seen: (FactValue | null)[];
  verdicts: boolean[];
  /** the customer's own values that they were held against, where any was */
  against?: (FactValue | null)[];
};

export type RecordedNode = {
  pointer: string;
  kind: Explanation['kind'];
  verdict: boolean;
  /** of one of the periods for which a condition was to hold: how many before the one of then */
  back?: number;
  condition?: Rule;
  value?: FactValue | null;
  against?: Against;
  conditions?: RecordedNode[];
  bounds?: (string | null)[];
  population?: number | null;
  as_of?: string | null;
};

/** `cuts` are those of then. */
export function recordedTree(
  rule: Rule,
  { seen, verdicts, against = [] }: Evidence,
  cuts: Cuts = new Map(),
): RecordedNode {
  let place = 0;
  const combine = (
    pointer: string,
    kind: 'all' | 'any' | 'not' | 'holds_for',
    conditions: RecordedNode[],
  ) => ({ pointer, kind, verdict: verdictOf(kind, conditions), conditions });
  const node = (part: Rule, pointer: string): RecordedNode => {
    if (isLeaf(part)) {
      const found = { value: seen[place] ?? null, verdict: verdicts[place] ?? false };
      const own = isMeasured(part) ? ownValueOf(part) : undefined;
      const other = against[place] ?? null;
      place += 1;
      const held =
        'rank' in part
          ? heldAgainst(cuts.get(cutOfRank(part).key))
          : own && { against: { value: other, bound: boundOf(own, other) } };
      return { pointer, kind: kindOf(part), condition: part, ...found, ...held };
    }
    if ('holds_for' in part) {
      const periods = periodConditions(part);
      return combine(
        pointer,
        'holds_for',
        periods.map(({ back, rule: each }) => ({ ...node(each, `${pointer}/holds_for/condition`), back })),
      );
    }
    const { word, parts } = partsOf(part);
    return combine(
      pointer,
      word,
      parts.map((each) => node(each.rule, `${pointer}/${each.path}`)),
    );
  };
  return node(rule, '');
}

/** A condition's kind is the word that it begins with. */
function kindOf(leaf: Leaf): Explanation['kind'] {
  const kind = leafKinds.find((word) => word in leaf);
  if (kind === undefined) throw new Error('a condition of no kind');
  return kind;
}
