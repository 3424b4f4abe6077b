/**
 * The types of values that rules compare, what each allows, and how two values of a type compare: money and
 * numbers as decimals, text by code point, instants to the microsecond. A comparison with a missing value is
 * false. The SQL and the in-memory form stand side by side, since they must never differ.
 */
import { Big } from 'big.js';
import { type SQL, sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import { microsOf } from '../platform/instants.js';
import { type Comparison, limits, type Operator, type Scalar } from './schema.js';

export type ValueType =
  | 'money'
  | 'number'
  | 'integer'
  | 'text'
  | 'boolean'
  | 'date'
  | 'instant'
  | 'presence'
  | 'text_list';

/** Money is a decimal string, an instant RFC 3339, a date YYYY-MM-DD; what is present is true. */
export type FactValue = string | number | boolean | string[];

const ordered: readonly Operator[] = [
  'eq',
  'ne',
  'lt',
  'lte',
  'gt',
  'gte',
  'in',
  'not_in',
  'between',
  'exists',
  'missing',
];

export const operatorsOf: Readonly<Record<ValueType, readonly Operator[]>> = {
  money: ordered,
  number: ordered,
  integer: ordered,
  text: [...ordered, 'contains', 'starts_with'],
  boolean: ['eq', 'ne', 'exists', 'missing'],
  date: ['eq', 'ne', 'before', 'after', 'in', 'not_in', 'between', 'exists', 'missing'],
  instant: ['before', 'after', 'between', 'exists', 'missing'],
  presence: ['exists', 'missing'],
  text_list: ['contains', 'exists', 'missing'],
};

export const expectedOf: Readonly<Record<ValueType, string>> = {
  money: 'a decimal string such as "1000000.00"',
  number: 'a number',
  integer: 'a whole number',
  text: `a text of at most ${limits.textLength} characters`,
  boolean: 'true or false',
  date: 'a date such as "2026-01-31"',
  instant: 'an instant such as "2026-01-31T09:30:00Z"',
  presence: 'nothing',
  text_list: `a text of at most ${limits.textLength} characters`,
};

const decimal = /^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,6})?$/;
const calendarDate = /^(?!0000)\d{4}-\d{2}-\d{2}$/;
const rfc3339 = /^(?!0000)\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})$/;

const parses = (work: () => unknown): boolean => {
  try {
    work();
    return true;
  } catch {
    return false;
  }
};

const isShortText = (value: Scalar) =>
  typeof value === 'string' &&
  value.length <= limits.textLength &&
  value.isWellFormed() &&
  !value.includes('\0');

/** Whether a rule may hold a value of the type against this one. */
export const isOfType: Readonly<Record<ValueType, (value: Scalar) => boolean>> = {
  money: (value) => typeof value === 'string' && decimal.test(value),
  number: (value) => typeof value === 'number' && Number.isFinite(value),
  integer: (value) => Number.isSafeInteger(value),
  text: isShortText,
  boolean: (value) => typeof value === 'boolean',
  date: (value) => typeof value === 'string' && isDate(value),
  instant: (value) =>
    typeof value === 'string' && rfc3339.test(value) && parses(() => Temporal.Instant.from(value)),
  presence: () => false,
  text_list: isShortText,
};

export const isDate = (value: string): boolean =>
  calendarDate.test(value) && parses(() => Temporal.PlainDate.from(value));

/** Negative, zero or positive, as `left` stands to `right`. */
export function compareValues(type: ValueType, left: FactValue, right: Scalar): number {
  switch (type) {
    case 'money':
      return new Big(left as string).cmp(right as string);
    case 'instant':
      return microsOf(left as string) - microsOf(right as string);
    case 'text':
    case 'date':
      // UTF-8 keeps the order of code points, UTF-16 does not
      return Buffer.compare(Buffer.from(left as string), Buffer.from(right as string));
    default:
      return Number(left) - Number(right);
  }
}

