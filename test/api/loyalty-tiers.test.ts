/** Tiers and VIP service as a bank's back end uses them: the model, who has which, benefits, and merges. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';
import { aProgramme, someTiers } from '../support/loyalty.js';

// biome-ignore lint/suspicious/noExplicitAny: whatever the service answered
type Any = any;

let t: TestApp;
const model = '/v1/loyalty/programmes/rewards/tiers';

beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-01T04:00:00Z' });
  await t.client.post('/v1/loyalty/programmes', aProgramme('rewards'), 201);
  await t.client.put(model, someTiers(), 201);
});
afterAll(() => t.stop());

async function aMember(more: object = {}): Promise<{ id: string; path: string }> {
  const { id } = await t.client.post('/v1/customers', { ...aCustomer(), ...more }, 201);
  const path = `/v1/customers/${id}/loyalty/rewards`;
  await t.client.put(path, { status: 'open' }, 201);
  return { id, path };
}
const earn = (path: string, points: number, more: object = {}): Promise<Any> =>
  t.client.post(`${path}/accruals`, { points, reason: 'Test', ...more }, 201);
const tierOf = async (path: string, query = ''): Promise<Any> => t.client.get(`${path}/tier${query}`);
const eventsOf = async (id: string, type: string): Promise<Any[]> =>
  (await t.client.get('/v1/events?limit=1000')).data.filter(
    (one: Any) => one.subject === id && one.type === `clientele.loyalty.${type}`,
  );

describe('the tiers of a programme', () => {
  test('are made once without If-Match, and changed with it', async () => {
    await t.client.post('/v1/loyalty/programmes', aProgramme('miles'), 201);
    const path = '/v1/loyalty/programmes/miles/tiers';
    await t.client.problem('GET', path, 'not_found');
    await t.client.problem('PUT', path, 'stale_version', someTiers(), { headers: { 'if-match': '"v1"' } });
    const made = await t.client.put(path, someTiers(), 201);
    expect(made).toMatchObject({ programme: 'miles', version: 1, ...someTiers() });
    await t.client.problem('PUT', path, 'precondition_required', someTiers());
    const headers = { 'if-match': '"v1"' };
    expect((await t.client.put(path, someTiers(), 200, { headers })).version).toBe(1);
    const changed = await t.client.put(path, { ...someTiers(), grace: 'P10D' }, 200, { headers });
    expect(changed).toMatchObject({ version: 2, grace: 'P10D' });
    await t.drain();
    expect((await t.client.get(path)).state).toBe('current');
    await t.client.problem('PUT', '/v1/loyalty/programmes/nowhere/tiers', 'not_found', someTiers());
  });

  test('say what is wrong with them', async () => {
    const [member, silver, gold] = someTiers().tiers as [Any, Any, Any];
    const lounge = gold.benefits[0];
    const problem = await t.client.problem(
      'PUT',
      model,
      'rule_broken',
      {
        ...someTiers(),
        period: { kind: 'rolling', length: 'P27D' },
        grace: 'P1M',
        warn_before: 'P1M',
        tiers: [
          { ...member, lower_bound: '0.5' },
          { ...silver, key: 'member', lower_bound: '0' },
          { ...gold, benefits: [lounge, lounge] },
        ],
      },
      { headers: { 'if-match': '"v1"' } },
    );
    expect(problem.errors.map((one: Any) => [one.pointer, one.code])).toEqual([
      ['/period/length', 'out_of_range'],
      ['/grace', 'out_of_range'],
      ['/warn_before', 'out_of_range'],
      ['/tiers/0/lower_bound', 'not_whole'],
      ['/tiers/1/key', 'duplicate'],
      ['/tiers/1/lower_bound', 'not_ascending'],
      ['/tiers/2/benefits/1/key', 'duplicate'],
    ]);
  });
});

describe('a member', () => {
  test('has the lowest tier from the enrolment on, and a higher one from the instant that reaches it', async () => {
    const { id, path } = await aMember();
    await t.drain();
    expect(await tierOf(path)).toMatchObject({
      ...{
        tier: 'member',
        rank: 0,
        cause: 'enrolled',
        model_version: 1,
        amount: '0',
        keep: null,
        pending: false,
      },
      next: { tier: 'silver', lower_bound: '5000', missing: '5000' },
    });
    await earn(path, 4999);
    const { booked_at: at } = await earn(path, 1);
    expect((await tierOf(path)).pending).toBe(true);
    await t.drain();
    const silver = await tierOf(path);
    expect(silver).toMatchObject({
      ...{ tier: 'silver', name: 'Silver', rank: 1, since: at, cause: 'reached', amount: '5000' },
      counted_from: '2026-01-01',
      period: { from: '2026-01-01', to: '2027-01-01' },
      keep: {
        ...{ lower_bound: '5000', amount: '5000', missing: '0' },
        ...{ review_at: '2027-01-30T16:00:00.000Z', until: '2028-01-30T16:00:00.000Z' },
      },
      next: { tier: 'gold', missing: '15000' },
      pending: false,
    });
    const before = await tierOf(path, `?as_of=${new Date(Date.parse(at) - 1).toISOString()}`);
    expect(before).toMatchObject({ tier: 'member', rank: 0 });
    const told = (await eventsOf(id, 'tier_changed')).map(({ data }) => [
      data.from,
      data.to,
      data.direction,
      data.cause,
    ]);
    expect(told).toEqual([
      [null, 'member', 'first', 'enrolled'],
      ['member', 'silver', 'up', 'reached'],
    ]);
    await t.client.problem('GET', `/v1/customers/${id}/loyalty/nowhere/tier`, 'not_found');
  });

  test('is credited on the day on which it earned, and a reversal takes that back', async () => {
    const { path } = await aMember();
    await earn(path, 5000, { earned_at: '2025-12-31T15:00:00Z' });
    await t.drain();
    expect(await tierOf(path)).toMatchObject({ tier: 'member', amount: '0' });
    const { operation_id } = await earn(path, 5000, { earned_at: '2025-12-31T16:00:00Z' });
    await t.client.post(`${path}/redemptions`, { points: 9000, reason: 'Test' }, 201);
    await t.drain();
    expect(await tierOf(path)).toMatchObject({ tier: 'silver', amount: '5000' });
    await t.client.post(`${path}/reversals`, { operation_id, points: 4500, reason: 'Test' }, 201);
    await t.drain();
    expect(await tierOf(path)).toMatchObject({
      ...{ tier: 'silver', amount: '500' },
      keep: { amount: '500', missing: '4500' },
    });
  });

  test('who leaves has no tier, and begins anew when it comes back', async () => {
    const { id, path } = await aMember();
    await earn(path, 6000);
    await t.drain();
    await t.client.put(path, { status: 'closed' }, 200, { headers: { 'if-match': '*' } });
    await t.drain();
    expect(await tierOf(path)).toMatchObject({ tier: null, rank: null, benefits: [], vip: null });
    await t.client.put(path, { status: 'open' }, 200, { headers: { 'if-match': '*' } });
    await t.drain();
    expect(await tierOf(path)).toMatchObject({ tier: 'silver', cause: 'enrolled' });
    const told = (await eventsOf(id, 'tier_changed')).map(({ data }) => [data.to, data.cause]);
    expect(told.slice(-2)).toEqual([
      [null, 'left'],
      ['silver', 'enrolled'],
    ]);
  });

  test('by what it has spent, less what was reversed', async () => {
    await t.client.post('/v1/loyalty/programmes', aProgramme('spending'), 201);
    const spend = { ...someTiers(), qualify: { by: 'spend', types: ['card_payment'] } };
    await t.client.put('/v1/loyalty/programmes/spending/tiers', spend, 201);
    const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
    const path = `/v1/customers/${id}/loyalty/spending`;
    await t.client.put(path, { status: 'open' }, 201);
    const pay = (source_id: string, amount: string, more: object = {}) => ({
      ...{ source: 'cards', source_id, customer: { id }, type: 'card_payment', direction: 'out' },
      ...{ occurred_at: '2026-02-01T04:00:00Z', amount, currency: 'CNY' },
      ...more,
    });
    await t.client.post('/v1/activities', {
      items: [
        pay('p1', '4999.50'),
        pay('p2', '900', { direction: 'in' }),
        pay('p3', '900', { own_transfer: true }),
        pay('p4', '900', { initiated_by: 'bank' }),
      ],
    });
    await t.drain();
    expect(await tierOf(path)).toMatchObject({ tier: 'member', qualify: 'spend', amount: '4999.5' });
    await t.client.post('/v1/activities', { items: [pay('p5', '0.50')] });
    await t.drain();
    expect(await tierOf(path)).toMatchObject({ tier: 'silver', amount: '5000', cause: 'reached' });
  });

  test('by what it has spent, once a rate gives that its value', async () => {
    const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
    const path = `/v1/customers/${id}/loyalty/spending`;
    await t.client.put(path, { status: 'open' }, 201);
    const paid = {
      ...{ source: 'cards', source_id: 'late1', customer: { id }, type: 'card_payment', direction: 'out' },
      ...{ occurred_at: '2026-02-03T04:00:00Z', amount: '1000', currency: 'CHF' },
    };
    await t.client.post('/v1/activities', { items: [paid] });
    await t.drain();
    expect(await tierOf(path)).toMatchObject({ tier: 'member', amount: '0' });
    const before = await t.now();
    const rate = { currency: 'CHF', rate: '8', business_date: '2026-02-03', source: 'treasury' };
    await t.client.post('/v1/exchange-rates', { items: [rate] });
    await t.drain();
    const reached = await tierOf(path);
    expect(reached).toMatchObject({ tier: 'silver', amount: '8000', cause: 'reached' });
    // not before it was known
    expect(new Date(reached.since) > new Date(before)).toBe(true);
  });
});

describe('a merge', () => {
  test('of one who has left with one who takes part has the tier of the one who does', async () => {
    const [left, other] = [await aMember(), await aMember()];
    await earn(other.path, 6000);
    await t.client.put(left.path, { status: 'closed' }, 200, { headers: { 'if-match': '*' } });
    await t.drain();
    await t.client.post('/v1/merges', { survivor: { id: left.id }, merged: { id: other.id } }, 201);
    await t.drain();
    expect(await tierOf(left.path)).toMatchObject({ tier: 'silver', cause: 'merge' });
    await earn(left.path, 14_000);
    await t.drain();
    expect(await tierOf(left.path)).toMatchObject({ tier: 'gold', cause: 'reached' });
  });
});

describe('another version of the tiers', () => {
  test('moves up at once, and keeps who is short of it until the review', async () => {
    await t.client.post('/v1/loyalty/programmes', aProgramme('club'), 201);
    const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
    const path = `/v1/customers/${id}/loyalty/club`;
    await t.client.put(path, { status: 'open' }, 201);
    await earn(path, 6000);
    const tiers = '/v1/loyalty/programmes/club/tiers';
    await t.client.put(tiers, someTiers(), 201);
    await t.drain();
    expect(await tierOf(path)).toMatchObject({ tier: 'silver', cause: 'model', amount: '6000' });
    const [member, silver, gold] = someTiers().tiers as [Any, Any, Any];
    const put = (bounds: [string, string], version: number) =>
      t.client.put(
        tiers,
        {
          ...someTiers(),
          tiers: [member, { ...silver, lower_bound: bounds[0] }, { ...gold, lower_bound: bounds[1] }],
        },
        200,
        { headers: { 'if-match': `"v${version}"` } },
      );
    await put(['3000', '6000'], 1);
    await t.drain();
    expect(await tierOf(path)).toMatchObject({ tier: 'gold', cause: 'model', model_version: 2 });
    await put(['7000', '9000'], 2);
    await t.drain();
    expect(await tierOf(path)).toMatchObject({ tier: 'gold', model_version: 3, keep: { missing: '3000' } });
  });
});

describe('VIP service', () => {
  test('follows from the tier, and says what it lacks', async () => {
    const { id, path } = await aMember();
    await earn(path, 20_000);
    await t.drain();
    const vip = { manager_role: 'primary', case_priority: 'high' };
    expect((await tierOf(path)).vip).toMatchObject({ ...vip, manager: null, lacks: ['manager'] });
    await t.client.post('/v1/staff', { code: 'RM900', name: 'Li Lei', active_from: '2020-01-01' }, 201);
    await t.client.post('/v1/assignments', { customer: { id }, staff: 'RM900', role: 'primary' }, 201);
    expect((await tierOf(path)).vip).toMatchObject({ ...vip, manager: 'RM900', lacks: [] });
  });
});

describe('benefits', () => {
  test('are counted: of fifty at once as many as there are', async () => {
    const { path } = await aMember();
    const use = { benefit: 'lounge', reason: 'Test' };
    await t.client.problem('POST', `${path}/benefit-uses`, 'rule_broken', use);
    await earn(path, 20_000);
    await t.drain();
    const replies = await Promise.all(
      Array.from({ length: 50 }, () => t.client.request('POST', `${path}/benefit-uses`, use)),
    );
    const statuses = replies.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(6);
    expect(statuses.filter((status) => status === 409)).toHaveLength(44);
    const refused = replies.find(({ status }) => status === 409)?.body as Any;
    expect(refused.code).toBe('benefit_used_up');
    expect((await tierOf(path)).benefits[0]).toMatchObject({
      ...{ key: 'lounge', quota: 6, used: 6, left: 0, period_from: '2026-01-01' },
    });
    const { data } = await t.client.get(`${path}/benefit-uses?limit=4`);
    expect(data).toHaveLength(4);
    const back = `${path}/benefit-uses/${data[0].use_id}/take-back`;
    expect(await t.client.post(back, { reason: 'Cancelled' }, 201)).toMatchObject({ used: 5, left: 1 });
    await t.client.problem('POST', back, 'conflict', { reason: 'Cancelled' });
    expect(await t.client.post(`${path}/benefit-uses`, use, 201)).toMatchObject({ used: 6, left: 0 });
    const listed = await t.client.get(`${path}/benefit-uses?benefit=lounge&limit=200`);
    expect(listed.data).toHaveLength(7);
    expect(listed.data.filter((one: Any) => one.taken_back_at !== null)).toHaveLength(1);
  });

  test('count once for one key', async () => {
    const { path } = await aMember();
    await earn(path, 20_000);
    await t.drain();
    const headers = { 'idempotency-key': '"one-use"' };
    const use = () =>
      t.client.request('POST', `${path}/benefit-uses`, { benefit: 'lounge', reason: 'Test' }, { headers });
    const replies = await Promise.all(Array.from({ length: 10 }, use));
    expect(
      new Set(replies.filter(({ status }) => status === 201).map(({ body }) => (body as Any).use.use_id))
        .size,
    ).toBe(1);
    expect((await tierOf(path)).benefits[0].used).toBe(1);
  });
});
