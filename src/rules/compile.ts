/**
 * Rules as one SQL statement: for each customer of a bounded population, the verdict of every rule in their
 * order, and the earliest instant at which any of them can flip with no write. Values are always bound
 * parameters; every condition is true or false, never unknown.
 */
import { type SQL, sql } from 'drizzle-orm';
import { customers } from '../db/tables/customers.js';
import { microsOf } from '../platform/instants.js';
import { judgeActivity } from './activity-condition.js';
import type { Judged } from './conditions.js';
import { judgeFact } from './fact-condition.js';
import { type FactTable, factOf } from './facts.js';
import { momentOf, type RuleContext } from './moment.js';
import { isLeaf, partsOf, type Rule } from './schema.js';
import { type Frame, newFrame } from './statement.js';

/** Whom to judge: these, in a batch; or all of whom a condition on `customers` holds, in one pass over everything. */
export type Population = { ids: readonly string[] } | { where: SQL };

export type Verdicts = { customer_id: string; verdicts: boolean[]; next_change_at: string | null };

/** Gives rows of `Verdicts`; also to stand in parentheses in a larger statement. */
export function compileRules(
  rules: readonly Rule[],
  facts: FactTable,
  context: RuleContext,
  population: Population,
): SQL {
  const moment = momentOf(context);
  const frame = newFrame(moment, 'where' in population);
  const judged = rules.map((rule) => judgeRule(rule, facts, frame));
  const verdicts = sql.join(
    judged.map((each) => each.verdict),
    sql`, `,
  );
  const instant = leastOf(
    judged.flatMap((each) => each.instants),
    'timestamptz',
  );
  const day = leastOf(
    judged.flatMap((each) => each.days),
    'date',
  );
  return sql`
    select customer_id, verdicts, least(next_instant, ${startOfDaySql(sql.raw('next_day'), moment.timeZone)}) as next_change_at
    from (
      select ${customers.id} as customer_id, array[${verdicts}]::boolean[] as verdicts,
        ${instant} as next_instant, ${day} as next_day
      from ${customers}${frame.joins()} where ${populationSql(population)}
    ) as judged`;
}

function judgeRule(rule: Rule, facts: FactTable, frame: Frame): Judged {
  if (isLeaf(rule)) {
    return 'fact' in rule ? judgeFact(rule, factOf(facts, rule.fact), frame) : judgeActivity(rule, frame);
  }
  const { word, parts } = partsOf(rule);
  const judged = parts.map((part) => judgeRule(part.rule, facts, frame));
  const verdicts = sql.join(
    judged.map((each) => each.verdict),
    sql.raw(word === 'any' ? ' or ' : ' and '),
  );
  return {
    verdict: word === 'not' ? sql`(not ${verdicts})` : sql`(${verdicts})`,
    instants: judged.flatMap((each) => each.instants),
    days: judged.flatMap((each) => each.days),
  };
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
