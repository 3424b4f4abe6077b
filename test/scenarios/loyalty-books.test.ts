/**
 * The books of a programme over a random history: whatever was posted late, closed or read in between, every report as of
 * an instant is what folding all postings by hand comes to.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { microsOf } from '../../src/platform/instants.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';
import { aProgramme, findingsOf } from '../support/loyalty.js';

// biome-ignore lint/suspicious/noExplicitAny: whatever the service answered
type Any = any;

const programme = 'books';
const report = `/v1/loyalty/${programme}`;
let t: TestApp;
const members: string[] = [];

beforeAll(async () => {
  t = await startTestApp({ startAt: '2025-12-30T04:00:00Z' });
  await t.client.post(
    '/v1/loyalty/programmes',
    { ...aProgramme(programme), expiry: { policy: 'end_of_month', after: 'P1M' } },
    201,
  );
  for (let place = 0; place < 3; place += 1) {
    const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
    await t.client.put(`/v1/customers/${id}/loyalty/${programme}`, { status: 'open' }, 201);
    members.push(`/v1/customers/${id}/loyalty/${programme}`);
  }
});
afterAll(() => t.stop());

type Command =
  | { kind: 'accrue' | 'redeem' | 'hold'; member: number; points: number; days: number }
  | { kind: 'reverse' | 'resolve'; member: number; pick: number; points: number }
  | { kind: 'travel'; hours: number }
  | { kind: 'work' };

const member = fc.nat(2);
const points = fc.integer({ min: 1, max: 200 });
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('accrue', 'redeem', 'hold'),
      member,
      points,
      days: fc.integer({ min: 1, max: 60 }),
    }) as fc.Arbitrary<Command>,
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('reverse', 'resolve'),
      member,
      pick: fc.nat(20),
      points,
    }) as fc.Arbitrary<Command>,
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('travel'),
      hours: fc.integer({ min: 1, max: 700 }),
    }) as fc.Arbitrary<Command>,
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('work') }) as fc.Arbitrary<Command> },
);

/** What a member may refer to, whether or not it is still possible: a refusal changes nothing. */
const operations: string[][] = [[], [], []];
const holds: string[][] = [[], [], []];

async function send(place: number, path: string, body: object): Promise<Any> {
  const reply = await t.client.request('POST', `${members[place]}/${path}`, { ...body });
  expect([201, 409, 422]).toContain(reply.status);
  return reply.status === 201 ? reply.body : undefined;
}

async function carryOut(one: Command): Promise<void> {
  if (one.kind === 'work') return t.drain();
  if (one.kind === 'travel')
    return t.travelTo(new Date(Date.parse(await t.now()) + one.hours * 3_600_000).toISOString());
  const { member: place } = one;
  if (one.kind === 'reverse' || one.kind === 'resolve') {
    const known = one.kind === 'reverse' ? operations[place] : holds[place];
    const id = known?.[one.pick % Math.max(1, known.length)];
    if (id === undefined) return;
    const body = { operation_id: id, reason: 'x', ...(one.pick % 2 === 0 ? {} : { points: one.points }) };
    if (one.kind === 'reverse') await send(place, 'reversals', body);
    else if (one.pick % 3 === 0) await t.client.request('POST', `${members[place]}/holds/${id}/void`);
    else await send(place, `holds/${id}/capture`, one.pick % 2 === 0 ? {} : { points: one.points });
    return;
  }
  const body = { points: one.points, reason: 'x' };
  if (one.kind === 'hold') {
    const held = await send(place, 'holds', { ...body, expires_after: `P${one.days}D` });
    if (held !== undefined) holds[place]?.push(held.hold_id);
    return;
  }
  const done = await send(place, one.kind === 'accrue' ? 'accruals' : 'redemptions', body);
  if (done !== undefined) operations[place]?.push(done.operation_id);
}

type Posting = { ledger: string; points: number; booked_at: string };

/** The naive way: everything, added up. */
const folded = (postings: readonly Posting[], asOf: string) =>
  Object.fromEntries(
    ['member', 'issued', 'redeemed', 'expired', 'cancelled'].map((ledger) => [
      ledger,
      postings
        .filter((one) => one.ledger === ledger && microsOf(one.booked_at) <= microsOf(asOf))
        .reduce((sum, one) => sum + one.points, 0),
    ]),
  );

const told = ({ ledgers }: Any) =>
  Object.fromEntries(ledgers.map(({ ledger, points: some }: Any) => [ledger, some]));