/** `compare(bound)` says how the value stands to a bound of the rule. */
export function holdsOrdered({ op, value }: Comparison, compare: (bound: Scalar) => number): boolean {
  const bound = value as Scalar;
  const list = value as Scalar[];
  switch (op) {
    case 'eq':
      return compare(bound) === 0;
    case 'ne':
      return compare(bound) !== 0;
    case 'lt':
    case 'before':
      return compare(bound) < 0;
    case 'lte':
      return compare(bound) <= 0;
    case 'gt':
    case 'after':
      return compare(bound) > 0;
    case 'gte':
      return compare(bound) >= 0;
    case 'in':
      return list.some((each) => compare(each) === 0);
    case 'not_in':
      return list.every((each) => compare(each) !== 0);
    case 'between':
      return compare(list[0] as Scalar) >= 0 && compare(list[1] as Scalar) <= 0;
    default:
      throw new Error(`${op} does not compare`);
  }
}

/** Whether the comparison holds for a value, or for a missing one. */
export function holds(type: ValueType, seen: FactValue | null, comparison: Comparison): boolean {
  const { op, value } = comparison;
  if (op === 'exists') return seen !== null;
  if (op === 'missing') return seen === null;
  if (seen === null) return false;
  if (op === 'contains') return (seen as string | string[]).includes(value as string);
  if (op === 'starts_with') return (seen as string).startsWith(value as string);
  return holdsOrdered(comparison, (bound) => compareValues(type, seen, bound));
}

const sqlTypes: Readonly<Record<ValueType, SQL>> = {
  money: sql.raw('numeric'),
  number: sql.raw('numeric'),
  integer: sql.raw('numeric'),
  text: sql.raw('text'),
  boolean: sql.raw('boolean'),
  date: sql.raw('text'),
  instant: sql.raw('timestamptz'),
  presence: sql.raw('boolean'),
  text_list: sql.raw('text'),
};

const symbols: Partial<Record<Operator, SQL>> = {
  eq: sql.raw('='),
  ne: sql.raw('<>'),
  lt: sql.raw('<'),
  lte: sql.raw('<='),
  gt: sql.raw('>'),
  gte: sql.raw('>='),
  before: sql.raw('<'),
  after: sql.raw('>'),
};

/**
 * The same in SQL: true or false, never null. Dates are compared as ISO text. With `times` each bound is
 * multiplied: an average compares exactly as sum against bound times count.
 */
export function holdsSql(type: ValueType, expression: SQL, { op, value }: Comparison, times?: SQL): SQL {
  if (op === 'exists') return sql`(${expression} is not null)`;
  if (op === 'missing') return sql`(${expression} is null)`;
  const sqlType = sqlTypes[type];
  const bound = (each: unknown) => {
    const parameter = sql`${type === 'number' || type === 'integer' ? String(each) : each}::${sqlType}`;
    return times === undefined ? parameter : sql`(${parameter} * ${times})`;
  };
  const seen = type === 'text' || type === 'date' ? sql`(${expression} collate "C")` : expression;
  const verdict = (condition: SQL) => sql`coalesce(${condition}, false)`;
  if (op === 'contains') {
    return verdict(
      type === 'text_list'
        ? sql`${bound(value)} = any(${expression})`
        : sql`strpos(${expression}, ${bound(value)}) > 0`,
    );
  }
  if (op === 'starts_with') return verdict(sql`starts_with(${expression}, ${bound(value)})`);
  if (op === 'in' || op === 'not_in') {
    const list = sql`${sql.param((value as Scalar[]).map(String))}::${sqlType}[]`;
    return verdict(op === 'in' ? sql`${seen} = any(${list})` : sql`${seen} <> all(${list})`);
  }
  if (op === 'between') {
    const [low, high] = value as Scalar[];
    return verdict(sql`${seen} between ${bound(low)} and ${bound(high)}`);
  }
  return verdict(sql`${seen} ${symbols[op] as SQL} ${bound(value)}`);
}

/** What was seen, as JSON is built of it: money, instants and days as text, in the one form that the memory gives them. */
export function jsonSql(type: ValueType, expression: SQL): SQL {
  switch (type) {
    case 'money':
      return sql`trim_scale(${expression})::text`;
    case 'number':
    case 'integer':
      return sql`trim_scale(${expression}::numeric)`;
    case 'text':
    case 'date':
      return sql`${expression}::text`;
    case 'instant':
      return sql`to_char(${expression} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
    case 'presence':
      return sql`(case when ${expression} is not null then true end)`;
    default:
      return expression;
  }
}
