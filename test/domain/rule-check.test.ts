import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bodyValidator } from '../../src/platform/http/validation.js';
import { checkRule, type RuleProblem } from '../../src/rules/check.js';
import { type Rule, ruleComponents } from '../../src/rules/schema.js';
import { isConcerned, readsOf } from '../../src/rules/touches.js';
import { contexts, facts, runs } from '../support/customer-pictures.js';
import { rules } from '../support/rule-worlds.js';

const problems = (rule: Rule) => checkRule(rule, facts);

function expectProblem(rule: Rule, expected: Partial<RuleProblem>): void {
  expect(problems(rule)).toEqual([expect.objectContaining(expected)]);
}

const young: Rule = { fact: 'age_years', op: 'lt', value: 18 };

test('a fact that does not exist is named with the nearest that does', () => {
  expectProblem(
    { all: [young, { not: { fact: 'tenure_day', op: 'gte', value: 90 } }] },
    { pointer: '/all/1/not/fact', code: 'unknown_fact', fact: 'tenure_day', nearest: 'tenure_days' },
  );
  expect(problems({ fact: 'favourite_colour', op: 'exists' })[0]?.nearest).toBeUndefined();
  expectProblem({ fact: 'attributes.shape', op: 'exists' }, { code: 'unknown_fact' });
});

test('an operator that the type does not allow is named with those that it does', () => {
  expectProblem(
    { any: [{ fact: 'kind', op: 'before', value: 'x' }] },
    {
      pointer: '/any/0/op',
      code: 'operator_not_allowed',
      fact: 'kind',
      type: 'text',
      allowed: expect.arrayContaining(['eq', 'in']),
    },
  );
  expectProblem(
    { fact: 'identifiers.passport', op: 'eq', value: true },
    { type: 'presence', allowed: ['exists', 'missing'] },
  );
  expectProblem(
    { activity: 'login', measure: 'average', op: 'in', value: ['1'] },
    { pointer: '/op', code: 'operator_not_allowed', fact: 'average', type: 'money' },
  );
});

test.each<[Rule, Partial<RuleProblem>]>([
  [
    { fact: 'holdings.aum', op: 'gte', value: 1000000 },
    { pointer: '/value', code: 'wrong_type', type: 'money' },
  ],
  [
    { fact: 'holdings.aum', op: 'gte', value: '1e6' },
    { pointer: '/value', code: 'wrong_type' },
  ],
  [
    { fact: 'age_years', op: 'gte', value: 1.5 },
    { pointer: '/value', code: 'wrong_type', type: 'integer' },
  ],
  [
    { fact: 'age_years', op: 'gte', value: '18' },
    { pointer: '/value', code: 'wrong_type' },
  ],
  [
    { fact: 'age_years', op: 'between', value: [1, 2, 3] },
    { pointer: '/value', code: 'wrong_type' },
  ],
  [
    { fact: 'age_years', op: 'between', value: [3, 1] },
    { pointer: '/value', code: 'wrong_order' },
  ],
  [
    { fact: 'age_years', op: 'in', value: 3 },
    { pointer: '/value', code: 'wrong_type' },
  ],
  [
    { fact: 'age_years', op: 'in', value: [3, 'x'] },
    { pointer: '/value/1', code: 'wrong_type' },
  ],
  [
    { fact: 'age_years', op: 'eq', value: [3] },
    { pointer: '/value', code: 'wrong_type' },
  ],
  [
    { fact: 'age_years', op: 'eq' },
    { pointer: '/value', code: 'value_required' },
  ],
  [
    { fact: 'age_years', op: 'exists', value: true },
    { pointer: '/value', code: 'value_not_allowed' },
  ],
  [
    { fact: 'city', op: 'eq', value: 'a\u0000' },
    { pointer: '/value', code: 'wrong_type' },
  ],
  [
    { fact: 'city', op: 'eq', value: '\ud800' },
    { pointer: '/value', code: 'wrong_type' },
  ],
  [
    { fact: 'kind', op: 'in', value: ['person', 'organisation'] },
    { pointer: '/value/1', code: 'unknown_value', nearest: 'organization' },
  ],
  [
    { fact: 'attributes.joined', op: 'before', value: '2025-02-29' },
    { pointer: '/value', code: 'wrong_type', type: 'date' },
  ],
  [
    { fact: 'activities.last_at', op: 'after', value: '2025-02-28' },
    { pointer: '/value', code: 'wrong_type', type: 'instant' },
  ],
  [
    {
      activity: 'login',
      where: [{ field: 'chanel', op: 'eq', value: 'app' }],
      measure: 'count',
      op: 'eq',
      value: 0,
    },
    { pointer: '/where/0/field', code: 'unknown_field', nearest: 'channel' },
  ],
  [
    {
      activity: 'login',
      where: [{ field: 'attributes.mcc', op: 'in', value: ['1', 2] }],
      measure: 'count',
      op: 'eq',
      value: 0,
    },
    { pointer: '/where/0/value/1', code: 'wrong_type' },
  ],
  [
    { activity: 'login', measure: 'distinct', op: 'gt', value: 1 },
    { pointer: '/of', code: 'field_required' },
  ],
  [
    { activity: 'login', measure: 'distinct', of: 'amount', op: 'gt', value: 1 },
    { pointer: '/of', code: 'unknown_field' },
  ],
  [
    { activity: 'login', measure: 'count', of: 'channel', op: 'gt', value: 1 },
    { pointer: '/of', code: 'field_not_allowed' },
  ],
  [
    { activity: 'login', window: { last: 'P0D' }, measure: 'count', op: 'gt', value: 1 },
    { pointer: '/window/last', code: 'window_out_of_bounds' },
  ],
  [
    { activity: 'login', window: { last: 'P21Y' }, measure: 'count', op: 'gt', value: 1 },
    { pointer: '/window/last', code: 'window_out_of_bounds' },
  ],
])('%j is told what is wrong', (rule, expected) => {
  expectProblem(rule, expected);
});