const balanceAt = async (instant: string): Promise<Any> =>
  told(await t.client.get(`${report}/trial-balance?as_of=${instant}`));

test('every report is what folding the postings comes to, closed or not, posted or not', async () => {
  const commands = fc.sample(command, { seed: 20260301, numRuns: 140 });
  const seen: { instant: string; balance: Any; verified: boolean }[] = [];
  for (const one of commands) {
    await carryOut(one);
    if (one.kind !== 'travel') continue;
    const instant = await t.now();
    seen.push({ instant, balance: await balanceAt(instant), verified: false });
  }
  await t.drain();
  const postings = await allPostings();
  const kinds = new Set(postings.map(({ ledger }) => ledger));
  expect([...kinds].sort()).toEqual(['cancelled', 'expired', 'issued', 'member', 'redeemed']);
  expect(seen.length).toBeGreaterThan(15);
  for (const { instant, balance } of seen) {
    const expected = folded(postings, instant);
    expect(balance, `as it was answered at ${instant}`).toEqual(expected);
    expect(await balanceAt(instant), `as it is answered now of ${instant}`).toEqual(expected);
  }
  const { rows } = await t.database.pool.query('select count(*)::int as closed from loyalty_closings');
  expect(rows[0].closed).toBeGreaterThan(20);
});

const allPostings = async (): Promise<Posting[]> =>
  (
    await t.database.pool.query(
      'select ledger, points, booked_at from loyalty_postings where programme = $1',
      [programme],
    )
  ).rows;

test('closings are what they close, at instants around each of them', async () => {
  const postings = await allPostings();
  const { rows } = await t.database.pool.query(
    'select until_at from loyalty_closings where programme = $1 order by until_at',
    [programme],
  );
  for (const { until_at: until } of rows.slice(0, 25))
    for (const instant of [new Date(Date.parse(until) - 1).toISOString(), until])
      expect(await balanceAt(instant), instant).toEqual(folded(postings, instant));
});

test('months, reconciliation and breakage are sums of the same postings', async () => {
  const postings = await allPostings();
  const during = (ledger: string, from: string, to: string) =>
    postings
      .filter(
        (one) =>
          one.ledger === ledger &&
          microsOf(one.booked_at) >= microsOf(from) &&
          microsOf(one.booked_at) < microsOf(to),
      )
      .reduce((sum, one) => sum + one.points, 0);
  const now = await t.now();
  const { months } = await t.client.get(`${report}/statistics?from=2025-12`);
  expect(months.length).toBeGreaterThan(10);
  let outstanding = 0;
  for (const one of months) {
    // the programme counts by the calendar of Shanghai
    const start = new Date(Date.parse(`${one.month}-01T00:00:00+08:00`)).toISOString();
    const [year, month] = one.month.split('-').map(Number);
    const end = new Date(Date.UTC(year, month, 1) - 8 * 3_600_000).toISOString();
    outstanding += during('member', start, end);
    expect(one).toEqual({
      month: one.month,
      issued: 0 - during('issued', start, end),
      redeemed: during('redeemed', start, end),
      expired: during('expired', start, end),
      cancelled: during('cancelled', start, end),
      outstanding,
    });
  }
  const [from, to] = ['2026-02-03T05:06:07.008Z', '2026-09-10T11:12:13Z'];
  const reconciled = await t.client.get(`${report}/reconciliation?from=${from}&to=${to}`);
  expect(reconciled).toMatchObject({
    outstanding_before: during('member', '2020-01-01T00:00:00Z', from),
    issued: 0 - during('issued', from, to),
    redeemed: during('redeemed', from, to),
    expired: during('expired', from, to),
    cancelled: during('cancelled', from, to),
    outstanding_after: during('member', '2020-01-01T00:00:00Z', to),
    difference: 0,
  });
  const broken = await t.client.get(`${report}/breakage`);
  const [issued, expired] = [0 - during('issued', from, now), during('expired', '2020-01-01T00:00:00Z', now)];
  expect(broken.expired).toBe(expired);
  expect(broken.issued).toBeGreaterThanOrEqual(issued);
});

test('nothing is wrong with them', async () => {
  const { findings, accounts, closings } = await findingsOf(t.client, programme, 2);
  expect(findings).toEqual([]);
  expect(accounts).toBe(3);
  expect(closings).toBeGreaterThan(20);
});
