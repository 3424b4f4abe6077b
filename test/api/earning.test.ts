/** What customers do earns points by rules: each thing once by each rule, and corrected with what it was earned for. */
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadFacts } from '../../src/facts.js';
import { earnFor } from '../../src/loyalty/earning/earn.js';
import { type DueRow, readThings } from '../../src/loyalty/earning/things.js';
import { transact } from '../../src/platform/transact.js';
import { markCustomers } from '../../src/reviews/service.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { anEarnRule } from '../support/earning.js';
import { aCustomer, aHolding } from '../support/factories.js';
import { aProgramme, aReward, findingsOf, someTiers } from '../support/loyalty.js';

// biome-ignore lint/suspicious/noExplicitAny: whatever the service answered
type Any = any;

let t: TestApp;
let programmes = 0;

beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-02T04:00:00Z' });
});
afterAll(() => t.stop());

/** A programme of its own, so that no rule of another test gives anything. */
async function withRules(rules: Record<string, unknown>[], stated: object = {}): Promise<string> {
  programmes += 1;
  const key = `programme_${programmes}`;
  await t.client.post('/v1/loyalty/programmes', { ...aProgramme(key), ...stated }, 201);
  for (const rule of rules) await t.client.post(`/v1/loyalty/programmes/${key}/earn-rules`, rule, 201);
  return key;
}

async function aMember(programme: string, stated: Record<string, unknown> = {}) {
  const { id } = await t.client.post('/v1/customers', aCustomer(stated), 201);
  const path = `/v1/customers/${id}/loyalty/${programme}`;
  await t.client.put(path, { status: 'open' }, 201);
  return { id: id as string, path };
}

let ids = 0;
const newId = () => {
  ids += 1;
  return `A${ids}`;
};
const paid = (customer: string, amount: string, stated: object = {}) => ({
  source: 'cards',
  source_id: newId(),
  customer: { id: customer },
  type: 'card_payment',
  occurred_at: '2026-03-02T10:00:00Z',
  amount,
  currency: 'CNY',
  direction: 'out',
  ...stated,
});
async function record(...items: object[]): Promise<void> {
  expect((await t.client.post('/v1/activities', { items })).rejected).toEqual([]);
  await t.drain();
}
const balanceOf = async (path: string): Promise<Any> => (await t.client.get(path)).balance;
const entriesOf = async (path: string): Promise<Any[]> => (await t.client.get(`${path}/entries`)).data;

