/**
 * Whether what is measured of a customer can be: its name, its window and its fields are, and what it is held against
 * is of its type, a constant or another value of the customer's own.
 */
import { Temporal } from 'temporal-polyfill';
import { measureOperators, measureType } from './activity-condition.js';
import { activityFields, fieldOf } from './activity-fields.js';
import { balanceOperators } from './balance-condition.js';
import { beginsBack, mostPeriods } from './calendar.js';
import { dailyOf, type FactTable, factOf } from './facts.js';
import { ownOperators } from './measured-condition.js';
import { nearestTo, type RuleProblem, unknownName } from './problems.js';
import {
  type ActivityFilter,
  type Comparison,
  limits,
  type Measured,
  type MeasuredActivity,
  type MeasuredBalance,
  type MeasuredCondition,
  type Operator,
  type OwnValue,
  ownValueOf,
  type Scalar,
} from './schema.js';
import { compareValues, expectedOf, isOfType, operatorsOf, type ValueType } from './values.js';
import type { CalendarWindow, Window } from './window-schema.js';

type Subject = {
  name: string;
  type: ValueType;
  operators: readonly Operator[];
  values?: readonly string[] | undefined;
};

/** What is wrong with a condition by itself. */
export function checkMeasured(
  condition: MeasuredCondition,
  pointer: string,
  facts: FactTable,
): RuleProblem | undefined {
  const problem = checkNames(condition, pointer, facts);
  if (problem !== undefined) return problem;
  const subject = subjectOf(condition, facts);
  const own = ownValueOf(condition);
  if (own !== undefined) return checkOwn(own, condition.op, pointer, subject, facts);
  return checkComparison(condition as Comparison, pointer, subject);
}

/** Of which type both may be that are held against one another. */
const comparable: Partial<Record<ValueType, string>> = {
  money: 'money',
  number: 'a number',
  integer: 'a number',
};

function checkOwn(
  { of }: OwnValue,
  op: Operator,
  pointer: string,
  { name: fact, type }: Subject,
  facts: FactTable,
): RuleProblem | undefined {
  if (comparable[type] === undefined) {
    const message = `${fact} is of type ${type}: only money and numbers are held against a value of the customer's own`;
    return { pointer: `${pointer}/value`, code: 'wrong_type', message, fact, type };
  }
  if (!ownOperators.includes(op)) {
    const message = `a value of the customer's own is held against with ${ownOperators.join(', ')}`;
    const allowed = [...ownOperators];
    return { pointer: `${pointer}/op`, code: 'operator_not_allowed', message, fact, type, allowed };
  }
  const at = `${pointer}/value/of`;
  const problem = checkNames(of, at, facts);
  if (problem !== undefined) return problem;
  const other = subjectOf(of, facts);
  if (comparable[other.type] === comparable[type]) return undefined;
  const message = `${fact} is ${comparable[type]}, ${other.name} is of type ${other.type}: these are not held against one another`;
  return { pointer: at, code: 'wrong_type', message, fact: other.name, type: other.type };
}

/** What is wrong with its names, its window and its fields. */
function checkNames(measured: Measured, pointer: string, facts: FactTable): RuleProblem | undefined {
  if ('fact' in measured) {
    if (facts.has(measured.fact)) return undefined;
    return unknownName('unknown_fact', 'fact', `${pointer}/fact`, measured.fact, [...facts.keys()]);
  }
  return 'balance' in measured ? checkBalance(measured, pointer, facts) : checkActivity(measured, pointer);
}

/** Of what was found to be. */
function subjectOf(measured: Measured, facts: FactTable): Subject {
  if ('fact' in measured) {
    const { name, type, values } = factOf(facts, measured.fact);
    return { name, type, operators: operatorsOf[type], values };
  }
  const { measure: name } = measured;
  if ('activity' in measured) {
    const { measure } = measured;
    return { name, type: measureType[measure], operators: measureOperators(measure) };
  }
  const { balance, measure } = measured;
  return { name: `${measure} of ${balance}`, type: 'money', operators: balanceOperators(measure) };
}

function checkActivity(
  { where = [], window, measure, of }: MeasuredActivity,
  pointer: string,
): RuleProblem | undefined {
  return (
    checkWindow(window, `${pointer}/window`) ??
    where
      .map((filter, index) => checkFilter(filter, `${pointer}/where/${index}`))
      .find((each) => each !== undefined) ??
    checkCounted(measure, of, pointer)
  );
}

function checkBalance(
  { balance, window }: MeasuredBalance,
  pointer: string,
  facts: FactTable,
): RuleProblem | undefined {
  const names = [...dailyOf(facts).keys()];
  if (!names.includes(balance)) {
    return unknownName('unknown_balance', 'balance', `${pointer}/balance`, balance, names);
  }
  return checkWindow(window, `${pointer}/window`) ?? checkDays(window, `${pointer}/window/last`);
}

/** A balance is that at the end of a day. */
function checkDays(window: Window, pointer: string): RuleProblem | undefined {
  if ('calendar' in window) return undefined;
  const { hours, minutes, seconds } = Temporal.Duration.from(window.last);
  if (hours === 0 && minutes === 0 && seconds === 0) return undefined;
  const message = 'a window of balances is of whole days, weeks, months or years';
  return { pointer, code: 'window_not_allowed', message, allowed: ['P30D', 'P3M'] };
}

function checkWindow(window: Window | undefined, pointer: string): RuleProblem | undefined {
  if (window === undefined) return undefined;
  if ('calendar' in window) return checkBeginning(window, 0, pointer);
  return checkLength(window.last, `${pointer}/last`);
}

/** How long a rolling window is. */
export function checkLength(last: string, pointer: string): RuleProblem | undefined {
  // measured from a leap year, so that the longest is let through wherever it starts
  const relativeTo = Temporal.PlainDate.from('2000-01-01');
  const duration = Temporal.Duration.from(last);
  const longest = Temporal.Duration.from({ years: limits.windowYears });
  if (duration.sign > 0 && Temporal.Duration.compare(duration, longest, { relativeTo }) <= 0)
    return undefined;
  return outOfBounds(pointer, `a window is longer than nothing and at most ${limits.windowYears} years`);
}

/** How far back it begins, looked at from a period so many before the present one. */
export function checkBeginning(
  window: CalendarWindow,
  back: number,
  pointer: string,
): RuleProblem | undefined {
  const { calendar: unit, periods = 1 } = window;
  const most = mostPeriods(unit);
  if (beginsBack(window) + back <= most) return undefined;
  const place = periods > 1 ? 'periods' : 'offset';
  const message = `a window begins at most ${limits.windowYears} years ago: ${most} of ${unit}`;
  return outOfBounds(`${pointer}/${place}`, message);
}

const outOfBounds = (pointer: string, message: string): RuleProblem => ({
  pointer,
  code: 'window_out_of_bounds',
  message,
});

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
