/**
 * Whether a rule of the right shape says something: its facts exist, each operator is one that the fact's type
 * allows, values have the type, lists and depth are bounded. Every problem names its place, and what would do.
 */
import { closestMatch } from 'leven';
import { Temporal } from 'temporal-polyfill';
import { measureOperators, measureType } from './activity-condition.js';
import { activityFields, fieldOf } from './activity-fields.js';
import type { FactTable } from './facts.js';
import {
  type ActivityCondition,
  type ActivityFilter,
  type Comparison,
  isLeaf,
  limits,
  type Operator,
  partsOf,
  type Rule,
  type Scalar,
} from './schema.js';
import { compareValues, expectedOf, isOfType, operatorsOf, type ValueType } from './values.js';

export type RuleProblem = {
  /** RFC 6901, into the rule */
  pointer: string;
  code:
    | 'too_deep'
    | 'too_many_conditions'
    | 'unknown_fact'
    | 'unknown_field'
    | 'operator_not_allowed'
    | 'value_required'
    | 'value_not_allowed'
    | 'wrong_type'
    | 'unknown_value'
    | 'too_many_values'
    | 'wrong_order'
    | 'window_out_of_bounds'
    | 'field_required'
    | 'field_not_allowed';
  message: string;
  /** the fact, the field or the measure that is concerned */
  fact?: string;
  type?: ValueType;
  allowed?: string[];
  nearest?: string;
};

/** Nothing where the rule can be evaluated. Only the first problem of a condition is told. */
export function checkRule(rule: Rule, facts: FactTable): RuleProblem[] {
  const walk = { facts, leaves: 0, problems: [] as RuleProblem[] };
  checkNode(rule, '', 1, walk);
  if (walk.leaves > limits.leaves) {
    const message = `a rule has at most ${limits.leaves} conditions, this one has ${walk.leaves}`;
    walk.problems.unshift({ pointer: '', code: 'too_many_conditions', message });
  }
  return walk.problems;
}

type Walk = { facts: FactTable; leaves: number; problems: RuleProblem[] };

function checkNode(rule: Rule, pointer: string, depth: number, walk: Walk): void {
  if (depth > limits.depth) {
    walk.problems.push({
      pointer,
      code: 'too_deep',
      message: `a rule is at most ${limits.depth} levels deep`,
    });
    return;
  }
  if (!isLeaf(rule)) {
    for (const { path, rule: part } of partsOf(rule).parts) {
      checkNode(part, `${pointer}/${path}`, depth + 1, walk);
    }
    return;
  }
  walk.leaves += 1;
  const problem = 'fact' in rule ? checkFact(rule, pointer, walk.facts) : checkActivity(rule, pointer);
  if (problem !== undefined) walk.problems.push(problem);
}

type Subject = {
  name: string;
  type: ValueType;
  operators: readonly Operator[];
  values?: readonly string[] | undefined;
};

function checkFact(
  condition: { fact: string } & Comparison,
  pointer: string,
  facts: FactTable,
): RuleProblem | undefined {
  const fact = facts.get(condition.fact);
  if (fact !== undefined) {
    const { name, type, values } = fact;
    return checkComparison(condition, pointer, { name, type, operators: operatorsOf[type], values });
  }
  return unknownName('unknown_fact', 'fact', `${pointer}/fact`, condition.fact, [...facts.keys()]);
}

function checkActivity(condition: ActivityCondition, pointer: string): RuleProblem | undefined {
  const { where = [], window, measure, of } = condition;
  const operators = measureOperators(measure);
  return (
    checkWindow(window?.last, `${pointer}/window/last`) ??
    where
      .map((filter, index) => checkFilter(filter, `${pointer}/where/${index}`))
      .find((each) => each !== undefined) ??
    checkCounted(measure, of, pointer) ??
    checkComparison(condition, pointer, { name: measure, type: measureType[measure], operators })
  );
}

function checkWindow(last: string | undefined, pointer: string): RuleProblem | undefined {
  if (last === undefined) return undefined;
  const { windowYears } = limits;
  // measured from a leap year, so that the longest is let through wherever it starts
  const relativeTo = Temporal.PlainDate.from('2000-01-01');
  const duration = Temporal.Duration.from(last);
  const longest = Temporal.Duration.from({ years: windowYears });
  if (duration.sign > 0 && Temporal.Duration.compare(duration, longest, { relativeTo }) <= 0)
    return undefined;
  return {
    pointer,
    code: 'window_out_of_bounds',
    message: `a window is longer than nothing and at most ${windowYears} years`,
  };
}

