/** Where a value fits none of several shapes, the problem is that of the shape that was meant. */
import { describe, expect, test } from 'vitest';
import { checkActivity } from '../../src/activities/checking.js';
import { CustomerReference } from '../../src/customers/schemas.js';
import { bodyValidator } from '../../src/platform/http/validation.js';
import { ruleComponents } from '../../src/rules/schema.js';

type Case = [what: string, value: unknown, pointer: string, message: string | RegExp];

function expectProblem(check: (value: unknown) => unknown[], [what, value, pointer, message]: Case) {
  const problems = check(value);
  expect(problems, what).toHaveLength(1);
  expect(problems[0], what).toMatchObject({
    in: 'body',
    pointer,
    message: typeof message === 'string' ? message : expect.stringMatching(message),
  });
}

describe('a rule', () => {
  const check = bodyValidator(ruleComponents, { $ref: 'Rule#' });
  const young = { fact: 'age_years', op: 'lt', value: 30 };
  const login = { activity: 'login', measure: 'count', op: 'gte', value: 1 };
  test.each<Case>([
    [
      'of nothing',
      {},
      '',
      'must have all, or any, or not, or fact and op, or activity and measure and op, or balance and measure and window and op, or segment, or holds_for, or sample, or rank',
    ],
    ['of something unknown', { colour: 'blue' }, '', /^must have all, or any, /],
    [
      'with a slip in the word that tells its kind',
      { balanse: 'aum', measure: 'average', window: { calendar: 'month' }, op: 'gt', value: '1' },
      '/balanse',
      'is not a known field here; did you mean balance?',
    ],
    ['of a slip alone', { all: [{ fcat: 'age_years' }] }, '/all/0/fcat', /did you mean fact\?$/],
    ['of the slip of a kind that has more', { balanse: 'aum' }, '/balanse', /did you mean balance\?$/],
    ['of such a slip within', { not: { activty: 'login' } }, '/not/activty', /did you mean activity\?$/],
    ['with a slip beside it', { ...young, vlaue: 3 }, '/vlaue', /did you mean value\?$/],
    [
      'with a slip in a window',
      { ...login, window: { calender: 'month' } },
      '/window/calender',
      /did you mean calendar\?$/,
    ],
    [
      'with an unknown period',
      { ...login, window: { calendar: 'decade' } },
      '/window/calendar',
      'must be one of day, week, month, quarter, year',
    ],
    [
      'with a period to come',
      { ...login, window: { calendar: 'month', offset: 1 } },
      '/window/offset',
      'must be <= 0',
    ],
    [
      'of no period',
      { holds_for: { periods: 0, of: 'month', condition: login } },
      '/holds_for/periods',
      /1$/,
    ],
    [
      'with a mistake in each period',
      { holds_for: { periods: 3, of: 'month', condition: { ...login, measure: 'sun' } } },
      '/holds_for/condition/measure',
      /^must be one of count, sum, /,
    ],
    ['of more than all', { sample: { percent: 101, salt: 'x' } }, '/sample/percent', 'must be <= 100'],
    ['without a salt', { sample: { percent: 10 } }, '/sample/salt', 'is required'],
    ['that is no object', 'young', '', 'must be object'],
    ['that is a list', [young], '', 'must be object'],
    ['with a word too many', { all: [young], any: [young] }, '/any', 'is not a known field here'],
    ['with an unknown field', { ...young, extra: 1 }, '/extra', 'is not a known field here'],
    ['without an operator', { fact: 'age_years', value: 3 }, '/op', 'is required'],
    ['without a measure', { activity: 'login', op: 'gte', value: 3 }, '/measure', 'is required'],
    ['with an unknown operator', { ...young, op: 'near' }, '/op', /^must be one of eq, ne, /],
    ['without parts', { all: [] }, '/all', /fewer than 1/],
    ['with a part of nothing', { all: [young, { any: [login, {}] }] }, '/all/1/any/1', /^must have all, or /],
    ['with a deep mistake', { not: { all: [{ ...login, op: 5 }] } }, '/not/all/0/op', /^must be /],
    [
      'with a value of no type',
      { ...young, value: null },
      '/value',
      'must be string, number, boolean, array or object',
    ],
    ['with a number too large', { ...young, value: 2 ** 60 }, '/value', 'must be <= 9007199254740991'],
    ['with an empty list', { ...young, value: [] }, '/value', /fewer than 1/],
    ['with a list of lists', { ...young, value: [1, []] }, '/value/1', 'must be string, number or boolean'],
    ['with a window of nothing', { ...login, window: {} }, '/window', 'must have last or calendar'],
  ])('%s', (...one) => expectProblem(check, one));
});