describe('rules', () => {
  test('are made, read, listed, changed by version and deleted', async () => {
    const programme = await withRules([]);
    const path = `/v1/loyalty/programmes/${programme}/earn-rules`;
    const made = await t.client.request('POST', path, anEarnRule('cards'));
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`${path}/cards`);
    expect(made.body).toMatchObject({ ...anEarnRule('cards'), version: 1, warnings: [], used: 0 });
    await t.client.problem('POST', path, 'conflict', anEarnRule('cards'));
    const { key: _, ...content } = anEarnRule('cards');
    await t.client.problem('PUT', `${path}/cards`, 'precondition_required', content);
    const headers = { 'if-match': '"v1"' };
    expect(await t.client.put(`${path}/cards`, content, 200, { headers })).toMatchObject({ version: 1 });
    const next = { ...content, priority: 7 };
    expect(await t.client.put(`${path}/cards`, next, 200, { headers })).toMatchObject({ version: 2 });
    await t.client.problem('PUT', `${path}/cards`, 'stale_version', content, { headers });
    expect((await t.client.get(path)).data).toMatchObject([{ key: 'cards', version: 2, priority: 7 }]);
    await t.client.delete(`${path}/cards`, 204, { headers: { 'if-match': '"v2"' } });
    await t.client.problem('GET', `${path}/cards`, 'not_found');
    await t.client.problem('POST', path, 'conflict', anEarnRule('cards'));
  });

  test('say what is wrong with them, and where', async () => {
    const programme = await withRules([anEarnRule('double', { points: { times: '2', of: null } })]);
    const path = `/v1/loyalty/programmes/${programme}/earn-rules`;
    const problem = await t.client.problem('POST', path, 'rule_broken', {
      ...anEarnRule('odd', {
        earns: { activities: ['login'], where: [{ field: 'chanel', op: 'eq', value: 'app' }] },
        condition: { all: [{ fact: 'age_year', op: 'gte', value: 18 }] },
        ...{ levels: ['platinum'], tiers: ['gold'] },
        points: { times: '1', of: ['nothing', 'double'] },
        valid_from: '2026-05-01T00:00:00Z',
        valid_to: '2026-05-01T00:00:00+08:00',
        caps: [
          { period: 'day', points: 1 },
          { period: 'day', points: 2 },
        ],
        group: 'some',
      }),
    });
    expect(problem.errors.map((one: Any) => [one.pointer, one.code])).toEqual([
      ['/earns/where/0/field', 'unknown_field'],
      ['/condition/all/0/fact', 'unknown_fact'],
      ['/levels/0', 'unknown_level'],
      ['/tiers/0', 'unknown_tier'],
      ['/points/times', 'too_few'],
      ['/points/of/0', 'unknown_rule'],
      ['/points/of/1', 'campaign'],
      ['/valid_to', 'wrong_order'],
      ['/caps/1/period', 'duplicate'],
      ['/group', 'stacks'],
    ]);
    const ranked = anEarnRule('ranked', { condition: { rank: { fact: 'holdings.aum', top: { count: 5 } } } });
    expect((await t.client.problem('POST', path, 'rule_broken', ranked)).errors[0].code).toBe(
      'rank_not_allowed',
    );
    const occasion = anEarnRule('birthday', { earns: { occasion: 'birthday' } });
    expect((await t.client.problem('POST', path, 'rule_broken', occasion)).errors[0].code).toBe('no_amount');
  });

  test('that speak of deposits warn, and wait for a second person', async () => {
    const programme = await withRules([]);
    const path = `/v1/loyalty/programmes/${programme}/earn-rules`;
    const segment = {
      ...{ key: 'savers', name: 'Savers', description: '' },
      rule: { fact: 'holdings.deposit.balance', op: 'gte', value: '1' },
    };
    await t.client.post('/v1/segments', segment, 201);
    const speaking = {
      by_balance: { condition: { fact: 'holdings.time_deposit.balance', op: 'gte', value: '1' } },
      by_aum: {
        condition: {
          balance: 'aum',
          measure: 'average',
          window: { calendar: 'month', offset: -1 },
          op: 'gte',
          value: '1',
        },
      },
      by_segment: { condition: { segment: 'savers' } },
      by_activity: { earns: { activities: ['login', 'cash_deposit'] } },
    };
    const approval = (await t.client.post(path, anEarnRule('by_balance', speaking.by_balance), 202)) as Any;
    expect(approval).toMatchObject({ state: 'pending', operation: 'createEarnRule' });
    const pointers = [];
    for (const [key, stated] of Object.entries(speaking)) {
      const plan = await t.client.request('POST', `${path}?dry_run=true`, anEarnRule(key, stated));
      expect(plan.body).toMatchObject({ asks_for_approval: true });
      pointers.push((plan.body as Any).plan.warnings.map((one: Any) => one.pointer));
    }
    expect(pointers).toEqual([['/condition'], ['/condition'], ['/condition'], ['/earns/activities/1']]);
    const paused = anEarnRule('paused', { ...speaking.by_balance, status: 'paused' });
    expect((await t.client.post(path, paused, 201)).warnings).toMatchObject([{ code: 'deposit_balance' }]);
  });

  test('that wait are there once a second person has said yes, and earn from then on', async () => {
    const programme = await withRules([]);
    const path = `/v1/loyalty/programmes/${programme}/earn-rules`;
    const { id, path: account } = await aMember(programme);
    const deposited = async () => {
      const stated = { type: 'cash_deposit', direction: 'in', occurred_at: await t.now() };
      await record(paid(id, '500', stated));
    };
    const rule = anEarnRule('savings', { earns: { activities: ['cash_deposit'] } });
    const { id: approval } = await t.client.post(path, rule, 202);
    await t.client.problem('GET', `${path}/savings`, 'not_found');
    await deposited();
    const checker = await t.clientWith([
      'loyalty:read',
      'loyalty:write',
      'approvals:read',
      'approvals:decide',
    ]);
    await t.client.problem('POST', `/v1/approvals/${approval}/approve`, 'second_person_required', {});
    expect(await checker.post(`/v1/approvals/${approval}/approve`, {})).toMatchObject({ state: 'executed' });
    expect(await t.client.get(`${path}/savings`)).toMatchObject({ version: 1, status: 'active' });
    await deposited();
    expect((await entriesOf(account)).map(({ points, reason }) => [points, reason])).toEqual([
      [50, 'savings'],
    ]);
  });

  test('and rewards keep the segments that they name', async () => {
    const segment = {
      ...{ key: 'regulars', name: 'Regulars', description: '' },
      rule: { fact: 'age_years', op: 'gte', value: 18 },
    };
    await t.client.post('/v1/segments', segment, 201);
    const condition = { all: [{ segment: 'regulars' }, { fact: 'age_years', op: 'gte', value: 21 }] };
    const programme = await withRules([anEarnRule('named', { condition })]);
    const path = `/v1/loyalty/programmes/${programme}`;
    const anyVersion = { headers: { 'if-match': '*' } };
    const refused = async () =>
      (await t.client.problem('DELETE', '/v1/segments/regulars', 'conflict', undefined, anyVersion)).detail;
    expect(await refused()).toContain(`earn rule named of ${programme}`);
    const { key: _, ...unnamed } = anEarnRule('named');
    await t.client.put(`${path}/earn-rules/named`, unnamed, 200, anyVersion);
    const mug = { ...aReward('mug'), eligibility: condition };
    await t.client.post(`${path}/rewards`, mug, 201);
    expect(await refused()).toContain(`reward mug of ${programme}`);
    const { key: __, delivery: ___, ...retired } = { ...mug, status: 'retired' };
    await t.client.put(`${path}/rewards/mug`, retired, 200, anyVersion);
    const again = anEarnRule('again', { condition });
    await t.client.post(`${path}/earn-rules`, again, 201);
    await t.client.delete(`${path}/earn-rules/again`, 204, anyVersion);
    await t.client.delete('/v1/segments/regulars', 204, anyVersion);
  });
});

