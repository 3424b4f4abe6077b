/** Points as a bank's back end uses them: programmes, accounts, and every way in which points come and go. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';
import { aProgramme } from '../support/loyalty.js';

// biome-ignore lint/suspicious/noExplicitAny: whatever the service answered
type Any = any;

let t: TestApp;

beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-01T04:00:00Z' });
  await t.client.post('/v1/loyalty/programmes', aProgramme('rewards'), 201);
});
afterAll(() => t.stop());

/** A new customer who takes part, and where its points are. */
async function aMember(programme = 'rewards'): Promise<{ id: string; path: string }> {
  const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
  const path = `/v1/customers/${id}/loyalty/${programme}`;
  await t.client.put(path, { status: 'open' }, 201);
  return { id, path };
}
const earn = (path: string, points: number, more: object = {}): Promise<Any> =>
  t.client.post(`${path}/accruals`, { points, reason: 'Test', ...more }, 201);
const redeem = (path: string, points: number): Promise<Any> =>
  t.client.post(`${path}/redemptions`, { points, reason: 'Test' }, 201);
const reverse = (path: string, operation_id: string, more: object = {}): Promise<Any> =>
  t.client.post(`${path}/reversals`, { operation_id, reason: 'Test', ...more }, 201);
const balanceOf = async (path: string): Promise<Any> => (await t.client.get(path)).balance;

describe('programmes', () => {
  test('are made, read, listed and changed by version', async () => {
    const made = await t.client.request('POST', '/v1/loyalty/programmes', aProgramme('miles'));
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe('/v1/loyalty/programmes/miles');
    expect(made.body).toMatchObject({ version: 1, ...aProgramme('miles') });
    const path = '/v1/loyalty/programmes/miles';
    const { key: _, ...content } = aProgramme('miles');
    await t.client.problem('PUT', path, 'precondition_required', content);
    const same = await t.client.put(path, content, 200, { headers: { 'if-match': '"v1"' } });
    expect(same.version).toBe(1);
    const next = { ...content, breakage: '0.2' };
    const changed = await t.client.put(path, next, 200, { headers: { 'if-match': '"v1"' } });
    expect(changed).toMatchObject({ version: 2, breakage: '0.2' });
    await t.client.problem('PUT', path, 'stale_version', content, { headers: { 'if-match': '"v1"' } });
    const keys = (await t.client.get('/v1/loyalty/programmes')).data.map((one: Any) => one.key);
    expect(keys).toEqual(['miles', 'rewards']);
    await t.client.problem('POST', '/v1/loyalty/programmes', 'conflict', aProgramme('miles'));
  });

  test('say what is wrong with them', async () => {
    const problem = await t.client.problem('POST', '/v1/loyalty/programmes', 'rule_broken', {
      ...aProgramme('odd'),
      ...{ time_zone: 'Mars/Olympus', hold_for: 'PT0S', pending_for: 'P101Y' },
      conversions: [
        { to: 'odd', rate: '2' },
        { to: 'nowhere', rate: '0.5' },
      ],
    });
    expect(problem.errors.map((one: Any) => [one.pointer, one.code])).toEqual([
      ['/time_zone', 'unknown_time_zone'],
      ['/pending_for', 'out_of_range'],
      ['/hold_for', 'out_of_range'],
      ['/conversions/0/to', 'same_programme'],
      ['/conversions/1/to', 'unknown_programme'],
    ]);
    await t.client.problem('POST', '/v1/loyalty/programmes', 'rule_broken', aProgramme('search'));
    // PostgreSQL counts an offset in the other direction than the rest of the world
    const offset = { ...aProgramme('odd'), time_zone: '+08:00' };
    const { errors } = await t.client.problem('POST', '/v1/loyalty/programmes', 'rule_broken', offset);
    expect(errors).toMatchObject([{ pointer: '/time_zone', code: 'unknown_time_zone' }]);
  });
});