const nested = (levels: number): Rule => (levels === 1 ? young : { not: nested(levels - 1) });
const wide = (leaves: number): Rule => ({ any: Array.from({ length: leaves }, () => young) });
const listed = (length: number): Rule => ({
  fact: 'age_years',
  op: 'in',
  value: Array.from({ length }, (_, n) => n),
});

test('a rule is at most 8 levels deep', () => {
  expect(problems(nested(8))).toEqual([]);
  expectProblem(nested(9), { pointer: '/not'.repeat(8), code: 'too_deep' });
});

test('a rule has at most 64 conditions, a list at most 1,000 values', () => {
  expect(problems(wide(64))).toEqual([]);
  expectProblem(wide(65), { pointer: '', code: 'too_many_conditions' });
  expect(problems(listed(1000))).toEqual([]);
  expectProblem(listed(1001), { pointer: '/value', code: 'too_many_values' });
});

test('every pointer leads to a place in the rule, or to what is missing there', () => {
  const broken = contexts.chain((context) =>
    fc.tuple(rules(context), fc.constantFrom('age_yaers', 'kind')).map(([rule, fact]): Rule => {
      const bad: Rule = { fact, op: 'lt', value: 3 };
      return { all: [rule, { any: [bad, { not: bad }] }] };
    }),
  );
  fc.assert(
    fc.property(broken, (rule) => {
      const found = problems(rule);
      expect(found.map((problem) => problem.pointer.slice(0, 10))).toEqual(['/all/1/any', '/all/1/any']);
      for (const { pointer } of found) expect(at(rule, pointer)).toBeDefined();
    }),
    { numRuns: runs(50) },
  );
});

function at(value: unknown, pointer: string): unknown {
  const steps = pointer.split('/').slice(1);
  return steps.reduce<unknown>(
    (inner, step) => (inner as Record<string, unknown> | undefined)?.[step],
    value,
  );
}

test('generated rules have the shape of the schema, and its components refer to one another', () => {
  const malformed = bodyValidator(ruleComponents, { $ref: 'Rule#' });
  fc.assert(
    fc.property(contexts.chain(rules), (rule) => {
      expect(malformed(rule)).toEqual([]);
    }),
    { numRuns: runs(100) },
  );
  for (const bad of [
    {},
    { all: [] },
    { all: [young], any: [young] },
    { ...young, extra: 1 },
    { fact: 'age_years', op: 'near', value: 3 },
    { fact: 'age_years', op: 'eq', value: null },
    { fact: 'age_years', op: 'eq', value: 2 ** 60 },
    { activity: 'login', measure: 'count', op: 'eq', value: 0, window: { last: '30D' } },
    { activity: 'login', measure: 'count', op: 'eq', value: 0, window: { last: 'PT' } },
    { activity: 'login', measure: 'count', op: 'eq', value: 0, window: { last: 'P1.5D' } },
  ]) {
    expect(malformed(bad), JSON.stringify(bad)).not.toEqual([]);
  }
});

test('a rule reads what its facts and activities are touched by', () => {
  const rule: Rule = {
    all: [
      { fact: 'tenure_days', op: 'gte', value: 90 },
      { not: { activity: 'login', measure: 'count', op: 'gte', value: 1 } },
      { any: [{ fact: 'identifiers.passport', op: 'exists' }] },
    ],
  };
  expect(readsOf(rule, facts)).toEqual(['activity:login', 'customer', 'holdings', 'identifiers']);
  expect(isConcerned(readsOf(rule, facts), ['activity:login'])).toBe(true);
  expect(isConcerned(readsOf(rule, facts), ['activity:transfer', 'relationships'])).toBe(false);
  const last = readsOf({ fact: 'activities.last_at', op: 'exists' }, facts);
  expect(isConcerned(last, ['activity:transfer'])).toBe(true);
  expect(isConcerned(last, ['holdings'])).toBe(false);
});