function checkFilter(filter: ActivityFilter, pointer: string): RuleProblem | undefined {
  const field = fieldOf(filter.field, filter.value);
  if (field === undefined)
    return unknownName('unknown_field', 'field', `${pointer}/field`, filter.field, fieldNames());
  const { type, values } = field;
  // without a value the type of an attribute is open, and what is missing is the value
  const open = filter.value === undefined && filter.field.startsWith('attributes.');
  const operators = operatorsOf[open ? 'text' : type];
  return checkComparison(filter, pointer, {
    name: filter.field,
    type: open ? 'text' : type,
    operators,
    values,
  });
}

const fieldNames = () => [...activityFields.keys(), 'attributes.<name>'];

function checkCounted(measure: string, of: string | undefined, pointer: string): RuleProblem | undefined {
  const at = `${pointer}/of`;
  if (measure !== 'distinct') {
    if (of === undefined) return undefined;
    return {
      pointer: at,
      code: 'field_not_allowed',
      message: 'only distinct is measured of a field',
      fact: measure,
    };
  }
  const allowed = fieldNames().filter((name) => activityFields.get(name)?.countable ?? true);
  if (of === undefined) {
    return {
      pointer: at,
      code: 'field_required',
      message: 'distinct is measured of a field',
      fact: measure,
      allowed,
    };
  }
  return fieldOf(of, undefined)?.countable
    ? undefined
    : unknownName('unknown_field', 'countable field', at, of, allowed);
}

function checkComparison(
  { op, value }: Comparison,
  pointer: string,
  subject: Subject,
): RuleProblem | undefined {
  const { name: fact, type, operators } = subject;
  const of = { fact, type };
  if (!operators.includes(op)) {
    const message = `${fact} is of type ${type}, which allows ${operators.join(', ')}`;
    return {
      pointer: `${pointer}/op`,
      code: 'operator_not_allowed',
      message,
      ...of,
      allowed: [...operators],
    };
  }
  const at = `${pointer}/value`;
  if (op === 'exists' || op === 'missing') {
    if (value === undefined) return undefined;
    return { pointer: at, code: 'value_not_allowed', message: `${op} takes no value`, ...of };
  }
  const list =
    op === 'in' || op === 'not_in'
      ? 'a list, each '
      : op === 'between'
        ? 'a list of two, low and high, each '
        : '';
  const expected = `${list}${expectedOf[type]}`;
  if (value === undefined)
    return { pointer: at, code: 'value_required', message: `${op} takes ${expected}`, ...of };
  const wrong: Omit<RuleProblem, 'pointer'> = {
    code: 'wrong_type',
    message: `must be ${expected}`,
    ...of,
    allowed: [expected],
  };
  if (Array.isArray(value) !== (list !== '')) return { pointer: at, ...wrong };
  if (!Array.isArray(value)) return checkScalar(value, at, subject, wrong);
  if (value.length === 0 || (op === 'between' && value.length !== 2)) return { pointer: at, ...wrong };
  if (value.length > limits.listValues) {
    return {
      pointer: at,
      code: 'too_many_values',
      message: `a list has at most ${limits.listValues} values`,
      ...of,
    };
  }
  const problem = value
    .map((each, index) => checkScalar(each, `${at}/${index}`, subject, wrong))
    .find((each) => each);
  if (problem !== undefined || op !== 'between') return problem;
  const [low, high] = value as [Scalar, Scalar];
  if (compareValues(type, low, high) <= 0) return undefined;
  return { pointer: at, code: 'wrong_order', message: 'the low bound comes first', ...of };
}

function checkScalar(
  value: Scalar,
  pointer: string,
  { name: fact, type, values }: Subject,
  wrong: Omit<RuleProblem, 'pointer'>,
): RuleProblem | undefined {
  if (!isOfType[type](value)) return { pointer, ...wrong };
  if (values === undefined || values.includes(value as string)) return undefined;
  const allowed = [...values];
  const message = `${fact} is one of ${allowed.join(', ')}`;
  return {
    pointer,
    code: 'unknown_value',
    message,
    fact,
    type,
    allowed,
    ...nearestTo(value as string, allowed),
  };
}

function unknownName(
  code: 'unknown_fact' | 'unknown_field',
  what: string,
  pointer: string,
  name: string,
  names: string[],
): RuleProblem {
  const near = nearestTo(name, names);
  const hint = near.nearest === undefined ? '' : `; did you mean ${near.nearest}?`;
  const allowed = code === 'unknown_field' ? { allowed: names } : {};
  return { pointer, code, message: `there is no such ${what}${hint}`, fact: name, ...allowed, ...near };
}

/** Near enough to be a slip: at most a third of the letters, and two. */
function nearestTo(name: string, names: readonly string[]): { nearest?: string } {
  const nearest = closestMatch(name, names, { maxDistance: Math.max(2, Math.floor(name.length / 3)) });
  return nearest === undefined ? {} : { nearest };
}
