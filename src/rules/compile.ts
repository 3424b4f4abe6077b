/**
 * Rules as one SQL statement: for each customer of a bounded population, the verdict of every rule in their
 * order, and the earliest instant at which any of them can flip with no write. Values are always bound
 * parameters; every condition is true or false, never unknown.
 */
import { type SQL, sql } from 'drizzle-orm';
import { customers } from '../db/tables/customers.js';
import { microsOf } from '../platform/instants.js';
import type { Judged } from './conditions.js';
import { factOf } from './facts.js';
import { judgeMeasured } from './measured-condition.js';
import { momentOf, type RuleContext } from './moment.js';
import { periodConditions } from './periods.js';
import { judgeRank } from './rank-condition.js';
import { judgeSample } from './sample.js';
import { isLeaf, isMeasured, type Leaf, partsOf, type Rule } from './schema.js';
import { judgeStatic } from './segment-condition.js';
import { type Frame, newFrame } from './statement.js';
import { ruleOf, type Vocabulary } from './vocabulary.js';

/** Whom to judge: these, in a batch; or all of whom a condition on `customers` holds, in one pass over everything. */
export type Population = { ids: readonly string[] } | { where: SQL };

export type Verdicts = { customer_id: string; verdicts: boolean[]; next_change_at: string | null };

export type Compiled = {
  /** gives rows of `Verdicts`, and the columns that `evidence` reads */
  rows: SQL;
  /**
   * Of each rule what its conditions saw and said, in their order, as jsonb `{ at, seen, verdicts }` over `rows`, to be
   * called v; with `against` where any of them was held against a value of the customer's own.
   */
  evidence: SQL[];
};

/** Gives rows of `Verdicts`; also to stand in parentheses in a larger statement. */
export function compileRules(
  rules: readonly Rule[],
  vocabulary: Vocabulary,
  context: RuleContext,
  population: Population,
): SQL {
  return compiled(rules, vocabulary, context, population, 'next change').rows;
}

/** Gives rows of customer_id and verdicts alone, of what is judged once and not kept. */
export const compileVerdicts = (
  rules: readonly Rule[],
  vocabulary: Vocabulary,
  context: RuleContext,
  population: Population,
): SQL => compiled(rules, vocabulary, context, population, 'verdicts').rows;

/** The same, with what was seen. */
export const compileEvidence = (
  rules: readonly Rule[],
  vocabulary: Vocabulary,
  context: RuleContext,
  population: Population,
): Compiled => compiled(rules, vocabulary, context, population, 'evidence');

type Tree = Pick<Judged, 'verdict' | 'instants' | 'days'> & { leaves: Omit<Judged, 'instants' | 'days'>[] };

function compiled(
  rules: readonly Rule[],
  vocabulary: Vocabulary,
  context: RuleContext,
  population: Population,
  asked: 'verdicts' | 'next change' | 'evidence',
): Compiled {
  const moment = momentOf(context);
  const frame = newFrame(moment, 'where' in population, asked !== 'verdicts');
  // instants of a segment that several rules name are those of one of them
  const timed: Pick<Judged, 'instants' | 'days'> = { instants: [], days: [] };
  const judged = rules.map((rule) => judgeRule(rule, vocabulary, frame, timed));
  const all = [...judged, timed];
  const instant = leastOf(
    all.flatMap((each) => each.instants),
    'timestamptz',
  );
  const day = leastOf(
    all.flatMap((each) => each.days),
    'date',
  );
  const rows = frame.rows(
    sql`${populationSql(population)} and ${customers.mergedInto} is null`,
    sql`${instant} as next_instant, ${day} as next_day`,
  );
  const verdicts = sql.join(
    judged.map((each) => each.verdict),
    sql`, `,
  );
  const next =
    asked === 'verdicts'
      ? sql``
      : sql`, least(v.next_instant, ${startOfDaySql(sql.raw('v.next_day'), moment.timeZone)}) as next_change_at`;
  const seen = sql.join((asked === 'evidence' ? frame.named() : []).map((column) => sql`, ${column}`));
  return {
    rows: sql`select v.customer_id, array[${verdicts}]::boolean[] as verdicts${next}${seen} from (${rows}) as v`,
    evidence: judged.map(({ leaves }) => evidenceOf(leaves, context.now)),
  };
}

