/** The levels of the bank, and those of customers: closes, corrections, other models, merges, and who waits for whom. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer, aHolding } from '../support/factories.js';

type Body = Record<string, unknown>;
// biome-ignore lint/suspicious/noExplicitAny: whatever the service answered
type Any = any;

let t: TestApp;
/** The close of each month is at the beginning of the second day of the next, at the bank. */
const secondOf = (month: string) => `${month}-01T16:00:00.000Z`;
const path = '/v1/levels/model';
const any = { headers: { 'if-match': '*' } };

const movement = { preset: 'quarter' };
const level = (key: string, lower_bound: string | null, more: Body = {}) => ({
  ...{ key, name: key, description: '', lower_bound },
  ...more,
});
const three = (more: Body = {}) => ({
  ...{ measure: 'aum', settle_days: 1, movement },
  levels: [level('basic', null), level('gold', '500000'), level('top', '6000000')],
  ...more,
});

let counter = 0;
async function newHolder(
  balance: string,
  day: string,
  more: Body = {},
): Promise<{ id: string; number: string }> {
  counter += 1;
  const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
  const number = `LV${counter}`;
  await t.client.post(
    '/v1/holdings/upsert',
    { ...aHolding(number, { id }), balance, balance_date: day, ...more },
    201,
  );
  return { id, number };
}
const state = (number: string, balance: string, day: string) =>
  t.client.post('/v1/holdings/upsert', { source: 'core', number, balance, balance_date: day });
const levelOf = (id: string, query = ''): Promise<Any> => t.client.get(`/v1/customers/${id}/level${query}`);

async function closeIn(month: string): Promise<void> {
  await t.travelTo(`${month}-01T16:00:01Z`);
  await t.drain();
}
async function toldOf(id: string): Promise<Any[]> {
  const all: Any[] = [];
  for (let after = 0; ; ) {
    const page = await t.client.get(`/v1/events?after=${after}&limit=1000`);
    if (page.data.length === 0) break;
    all.push(...page.data);
    after = page.next_after;
  }
  return all
    .filter((one) => one.type === 'clientele.level.changed' && one.subject === id)
    .map((one) => one.data);
}

beforeAll(async () => {
  t = await startTestApp({ startAt: '2025-12-10T04:00:00Z' });
});
afterAll(() => t.stop());

describe('the model', () => {
  test('is there from the beginning, with bounds that say where they come from', async () => {
    const reply = await t.client.request('GET', path);
    expect(reply.body).toMatchObject({
      ...{ version: 1, measure: 'aum', currency: 'CNY', movement: { preset: 'quarter', up: 'next_month' } },
    });
    expect(
      reply.body.levels.map((one: Any) => [one.key, one.lower_bound, one.movement?.preset ?? null]),
    ).toEqual([
      ...[
        ['basic', null, null],
        ['affluent', '300000', null],
        ['high_net_worth', '1000000', null],
      ],
      ['private_bank', '6000000', 'half_year'],
    ]);
    for (const { description } of reply.body.levels.slice(1)) expect(description).toMatch(/regulator/);
    await t.drain();
    const headers = { 'if-none-match': reply.headers.get('etag') ?? '' };
    expect((await t.client.request('GET', path, undefined, { headers })).status).toBe(304);
  });

  test.each([
    [{ levels: [level('basic', '1')] }, '/levels/0/lower_bound', 'lowest_is_unbounded'],
    [{ levels: [level('basic', null), level('gold', null)] }, '/levels/1/lower_bound', 'required'],
    [{ levels: [level('basic', null), level('basic', '1')] }, '/levels/1/key', 'duplicate'],
    [
      { levels: [level('basic', null), level('gold', '5'), level('top', '5.00')] },
      '/levels/2/lower_bound',
      'not_ascending',
    ],
  ])('cannot be %j', async (more, pointer, code) => {
    const problem = await t.client.problem('PUT', path, 'rule_broken', three(more), any);
    expect(problem.errors).toMatchObject([{ in: 'body', pointer, code }]);
  });

  test('asks for the version that was read', async () => {
    await t.client.problem('PUT', path, 'precondition_required', three());
    await t.client.problem('PUT', path, 'stale_version', three(), { headers: { 'if-match': '"v7"' } });
  });

  test('is another version where it differs; presets are taken parameter by parameter', async () => {
    const own = three({
      movement: { preset: 'watched', up: 'next_month' },
      levels: [level('basic', null), level('gold', '500000', { movement: { months_below: 2 } })],
    });
    const made = await t.client.put(path, own, 200, any);
    expect(made).toMatchObject({
      ...{ version: 2, state: 'grading' },
      movement: {
        ...{ preset: null, up: 'next_month', months_below: 3, watch_months: 3, down_to: 'best_of_window' },
      },
    });
    expect(made.levels[1].movement).toEqual({
      ...{ preset: null, up: 'next_month', months_below: 2, watch_months: 0, down_to: 'last_month' },
    });
    expect((await t.client.put(path, own, 200, any)).version).toBe(2);
    expect((await t.client.put(path, three(), 200, any)).version).toBe(3);
    await t.drain();
    expect((await t.client.get(path)).state).toBe('current');
  });

  test('can wait for a second person, who sees what it would move', async () => {
    const { id } = await newHolder('700000', '2025-10-01');
    await t.drain();
    expect(await levelOf(id)).toMatchObject({ level: 'gold', cause: 'correction' });
    const wanted = three({ levels: [level('basic', null), level('gold', '800000')] });
    const plan = await t.client.put(`${path}?dry_run=true`, wanted, 200, any);
    expect(plan).toMatchObject({ operation: 'putLevelModel', forecast: { up: 0, down: 1 } });
    await t.client.put('/v1/approval-policies/putLevelModel', { required: true, threshold: 1 }, 200, any);
    const waiting = await t.client.put(path, wanted, 202, any);
    expect(waiting).toMatchObject({ state: 'pending', forecast: { up: 0, down: 1 } });
    expect((await t.client.get(path)).version).toBe(3);
    // who moves nobody does not wait
    const renamed = three({ levels: [level('basic', null), level('gold', '500000', { name: '金卡' })] });
    await t.client.put(path, renamed, 200, any);
    await t.client.put(path, three(), 200, any);
    await t.client.put('/v1/approval-policies/putLevelModel', { required: false }, 200, any);
    await t.drain();
  });
});

