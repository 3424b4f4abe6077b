/**
 * A service with many customers and two years of what they did, written straight into the tables: through the API it
 * would take the better part of an hour. No activity lies within hours of the end of a window, so that a count is the
 * same whenever in a run it is made.
 */
import pg from 'pg';
import { idSql } from './ids.js';
import { apiKey, newDataDir, removeDataDir, type Service, startService } from './service.js';

const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };

export type SegmentWorld = {
  service: Service;
  client: pg.Client;
  customers: number;
  activities: number;
  post(path: string, body: unknown): Promise<Record<string, unknown>>;
  close(): Promise<void>;
};

export const activitiesEach = 50;

export async function openSegmentWorld(customers: number): Promise<SegmentWorld> {
  const dataDir = await newDataDir();
  const service = await startService(dataDir);
  const client = new pg.Client({ connectionString: service.databaseUrl });
  const close = async () => {
    await client.end();
    await service.stop();
    await removeDataDir(dataDir);
  };
  try {
    await client.connect();
    await fillSegmentWorld(client, customers);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    service,
    client,
    customers,
    activities: customers * activitiesEach,
    post: async (path, body) => {
      const reply = await fetch(service.origin + path, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      });
      if (!reply.ok) throw new Error(`${path} answered ${reply.status}: ${await reply.text()}`);
      return (await reply.json()) as Record<string, unknown>;
    },
    close,
  };
}

export async function fillSegmentWorld(client: pg.Client, customers: number): Promise<void> {
  const at = '2024-01-01T00:00:00Z';
  await client.query(`create temporary table made as
    select n, ${idSql('n::bigint')} as customer_id from generate_series(1, ${customers}) as n`);
  await client.query(`
    insert into customers (id, kind, status, stub, full_name, city, attributes, name_tokens, name_folded, version, created_at, updated_at)
    select customer_id, 'person', 'active', false, 'Customer ' || n,
      (array['上海', '北京', '广州', '深圳', '杭州', '成都', '武汉', '南京'])[n % 8 + 1], '{}', '{}', '', 1, '${at}', '${at}' from made`);
  await client.query(`
    insert into review_state (customer_id, bucket, version, last_micros, touched, reviewed_at)
    select customer_id, ('x' || right(customer_id::text, 1))::bit(4)::integer, 1, 0, '{}', '${at}' from made`);
  // beside the table, and put in when all is there: indexes are made at once, not row by row
  await client.query(`create table loading (like activities including defaults including constraints)
    partition by range (occurred_at)`);
  const year = new Date().getUTCFullYear();
  const partitions = [year - 2, year - 1, year].map((each) => ({
    name: `activities_y${each}`,
    bounds: `for values from ('${each}-01-01T00:00:00Z') to ('${each + 1}-01-01T00:00:00Z')`,
  }));
  for (const { name, bounds } of partitions) {
    await client.query(`drop table if exists ${name}`);
    await client.query(`create table ${name} partition of loading ${bounds}`);
  }
  await client.query(
    `insert into loading (customer_id, occurred_at, id, type, precision, business_date, amount, currency, direction,
       reporting_amount, initiated_by, own_transfer, source, source_id, source_version, state, recorded_at)
     select customer_id, occurred_at, id, type, 'instant', occurred_at::date, amount, currency,
       case when type = 'login' then 'none' when type in ('transfer_in', 'interest') then 'in' else 'out' end, amount,
       case when type = 'interest' then 'bank' else 'customer' end, false, 'bench', id::text, 1, 'current', occurred_at
     from (
       select m.customer_id, md5(m.n || ' ' || k)::uuid as id, drawn.type,
         $1::timestamptz - interval '12 hours' - ((hashint8(m.n * 64 + k) & 1048575) % 720) * interval '1 day'
           - ((m.n + k) % 7200) * interval '1 second' as occurred_at,
         case when drawn.type <> 'login' then ((hashint8(m.n * 64 + k) >> 3) & 4095) end as amount,
         case when drawn.type <> 'login' then 'CNY' end as currency
       from made m cross join generate_series(1, ${activitiesEach}) as k
       cross join lateral (select (array['card_payment', 'transfer_out', 'transfer_in', 'cash_withdrawal', 'login', 'interest'])
         [(hashint8(k * 1000003::bigint + m.n) & 1048575) % 6 + 1] as type) drawn
     ) a`,
    [new Date().toISOString()],
  );
  for (const { name, bounds } of partitions) {
    await client.query(`alter table loading detach partition ${name}`);
    await client.query(`alter table activities attach partition ${name} ${bounds}`);
  }
  await client.query('drop table loading');
  // memberships are left as a new bank has them: known to be empty, they would be read from end to end for each that is written
  await client.query('vacuum analyze customers, review_state, activities');
  await client.query('checkpoint');
}

export async function until(isSo: () => Promise<boolean>, everyMilliseconds = 20): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, everyMilliseconds));
}

export const countOf = async (client: pg.Client, from: string, values: unknown[] = []): Promise<number> =>
  (await client.query<{ count: number }>(`select count(*)::int as count ${from}`, values)).rows[0]?.count ??
  0;