describe('an account', () => {
  test('is opened once, closed, and opened again', async () => {
    const { id, path } = await aMember();
    await t.client.problem('PUT', path, 'precondition_required', { status: 'closed' });
    await earn(path, 100);
    const { version } = await t.client.get(path);
    const closed = await t.client.put(path, { status: 'closed' }, 200, {
      headers: { 'if-match': `"v${version}"` },
    });
    expect(closed).toMatchObject({ status: 'closed', balance: { outstanding: 0, available: 0 } });
    await t.client.problem('POST', `${path}/accruals`, 'conflict', { points: 1, reason: 'x' });
    await t.client.problem('POST', `${path}/redemptions`, 'conflict', { points: 1, reason: 'x' });
    const again = await t.client.put(path, { status: 'open' }, 200, { headers: { 'if-match': '*' } });
    expect(again).toMatchObject({ status: 'open', closed_at: null });
    const { data } = await t.client.get(`/v1/customers/${id}/loyalty`);
    expect(data.map((one: Any) => [one.programme, one.status])).toEqual([['rewards', 'open']]);
    const other = await t.client.post('/v1/customers', aCustomer(), 201);
    await t.client.problem('GET', `/v1/customers/${other.id}/loyalty/rewards`, 'not_found');
    await t.client.problem('POST', `/v1/customers/${other.id}/loyalty/rewards/accruals`, 'not_found', {
      points: 1,
      reason: 'x',
    });
    await t.client.problem('PUT', `/v1/customers/${other.id}/loyalty/nowhere`, 'not_found', {
      status: 'open',
    });
  });

  test('has an ETag that changes with what time alone changes', async () => {
    const { path } = await aMember();
    const read = (etag: string) =>
      t.client.request('GET', path, undefined, { headers: { 'if-none-match': etag } });
    const tag = (await read('"none"')).headers.get('etag') ?? '';
    expect((await read(tag)).status).toBe(304);
    await earn(path, 10);
    const changed = await read(tag);
    expect(changed.status).toBe(200);
    const headers = { 'if-match': changed.headers.get('etag') ?? '' };
    await t.client.problem(
      'PUT',
      path,
      'stale_version',
      { status: 'closed' },
      { headers: { 'if-match': tag } },
    );
    await t.client.put(path, { status: 'open' }, 200, { headers });
  });

  test('needs an idempotency key wherever points move', async () => {
    const { path } = await aMember();
    const reply = await fetch(`${t.origin}${path}/accruals`, {
      method: 'POST',
      headers: { authorization: `Bearer ${t.client.secret}`, 'content-type': 'application/json' },
      body: JSON.stringify({ points: 1, reason: 'x' }),
    });
    const problem = (await reply.json()) as Any;
    expect(problem).toMatchObject({ status: 400, code: 'malformed_request' });
    expect(problem.errors[0]).toMatchObject({ in: 'header', pointer: '/idempotency-key' });
  });
});

