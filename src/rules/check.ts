/**
 * Whether a rule of the right shape says something: its facts exist, each operator is one that the fact's type
 * allows, values have the type, lists and depth are bounded. Every problem names its place, and what would do.
 */
import { checkBeginning, checkMeasured } from './measured-check.js';
import { type RuleProblem, unknownName } from './problems.js';
import { checkRank } from './rank-check.js';
import { placesIn } from './sample.js';
import {
  type HoldsForCondition,
  isLeaf,
  isMeasured,
  type Leaf,
  limits,
  type Measured,
  measuredIn,
  partsOf,
  type Rule,
  type SampleCondition,
  type SegmentCondition,
} from './schema.js';
import { cycleThrough, layersBelow, type Vocabulary } from './vocabulary.js';

/**
 * Nothing where the rule can be evaluated. Only the first problem of a condition is told. `key` is the segment whose
 * rule it is to be, if one: what it names must not lead back to it.
 */
export function checkRule(rule: Rule, vocabulary: Vocabulary, key?: string): RuleProblem[] {
  const walk: Walk = { ...vocabulary, key, leaves: 0, hasPeriods: false, problems: [] };
  checkNode(rule, '', 1, walk);
  if (walk.leaves > limits.leaves) {
    const periods = walk.hasPeriods ? ', where each period of a holds_for counts' : '';
    const message = `a rule has at most ${limits.leaves} conditions, this one has ${walk.leaves}${periods}`;
    walk.problems.unshift({ pointer: '', code: 'too_many_conditions', message });
  }
  return walk.problems;
}

type Walk = Vocabulary & {
  key: string | undefined;
  leaves: number;
  hasPeriods: boolean;
  problems: RuleProblem[];
};
type Periods = HoldsForCondition['holds_for'];

/** @param periods of the `holds_for` that the part is in */
function checkNode(rule: Rule, pointer: string, depth: number, walk: Walk, periods?: Periods): void {
  if (depth > limits.depth) {
    walk.problems.push({
      pointer,
      code: 'too_deep',
      message: `a rule is at most ${limits.depth} levels deep`,
    });
    return;
  }
  if ('holds_for' in rule) {
    walk.hasPeriods = true;
    if (periods !== undefined) walk.problems.push(notOfPeriod(pointer, 'holds_for', periods));
    else
      checkNode(rule.holds_for.condition, `${pointer}/holds_for/condition`, depth + 1, walk, rule.holds_for);
    return;
  }
  if (!isLeaf(rule)) {
    for (const { path, rule: part } of partsOf(rule).parts) {
      checkNode(part, `${pointer}/${path}`, depth + 1, walk, periods);
    }
    return;
  }
  walk.leaves += Math.max(1, measuredIn(rule).length) * (periods?.periods ?? 1);
  const problem =
    checkLeaf(rule, pointer, walk) ??
    (periods === undefined ? undefined : checkPeriod(rule, pointer, periods));
  if (problem !== undefined) walk.problems.push(problem);
}

function checkLeaf(rule: Leaf, pointer: string, walk: Walk): RuleProblem | undefined {
  if (isMeasured(rule)) return checkMeasured(rule, pointer, walk.facts);
  if ('rank' in rule) return checkRank(rule.rank, `${pointer}/rank`, walk.facts);
  return 'segment' in rule ? checkSegment(rule, pointer, walk) : checkSample(rule, pointer);
}

const notOfPeriod = (pointer: string, word: string, { of }: Periods): RuleProblem => ({
  pointer: `${pointer}/${word}`,
  code: 'not_of_a_period',
  message: `holds_for looks back at each ${of}: it takes conditions on activities and balances with a calendar window of that, and all, any and not`,
  allowed: ['activity', 'balance', 'all', 'any', 'not'],
});

/** What `holds_for` asks of a condition that is right by itself. */
function checkPeriod(rule: Leaf, pointer: string, periods: Periods): RuleProblem | undefined {
  if ('segment' in rule) return notOfPeriod(pointer, 'segment', periods);
  if ('rank' in rule) return notOfPeriod(pointer, 'rank', periods);
  if ('sample' in rule) return notOfPeriod(pointer, 'sample', periods);
  const [, own] = measuredIn(rule);
  return (
    checkPeriodOf(rule, pointer, periods) ??
    (own === undefined ? undefined : checkPeriodOf(own, `${pointer}/value/of`, periods))
  );
}

function checkPeriodOf(measured: Measured, pointer: string, periods: Periods): RuleProblem | undefined {
  if ('fact' in measured) return notOfPeriod(pointer, 'fact', periods);
  const { window } = measured;
  const at = `${pointer}/window`;
  if (window === undefined || 'last' in window || window.calendar !== periods.of) {
    const message = `within holds_for of ${periods.of} a window is { "calendar": "${periods.of}" }`;
    const place = window === undefined ? at : 'last' in window ? `${at}/last` : `${at}/calendar`;
    return { pointer: place, code: 'window_not_allowed', message, allowed: [periods.of] };
  }
  return checkBeginning(window, periods.periods, at);
}

function checkSegment(condition: SegmentCondition, pointer: string, walk: Walk): RuleProblem | undefined {
  const { segment } = condition;
  const at = `${pointer}/segment`;
  if (segment !== walk.key && !walk.segments.has(segment)) {
    return unknownName('unknown_segment', 'segment', at, segment, [...walk.segments.keys()]);
  }
  const cycle = walk.key === undefined ? undefined : cycleThrough(walk.key, condition, walk);
  if (cycle !== undefined) {
    const message = `segments name one another in a circle: ${cycle.join(' -> ')}`;
    return { pointer: at, code: 'circular', message, fact: segment };
  }
  if (layersBelow(condition, walk) <= limits.layers) return undefined;
  const message = `segments stand on at most ${limits.layers} others, one above another`;
  return { pointer: at, code: 'too_deep', message, fact: segment };
}

function checkSample({ sample: { percent } }: SampleCondition, pointer: string): RuleProblem | undefined {
  const places = placesIn(percent);
  if (Math.abs(places - percent * 10_000) < 1e-6) return undefined;
  const message = 'a percentage has at most four decimals';
  return { pointer: `${pointer}/sample/percent`, code: 'too_many_decimals', message };
}
