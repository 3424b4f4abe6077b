import fc from 'fast-check';
import { expect, test } from 'vitest';
import { instantOf, microsOf } from '../../src/platform/instants.js';
import { type Explanation, explain, matches } from '../../src/rules/explain.js';
import type { CustomerPicture } from '../../src/rules/picture.js';
import type { Rule } from '../../src/rules/schema.js';
import { contexts, pictures, vocabulary } from '../support/customer-pictures.js';
import { rules } from '../support/rule-worlds.js';
import { runs } from '../support/runs.js';

const worlds = contexts.chain((context) =>
  fc.record({
    context: fc.constant(context),
    picture: pictures(context),
    rule: rules(context),
    part: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  }),
);

type World = typeof worlds extends fc.Arbitrary<infer T> ? T : never;

function staysUntilNextChange({ context, picture, rule, part }: World): void {
  const now = microsOf(context.now);
  const { verdict, next_change_at: next } = explain(rule, vocabulary, picture, context);
  const until = next === null ? now + 400 * 86_400_000_000 : microsOf(next);
  expect(until).toBeGreaterThan(now);
  for (const instant of [until - 1, now + Math.floor((until - now) * part)]) {
    expect(matches(rule, vocabulary, picture, { ...context, now: instantOf(instant) })).toBe(verdict);
  }
}

test('no verdict changes before the next change', () => {
  fc.assert(fc.property(worlds, staysUntilNextChange), { numRuns: runs(250) });
});

test('the tree says at each node what follows from below it', () => {
  const check = (node: Explanation): void => {
    if (!('conditions' in node)) return;
    node.conditions.forEach(check);
    const verdicts = node.conditions.map((each) => each.verdict);
    const every = verdicts.every(Boolean);
    const follows = { all: every, any: verdicts.some(Boolean), not: !verdicts[0], holds_for: every }[
      node.kind
    ];
    expect(node.verdict).toBe(follows);
  };
  fc.assert(
    fc.property(worlds, ({ context, picture, rule }) => {
      check(explain(rule, vocabulary, picture, context));
      expect(matches({ not: rule }, vocabulary, picture, context)).toBe(
        !matches(rule, vocabulary, picture, context),
      );
    }),
    { numRuns: runs(100) },
  );
});

const bare = { kept: true, closed_on: null, balances: [] };
const alone = { role: 'primary_owner', share: null, starts_on: null, ends_on: null, others: [] };

const someone: CustomerPicture = {
  customer: {
    id: '0198f2a0-0000-7000-8000-000000000000',
    kind: 'person',
    status: 'active',
    stub: false,
    birth_date: '2004-02-29',
    customer_since: null,
    branch: null,
    city: '\u{20bb7}野',
    language: null,
    gender: null,
    attributes: {},
  },
  identifiers: [],
  relationships: [],
  holdings: [
    {
      category: 'deposit',
      product: 'A',
      status: 'active',
      currency: 'CNY',
      balance: '1200000.10',
      owner: alone,
      ...bare,
    },
    {
      category: 'loan',
      product: 'B',
      status: 'active',
      currency: 'CNY',
      balance: '-200000.05',
      owner: alone,
      ...bare,
    },
    {
      category: 'fund',
      product: 'C',
      status: 'closed',
      currency: 'CNY',
      balance: '5000000',
      owner: alone,
      ...bare,
    },
    {
      category: 'bond',
      product: 'D',
      status: 'active',
      currency: 'EUR',
      balance: '700',
      owner: alone,
      ...bare,
    },
    {
      category: 'debit_card',
      product: null,
      status: 'active',
      currency: 'CNY',
      balance: '9',
      owner: alone,
      ...bare,
    },
  ],
  parties: [
    { role: 'primary_owner', opened_on: '2025-01-01' },
    { role: 'joint_owner', opened_on: '2024-12-01' },
    { role: 'authorised', opened_on: '2020-01-01' },
  ],
  activities: [],
  activityTotals: [],
  staticSegments: [],
  rates: [],
  ratesOfDays: [],
  level: null,
  loyalty: [],
};

const context = { now: '2025-02-27T16:00:00Z', timeZone: 'Asia/Shanghai', currency: 'CNY' };

function seen(fact: string, picture = someone, now = context.now): unknown {
  const explanation = explain({ fact, op: 'exists' }, vocabulary, picture, { ...context, now });
  return explanation.kind === 'fact' ? explanation.value : undefined;
}

test("assets, liabilities and net are of open holdings in the bank's currency", () => {
  expect(seen('holdings.aum')).toBe('1200000.1');
  expect(seen('holdings.liabilities')).toBe('200000.05');
  expect(seen('holdings.net')).toBe('1000000.05');
  expect(seen('holdings.count')).toBe(4);
  expect(seen('holdings.products')).toEqual(['A', 'B', 'D']);
  expect(seen('holdings.loan.balance')).toBe('-200000.05');
  expect(seen('holdings.bond.balance')).toBeNull();
});