describe('points', () => {
  test('are earned once by each rule, with the dates of the activity', async () => {
    const programme = await withRules([
      anEarnRule('cards'),
      anEarnRule('welcome', { points: { fixed: 50 }, repeat: 'once' }),
    ]);
    const { id, path } = await aMember(programme);
    const item = paid(id, '129.90');
    await record(item);
    expect(await balanceOf(path)).toMatchObject({ outstanding: 0 });
    await t.travelTo('2026-03-03T00:00:00Z');
    await t.drain();
    expect(await balanceOf(path)).toMatchObject({ outstanding: 62 });
    await record(item, paid(id, '20', { occurred_at: '2026-03-02T11:00:00Z' }));
    await record(item);
    const entries = await entriesOf(path);
    expect(entries.map(({ points, reason }) => [points, reason])).toEqual([
      [2, 'cards'],
      [50, 'welcome'],
      [12, 'cards'],
    ]);
    const [activity] = (await t.client.get(`/v1/customers/${id}/activities`)).data.slice(-1);
    expect(entries[2].reference).toEqual({ rule: 'cards', version: 1, activity: activity.id });
    const lots = (await t.client.get(`${path}/lots`)).data;
    expect(lots.map((lot: Any) => lot.earned_at)).toEqual([
      '2026-03-02T11:00:00Z',
      '2026-03-02T10:00:00Z',
      '2026-03-02T10:00:00Z',
    ]);
    expect(new Set(lots.map((lot: Any) => lot.operation_id)).size).toBe(3);
    const rule = await t.client.get(`/v1/loyalty/programmes/${programme}/earn-rules/cards`);
    expect(rule.used).toBe(14);
  });

  test('are for those who had the tier when it occurred', async () => {
    const programme = await withRules([]);
    const path = `/v1/loyalty/programmes/${programme}`;
    await t.client.put(`${path}/tiers`, someTiers(), 201);
    await t.drain();
    const extra = anEarnRule('extra', { points: { fixed: 7 }, tiers: ['silver', 'gold'] });
    await t.client.post(`${path}/earn-rules`, extra, 201);
    const member = await aMember(programme);
    const occurs = async () => paid(member.id, '10', { occurred_at: await t.now() });
    const before = await occurs();
    await t.client.post(`${member.path}/accruals`, { points: 5000, reason: 'Test' }, 201);
    await t.drain();
    expect((await t.client.get(`${member.path}/tier`)).tier).toBe('silver');
    // it comes when the tier is reached, and occurred when it was not
    await record(before);
    expect(await balanceOf(member.path)).toMatchObject({ outstanding: 5000 });
    await record(await occurs());
    expect(await balanceOf(member.path)).toMatchObject({ outstanding: 5007 });
  });

  test('are corrected with the activity: reversed in part, superseded, reversed in full', async () => {
    const programme = await withRules([anEarnRule('cards'), anEarnRule('fix', { points: { fixed: 5 } })]);
    const { id, path } = await aMember(programme);
    const now = { occurred_at: '2026-03-03T01:00:00Z' };
    await t.travelTo('2026-03-03T02:00:00Z');
    const item = paid(id, '1000', now);
    await record(item);
    expect(await balanceOf(path)).toMatchObject({ outstanding: 105 });
    const refund = (amount?: string) => ({
      ...paid(id, amount ?? '1000', now),
      type: 'card_refund',
      direction: 'in',
      reverses: { source_id: item.source_id, ...(amount === undefined ? {} : { amount }) },
    });
    await record(refund('333'));
    expect(await balanceOf(path)).toMatchObject({ outstanding: 71 });
    await record({ ...item, amount: '1200', source_version: 1 });
    expect(await balanceOf(path)).toMatchObject({ outstanding: 91 });
    await t.client.post(`${path}/redemptions`, { points: 80, reason: 'Test' }, 201);
    await record(refund());
    expect(await balanceOf(path)).toMatchObject({ outstanding: -80, debt: 80 });
    await record(paid(id, '500', now));
    expect(await balanceOf(path)).toMatchObject({ outstanding: -25, debt: 25 });
  });

  test('that are spent stay where the programme knows no debt', async () => {
    const programme = await withRules([anEarnRule('cards')], { debt: 'refuse' });
    const { id, path } = await aMember(programme);
    await t.travelTo('2026-03-04T02:00:00Z');
    const item = paid(id, '1000', { occurred_at: '2026-03-04T01:00:00Z' });
    await record(item);
    await t.client.post(`${path}/redemptions`, { points: 70, reason: 'Test' }, 201);
    await record({ ...item, amount: '100', source_version: 1 });
    expect(await balanceOf(path)).toMatchObject({ outstanding: 0, debt: 0 });
    await record({ ...item, amount: '700', source_version: 2 });
    expect(await balanceOf(path)).toMatchObject({ outstanding: 0 });
    await record({ ...item, amount: '800', source_version: 3 });
    expect(await balanceOf(path)).toMatchObject({ outstanding: 10 });
  });

  test('are for what the customer did itself, unless the rule says otherwise', async () => {
    const programme = await withRules([
      anEarnRule('own'),
      anEarnRule('bank', {
        points: { fixed: 1 },
        earns: {
          activities: ['card_payment'],
          where: [{ field: 'initiated_by', op: 'in', value: ['bank', 'customer'] }],
        },
      }),
    ]);
    const { id, path } = await aMember(programme);
    const at = { occurred_at: '2026-03-05T01:00:00Z' };
    await t.travelTo('2026-03-05T02:00:00Z');
    await record(paid(id, '100', { ...at, initiated_by: 'bank' }));
    expect(await balanceOf(path)).toMatchObject({ outstanding: 1 });
    await record(paid(id, '100', { ...at, own_transfer: true }));
    expect(await balanceOf(path)).toMatchObject({ outstanding: 1 });
    await record(paid(id, '100', at));
    expect(await balanceOf(path)).toMatchObject({ outstanding: 12 });
  });

  test('are of rules that exclude one another, stack, and multiply', async () => {
    const programme = await withRules([
      anEarnRule('base', { stacks: false, priority: 1 }),
      anEarnRule('better', { stacks: false, priority: 2, points: { per: '5', points: 1, rounding: 'up' } }),
      anEarnRule('also', { points: { fixed: 3 } }),
      anEarnRule('double', { points: { times: '2', of: ['better'] } }),
      anEarnRule('half_more', { points: { times: '1.5', of: null } }),
    ]);
    const { id, path } = await aMember(programme);
    await t.travelTo('2026-03-06T02:00:00Z');
    await record(paid(id, '101', { occurred_at: '2026-03-06T01:00:00Z' }));
    expect((await entriesOf(path)).map(({ points, reason }) => [reason, points]).sort()).toEqual([
      ['also', 3],
      ['better', 21],
      ['double', 21],
      ['half_more', 12],
    ]);
  });

  test('end at caps and budgets, and what is taken back makes room', async () => {
    const programme = await withRules([
      anEarnRule('capped', { caps: [{ period: 'day', points: 15 }] }),
      anEarnRule('budget', { points: { fixed: 10 }, budget: 25 }),
    ]);
    const { id, path } = await aMember(programme);
    const other = await aMember(programme);
    await t.travelTo('2026-03-07T05:00:00Z');
    const at = { occurred_at: '2026-03-07T01:00:00Z' };
    const items = [paid(id, '100', at), paid(id, '100', at)];
    await record(...items);
    expect(await balanceOf(path)).toMatchObject({ outstanding: 35 });
    await record(paid(other.id, '10', at));
    expect(await balanceOf(other.path)).toMatchObject({ outstanding: 6 });
    const reversal = { type: 'card_refund', reverses: { source_id: items[0]?.source_id } };
    await record({ ...paid(id, '100', at), ...reversal });
    expect(await balanceOf(path)).toMatchObject({ outstanding: 15 });
    await record(paid(id, '100', at));
    expect(await balanceOf(path)).toMatchObject({ outstanding: 35 });
    const rule = await t.client.get(`/v1/loyalty/programmes/${programme}/earn-rules/budget`);
    expect(rule.used).toBe(25);
  });

  test('go by the rules of when it was recorded, and by the condition that was met then', async () => {
    const adult = { condition: { fact: 'age_years', op: 'gte', value: 18 } };
    const programme = await withRules([anEarnRule('adults', adult)]);
    const path = `/v1/loyalty/programmes/${programme}/earn-rules/adults`;
    const old = await aMember(programme, { birth_date: '1980-05-05' });
    const young = await aMember(programme, { birth_date: '2015-05-05' });
    await t.travelTo('2026-03-08T05:00:00Z');
    const at = { occurred_at: '2026-03-08T01:00:00Z' };
    const item = paid(old.id, '100', at);
    await record(item, paid(young.id, '100', at));
    expect(await balanceOf(old.path)).toMatchObject({ outstanding: 10 });
    expect(await balanceOf(young.path)).toMatchObject({ outstanding: 0 });
    await t.travelTo('2026-03-08T06:00:00Z');
    const { key: _, ...content } = anEarnRule('adults', { ...adult, points: { fixed: 1 } });
    await t.client.put(path, content, 200, { headers: { 'if-match': '"v1"' } });
    await record({ ...item, amount: '300', source_version: 1 }, paid(old.id, '100', at));
    expect(await balanceOf(old.path)).toMatchObject({ outstanding: 31 });
  });

  test('are for those who had the level of the bank when it occurred', async () => {
    const extra = anEarnRule('extra', { points: { fixed: 7 }, levels: ['affluent'] });
    const programme = await withRules([extra]);
    const { id, path } = await aMember(programme);
    const before = paid(id, '10', { occurred_at: await t.now() });
    await t.client.post('/v1/holdings/upsert', { ...aHolding('EL1', { id }), balance: '400000' }, 201);
    await t.drain();
    expect(await t.client.get(`/v1/customers/${id}/level`)).toMatchObject({ level: 'affluent' });
    // it comes when the level is reached, and occurred when it was not
    await record(before);
    expect(await balanceOf(path)).toMatchObject({ outstanding: 0 });
    await record(paid(id, '10', { occurred_at: await t.now() }));
    expect(await balanceOf(path)).toMatchObject({ outstanding: 7 });
  });

  test('by amount come once the amount has a value', async () => {
    const programme = await withRules([anEarnRule('cards'), anEarnRule('fix', { points: { fixed: 5 } })]);
    const { id, path } = await aMember(programme);
    const now = await t.now();
    await record(paid(id, '100', { occurred_at: now, currency: 'CHF', business_date: '2026-03-03' }));
    expect(await balanceOf(path)).toMatchObject({ outstanding: 5 });
    const rate = { currency: 'CHF', rate: '8', business_date: '2026-03-03', source: 'treasury' };
    await t.client.post('/v1/exchange-rates', { items: [rate] });
    await t.drain();
    expect((await entriesOf(path)).map(({ points, reason }) => [points, reason])).toEqual([
      [80, 'cards'],
      [5, 'fix'],
    ]);
    const [lot] = (await t.client.get(`${path}/lots`)).data;
    expect(new Date(lot.earned_at).getTime()).toBe(new Date(now).getTime());
  });

  test('of a budget for one go to one of many, whoever judges them at once', async () => {
    const programme = await withRules([anEarnRule('scarce', { points: { fixed: 10 }, budget: 10 })]);
    const members = await Promise.all(Array.from({ length: 8 }, () => aMember(programme)));
    const at = { occurred_at: await t.now() };
    await t.client.post('/v1/activities', { items: members.map(({ id }) => paid(id, '10', at)) });
    const ctx = await t.context();
    // as workers that have taken different customers
    const judge = (id: string) =>
      transact(ctx, async (tx) => {
        const marks = await markCustomers(tx, ctx, [id], ['loyalty'], 'expected');
        const due = await tx.rows<DueRow>(sql`
          delete from loyalty_earning_due where customer_id = ${id} returning customer_id, activity_id, occurred_at`);
        const done = await earnFor(tx, ctx, loadFacts, await readThings(tx, due), marks);
        return { value: due.length, ...done };
      });
    expect(await Promise.all(members.map(({ id }) => judge(id)))).toEqual(members.map(() => 1));
    const balances = await Promise.all(members.map(({ path }) => balanceOf(path)));
    expect(balances.map(({ outstanding }) => outstanding).sort()).toEqual([0, 0, 0, 0, 0, 0, 0, 10]);
    const rule = await t.client.get(`/v1/loyalty/programmes/${programme}/earn-rules/scarce`);
    expect(rule.used).toBe(10);
  });
});

