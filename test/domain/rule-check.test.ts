import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bodyValidator } from '../../src/platform/http/validation.js';
import { checkRule } from '../../src/rules/check.js';
import type { RuleProblem } from '../../src/rules/problems.js';
import { type Measured, type Rule, ruleComponents } from '../../src/rules/schema.js';
import { isConcerned, readsOf } from '../../src/rules/touches.js';
import type { Window } from '../../src/rules/window-schema.js';
import { contexts, vocabulary } from '../support/customer-pictures.js';
import { rules } from '../support/rule-worlds.js';
import { runs } from '../support/runs.js';

const problems = (rule: Rule) => checkRule(rule, vocabulary);

function expectProblem(rule: Rule, expected: Partial<RuleProblem>): void {
  expect(problems(rule)).toEqual([expect.objectContaining(expected)]);
}

const lastMonth: Window = { calendar: 'month', offset: -1 };
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
  [
    { activity: 'login', window: { calendar: 'year', offset: -21 }, measure: 'count', op: 'gt', value: 1 },
    { pointer: '/window/offset', code: 'window_out_of_bounds' },
  ],
  [
    { balance: 'aun', measure: 'end', window: lastMonth, op: 'gt', value: '1' },
    {
      pointer: '/balance',
      code: 'unknown_balance',
      nearest: 'aum',
      allowed: expect.arrayContaining(['net', 'deposit']),
    },
  ],
  [
    { balance: 'aum', measure: 'average', window: lastMonth, op: 'in', value: ['1'] },
    { pointer: '/op', code: 'operator_not_allowed', type: 'money', fact: 'average of aum' },
  ],
  [
    { balance: 'aum', measure: 'max', window: lastMonth, op: 'gte', value: 500000 },
    { pointer: '/value', code: 'wrong_type', type: 'money' },
  ],
  [
    { balance: 'aum', measure: 'max', window: { last: 'P1DT1H' }, op: 'gte', value: '1' },
    { pointer: '/window/last', code: 'window_not_allowed' },
  ],
  [{ sample: { percent: 0.00015, salt: 'x' } }, { pointer: '/sample/percent', code: 'too_many_decimals' }],
])('%j is told what is wrong', (rule, expected) => {
  expectProblem(rule, expected);
});

const monthly = (window: Window): Rule => ({
  balance: 'aum',
  measure: 'average',
  window,
  op: 'gte',
  value: '500000',
});
const inMonths = (condition: Rule, periods = 3): Rule => ({ holds_for: { periods, of: 'month', condition } });

test('what a closed period is asked has a window of that period', () => {
  const good = monthly({ calendar: 'month' });
  expect(problems(inMonths({ all: [good, { not: monthly({ calendar: 'month', offset: -1 }) }] }))).toEqual(
    [],
  );
  const at = '/holds_for/condition';
  expectProblem(inMonths(monthly({ last: 'P30D' })), {
    pointer: `${at}/window/last`,
    code: 'window_not_allowed',
    allowed: ['month'],
  });
  expectProblem(inMonths(monthly({ calendar: 'week' })), {
    pointer: `${at}/window/calendar`,
    code: 'window_not_allowed',
  });
  expectProblem(inMonths({ activity: 'login', measure: 'count', op: 'eq', value: 0 }), {
    pointer: `${at}/window`,
    code: 'window_not_allowed',
  });
  expectProblem(inMonths({ any: [good, young] }), { pointer: `${at}/any/1/fact`, code: 'not_of_a_period' });
  expectProblem(inMonths({ sample: { percent: 1, salt: 'x' } }), {
    pointer: `${at}/sample`,
    code: 'not_of_a_period',
  });
  expectProblem(inMonths({ segment: 'grown' }), { pointer: `${at}/segment`, code: 'not_of_a_period' });
  expectProblem(inMonths({ not: inMonths(good) }), {
    pointer: `${at}/not/holds_for`,
    code: 'not_of_a_period',
  });
  expectProblem(inMonths(monthly({ calendar: 'month', offset: -230 }), 11), {
    pointer: `${at}/window/offset`,
    code: 'window_out_of_bounds',
  });
});

test('each period counts as a condition of its own', () => {
  const good = monthly({ calendar: 'month' });
  expect(problems(inMonths({ any: [good, good] }, 32))).toEqual([]);
  expectProblem(inMonths({ any: [good, good] }, 33), {
    pointer: '',
    code: 'too_many_conditions',
    message: 'a rule has at most 64 conditions, this one has 66, where each period of a holds_for counts',
  });
});