test('a customer of whom nothing is valued has no assets, not none', () => {
  const unvalued = { ...someone, holdings: someone.holdings.slice(3) };
  expect(seen('holdings.aum', unvalued)).toBeNull();
  expect(seen('holdings.count', unvalued)).toBe(2);
  const above: Rule = { fact: 'holdings.net', op: 'gt', value: '1000000' };
  expect(matches(above, vocabulary, unvalued, context)).toBe(false);
  expect(matches({ not: above }, vocabulary, unvalued, context)).toBe(true);
  expect(matches({ fact: 'holdings.net', op: 'ne', value: '0' }, vocabulary, unvalued, context)).toBe(false);
});

test('tenure runs from the first opening as an owner, age by birthdays clamped to the month', () => {
  // 28 February in the bank's zone, where no 29th follows
  expect(seen('tenure_days')).toBe(89);
  expect(seen('age_years')).toBe(21);
  expect(seen('age_years', someone, '2025-02-27T15:59:59.999999Z')).toBe(20);
  const stated = { ...someone, customer: { ...someone.customer, customer_since: '2025-03-01' } };
  expect(seen('tenure_days', stated)).toBeNull();
});

test('the bound of a tenure is reached at the beginning of a day of the bank', () => {
  const rule: Rule = { fact: 'tenure_days', op: 'lt', value: 90 };
  expect(explain(rule, vocabulary, someone, context)).toMatchObject({
    verdict: true,
    value: 89,
    next_change_at: '2025-02-28T16:00:00.000Z',
  });
});

test('text compares by code point, not by UTF-16 unit', () => {
  // U+20BB7 comes after U+FFE5, its first surrogate before
  expect(matches({ fact: 'city', op: 'gt', value: '\uffe5' }, vocabulary, someone, context)).toBe(true);
});

const payment = (
  id: string,
  occurredAt: string,
  amount: string | null,
): CustomerPicture['activities'][number] => ({
  id,
  type: 'card_payment',
  occurred_at: occurredAt,
  business_date: occurredAt.slice(0, 10),
  amount: amount ?? '7',
  reporting_amount: amount,
  currency: 'CNY',
  direction: 'out',
  channel: 'pos',
  initiated_by: 'customer',
  own_transfer: false,
  holding_id: null,
  source: 'core',
  attributes: null,
  state: 'current',
});

test('a condition on activities tells what it counted, since when, and when it can change', () => {
  const activities = [
    payment('too old', '2025-01-28T16:00:00Z', '1'),
    payment('first', '2025-01-28T16:00:00.000001Z', '10'),
    payment('now', '2025-02-27T16:00:00Z', '0.1'),
    payment('unvalued', '2025-02-01T00:00:00Z', null),
    payment('ahead', '2025-03-05T00:00:00Z', '500'),
    { ...payment('reversed', '2025-02-01T00:00:00Z', '70'), state: 'reversed' },
  ];
  const rule: Rule = {
    activity: 'card_payment',
    window: { last: 'P30D' },
    measure: 'sum',
    op: 'gte',
    value: '10.10',
  };
  expect(explain(rule, vocabulary, { ...someone, activities }, context)).toMatchObject({
    verdict: true,
    value: '10.1',
    since: '2025-01-28T16:00:00.000001Z',
    counted: ['now', 'unvalued', 'first'],
    next_change_at: '2025-02-27T16:00:00.000001Z',
  });
});

test('activities of several types are measured together, and of any type all of them', () => {
  const login = { ...payment('login', '2025-02-20T00:00:00Z', null), type: 'login', amount: null };
  const visit = { ...login, id: 'visit', type: 'branch_visit', occurred_at: '2025-02-01T00:00:00Z' };
  const activities = [payment('paid', '2025-02-10T00:00:00Z', '5'), login, visit];
  const seen = (activity: string | string[], measured: object = { measure: 'count' }) =>
    explain(
      { activity, window: { last: 'P30D' }, op: 'exists', ...measured } as Rule,
      vocabulary,
      { ...someone, activities },
      context,
    );
  expect(seen(['branch_visit', 'login'])).toMatchObject({
    value: 2,
    counted: ['login', 'visit'],
    next_change_at: '2025-03-03T00:00:00.000Z',
  });
  expect(seen('*')).toMatchObject({ value: 3, counted: ['login', 'paid', 'visit'] });
  expect(seen('*', { measure: 'distinct', of: 'type' }).verdict).toBe(true);
  const unpaid = { where: [{ field: 'type', op: 'ne', value: 'card_payment' }], measure: 'count' };
  expect(seen('*', unpaid)).toMatchObject({ value: 2 });
});