describe('points', () => {
  test('are used in the order of their expiry, and the statement balances', async () => {
    const { path } = await aMember();
    const late = await earn(path, 100);
    const early = await earn(path, 50, { earned_at: '2025-06-10T00:00:00Z' });
    expect(early.lots[0].expires_at).toBe('2026-06-30T16:00:00Z');
    expect(early.balance).toMatchObject({
      ...{ outstanding: 150, available: 150, pending: 0, held: 0, debt: 0 },
      next_expiry: { at: '2026-06-30T16:00:00Z', points: 50 },
    });
    const used = await redeem(path, 70);
    expect(used).toMatchObject({ kind: 'redemption', points: -70, balance: { available: 80 } });
    expect(used.lots.map((one: Any) => [one.lot_id, one.points])).toEqual([
      [early.lots[0].lot_id, -50],
      [late.lots[0].lot_id, -20],
    ]);
    const problem = await t.client.problem('POST', `${path}/redemptions`, 'insufficient_points', {
      points: 81,
      reason: 'x',
    });
    expect(problem).toMatchObject({ status: 409 });
    expect(problem.detail).toContain('80 can be used');

    const first = await t.client.get(`${path}/entries?limit=2`);
    expect(first.data.map((one: Any) => [one.number, one.kind, one.points, one.balance_after])).toEqual([
      [3, 'redemption', -70, 80],
      [2, 'accrual', 50, 150],
    ]);
    const rest = await t.client.get(`${path}/entries?limit=2&cursor=${first.next_cursor}`);
    expect(rest.data.map((one: Any) => one.number)).toEqual([1]);
    for (const entry of [...first.data, ...rest.data])
      expect(entry.postings.reduce((sum: number, one: Any) => sum + one.points, 0)).toBe(0);
    const lots = await t.client.get(`${path}/lots?open=false`);
    expect(lots.data.map((one: Any) => [one.amount, one.remaining, one.state])).toEqual([
      [50, 0, 'used'],
      [100, 80, 'usable'],
    ]);
  });

  test('come back to their lots, in part and in full, and once', async () => {
    const { path } = await aMember();
    await earn(path, 100);
    const used = await redeem(path, 60);
    const part = await reverse(path, used.operation_id, { points: 20 });
    expect(part).toMatchObject({ kind: 'refund', points: 20, balance: { available: 60 } });
    const rest = await reverse(path, used.operation_id);
    expect(rest).toMatchObject({ points: 40, balance: { available: 100 }, reverses_id: used.operation_id });
    const body = { operation_id: used.operation_id, reason: 'x' };
    await t.client.problem('POST', `${path}/reversals`, 'conflict', body);
    await t.client.problem('POST', `${path}/reversals`, 'rule_broken', {
      ...body,
      operation_id: '0197f3c2-2b7e-7c31-9d52-3f6a1e2b4c5d',
    });
  });

  test('that were spent before they are taken back become a debt, which new ones pay first', async () => {
    const { path } = await aMember();
    const earned = await earn(path, 100);
    await redeem(path, 80);
    const back = await reverse(path, earned.operation_id);
    expect(back).toMatchObject({
      ...{ kind: 'reversal', points: -100, new_debt: 80 },
      balance: { outstanding: -80, available: 0, debt: 80 },
    });
    const next = await earn(path, 100);
    expect(next).toMatchObject({ paid_debt: 80, balance: { outstanding: 20, available: 20, debt: 0 } });
  });

  test('of a programme without debt are not taken back once they are spent', async () => {
    await t.client.post('/v1/loyalty/programmes', { ...aProgramme('strict'), debt: 'refuse' }, 201);
    const { path } = await aMember('strict');
    const earned = await earn(path, 100);
    await redeem(path, 80);
    await t.client.problem('POST', `${path}/reversals`, 'insufficient_points', {
      operation_id: earned.operation_id,
      reason: 'x',
    });
    expect(await balanceOf(path)).toMatchObject({ outstanding: 20, debt: 0 });
    const part = await reverse(path, earned.operation_id, { points: 20 });
    expect(part.balance).toMatchObject({ outstanding: 0, debt: 0 });
  });

  test('are held, captured in part, voided, and resolved once', async () => {
    const { path } = await aMember();
    await earn(path, 100);
    const hold = async (points: number, more: object = {}): Promise<Any> =>
      t.client.post(`${path}/holds`, { points, reason: 'Test', ...more }, 201);
    const held = await hold(70);
    expect(held).toMatchObject({
      kind: 'hold',
      points: 0,
      balance: { outstanding: 100, available: 30, held: 70 },
    });
    await t.client.problem('POST', `${path}/redemptions`, 'insufficient_points', { points: 31, reason: 'x' });
    await t.client.problem('POST', `${path}/holds/${held.hold_id}/capture`, 'rule_broken', { points: 71 });
    const captured = await t.client.post(`${path}/holds/${held.hold_id}/capture`, { points: 50 }, 201);
    expect(captured).toMatchObject({
      ...{ kind: 'redemption', points: -50, hold_id: held.hold_id },
      balance: { outstanding: 50, available: 50, held: 0 },
    });
    await t.client.problem('POST', `${path}/holds/${held.hold_id}/void`, 'conflict');
    await t.client.problem('POST', `${path}/holds/${held.hold_id}/capture`, 'conflict', {});
    const second = await hold(20);
    const voided = await t.client.request('POST', `${path}/holds/${second.hold_id}/void`);
    expect(voided.body).toMatchObject({ kind: 'void', balance: { available: 50, held: 0 } });
    const refunded = await reverse(path, captured.operation_id);
    expect(refunded.balance).toMatchObject({ available: 100 });
    await t.client.problem('POST', `${path}/holds`, 'rule_broken', {
      ...{ points: 1, reason: 'x', expires_after: 'P2Y' },
    });
  });

  test('are corrected by hand, and beyond the limit a second person has to say yes', async () => {
    const { path } = await aMember();
    const adjust = (points: number) =>
      t.client.request('POST', `${path}/adjustments`, { points, reason: 'Goodwill' });
    expect((await adjust(500)).body).toMatchObject({ kind: 'adjustment', points: 500 });
    expect((await adjust(-100)).body).toMatchObject({ points: -100, balance: { available: 400 } });
    expect((await adjust(0)).body).toMatchObject({ code: 'rule_broken' });
    expect((await adjust(-401)).body).toMatchObject({ code: 'insufficient_points' });
    const waits = await adjust(10_001);
    expect(waits.status).toBe(202);
    expect(await balanceOf(path)).toMatchObject({ available: 400 });
    await t.client.problem(
      'POST',
      `/v1/approvals/${waits.body.id}/approve`,
      'second_person_required',
      {},
      {
        headers: { 'if-match': '*' },
      },
    );
    const second = await t.clientWith(['admin']);
    await second.post(`/v1/approvals/${waits.body.id}/approve`, {}, 200, { headers: { 'if-match': '*' } });
    expect(await balanceOf(path)).toMatchObject({ available: 10_401 });
  });

  test('go to another customer with their dates, and into another programme by its rate', async () => {
    const [a, b] = [await aMember(), await aMember()];
    const earned = await earn(a.path, 100, { earned_at: '2025-12-10T00:00:00Z' });
    const given = await t.client.post(
      `${a.path}/transfers`,
      { points: 40, to_customer: b.id, reason: 'Gift' },
      201,
    );
    expect(given).toMatchObject({ kind: 'transfer_out', points: -40, balance: { available: 60 } });
    const [lot] = (await t.client.get(`${b.path}/lots`)).data;
    expect(lot).toMatchObject({ remaining: 40, expires_at: earned.lots[0].expires_at });
    await t.client.post(
      '/v1/loyalty/programmes',
      { ...aProgramme('stars'), transferable: false, conversions: [{ to: 'rewards', rate: '0.333' }] },
      201,
    );
    const stars = `/v1/customers/${a.id}/loyalty/stars`;
    await t.client.put(stars, { status: 'open' }, 201);
    await earn(stars, 100);
    const converted = await t.client.post(
      `${stars}/transfers`,
      { points: 10, to_programme: 'rewards', reason: 'Change' },
      201,
    );
    expect(converted).toMatchObject({ points: -10, balance: { available: 90 } });
    expect(await balanceOf(a.path)).toMatchObject({ available: 63 });
    const transfers = `${stars}/transfers`;
    await t.client.problem('POST', transfers, 'rule_broken', {
      points: 1,
      to_programme: 'rewards',
      reason: 'x',
    });
    await t.client
      .problem('POST', transfers, 'conflict', { points: 1, to_programme: 'miles', reason: 'x' })
      .catch(async () =>
        t.client.problem('POST', transfers, 'not_found', { points: 1, to_programme: 'miles', reason: 'x' }),
      );
    await t.client.problem('POST', transfers, 'not_found', { points: 1, to_customer: b.id, reason: 'x' });
    await t.client.problem('POST', transfers, 'rule_broken', { points: 1, reason: 'x' });
  });
});