describe('a merge', () => {
  const merge = async (survivor: string, merged: string): Promise<string> =>
    (await t.client.post('/v1/merges', { survivor: { id: survivor }, merged: { id: merged } }, 201)).id;
  const revert = (id: string) =>
    t.client.post(`/v1/merges/${id}/revert`, undefined, 200, { headers: { 'if-match': '*' } });

  test('leaves what was earned where it was, corrects it there, and caps both together', async () => {
    const programme = await withRules([anEarnRule('capped', { caps: [{ period: 'month', points: 15 }] })]);
    const [a, b] = [await aMember(programme), await aMember(programme)];
    const at = { occurred_at: await t.now() };
    const ofB = paid(b.id, '100', at);
    await record(paid(a.id, '100', at), ofB);
    const merged = await merge(a.id, b.id);
    await t.drain();
    expect(await balanceOf(a.path)).toMatchObject({ outstanding: 20 });
    await record(paid(a.id, '100', at));
    expect(await balanceOf(a.path)).toMatchObject({ outstanding: 20 });
    await record({ ...ofB, amount: '30', source_version: 1 });
    expect(await balanceOf(a.path)).toMatchObject({ outstanding: 13 });
    await record(paid(a.id, '100', at));
    expect(await balanceOf(a.path)).toMatchObject({ outstanding: 15 });
    await revert(merged);
    await t.drain();
    expect(await balanceOf(a.path)).toMatchObject({ outstanding: 12 });
    expect(await balanceOf(b.path)).toMatchObject({ outstanding: 3 });
    await record({ ...ofB, amount: '90', source_version: 2 });
    expect(await balanceOf(b.path)).toMatchObject({ outstanding: 9 });
    expect((await findingsOf(t.client, programme)).findings).toEqual([]);
  });

  test('takes along what waits, also from before the survivor took part', async () => {
    const programme = await withRules([anEarnRule('cards')]);
    const merged = await aMember(programme);
    const item = paid(merged.id, '50', { occurred_at: await t.now() });
    await t.client.post('/v1/activities', { items: [item] });
    const survivor = await aMember(programme);
    await merge(survivor.id, merged.id);
    await t.drain();
    expect(await balanceOf(survivor.path)).toMatchObject({ outstanding: 5 });
  });

  test('of one who has left with one who takes part is of one who does', async () => {
    const programme = await withRules([anEarnRule('cards')]);
    const left = await aMember(programme);
    await t.client.put(left.path, { status: 'closed' }, 200, { headers: { 'if-match': '*' } });
    const merged = await aMember(programme);
    await merge(left.id, merged.id);
    await record(paid(left.id, '100', { occurred_at: await t.now() }));
    expect(await balanceOf(left.path)).toMatchObject({ outstanding: 10 });
  });
});
