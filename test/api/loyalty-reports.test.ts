/** What the books of a programme say, in each of the forms that can be asked for, and what holds them against themselves. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';
import { aProgramme, findingsOf } from '../support/loyalty.js';

// biome-ignore lint/suspicious/noExplicitAny: whatever the service answered
type Any = any;

let t: TestApp;
let member: string;
let customerId: string;
const report = '/v1/loyalty/rewards';

/** Earned 500 at the beginning, of which 100 expire at the end of April; 80 used, 30 given back; a debt of 20. */
beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-01T04:00:00Z' });
  await t.client.post('/v1/loyalty/programmes', aProgramme('rewards'), 201);
  customerId = (await t.client.post('/v1/customers', aCustomer(), 201)).id;
  member = `/v1/customers/${customerId}/loyalty/rewards`;
  await t.client.put(member, { status: 'open' }, 201);
  const post = (path: string, body: object): Promise<Any> =>
    t.client.post(`${member}/${path}`, { reason: 'Test, "quoted"', ...body }, 201);
  await post('accruals', { points: 400 });
  await post('accruals', { points: 100, earned_at: '2025-04-10T00:00:00Z' });
  const used = await post('redemptions', { points: 80 });
  await post('reversals', { operation_id: used.operation_id, points: 30 });
  await t.travelTo('2026-04-20T00:00:00Z');
  await post('holds', { points: 10, expires_after: 'P60D' });
  await t.travelTo('2026-05-10T00:00:00Z');
});
afterAll(() => t.stop());