describe('a merge', () => {
  const merge = (survivor: string, merged: string) =>
    t.client.post('/v1/merges', { survivor: { id: survivor }, merged: { id: merged } }, 201);
  const entriesOf = async (path: string): Promise<Any[]> => (await t.client.get(`${path}/entries`)).data;

  test('gives the survivor the points of both, and a revert gives each its own', async () => {
    const [a, b] = [await aMember(), await aMember()];
    await earn(a.path, 100);
    const earned = await earn(b.path, 50, { earned_at: '2025-12-10T00:00:00Z' });
    const before = [await entriesOf(a.path), await entriesOf(b.path)];
    const { id } = await merge(a.id, b.id);
    expect(await balanceOf(a.path)).toMatchObject({ outstanding: 150, available: 150 });
    // the old id answers with the survivor
    expect(await balanceOf(b.path)).toMatchObject({ outstanding: 150 });
    expect(await entriesOf(a.path)).toHaveLength(2);
    // out of both: the soonest expiry first
    const used = await redeem(a.path, 70);
    expect(used.lots.map((one: Any) => one.points)).toEqual([-50, -20]);
    await reverse(a.path, used.operation_id, { points: 30 });
    const hold = await t.client.post(`${a.path}/holds`, { points: 105, reason: 'x' }, 201);
    await t.client.post(`/v1/merges/${id}/revert`, undefined, 200, { headers: { 'if-match': '*' } });
    // 70 used of 50 + 100, and 30 came back, those last that were used first: 10 of the 50, 20 of the 100
    expect(await balanceOf(a.path)).toMatchObject({ outstanding: 100, available: 100, held: 0 });
    expect(await balanceOf(b.path)).toMatchObject({ outstanding: 10, available: 10, held: 0 });
    await t.client.problem('POST', `${a.path}/holds/${hold.hold_id}/void`, 'conflict');
    expect((await entriesOf(a.path)).at(-1)).toEqual(before[0]?.at(-1));
    expect((await entriesOf(b.path)).at(-1)).toEqual(before[1]?.at(-1));
    const back = await reverse(b.path, earned.operation_id);
    expect(back).toMatchObject({ new_debt: 40, balance: { outstanding: -40 } });
  });

  test('of a customer who takes no part with one who does is as if the one had always been the other', async () => {
    const b = await aMember();
    const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
    await earn(b.path, 50);
    const { id: merge_id } = await merge(id, b.id);
    const path = `/v1/customers/${id}/loyalty/rewards`;
    await earn(path, 5);
    expect(await balanceOf(path)).toMatchObject({ outstanding: 55 });
    await t.client.post(`/v1/merges/${merge_id}/revert`, undefined, 200, { headers: { 'if-match': '*' } });
    await t.client.problem('GET', path, 'not_found');
    expect(await balanceOf(b.path)).toMatchObject({ outstanding: 55 });
    expect((await entriesOf(b.path)).map((one) => one.points)).toEqual([5, 50]);
  });
});