describe('a customer', () => {
  test('has none before the first close, and then what its month reached, with its reasons', async () => {
    const { id } = await newHolder('412000.00', '2025-12-05');
    expect(await levelOf(id)).toMatchObject({ level: null, state: 'ungraded', keep: null, months: [] });
    await closeIn('2026-01');
    const graded = await levelOf(id);
    // 412,000 on 27 of 31 days
    expect(graded).toMatchObject({
      ...{ level: 'basic', rank: 0, cause: 'month_close', since: '2026-01-01T16:00:00Z' },
      keep: { lower_bound: null, missing: '0.00', months_left: null },
      next: { level: 'gold', lower_bound: '500000', missing: '141161.29' },
      months: [{ month: '2025-12', average: '358838.71', reached: 'basic', outcome: 'kept', unvalued: 0 }],
      next_review: secondOf('2026-02'),
      pending: false,
    });
    expect(await toldOf(id)).toMatchObject([{ from: null, to: 'basic', direction: 'first' }]);
  });

  test('goes up with the close, and a segment that asks for the level follows', async () => {
    const rule = { fact: 'level', op: 'eq', value: 'gold' };
    const ranked = { fact: 'level.rank', op: 'gte', value: 1 };
    await t.client.post('/v1/segments', { key: 'golden', name: 'G', description: '', rule }, 201);
    await t.client.post('/v1/segments', { key: 'ranked', name: 'R', description: '', rule: ranked }, 201);
    const { id } = await newHolder('100', '2026-01-01');
    const { id: rich } = await newHolder('500000', '2026-01-01');
    await closeIn('2026-02');
    expect(await levelOf(id)).toMatchObject({ level: 'basic', rank: 0 });
    expect(await levelOf(rich)).toMatchObject({
      level: 'gold',
      rank: 1,
      since: '2026-02-01T16:00:00Z',
    });
    const segments = async (of: string) =>
      (await t.client.get(`/v1/customers/${of}/segments`)).data.map((one: Any) => one.segment);
    expect(await segments(rich)).toEqual(expect.arrayContaining(['golden', 'ranked']));
    expect(await segments(id)).not.toContain('golden');
    const { data } = await t.client.get('/v1/facts');
    expect(data.find((one: Any) => one.name === 'level')).toMatchObject({ touched_by: ['level'] });
  });

  test('keeps it for two months below, and goes down with the close of the third; the past stays as it was', async () => {
    const { id, number } = await newHolder('500000', '2026-02-01');
    await closeIn('2026-03');
    await state(number, '499999.99', '2026-03-01');
    await closeIn('2026-04');
    expect(await levelOf(id)).toMatchObject({
      ...{ level: 'gold', state: 'below', months_below: 1 },
      keep: { lower_bound: '500000', missing: '0.01', months_left: 2 },
    });
    await closeIn('2026-05');
    await closeIn('2026-06');
    expect(await levelOf(id)).toMatchObject({ level: 'basic', cause: 'month_close', state: 'kept' });
    expect(await levelOf(id, '?as_of=2026-06-01T15:59:59.999Z')).toMatchObject({
      ...{ level: 'gold', since: '2026-03-01T16:00:00Z', months_below: 2, basis: 'recorded' },
    });
    expect(await levelOf(id, '?as_of=2026-03-01T15:00:00Z')).toMatchObject({ level: null });
    expect(await toldOf(id)).toMatchObject([
      { from: null, to: 'gold', direction: 'first' },
      { from: 'gold', to: 'basic', direction: 'down', effective_at: '2026-06-01T16:00:00Z' },
    ]);
  });

  test('moves when a late balance comes, from then on; a fresh answer does not wait for it', async () => {
    const { id, number } = await newHolder('400000', '2026-05-01');
    await t.drain();
    expect(await levelOf(id)).toMatchObject({ level: 'basic', cause: 'correction' });
    await t.travelTo('2026-06-15T04:00:00Z');
    await state(number, '600000', '2026-05-03');
    expect(await levelOf(id)).toMatchObject({ level: 'basic', pending: true });
    const moved = await levelOf(id, '?fresh=true');
    // 2 days of 400,000 and 29 of 600,000
    expect(moved).toMatchObject({
      ...{ level: 'gold', cause: 'correction', pending: false },
      months: [{ month: '2026-05', average: '587096.77', outcome: 'up' }],
    });
    expect(moved.since > '2026-06-15T04:00:00').toBe(true);
    expect(await levelOf(id, '?as_of=2026-06-10T00:00:00Z')).toMatchObject({
      level: 'basic',
      months: [{ month: '2026-05', average: '400000.00' }],
    });
    await t.drain();
    expect((await toldOf(id)).map(({ to, cause }) => [to, cause])).toEqual([
      ['basic', 'correction'],
      ['gold', 'correction'],
    ]);
  });

  test('a rate that comes late gives months their value, and what has none does not lower', async () => {
    const { id } = await newHolder('100000', '2026-05-01', { currency: 'USD' });
    await t.drain();
    expect(await levelOf(id)).toMatchObject({
      level: 'basic',
      months: [{ average: null, unvalued: 1, outcome: 'kept' }],
    });
    const rate = (business_date: string) => ({
      currency: 'USD',
      rate: '7.1',
      business_date,
      source: 'treasury',
    });
    await t.client.post('/v1/exchange-rates', { items: [rate('2026-05-01'), rate('2026-05-15')] });
    await t.drain();
    expect(await levelOf(id)).toMatchObject({
      level: 'gold',
      months: [{ month: '2026-05', unvalued: 1, outcome: 'up' }],
    });
    await t.client.post('/v1/exchange-rates', { items: [rate('2026-05-29')] });
    await t.drain();
    expect((await levelOf(id)).months).toMatchObject([{ average: '710000.00', unvalued: 0 }]);
  });

  test('another holder, another closing day, another category count backward', async () => {
    const { id, number } = await newHolder('900000', '2026-05-01');
    const other = (await t.client.post('/v1/customers', aCustomer(), 201)).id;
    await t.drain();
    expect(await levelOf(id)).toMatchObject({ level: 'gold' });
    const closed = { source: 'core', number, status: 'closed', closed_on: '2026-05-02' };
    await t.client.post('/v1/holdings/upsert', closed);
    await t.drain();
    expect((await levelOf(id)).months).toMatchObject([{ average: '29032.26' }]);
    await t.client.post('/v1/holdings/upsert', { source: 'core', number, status: 'active' });
    await t.drain();
    expect((await levelOf(id)).months).toMatchObject([{ average: '900000.00' }]);
    await t.client.post('/v1/holdings/upsert', { source: 'core', number, category: 'debit_card' });
    await t.drain();
    expect((await levelOf(id)).months).toMatchObject([{ average: null }]);
    const { id: holdingId } = await t.client.post('/v1/holdings/lookup', { source: 'core', number });
    const back = { source: 'core', number, category: 'deposit' };
    await t.client.post('/v1/holdings/upsert', back);
    await t.drain();
    expect(await levelOf(id)).toMatchObject({ level: 'gold', cause: 'correction' });
    const party = { customer: { id: other }, role: 'joint_owner', share: '50', starts_on: '2026-05-01' };
    await t.client.post(`/v1/holdings/${holdingId}/parties`, party);
    await t.client.put('/v1/balance-policy', { attribution: 'by_share', average_days: 'calendar' }, 200, any);
    await t.drain();
    expect((await levelOf(other)).months).toMatchObject([{ average: '450000.00' }]);
    expect(await levelOf(id)).toMatchObject({ level: 'basic', cause: 'policy' });
    await t.client.put(
      '/v1/balance-policy',
      { attribution: 'primary_owner', average_days: 'thirty' },
      200,
      any,
    );
    await t.drain();
    expect((await levelOf(id)).months).toMatchObject([{ average: '930000.00' }]);
    await t.client.put(
      '/v1/balance-policy',
      { attribution: 'primary_owner', average_days: 'calendar' },
      200,
      any,
    );
    await t.drain();
  });

  test('is graded by another model at once, over the months that are known', async () => {
    const { id } = await newHolder('600000', '2026-04-01');
    await t.drain();
    expect(await levelOf(id)).toMatchObject({ level: 'gold', model_version: expect.any(Number) });
    const { version } = await t.client.get(path);
    const levels = [level('basic', null), level('silver', '500000'), level('gold', '650000')];
    // a level of another name and the same bound moves nobody
    const renamed = [level('everybody', null), level('silver', '500000'), level('platinum', '6000000')];
    const plan = await t.client.put(`${path}?dry_run=true`, three({ levels: renamed }), 200, any);
    expect(plan.forecast).toEqual({ up: 0, down: 0 });
    await t.client.put(path, three({ levels }), 200, any);
    await t.drain();
    expect(await levelOf(id)).toMatchObject({ level: 'silver', cause: 'model', model_version: version + 1 });
    await t.client.put(path, three(), 200, any);
    await t.drain();
    expect(await levelOf(id)).toMatchObject({ level: 'gold', rank: 1 });
    expect((await toldOf(id)).map(({ from, to, direction }) => [from, to, direction])).toEqual([
      [null, 'gold', 'first'],
      ['gold', 'silver', 'down'],
      ['silver', 'gold', 'same'],
    ]);
  });
});