test("two values of the customer's own are held against one another exactly, and both are told", () => {
  const activities = [
    payment('a', '2025-02-20T00:00:00Z', '10'),
    payment('b', '2025-02-10T00:00:00Z', '10'),
    payment('c', '2025-02-01T00:00:00Z', '11'),
  ];
  const average = { activity: 'card_payment', measure: 'average' as const };
  const held = (op: 'lt' | 'gte', times: string): Rule => ({
    ...average,
    window: { last: 'P30D' },
    op,
    value: { times, of: { ...average, activity: '*', window: { last: 'P90D' } } },
  });
  const seen = (rule: Rule) => explain(rule, vocabulary, { ...someone, activities }, context);
  // a third has no end as a decimal, and is the same on both sides
  expect(seen(held('gte', '1'))).toMatchObject({
    verdict: true,
    value: '10.333333',
    against: { value: '10.333333', bound: '10.333333', counted: ['a', 'b', 'c'] },
    next_change_at: '2025-03-03T00:00:00.000Z',
  });
  expect(seen(held('lt', '1')).verdict).toBe(false);
  expect(seen(held('lt', '1.000001'))).toMatchObject({
    verdict: true,
    against: { bound: '10.333343333333' },
  });
});

test('where either side is missing the comparison is false, and so is its opposite', () => {
  const sides = { activity: 'card_payment', measure: 'average' as const };
  const of = { fact: 'holdings.fund.balance' };
  const payments = { ...someone, activities: [payment('a', '2025-02-20T00:00:00Z', '10')] };
  for (const op of ['lt', 'gte'] as const) {
    const left: Rule = { ...sides, op, value: { of } };
    const right: Rule = { ...of, op, value: { of: sides } };
    for (const rule of [left, right]) {
      expect(matches(rule, vocabulary, payments, context)).toBe(false);
      expect(matches(rule, vocabulary, someone, context)).toBe(false);
    }
  }
});

test('a number that grows is looked at again when it is the next one', () => {
  const rule: Rule = { fact: 'age_years', op: 'gte', value: { of: { fact: 'holdings.count' } } };
  expect(explain(rule, vocabulary, someone, context).next_change_at).toBe('2026-02-27T16:00:00.000Z');
});

test('of nothing, a sum is zero and an average is missing', () => {
  const of = (measure: 'sum' | 'average', op: 'lt' | 'missing'): Rule => ({
    activity: 'card_payment',
    window: { last: 'P30D' },
    measure,
    op,
    ...(op === 'lt' ? { value: '100' } : {}),
  });
  expect(matches(of('sum', 'lt'), vocabulary, someone, context)).toBe(true);
  expect(matches(of('average', 'lt'), vocabulary, someone, context)).toBe(false);
  expect(matches(of('average', 'missing'), vocabulary, someone, context)).toBe(true);
  const unvalued = { ...someone, activities: [payment('a', '2025-02-20T00:00:00Z', null)] };
  expect(matches(of('sum', 'missing'), vocabulary, unvalued, context)).toBe(true);
  const logins = { ...someone, activities: unvalued.activities.map((each) => ({ ...each, amount: null })) };
  expect(matches(of('sum', 'lt'), vocabulary, logins, context)).toBe(true);
});

test('what is asked only whether there is any changes when the last leaves, not the first', () => {
  const activities = [payment('a', '2025-02-01T00:00:00Z', '1'), payment('b', '2025-02-20T00:00:00Z', '1')];
  const rule: Rule = {
    activity: 'card_payment',
    window: { last: 'P30D' },
    measure: 'count',
    op: 'eq',
    value: 0,
  };
  expect(explain(rule, vocabulary, { ...someone, activities }, context).next_change_at).toBe(
    '2025-03-22T00:00:00.000Z',
  );
});

test.each(['eq', 'ne', 'lt', 'lte', 'gt', 'gte', 'between', 'in', 'not_in'] as const)(
  'a number of days flips %s on the very day that is foretold',
  (op) => {
    // the tenure is 89 days now
    for (const bound of [88, 89, 90, 91, 92]) {
      const value =
        op === 'between' ? [bound - 1, bound] : op === 'in' || op === 'not_in' ? [bound, bound + 3] : bound;
      const rule: Rule = { fact: 'tenure_days', op, value };
      const { verdict, next_change_at: next } = explain(rule, vocabulary, someone, context);
      const flips = [1, 2, 3, 4, 5, 6]
        .map((days) => instantOf(microsOf(context.now) + days * 86_400_000_000))
        .filter((now) => matches(rule, vocabulary, someone, { ...context, now }) !== verdict);
      // a bound may be passed without a flip, but no flip comes before the first bound
      if (flips[0] !== undefined) expect(next !== null && next <= flips[0], `${op} ${bound}`).toBe(true);
      if (op !== 'in' && op !== 'not_in' && op !== 'between') expect(next ?? undefined).toBe(flips[0]);
    }
  },
);