const csv = async (path: string): Promise<string[]> => {
  const reply = await t.client.request('GET', path, undefined, { headers: { accept: 'text/csv' } });
  expect(reply.status).toBe(200);
  expect(reply.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  return (reply.body as Any).split('\r\n');
};
const told = ({ ledgers }: Any) => ledgers.map((one: Any) => [one.ledger, one.points]);

describe('reports', () => {
  test('balance, before and after what is due was posted', async () => {
    const expected = [
      ['member', 410],
      ['issued', -500],
      ['redeemed', 50],
      ['expired', 40],
      ['cancelled', 0],
    ];
    const before = await t.client.get(`${report}/trial-balance`);
    expect(before).toMatchObject({ total: 0, debt: 0 });
    expect(told(before)).toEqual(expected);
    const entries = (await t.client.get(`${member}/entries`)).data;
    expect(entries.map((one: Any) => one.kind)).not.toContain('expiry');
    await t.drain();
    expect(told(await t.client.get(`${report}/trial-balance`))).toEqual(expected);
    const past = await t.client.get(`${report}/trial-balance?as_of=2026-04-30T15:59:59.999999Z`);
    expect(told(past)[0]).toEqual(['member', 450]);
    const at = await t.client.get(`${report}/trial-balance?as_of=2026-04-30T16:00:00Z`);
    expect(told(at)[0]).toEqual(['member', 410]);
    expect(await csv(`${report}/trial-balance`)).toEqual([
      ...['ledger,points', 'member,410', 'issued,-500', 'redeemed,50', 'expired,40', 'cancelled,0'],
      ...['total,0', ''],
    ]);
    await t.client.problem('GET', `${report}/trial-balance?as_of=2026-05-11T00:00:00Z`, 'rule_broken');
    await t.client.problem('GET', '/v1/loyalty/nowhere/trial-balance', 'not_found');
  });

  test('count the liability of a past day by the version that was in force then', async () => {
    const { key: _, ...content } = aProgramme('rewards');
    await t.client.put(
      '/v1/loyalty/programmes/rewards',
      { ...content, cost_per_point: '0.0100', breakage: '0.5' },
      200,
      { headers: { 'if-match': '*' } },
    );
    const past = await t.client.get(`${report}/liability?as_of=2026-04-29T00:00:00Z`);
    expect(past).toMatchObject({
      ...{ programme_version: 1, outstanding: 450, cost_per_point: '0.0050', breakage: '0.15' },
      ...{ currency: 'CNY', liability: '1.9125' },
    });
    const now = await t.client.get(`${report}/liability`);
    expect(now).toMatchObject({ programme_version: 2, outstanding: 410, liability: '2.05' });
    const [head, row] = await csv(`${report}/liability`);
    expect(head).toContain('outstanding,cost_per_point,breakage,currency,liability');
    expect(row).toContain('410,0.0100,0.5,CNY,2.05');
    await t.client.problem('GET', `${report}/liability?as_of=2026-02-01T00:00:00Z`, 'rule_broken');
  });

  test('foresee what expires', async () => {
    const forecast = await t.client.get(`${report}/expiry-forecast?months=12`);
    expect(forecast.months).toHaveLength(12);
    expect(forecast.months[0]).toEqual({ month: '2026-05', points: 0 });
    expect(forecast.months[11]).toEqual({ month: '2027-04', points: 400 });
    expect(forecast).toMatchObject({ later: 0, never: 0, kept_by_holds: 10, debt: 0 });
    expect((await csv(`${report}/expiry-forecast?months=2`)).slice(0, 6)).toEqual([
      ...['month,points', '2026-05,0', '2026-06,0', 'later,400', 'never,0', 'kept_by_holds,10'],
    ]);
  });

  test('reconcile, tell the breakage, and draw the months', async () => {
    const all = await t.client.get(`${report}/reconciliation`);
    expect(all).toMatchObject({
      ...{ from: null, outstanding_before: 0, issued: 500, redeemed: 50, expired: 40, cancelled: 0 },
      ...{ outstanding_after: 410, difference: 0 },
    });
    const may = await t.client.get(`${report}/reconciliation?from=2026-04-30T16:00:00Z`);
    expect(may).toMatchObject({ outstanding_before: 450, issued: 0, expired: 40, difference: 0 });
    await t.client.problem(
      'GET',
      `${report}/reconciliation?from=2026-04-30T16:00:00Z&to=2026-04-01T00:00:00Z`,
      'rule_broken',
    );
    expect((await csv(`${report}/reconciliation`))[1]).toContain(',0,500,50,40,0,410,0');
    const broken = await t.client.get(`${report}/breakage`);
    expect(broken).toMatchObject({ issued: 500, expired: 40, rate: '0.08', expected: '0.5' });
    const { months } = await t.client.get(`${report}/statistics?from=2026-03`);
    expect(months).toEqual([
      { month: '2026-03', issued: 500, redeemed: 50, expired: 0, cancelled: 0, outstanding: 450 },
      { month: '2026-04', issued: 0, redeemed: 0, expired: 0, cancelled: 0, outstanding: 450 },
      { month: '2026-05', issued: 0, redeemed: 0, expired: 40, cancelled: 0, outstanding: 410 },
    ]);
    expect(await csv(`${report}/statistics?from=2026-05`)).toContain('2026-05,0,0,40,0,410');
    const drawn = await t.client.request('GET', `${report}/statistics`, undefined, {
      headers: { accept: 'image/svg+xml' },
    });
    expect(drawn.body).toContain('500 issued, 50 redeemed, 40 expired');
    for (const query of ['from=2026-06&to=2026-05', 'to=2026-06', 'from=2010-01'])
      await t.client.problem('GET', `${report}/statistics?${query}`, 'rule_broken');
  });

  test('are of the whole bank', async () => {
    const bound = await t.clientWith(['loyalty:read', 'loyalty:write'], { customer: customerId });
    await bound.problem('GET', `${report}/trial-balance`, 'bank_wide');
    await bound.problem('POST', `${report}/verify`, 'bank_wide');
  });

  test('a statement comes as one stream of CSV', async () => {
    const lines = await csv(`${member}/entries`);
    expect(lines[0]).toContain(
      'booked_at,recorded_at,account_id,number,operation_id,kind,points,balance_after',
    );
    expect(lines).toHaveLength(7);
    expect(lines[4]).toContain('accrual,100,500,"Test, ""quoted""",');
  });
});

describe('verification', () => {
  const entry = (number: number) => `customer_id = '${customerId}' and number = ${number}`;
  const own = () => `customer_id = '${customerId}'`;
  /** What is done to the rows, and what takes it back: each in a way of its own, as no operation would. */
  const corruptions: [type: string, broken: () => string, mended: () => string][] = [
    [
      'entry_unbalanced',
      () => `update loyalty_postings set points = points + 1 where ${entry(2)} and ledger = 'issued'`,
      () => `update loyalty_postings set points = points - 1 where ${entry(2)} and ledger = 'issued'`,
    ],
    [
      'entry_points',
      () => `update loyalty_entries set points = points + 1 where ${entry(2)}`,
      () => `update loyalty_entries set points = points - 1 where ${entry(2)}`,
    ],
    [
      'posting_without_entry',
      () => `update loyalty_postings set number = 99 where ${entry(3)}`,
      () => `update loyalty_postings set number = 3 where ${entry(99)}`,
    ],
    [
      'number_gap',
      () => `update loyalty_accounts set last_number = last_number + 1 where ${own()}`,
      () => `update loyalty_accounts set last_number = last_number - 1 where ${own()}`,
    ],
    [
      'time_order',
      () => `update loyalty_entries set booked_at = booked_at - interval '1 year' where ${entry(3)}`,
      () => `update loyalty_entries set booked_at = booked_at + interval '1 year' where ${entry(3)}`,
    ],
    [
      'balance_chain',
      () => `update loyalty_entries set balance_after = balance_after + 1 where ${entry(3)}`,
      () => `update loyalty_entries set balance_after = balance_after - 1 where ${entry(3)}`,
    ],
    [
      'account_outstanding',
      () => `update loyalty_accounts set outstanding = outstanding + 1 where ${own()}`,
      () => `update loyalty_accounts set outstanding = outstanding - 1 where ${own()}`,
    ],
    [
      'account_debt',
      () => `update loyalty_accounts set debt = debt + 1 where ${own()}`,
      () => `update loyalty_accounts set debt = debt - 1 where ${own()}`,
    ],
    [
      'account_held',
      () => `update loyalty_accounts set held = held + 1 where ${own()}`,
      () => `update loyalty_accounts set held = held - 1 where ${own()}`,
    ],
    [
      'lot_remaining',
      () => `update loyalty_lots set remaining = remaining - 1 where ${own()} and amount = 400`,
      () => `update loyalty_lots set remaining = remaining + 1 where ${own()} and amount = 400`,
    ],
    [
      'lot_bounds',
      () => `update loyalty_lots set amount = 401 where ${own()} and amount = 400`,
      () => `update loyalty_lots set amount = 400 where ${own()} and amount = 401`,
    ],
    [
      'lot_spent',
      () => `update loyalty_lots set spent = spent - 1 where ${own()} and spent > 0`,
      () => `update loyalty_lots set spent = spent + 1 where ${own()} and spent > 0`,
    ],
    [
      'lot_held',
      () => `update loyalty_lots set held = held - 1 where ${own()} and held > 0`,
      () => `update loyalty_lots set held = held + 1 where ${own()} and held > 0`,
    ],
    [
      'hold_lots',
      () => `update loyalty_hold_lots set points = points + 1 where ${own()}`,
      () => `update loyalty_hold_lots set points = points - 1 where ${own()}`,
    ],
    [
      'trial_balance',
      () => `update loyalty_postings set points = points + 1 where ${entry(5)} and ledger = 'expired'`,
      () => `update loyalty_postings set points = points - 1 where ${entry(5)} and ledger = 'expired'`,
    ],
    [
      'closing',
      () => `update loyalty_closings set issued = issued - 1, lots = lots + 1 where programme = 'rewards'
        and until_at = (select min(until_at) from loyalty_closings)`,
      () => `update loyalty_closings set issued = issued + 1, lots = lots - 1 where programme = 'rewards'
        and until_at = (select min(until_at) from loyalty_closings)`,
    ],
  ];
  const run = async (text: string) => expect((await t.database.pool.query(text)).rowCount).toBeGreaterThan(0);

  beforeAll(async () => {
    // so that there is an hour that is not closed, into which an expiry was booked too
    await t.drain();
  });

  test('finds nothing where nothing is wrong', async () => {
    const { findings, accounts, closings } = await findingsOf(t.client, 'rewards');
    expect(findings).toEqual([]);
    expect(accounts).toBe(1);
    expect(closings).toBeGreaterThan(0);
  });

  test.each(corruptions)('finds %s', async (type, broken, mended) => {
    // what is closed is not folded again by the reports: an open rest of the books is what a trial balance adds up
    if (type === 'trial_balance') await t.database.pool.query(`delete from loyalty_closings`);
    await run(broken());
    const { findings } = await findingsOf(t.client, 'rewards');
    await run(mended());
    expect(findings.map((one) => one.type)).toContain(type);
    const found = findings.find((one) => one.type === type);
    if (type !== 'trial_balance' && type !== 'closing') expect(found.customer_id).toBe(customerId);
    if (type === 'trial_balance') await t.drain();
    expect((await findingsOf(t.client, 'rewards')).findings).toEqual([]);
  });

  test('finds the balance of whichever entry is wrong of customers that are one, and of those that were', async () => {
    await t.client.post('/v1/loyalty/programmes', aProgramme('joint'), 201);
    const join = async () => {
      const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
      const path = `/v1/customers/${id}/loyalty/joint`;
      await t.client.put(path, { status: 'open' }, 201);
      return { id: id as string, path };
    };
    const post = (path: string, body: object): Promise<Any> =>
      t.client.post(path, { reason: 'Test', ...body }, 201);
    const [a, b] = [await join(), await join()];
    await post(`${a.path}/accruals`, { points: 100 });
    await post(`${b.path}/accruals`, { points: 50, earned_at: '2025-06-10T00:00:00Z' });
    const pair = { survivor: { id: a.id }, merged: { id: b.id } };
    const { id: merge } = await t.client.post('/v1/merges', pair, 201);
    await post(`${a.path}/redemptions`, { points: 70 });
    await post(`${a.path}/accruals`, { points: 5 });
    const found = async () =>
      (await findingsOf(t.client, 'joint')).findings.map((one) => [one.type, one.account_id, one.number]);
    const expectFound = async (count: number) => {
      expect(await found()).toEqual([]);
      const { rows } = await t.database.pool.query(
        `select account_id, number from loyalty_entries where programme = 'joint'`,
      );
      expect(rows).toHaveLength(count);
      for (const { account_id: account, number } of rows) {
        const change = (by: number) =>
          run(`update loyalty_entries set balance_after = balance_after + ${by}
            where account_id = '${account}' and number = ${number}`);
        await change(1);
        const findings = await found();
        await change(-1);
        expect(findings).toEqual([['balance_chain', account, number]]);
      }
    };
    await expectFound(5);
    await t.client.post(`/v1/merges/${merge}/revert`, undefined, 200, { headers: { 'if-match': '*' } });
    await post(`${b.path}/accruals`, { points: 7 });
    await expectFound(6);
  });
});