describe('many at once', () => {
  test('of 50 redemptions exactly those succeed that the balance allows', async () => {
    const { path } = await aMember();
    await earn(path, 170);
    const replies = await Promise.all(
      Array.from({ length: 50 }, () =>
        t.client.request('POST', `${path}/redemptions`, { points: 10, reason: 'x' }),
      ),
    );
    const statuses = replies.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(17);
    expect(statuses.filter((status) => status === 409)).toHaveLength(33);
    expect(await balanceOf(path)).toMatchObject({ outstanding: 0, available: 0 });
  });

  test('the same key 50 times at once gives one entry', async () => {
    const { path } = await aMember();
    const headers = { 'idempotency-key': 'the-same-key' };
    const send = async (): Promise<Any> => {
      for (;;) {
        const reply = await t.client.request(
          'POST',
          `${path}/accruals`,
          { points: 10, reason: 'x' },
          { headers },
        );
        if (reply.status === 201) return reply.body;
        expect(reply.body.code).toBe('idempotency_in_progress');
      }
    };
    const replies = await Promise.all(Array.from({ length: 50 }, send));
    expect(new Set(replies.map((one) => one.operation_id)).size).toBe(1);
    expect((await t.client.get(`${path}/entries`)).data).toHaveLength(1);
    expect(await balanceOf(path)).toMatchObject({ outstanding: 10 });
  });
});

describe('when time passes', () => {
  test('lots expire at their instant, holds time out, and what was held expires then', async () => {
    const { path } = await aMember();
    await earn(path, 100, { earned_at: '2025-03-10T00:00:00Z' });
    await earn(path, 30);
    const held = await t.client.post(
      `${path}/holds`,
      { points: 40, reason: 'Test', expires_after: 'P40D' },
      201,
    );
    expect(held.balance.next_expiry).toEqual({ at: '2026-03-31T16:00:00Z', points: 100 });
    await t.travelTo('2026-04-02T00:00:00Z');
    // before anybody has posted it
    expect(await balanceOf(path)).toMatchObject({ outstanding: 70, available: 30, held: 40 });
    await t.drain();
    expect(await balanceOf(path)).toMatchObject({ outstanding: 70, available: 30, held: 40 });
    const [expiry] = (await t.client.get(`${path}/entries`)).data;
    expect(expiry).toMatchObject({ kind: 'expiry', points: -60, booked_at: '2026-03-31T16:00:00Z' });
    await t.travelTo('2026-04-20T00:00:00Z');
    expect(await balanceOf(path)).toMatchObject({ outstanding: 30, available: 30, held: 0 });
    await t.drain();
    const [late] = (await t.client.get(`${path}/entries`)).data;
    expect(late).toMatchObject({ kind: 'expiry', points: -40, booked_at: held.hold_expires_at });
    await t.drain();
    expect((await t.client.get(`${path}/entries`)).data).toHaveLength(4);
  });

  test('points that come back to a lot that has expired are restored with a grace date, or forfeited', async () => {
    await t.client.post(
      '/v1/loyalty/programmes',
      { ...aProgramme('hard'), refund_of_expired: { policy: 'forfeit' } },
      201,
    );
    const earned_at = '2025-05-02T00:00:00Z';
    const [soft, hard] = [await aMember(), await aMember('hard')];
    const used: Any[] = [];
    for (const { path } of [soft, hard]) {
      await earn(path, 100, { earned_at });
      used.push(await redeem(path, 60));
    }
    await t.travelTo('2026-06-10T00:00:00Z');
    const restored = await reverse(soft.path, used[0].operation_id);
    expect(restored).toMatchObject({ restored: 60, forfeited: 0, balance: { available: 60 } });
    expect(restored.balance.next_expiry.points).toBe(60);
    expect(restored.balance.next_expiry.at).toMatch(/^2026-07-10T00:00:0/);
    const forfeited = await reverse(hard.path, used[1].operation_id);
    expect(forfeited).toMatchObject({ restored: 0, forfeited: 60, points: 0, balance: { outstanding: 0 } });
  });
});
