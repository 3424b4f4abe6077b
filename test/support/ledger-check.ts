/** Holds the database against the ledger of all that was acknowledged. */
import type pg from 'pg';
import { expect } from 'vitest';
import type { Client } from './client.js';
import { type Ledger, segmentActivities, segmentCity } from './ledger.js';

const settleOptions = { timeout: 90_000, interval: 250 };

/** Waits until the relay and the reviews have nothing to do. */
export async function untilSettled(pool: pg.Pool): Promise<void> {
  await expect
    .poll(async () => {
      const { rows } = await pool.query(`
        select (select count(*)::int from outbox where sequence is null) as unpublished,
          (select count(*)::int from review_state where marked_at is not null) as unreviewed,
          (select count(*)::int from segment_versions where completed_at is null) as unfinished`);
      return rows[0];
    }, settleOptions)
    .toEqual({ unpublished: 0, unreviewed: 0, unfinished: 0 });
}

/** Every customer, holding and activity of the ledger is there once, and nothing else is. */
async function expectRows(pool: pg.Pool, ledger: Ledger): Promise<void> {
  const { rows: customers } = await pool.query(`
    select c.id, c.city, c.version,
      coalesce((select sum(count) from activity_totals t where t.customer_id = c.id), 0)::int as totals,
      (select count(*) from activities a where a.customer_id = c.id and a.state = 'current')::int as activities
    from customers c order by c.id`);
  const expected = [...ledger.customers]
    .sort((left, right) => (left.id < right.id ? -1 : 1))
    .map(({ id, city, version, activities }) => ({ id, city, version, totals: activities, activities }));
  expect(customers.map((row) => ({ ...row, version: Number(row.version) }))).toEqual(expected);
  const { rows } = await pool.query(`
    select (select count(*)::int from holdings) as holdings,
      (select count(*)::int from identifiers) as identifiers,
      (select count(*)::int from activity_keys) as keys,
      (select count(*)::int from audit_entries where action in ('customer.created', 'customer.updated')) as audit`);
  expect(rows[0]).toEqual({
    holdings: ledger.holdings,
    identifiers: ledger.customers.length,
    keys: ledger.activities,
    audit: ledger.customers.length + ledger.changes,
  });
}

/** One event a change, in a sequence without a gap, and the feed has them all in it. */
async function expectEvents(pool: pg.Pool, client: Client, ledger: Ledger): Promise<void> {
  const { rows } = await pool.query<{ id: string; type: string; sequence: number; count: number | null }>(
    `select id, type, sequence::int as sequence, (data ->> 'count')::int as count from outbox order by sequence`,
  );
  expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, index) => index + 1));
  const ofType = (type: string) => rows.filter((row) => row.type === type);
  expect(ofType('customer.created')).toHaveLength(ledger.customers.length);
  expect(ofType('customer.updated')).toHaveLength(ledger.changes);
  expect(ofType('activities.recorded')).toHaveLength(ledger.batches);
  const recorded = ofType('activities.recorded').reduce((sum, { count }) => sum + (count ?? 0), 0);
  expect(recorded).toBe(ledger.activities);
  const fed: string[] = [];
  for (let after = 0; ; ) {
    const page = await client.get(`/v1/events?after=${after}&limit=1000`);
    if (page.data.length === 0) break;
    fed.push(...page.data.map((event: { id: string }) => event.id));
    after = page.next_after;
  }
  expect(fed).toEqual(rows.map(({ id }) => id));
}

/** Memberships are what the ledger gives when it is judged anew; each came and went by events in turn. */
async function expectSegments(pool: pg.Pool, ledger: Ledger): Promise<void> {
  const { rows } = await pool.query<{ segment: string; members: string[] }>(`
    select segment, array_agg(customer_id::text order by customer_id) as members
    from memberships where left_at is null group by segment`);
  const members = Object.fromEntries(rows.map((row) => [row.segment, row.members]));
  const judged = (isMember: (customer: Ledger['customers'][number]) => boolean) =>
    ledger.customers
      .filter(isMember)
      .map(({ id }) => id)
      .sort();
  expect(members.fault_city ?? []).toEqual(judged(({ city }) => city === segmentCity));
  expect(members.fault_busy ?? []).toEqual(judged(({ activities }) => activities >= segmentActivities));
  const { rows: differing } = await pool.query(`
    with told as (
      select subject, data ->> 'segment' as segment,
        count(*) filter (where type = 'segment.entered') as entered,
        count(*) filter (where type = 'segment.left') as gone
      from outbox where type in ('segment.entered', 'segment.left') group by 1, 2
    ), known as (
      select customer_id::text as subject, segment, count(*) as entered, count(left_at) as gone
      from memberships group by 1, 2
    )
    select * from told full join known using (subject, segment)
    where told.entered is distinct from known.entered or told.gone is distinct from known.gone`);
  expect(differing).toEqual([]);
}

/** Waits until all background work is done, and compares everything. */
export async function expectAllThereOnce(pool: pg.Pool, client: Client, ledger: Ledger): Promise<void> {
  await untilSettled(pool);
  await expectRows(pool, ledger);
  await expectEvents(pool, client, ledger);
  await expectSegments(pool, ledger);
}
