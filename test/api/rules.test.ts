/** What rules may speak of, and what is said of a rule that cannot be. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.stop());

const validate = (rule: unknown) => t.client.post('/v1/rules/validate', { rule });

const average = {
  balance: 'aum',
  measure: 'average',
  window: { calendar: 'month' },
  op: 'gte',
  value: '500000',
};

test('a fact says what it can be, how it is asked, and what changes it', async () => {
  const { data } = await t.client.get('/v1/facts');
  const fact = (name: string) => data.find((one: { name: string }) => one.name === name);
  expect(fact('holdings.aum')).toMatchObject({
    type: 'money',
    unit: "the bank's currency",
    operators: expect.arrayContaining(['gte', 'between', 'missing']),
    values: null,
    balance: 'aum',
    touched_by: ['holdings'],
    changes_with_time: false,
  });
  expect(fact('holdings.deposit.balance').balance).toBe('deposit');
  expect(fact('kind')).toMatchObject({ values: ['person', 'organization'], balance: null });
  expect(fact('age_years').changes_with_time).toBe(true);
});

test('a rule of every form is taken, and says what it reads', async () => {
  const rule = {
    all: [
      { fact: 'kind', op: 'eq', value: 'person' },
      { holds_for: { periods: 3, of: 'month', condition: average } },
      {
        not: {
          activity: 'login',
          window: { calendar: 'week', offset: -1 },
          measure: 'count',
          op: 'eq',
          value: 0,
        },
      },
      { not: { sample: { percent: 10, salt: 'spring' } } },
      { segment: 'high_net_worth' },
    ],
  };
  expect(await validate(rule)).toEqual({
    valid: true,
    reads: ['activity:login', 'customer', 'holdings'],
    errors: [],
  });
});

test('what cannot be is named by its place in the rule', async () => {
  const months = {
    holds_for: { periods: 3, of: 'month', condition: { ...average, window: { last: 'P30D' } } },
  };
  const { valid, errors } = await validate({ any: [months, { ...average, balance: 'aumm' }] });
  expect(valid).toBe(false);
  expect(errors).toMatchObject([
    {
      pointer: '/rule/any/0/holds_for/condition/window/last',
      code: 'window_not_allowed',
      allowed: ['month'],
    },
    { pointer: '/rule/any/1/balance', code: 'unknown_balance', nearest: 'aum' },
  ]);
});

test.each<[unknown, string, RegExp]>([
  [
    { not: { ...average, balance: undefined, balanse: 'aum' } },
    '/rule/not/balanse',
    /did you mean balance\?$/,
  ],
  [
    { all: [{ colour: 'blue' }] },
    '/rule/all/0',
    /^must have all, .* or balance and measure and window and op, /,
  ],
  [{ balanse: 'aum' }, '/rule/balanse', /did you mean balance\?$/],
  [{ sample: { percent: 10 } }, '/rule/sample/salt', /is required/],
])('a rule that has no form is told which was meant: %j', async (rule, pointer, message) => {
  const { detail, errors } = await t.client.problem('POST', '/v1/rules/validate', 'malformed_request', {
    rule,
  });
  expect(errors).toMatchObject([{ in: 'body', pointer, message: expect.stringMatching(message) }]);
  expect(detail).toMatch(/[^.?][.?]$/);
});

test('without any rule customers are reviewed as well', async () => {
  const { data } = await t.client.get('/v1/segments?limit=100');
  for (const { key } of data) {
    await t.client.delete(`/v1/segments/${key}`, 204, { headers: { 'if-match': '*' } });
  }
  const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
  await t.drain();
  expect(await t.client.get(`/v1/customers/${id}/segments`)).toMatchObject({ data: [], pending: false });
});
