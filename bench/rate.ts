/**
 * A new exchange rate: from the request until every holder of the currency is marked for review, against one
 * hand-written UPDATE of as many others. The customers are put into the database by SQL: a million would be loaded for
 * an hour.
 */
import pg from 'pg';
import { perSecond, type Row } from './report.js';
import { apiKey, newDataDir, removeDataDir, type Service, startService } from './service.js';

const source = 'bench';
/** One in twenty holds the one currency, another one in twenty the other. */
const share = 20;

const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };

export async function benchRate(holders: number): Promise<Row> {
  const dataDir = await newDataDir();
  const service = await startService(dataDir);
  const client = new pg.Client({ connectionString: service.databaseUrl });
  try {
    await client.connect();
    await fill(client, holders);
    const expected = await holdersOf(client, 'USD');
    const begun = performance.now();
    await recordRate(service, 'USD');
    const answered = performance.now() - begun;
    await until(async () => (await rateOf(service, 'USD')).holders_marked);
    const seconds = (performance.now() - begun) / 1000;
    const marked = await count(client, `from review_state where version > 1`);
    if (marked !== expected) throw new Error(`${marked} of ${expected} holders were marked`);
    await until(async () => (await count(client, 'from review_state where marked_at is not null')) === 0);
    const reviewed = (performance.now() - begun) / 1000;
    const reference = await update(client, 'EUR');
    return {
      bench: 'new rate',
      ours: perSecond(expected / seconds),
      reference: perSecond(reference.rows / reference.seconds),
      ratio: reference.seconds / reference.rows / (seconds / expected),
      toReach: '',
      p50: undefined,
      p99: undefined,
      rows: `${expected.toLocaleString('en-US')} of ${holders.toLocaleString('en-US')} holders marked in ${seconds.toFixed(2)} s, reviewed after ${reviewed.toFixed(1)} s; the request took ${answered.toFixed(0)} ms`,
    };
  } finally {
    await client.end();
    await service.stop();
    await removeDataDir(dataDir);
  }
}

async function fill(client: pg.Client, holders: number): Promise<void> {
  const at = '2024-01-01T00:00:00Z';
  await client.query(`create temporary table made as
    select n, md5('customer' || n)::uuid as customer_id, md5('holding' || n)::uuid as id,
      case n % ${share} when 0 then 'USD' when 1 then 'EUR' else 'CNY' end as currency
    from generate_series(1, ${holders}) as n`);
  await client.query(`
    insert into customers (id, kind, status, stub, full_name, attributes, name_tokens, name_folded, version, created_at, updated_at)
    select customer_id, 'person', 'active', false, 'Holder ' || n, '{}', '{}', '', 1, '${at}', '${at}' from made`);
  await client.query(`
    insert into review_state (customer_id, bucket, version, last_micros, touched, reviewed_at)
    select customer_id, ('x' || right(customer_id::text, 1))::bit(4)::integer, 1, 0, '{}', '${at}' from made`);
  await client.query(`
    insert into holdings (customer_id, id, source, number_index, number_sealed, number_key_id, category, status, currency,
      balance, balance_date, recorded_at, version)
    select customer_id, id, '${source}', n::text, '', 'none', 'deposit', 'active', currency, n % 100000, '2024-01-01', '${at}', 1
    from made`);
  await client.query(`
    insert into holding_parties (customer_id, holding_id, owner_id, role, id, recorded_at)
    select customer_id, id, customer_id, 'primary_owner', id, '${at}' from made`);
  await client.query('vacuum analyze');
  await client.query('checkpoint');
}

const count = async (client: pg.Client, from: string): Promise<number> =>
  (await client.query<{ count: number }>(`select count(*)::int as count ${from}`)).rows[0]?.count ?? 0;

const holdersOf = (client: pg.Client, currency: string) =>
  count(client, `from holdings where currency = '${currency}' and status <> 'closed'`);

async function recordRate(service: Service, currency: string): Promise<void> {
  const business_date = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  const reply = await fetch(`${service.origin}/v1/exchange-rates`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ items: [{ currency, rate: '7.1234', business_date, source }] }),
  });
  if (!reply.ok) throw new Error(`${reply.status}: ${await reply.text()}`);
}

async function rateOf(service: Service, currency: string): Promise<{ holders_marked: boolean }> {
  const reply = await fetch(`${service.origin}/v1/exchange-rates/${currency}`, { headers });
  if (!reply.ok) throw new Error(`${reply.status}: ${await reply.text()}`);
  return (await reply.json()) as { holders_marked: boolean };
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** What a mark is, of all at once and with nothing in front. */
async function update(client: pg.Client, currency: string): Promise<{ rows: number; seconds: number }> {
  const now = new Date().toISOString();
  const begun = performance.now();
  const { rowCount } = await client.query(
    `update review_state r set version = version + 1, last_micros = greatest(last_micros + 1, $1), marked_at = $2,
       touched = '{holdings}'
     from (select distinct customer_id from holdings where currency = $3 and status <> 'closed') h
     where r.customer_id = h.customer_id`,
    [Date.now() * 1000, now, currency],
  );
  return { rows: rowCount ?? 0, seconds: (performance.now() - begun) / 1000 };
}
