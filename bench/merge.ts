/**
 * Merges of two customers with 10,000 activities each, one after the other, against the same rows moved by hand-written
 * SQL; and one of a customer with 100,000, which is moved in steps. Activities are put into the database by SQL.
 */
import pg from 'pg';
import type { Row } from './report.js';
import { apiKey, newDataDir, removeDataDir, type Service, startService } from './service.js';

const pairs = 8;
const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };

export async function benchMerge(activities: number): Promise<Row> {
  const dataDir = await newDataDir();
  const service = await startService(dataDir);
  const client = new pg.Client({ connectionString: service.databaseUrl });
  try {
    await client.connect();
    const made: [string, string][] = [];
    for (let pair = 0; pair < 2 * pairs; pair += 1) {
      made.push([await aCustomer(service, client, activities), await aCustomer(service, client, activities)]);
    }
    const large = await aCustomer(service, client, 10 * activities);
    const other = await aCustomer(service, client, activities);
    await client.query('vacuum analyze');
    await client.query('checkpoint');
    const ours: number[] = [];
    for (const [survivor, merged] of made.slice(0, pairs)) {
      const begun = performance.now();
      const { state } = await merge(service, survivor, merged);
      if (state !== 'merged') throw new Error(`a merge is ${state}`);
      ours.push(performance.now() - begun);
    }
    const reference: number[] = [];
    for (const [survivor, merged] of made.slice(pairs))
      reference.push(await byHand(client, survivor, merged));
    const begun = performance.now();
    const { id } = await merge(service, other, large);
    const answered = performance.now() - begun;
    while ((await read(service, `merges/${id}`)).state !== 'merged')
      await new Promise((done) => setTimeout(done, 20));
    const moved = (performance.now() - begun) / 1000;
    const count = await client.query('select count(*)::int as count from activities where customer_id = $1', [
      other,
    ]);
    if (count.rows[0].count !== 11 * activities) throw new Error(`${count.rows[0].count} activities arrived`);
    const middle = (list: number[]) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
    return {
      bench: 'merge',
      ours: `${middle(ours).toFixed(0)} ms`,
      reference: `${middle(reference).toFixed(0)} ms`,
      ratio: middle(reference) / middle(ours),
      toReach: '',
      p50: middle(ours),
      p99: Math.max(...ours),
      rows: `${pairs} merges of two with ${activities.toLocaleString('en-US')} activities each; one with ${(10 * activities).toLocaleString('en-US')} is answered after ${answered.toFixed(0)} ms and moved after ${moved.toFixed(1)} s`,
    };
  } finally {
    await client.end();
    await service.stop();
    await removeDataDir(dataDir);
  }
}

async function send(service: Service, path: string, body?: unknown) {
  const reply = await fetch(`${service.origin}/v1/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!reply.ok) throw new Error(`${path}: ${reply.status}: ${await reply.text()}`);
  return (await reply.json()) as { id: string; state: string };
}
const read = (service: Service, path: string) => send(service, path);
const merge = (service: Service, survivor: string, merged: string) =>
  send(service, 'merges', { survivor: { id: survivor }, merged: { id: merged } });

async function aCustomer(service: Service, client: pg.Client, activities: number): Promise<string> {
  const { id } = await send(service, 'customers', { kind: 'person', full_name: 'Merged', source: 'core' });
  await client.query(`create table if not exists activities_y2025 partition of activities
    for values from ('2025-01-01T00:00:00Z') to ('2026-01-01T00:00:00Z')`);
  await client.query(
    `with made as (
       insert into activities (customer_id, occurred_at, id, type, precision, business_date, amount, currency, direction,
         reporting_amount, channel, initiated_by, own_transfer, source, source_id, source_version, state, recorded_at)
       select $1::uuid, '2025-01-01T00:00:00Z'::timestamptz + n * interval '1 minute', gen_random_uuid(), 'card_payment',
         'instant', '2025-01-01', 12.5, 'CNY', 'out', 12.5, 'pos', 'customer', false, 'bulk', $1::text || '-' || n, 0,
         'current', '2025-12-31T00:00:00Z'
       from generate_series(1, $2::int) n returning *
     ), keyed as (
       insert into activity_keys (source, source_id, customer_id, activity_id, occurred_at, content_hash, source_version)
       select source, source_id, customer_id, id, occurred_at, '\\x00', 0 from made
     )
     insert into activity_totals (customer_id, type, direction, initiated_by, count, amount, unvalued, first_at, last_at)
     select customer_id, type, direction, initiated_by, count(*), sum(amount), 0, min(occurred_at), max(occurred_at)
     from made group by 1, 2, 3, 4`,
    [id, activities],
  );
  return id;
}

/** What has to be done at least: the rows are written anew, and their keys lead to them. */
async function byHand(client: pg.Client, survivor: string, merged: string): Promise<number> {
  const begun = performance.now();
  await client.query('begin');
  await client.query(
    `create temporary table gone on commit drop as select * from activities where customer_id = '${merged}'`,
  );
  await client.query(`delete from activities where customer_id = '${merged}'`);
  await client.query(`update gone set customer_id = '${survivor}', origin_customer_id = '${merged}'`);
  await client.query('insert into activities select * from gone');
  await client.query(`update activity_keys k set customer_id = '${survivor}' from gone g
    where k.source = g.source and k.source_id = g.source_id`);
  await client.query('commit');
  return performance.now() - begun;
}