const logins: Rule = {
  activity: 'login',
  window: { calendar: 'month' },
  measure: 'count',
  op: 'eq',
  value: 0,
};

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
    { ...monthly({ calendar: 'month', offset: 1 }) },
    { ...monthly({ calendar: 'month', offset: -0.5 }) },
    { balance: 'aum', measure: 'average', op: 'gt', value: '1' },
    { sample: { percent: 0, salt: 'x' } },
    { sample: { percent: 10, salt: '' } },
    { holds_for: { periods: 37, of: 'month', condition: young } },
    { holds_for: { periods: 3, of: 'decade', condition: young } },
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
  expect(readsOf(rule, vocabulary)).toEqual(['activity:login', 'customer', 'holdings', 'identifiers']);
  expect(isConcerned(readsOf(rule, vocabulary), ['activity:login'])).toBe(true);
  expect(isConcerned(readsOf(rule, vocabulary), ['activity:transfer', 'relationships'])).toBe(false);
  const last = readsOf({ fact: 'activities.last_at', op: 'exists' }, vocabulary);
  expect(isConcerned(last, ['activity:transfer'])).toBe(true);
  expect(isConcerned(last, ['holdings'])).toBe(false);
  const periods = inMonths({ any: [monthly({ calendar: 'month' }), logins] });
  expect(readsOf({ all: [periods, { sample: { percent: 1, salt: 'x' } }] }, vocabulary)).toEqual([
    'activity:login',
    'holdings',
  ]);
});

test('a rule on several types reads each of them, on any type all', () => {
  const several = (activity: string | string[]): Rule => ({
    activity,
    measure: 'count',
    op: 'gte',
    value: 1,
  });
  expect(readsOf(several(['transfer', 'login']), vocabulary)).toEqual([
    'activity:login',
    'activity:transfer',
  ]);
  const any = readsOf(several('*'), vocabulary);
  expect(isConcerned(any, ['activity:branch_visit'])).toBe(true);
  expect(isConcerned(any, ['customer'])).toBe(false);
});

test.each<[unknown, string, RegExp]>([
  [['login', '*'], '/activity/1', /pattern/],
  [['login', 'login'], '/activity', /duplicate/],
  [[], '/activity', /fewer than 1/],
  [5, '/activity', /must be string or array/],
])('types of activities cannot be %j', (activity, pointer, message) => {
  const check = bodyValidator(ruleComponents, { $ref: 'Rule#' });
  expect(check({ activity, measure: 'count', op: 'gte', value: 1 })).toEqual([
    expect.objectContaining({ pointer, message: expect.stringMatching(message) }),
  ]);
});

const halfOf = (of: Measured, times = '0.5'): Rule => ({
  balance: 'aum',
  measure: 'average',
  window: lastMonth,
  op: 'lt',
  value: { times, of },
});
const halfYear: Window = { calendar: 'month', offset: -1, periods: 6 };

test("a value of the customer's own can be of each kind and of the same type", () => {
  expect(problems(halfOf({ balance: 'aum', measure: 'max', window: halfYear }))).toEqual([]);
  expect(problems(halfOf({ activity: '*', measure: 'average' }))).toEqual([]);
  expect(problems(halfOf({ fact: 'holdings.aum' }))).toEqual([]);
  const older: Rule = { fact: 'tenure_days', op: 'gte', value: { of: { activity: '*', measure: 'count' } } };
  expect(problems(older)).toEqual([]);
  expect(readsOf(older, vocabulary)).toEqual(['activity:*', 'customer', 'holdings']);
});