describe('a reference to a customer', () => {
  const check = bodyValidator([CustomerReference], { $ref: 'CustomerReference#' });
  test.each<Case>([
    ['of nothing', {}, '', 'must have id or scheme and value'],
    ['by something unknown', { name: 'x' }, '', 'must have id or scheme and value'],
    ['by half an identifier', { scheme: 'crm' }, '/value', 'is required'],
    ['by a wrong id', { id: 'x' }, '/id', /uuid/],
    ['by an empty value', { scheme: 'crm', value: '' }, '/value', /fewer than 1/],
    [
      'by both',
      { id: '01a20f85-d334-7342-8ae8-7073e642d9b7', scheme: 'crm', value: 'x' },
      '/id',
      /not a known/,
    ],
  ])('%s', (...one) => expectProblem(check, one));
});

describe('an activity', () => {
  const activity = {
    source: 'cards',
    source_id: '1',
    customer: { scheme: 'crm', value: 'x' },
    type: 'login',
    occurred_at: '2026-01-01',
  };
  test.each<Case>([
    ['of nobody', { ...activity, customer: undefined }, '', 'must have customer or holding'],
    [
      'at no time',
      { ...activity, occurred_at: 'now' },
      '/occurred_at',
      'must match format "date-time" or must match format "date"',
    ],
    ['of half a customer', { ...activity, customer: { value: 'x' } }, '/customer/scheme', 'is required'],
  ])('%s', (_what, value, pointer, message) => {
    const { customer, ...rest } = value as typeof activity;
    expectProblem(checkActivity, [_what, customer === undefined ? rest : value, pointer, message]);
  });
});

describe('alternatives that are alternatives themselves', () => {
  const list = (items: object) => ({ type: 'array', items, minItems: 1 });
  const only = (name: string, schema: object) => ({
    type: 'object',
    required: [name],
    properties: { [name]: schema },
    additionalProperties: false,
  });
  const text = { type: 'string' };
  const reach = { anyOf: [only('branches', list(text)), only('manager', text), only('customer', text)] };
  const check = bodyValidator([], {
    type: 'object',
    properties: { data_scope: { anyOf: [reach, { type: 'null' }] } },
  });
  const key = (data_scope: unknown) => ({ data_scope });
  test.each<Case>([
    ['of nothing', key({}), '/data_scope', 'must have branches, or manager, or customer'],
    ['of no type', key(5), '/data_scope', 'must be object or null'],
    ['of no branch', key({ branches: [] }), '/data_scope/branches', /fewer than 1/],
    [
      'of a branch and a manager',
      key({ branches: ['1'], manager: 'x' }),
      '/data_scope/manager',
      /not a known/,
    ],
  ])('%s', (...one) => expectProblem(check, one));
});

describe('alternatives that a constant tells apart', () => {
  const shape = (kind: string, name: string) => ({
    type: 'object',
    required: ['kind', name],
    properties: { kind: { const: kind }, [name]: { type: 'string' } },
    additionalProperties: false,
  });
  const check = bodyValidator([], { oneOf: [shape('card', 'number'), shape('account', 'iban')] });
  test.each<Case>([
    ['the constant decides', { kind: 'account', number: '1' }, '/iban', 'is required'],
    ['and not what is there beside it', { kind: 'card', iban: '1' }, '/number', 'is required'],
    ['a wrong one is told', { kind: 'cash', number: '1' }, '/kind', 'must be card'],
  ])('%s', (...one) => expectProblem(check, one));

  test('more than one that fits is told as such', () => {
    const both = bodyValidator([], { oneOf: [{ type: 'string' }, { type: 'string', maxLength: 9 }] });
    expectProblem(both, ['', 'x', '', /exactly one/]);
  });
});