function evidenceOf(leaves: Tree['leaves'], at: string): SQL {
  const column = (pick: (leaf: Tree['leaves'][number]) => SQL) => arrayOf(leaves.map(pick));
  const own = leaves.some(({ against }) => against !== undefined)
    ? sql`, 'against', ${column(({ against }) => against ?? sql`null::jsonb`)}`
    : sql``;
  return sql`jsonb_build_object('at', ${at}::text, 'seen', ${column((leaf) => leaf.value)}, 'verdicts', ${column((leaf) => leaf.verdict)}${own})`;
}

function judgeRule(
  rule: Rule,
  vocabulary: Vocabulary,
  frame: Frame,
  timed: Pick<Judged, 'instants' | 'days'>,
): Tree {
  if (isLeaf(rule)) {
    const { instants, days, ...leaf } = judgeLeaf(rule, vocabulary, frame, timed);
    return { verdict: leaf.verdict, instants, days, leaves: [leaf] };
  }
  if ('holds_for' in rule) {
    return judgeRule({ all: periodConditions(rule).map((one) => one.rule) }, vocabulary, frame, timed);
  }
  const { word, parts } = partsOf(rule);
  const judged = parts.map((part) => judgeRule(part.rule, vocabulary, frame, timed));
  const verdicts = sql.join(
    judged.map((each) => each.verdict),
    sql.raw(word === 'any' ? ' or ' : ' and '),
  );
  return {
    verdict: word === 'not' ? sql`(not ${verdicts})` : sql`(${verdicts})`,
    instants: judged.flatMap((each) => each.instants),
    days: judged.flatMap((each) => each.days),
    leaves: judged.flatMap((each) => each.leaves),
  };
}

function judgeLeaf(
  leaf: Leaf,
  vocabulary: Vocabulary,
  frame: Frame,
  timed: Pick<Judged, 'instants' | 'days'>,
): Judged {
  if (isMeasured(leaf)) return judgeMeasured(leaf, vocabulary.facts, frame);
  if ('sample' in leaf) return judgeSample(leaf, frame);
  if ('rank' in leaf) return judgeRank(leaf, factOf(vocabulary.facts, leaf.rank.fact), frame);
  const named = ruleOf(vocabulary, leaf.segment);
  if (named === null) return judgeStatic(leaf.segment, frame);
  const verdict = frame.verdict(leaf.segment, () => {
    const tree = judgeRule(named, vocabulary, frame, timed);
    timed.instants.push(...tree.instants);
    timed.days.push(...tree.days);
    return tree.verdict;
  });
  return { verdict, value: verdict, instants: [], days: [] };
}

/** A function takes a hundred arguments at most. */
function arrayOf(leaves: readonly SQL[]): SQL {
  const most = 50;
  const chunks = Array.from({ length: Math.ceil(leaves.length / most) }, (_, place) =>
    leaves.slice(place * most, (place + 1) * most),
  );
  return sql.join(
    chunks.map((chunk) => sql`jsonb_build_array(${sql.join([...chunk], sql`, `)})`),
    sql` || `,
  );
}

const leastOf = (expressions: readonly SQL[], type: 'timestamptz' | 'date'): SQL =>
  expressions.length === 0 ? sql`null::${sql.raw(type)}` : sql`least(${sql.join([...expressions], sql`, `)})`;

/** PostgreSQL takes the later of two midnights where clocks are set back over one: the day began at the first. */
function startOfDaySql(day: SQL, timeZone: string): SQL {
  const midnight = sql`(${day}::timestamp at time zone ${timeZone})`;
  const before = sql`(${midnight} - interval '1 hour')`;
  return sql`case when (${before} at time zone ${timeZone})::date = ${day} then ${before} else ${midnight} end`;
}

const populationSql = (population: Population): SQL =>
  'ids' in population ? sql`${customers.id} = any(${sql.param(population.ids)}::uuid[])` : population.where;

/** A next change that is not later than now would be reviewed for ever: it is a fault of this code. */
export function checkedVerdicts<T extends Pick<Verdicts, 'next_change_at'>>(row: T, context: RuleContext): T {
  if (row.next_change_at !== null && microsOf(row.next_change_at) <= microsOf(context.now)) {
    throw new Error(`the next change ${row.next_change_at} is not later than ${context.now}`);
  }
  return row;
}