test.each<[Rule, Partial<RuleProblem>]>([
  [
    halfOf({ balance: 'aumm', measure: 'max', window: lastMonth }),
    { pointer: '/value/of/balance', code: 'unknown_balance', nearest: 'aum' },
  ],
  [halfOf({ fact: 'tenure_day' }), { pointer: '/value/of/fact', nearest: 'tenure_days' }],
  [halfOf({ fact: 'tenure_days' }), { pointer: '/value/of', code: 'wrong_type', type: 'integer' }],
  [
    halfOf({ activity: 'login', measure: 'count' }),
    { pointer: '/value/of', code: 'wrong_type', fact: 'count', type: 'integer' },
  ],
  [halfOf({ activity: 'login', measure: 'distinct' }), { pointer: '/value/of/of', code: 'field_required' }],
  [
    halfOf({ balance: 'aum', measure: 'max', window: { calendar: 'month', offset: -2, periods: 240 } }),
    { pointer: '/value/of/window/periods', code: 'window_out_of_bounds' },
  ],
  [
    { ...halfOf({ fact: 'holdings.aum' }), op: 'eq' } as Rule,
    { pointer: '/op', code: 'operator_not_allowed', allowed: ['lt', 'lte', 'gt', 'gte'] },
  ],
  [
    { fact: 'city', op: 'eq', value: { of: { fact: 'branch' } } },
    { pointer: '/value', code: 'wrong_type', type: 'text' },
  ],
  [
    { holds_for: { periods: 2, of: 'month', condition: halfOf({ fact: 'holdings.aum' }) } },
    { pointer: '/holds_for/condition/value/of/fact', code: 'not_of_a_period' },
  ],
  [
    {
      holds_for: {
        periods: 2,
        of: 'month',
        condition: halfOf({ balance: 'aum', measure: 'max', window: { last: 'P6M' } }),
      },
    },
    { pointer: '/holds_for/condition/value/of/window/last', code: 'window_not_allowed' },
  ],
])("what cannot be of the customer's own value in %j is named by its place", (rule, expected) => {
  expectProblem(rule, expected);
});

test('each side of a comparison counts as a condition', () => {
  const many = Array.from({ length: 33 }, () => halfOf({ fact: 'holdings.aum' }));
  expectProblem({ all: many }, { code: 'too_many_conditions', message: expect.stringContaining('66') });
});

test('a rule may name segments that there are', () => {
  expect(problems({ segment: 'grown' })).toEqual([]);
  expectProblem(
    { all: [{ segment: 'grwn' }] },
    {
      pointer: '/all/0/segment',
      code: 'unknown_segment',
      nearest: 'grown',
    },
  );
});

test('segments form no circle, and the circle is told', () => {
  const check = (key: string, rule: Rule) => checkRule(rule, vocabulary, key);
  expect(check('grown', { not: { segment: 'courted' } })).toEqual([
    expect.objectContaining({
      pointer: '/not/segment',
      code: 'circular',
      message: expect.stringContaining('grown -> courted -> '),
    }),
  ]);
  expect(check('grown', { segment: 'grown' })).toEqual([
    expect.objectContaining({ code: 'circular', message: expect.stringContaining('grown -> grown') }),
  ]);
  expect(check('other', { segment: 'courted' })).toEqual([]);
});

test('segments do not stand on one another without end', () => {
  const chain = new Map<string, Rule | null>([['s0', null]]);
  for (let n = 1; n < 12; n += 1) chain.set(`s${n}`, { segment: `s${n - 1}` });
  const check = (named: string) => checkRule({ segment: named }, { ...vocabulary, segments: chain });
  expect(check('s7')).toEqual([]);
  expect(check('s8')).toEqual([expect.objectContaining({ pointer: '/segment', code: 'too_deep' })]);
});

test('what a rule reads is also what the segments read that it names', () => {
  expect(readsOf({ segment: 'courted' }, vocabulary)).toEqual([
    'activity:login',
    'customer',
    'segment:blocked',
    'segment:invited',
  ]);
});

test.each<[Rule, Partial<RuleProblem>]>([
  [
    { rank: { fact: 'rfm.monetry', top: { percent: 5 } } },
    { pointer: '/rank/fact', code: 'unknown_fact', nearest: 'rfm.monetary' },
  ],
  [
    { rank: { fact: 'city', top: { percent: 5 } } },
    { pointer: '/rank/fact', code: 'not_ranked', type: 'text' },
  ],
  [
    { rank: { fact: 'rfm.monetary', bottom: { percent: 0.125 } } },
    { pointer: '/rank/bottom/percent', code: 'too_many_decimals' },
  ],
  [
    { rank: { fact: 'rfm.monetary', between: { percent: [20, 20] } } },
    { pointer: '/rank/between/percent', code: 'wrong_order' },
  ],
  [
    { rank: { fact: 'rfm.monetary', top: { count: 5 }, refresh: 'PT14M' } },
    { pointer: '/rank/refresh', code: 'out_of_bounds' },
  ],
])('of the rank %j it says what is wrong', (rule, expected) => {
  expectProblem(rule, expected);
});

test('ranks of each form can be', () => {
  const facts = 'rfm.monetary_score';
  for (const rank of [
    { fact: facts, top: { percent: 0.29 } },
    { fact: facts, bottom: { count: 1 }, refresh: 'P31D' },
    { fact: facts, between: { percent: [0, 100] as [number, number] } },
  ]) {
    expect(checkRule({ rank }, vocabulary)).toEqual([]);
  }
});
