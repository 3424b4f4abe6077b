/** Nobody writes, and the clock moves: members leave a window of 30 days one by one, each at its own instant. */
import { sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { instantOf, microsOf } from '../../src/platform/instants.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';
import { expectRecomputed, expectSound } from '../support/recomputation.js';

let t: TestApp;
beforeAll(async () => {
  // the clocks change on 29 March, and the window of the last reaches over it
  t = await startTestApp({ startAt: '2026-03-20T04:00:00Z', env: { BANK_TIME_ZONE: 'Europe/Prague' } });
});
afterAll(() => t.stop());

const leaves = (at: string) =>
  microsOf(
    Temporal.Instant.from(at).toZonedDateTimeISO('Europe/Prague').add({ days: 30 }).toInstant().toString(),
  );

test('members leave a 30-day window with no write, at their instants, however late the worker comes', async () => {
  const rule = { activity: 'login', window: { last: 'P30D' }, measure: 'count', op: 'gte', value: 1 };
  await t.client.post('/v1/segments', { key: 'lately', name: 'Lately', description: '', rule }, 201);
  const logins = [
    '2026-02-20T10:00:00Z',
    '2026-02-25T23:30:00Z',
    '2026-03-01T00:00:00Z',
    '2026-03-15T12:00:00Z',
    '2026-03-19T08:15:00.5Z',
  ];
  const ids: string[] = [];
  for (const [place, at] of logins.entries()) {
    const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
    ids.push(id);
    const item = {
      source: 'app',
      source_id: `clock ${place}`,
      customer: { id },
      type: 'login',
      occurred_at: at,
    };
    await t.client.post('/v1/activities', { items: [item] });
  }
  await t.drain();
  const versions = await t.database.rows(sql`select id, version from customers order by id`);
  const members = async () =>
    (await t.client.get('/v1/segments/lately/members')).data.map(
      (one: { customer_id: string }) => one.customer_id,
    );
  expect(await members()).toEqual([...ids].sort());

  // day by day until two have left, then nobody works for weeks
  for (const [now, left] of [
    ['2026-03-22T09:59:00Z', 0],
    ['2026-03-22T10:00:00Z', 1],
    ['2026-03-28T12:00:00Z', 2],
  ] as const) {
    await t.travelTo(now);
    await t.drain();
    expect(await members()).toEqual(ids.slice(left).sort());
    await expectRecomputed(t);
  }
  await t.travelTo('2026-06-01T00:00:00Z');
  await t.drain();
  expect(await members()).toEqual([]);

  const rows = await t.database.rows<{ customer_id: string; left_at: string; left_cause: string }>(
    sql`select customer_id, left_at, left_cause from memberships where segment = 'lately' order by customer_id`,
  );
  expect(rows.map((row) => [row.customer_id, microsOf(row.left_at), row.left_cause])).toEqual(
    ids.map((id, place) => [id, leaves(logins[place] as string), 'time']).sort(),
  );
  const events = await t.client.get('/v1/events?limit=1000');
  type Event = { type: string; subject: string; data: { segment?: string; effective_at: string } };
  const told = events.data.filter(
    (one: Event) => one.type === 'clientele.segment.left' && one.data.segment === 'lately',
  );
  expect(told.map((one: Event) => [one.subject, microsOf(one.data.effective_at)]).sort()).toEqual(
    rows.map((row) => [row.customer_id, microsOf(row.left_at)]).sort(),
  );
  // as of any instant between, who had not left yet, told by nothing but what was recorded
  const asOf = instantOf(leaves(logins[2] as string) - 1);
  const { data } = await t.client.get(`/v1/segments/lately/members?as_of=${asOf}`);
  expect(data.map((one: { customer_id: string }) => one.customer_id)).toEqual(ids.slice(2).sort());
  expect(await t.database.rows(sql`select id, version from customers order by id`)).toEqual(versions);
  await expectSound(t);
});