describe('two customers that are one', () => {
  test('the survivor is graded on what both held, and after a revert each for itself', async () => {
    const { id } = await newHolder('300000', '2026-04-01');
    const { id: other } = await newHolder('250000', '2026-05-01');
    await t.drain();
    expect([(await levelOf(id)).level, (await levelOf(other)).level]).toEqual(['basic', 'basic']);
    const merge = await t.client.post('/v1/merges', { survivor: { id }, merged: { id: other } }, 201);
    await t.drain();
    expect(await levelOf(id)).toMatchObject({
      ...{ level: 'gold', cause: 'merge' },
      months: [{ average: '300000.00' }, { average: '550000.00' }],
    });
    expect((await levelOf(other)).customer_id).toBe(id);
    await t.client.post(`/v1/merges/${merge.id}/revert`, undefined, 200, any);
    await t.drain();
    expect(await levelOf(id)).toMatchObject({ level: 'basic', cause: 'merge' });
    expect(await levelOf(other)).toMatchObject({ level: 'basic', months: [{ average: '250000.00' }] });
  });
});

describe('at once', () => {
  beforeEach(async () => {
    await t.client.put(path, three({ settle_days: 0, movement: { preset: 'watched' } }), 200, any);
    await t.drain();
  });

  test('within the month, on the day on which its days so far are enough', async () => {
    await t.travelTo('2026-07-01T02:00:00Z');
    await t.drain();
    const { id, number } = await newHolder('1000000', '2026-07-01');
    // 15 days of a million by 31 days are 483,870.97
    await t.travelTo('2026-07-15T20:00:00Z');
    await t.drain();
    expect(await levelOf(id)).toMatchObject({ level: null });
    await t.travelTo('2026-07-16T16:00:01Z');
    await t.drain();
    expect(await levelOf(id)).toMatchObject({
      ...{ level: 'gold', cause: 'at_once', since: '2026-07-16T16:00:00Z', months: [] },
      raised: { month: '2026-07', until: '2026-07-17', average: '516129.03' },
    });
    // a month that was enough before its end is one at its end
    await state(number, '0', '2026-07-17');
    await t.travelTo('2026-08-02T00:00:00Z');
    await t.drain();
    expect(await levelOf(id)).toMatchObject({
      ...{ level: 'gold', since: '2026-07-16T16:00:00Z', raised: null },
      months: [{ month: '2026-07', average: '516129.03', outcome: 'up' }],
    });
    expect(await levelOf(id, '?as_of=2026-07-20T00:00:00Z')).toMatchObject({
      ...{ level: 'gold', months: [], raised: { until: '2026-07-17' } },
    });
    expect(await toldOf(id)).toHaveLength(1);
  });
});

test('who may not see a customer is told nothing of its level', async () => {
  const { id } = await newHolder('1', '2026-07-01');
  const outsider = await t.clientWith(['levels:read'], { branches: ['9999'] });
  await outsider.problem('GET', `/v1/customers/${id}/level?fresh=true`, 'not_found');
  const other = await t.clientWith(['customers:read']);
  await other.problem('GET', `/v1/customers/${id}/level`, 'insufficient_scope');
});
