/**
 * `POST …/accruals` over 10,000 customers, redemptions of one customer all at once, and two pages of a statement of
 * 100,000 entries. What writes is held against the same statements by pgbench, a page deep in against the first one.
 * Customers and their accounts are put into the database by SQL.
 */
import pg from 'pg';
import { drive, quantile, type Sent } from './drive.js';
import { pgbench } from './pgbench.js';
import { perSecond, type Row } from './report.js';
import { apiKey, newDataDir, removeDataDir, type Service, startService } from './service.js';

const members = 10_000;
const accruals = 12_800;
const connections = 64;
const atOnce = 50;
const redemptions = 2000;
const statementEntries = 100_000;
const pageSize = 50;
const pagesRead = 500;
const headers = { authorization: `Bearer ${apiKey}` };

const programme = {
  key: 'bench',
  ...{ name: 'Bench', description: '', unit: 'points', time_zone: 'Asia/Shanghai', status: 'open' },
  expiry: { policy: 'end_of_month', after: 'P12M' },
  ...{ pending_for: 'PT0S', cost_per_point: '0.005', breakage: '0.1', debt: 'allow' },
  refund_of_expired: { policy: 'forfeit' },
  ...{
    adjustment_limit: null,
    hold_for: 'PT30M',
    notice_before: 'P30D',
    transferable: false,
    conversions: [],
  },
};

export async function benchLoyalty(): Promise<Row[]> {
  const dataDir = await newDataDir();
  const service = await startService(dataDir);
  const client = new pg.Client({ connectionString: service.databaseUrl });
  try {
    await client.connect();
    await send(service, 'POST', '/v1/loyalty/programmes', programme);
    await fill(client);
    const rows = [await accrual(service, client), await hotAccount(service, client)];
    await fillStatement(client);
    const first = await firstPage(service, client);
    return [...rows, rowOfPage(first, undefined), rowOfPage(await deepPage(service, client), first)];
  } finally {
    await client.end();
    await service.stop();
    await removeDataDir(dataDir);
  }
}

async function send(service: Service, method: string, path: string, body: object): Promise<unknown> {
  const reply = await fetch(service.origin + path, {
    method,
    headers: {
      ...headers,
      'content-type': 'application/json',
      'idempotency-key': `bench-${path}-${Math.random()}`,
    },
    body: JSON.stringify(body),
  });
  if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${await reply.text()}`);
  return reply.json();
}

/** `bench_members`: by number, who takes part. */
async function fill(client: pg.Client): Promise<void> {
  await client.query(`
    create table bench_members as
      select n, uuidv7() as customer_id, uuidv7() as account_id from generate_series(1, ${members}) n`);
  await client.query('alter table bench_members add primary key (n)');
  await takePart(client, 'true');
  await client.query('vacuum analyze');
  await client.query('checkpoint');
}

/** Those of `bench_members` that meet the condition. */
async function takePart(client: pg.Client, condition: string): Promise<void> {
  await client.query(`
    insert into customers (id, kind, status, stub, full_name, attributes, name_tokens, name_folded, version, created_at, updated_at)
    select customer_id, 'person', 'active', false, 'Member ' || n, '{}', '{}', '', 1, now(), now()
    from bench_members where ${condition}`);
  await client.query(`
    insert into loyalty_accounts (customer_id, account_id, programme, status, enrolled_at, version, last_number,
      outstanding, held, debt)
    select customer_id, account_id, 'bench', 'open', now(), 1, 0, 0, 0, 0 from bench_members where ${condition}`);
  await client.query(`
    insert into review_state (customer_id, bucket, version, last_micros, touched, reviewed_at)
    select customer_id, ('x' || right(customer_id::text, 1))::bit(4)::integer, 1, 0, '{}', now()
    from bench_members where ${condition}`);
}

/** One more, with a point a minute up to now. */
const reader = members + 1;
async function fillStatement(client: pg.Client): Promise<void> {
  await client.query(`insert into bench_members select ${reader}, uuidv7(), uuidv7()`);
  await takePart(client, `n = ${reader}`);
  const entries = `bench_members m, generate_series(1, ${statementEntries}) number where m.n = ${reader}`;
  const booked = `now() - (${statementEntries} - number) * interval '1 minute'`;
  await client.query(`
    insert into loyalty_entries (customer_id, account_id, number, programme, operation_id, kind, points, balance_after,
      booked_at, recorded_at, actor)
    select customer_id, account_id, number, 'bench', uuidv7(), 'accrual', 1, number, ${booked}, now(), 'bench' from ${entries}`);
  await client.query(`
    insert into loyalty_postings (customer_id, account_id, number, leg, programme, ledger, points, booked_at)
    select customer_id, account_id, number, leg, 'bench', ledger, points, ${booked}
    from (values (0, 'issued', -1), (1, 'member', 1)) as p(leg, ledger, points), ${entries}`);
  await client.query(`
    update loyalty_accounts a set last_number = ${statementEntries}, outstanding = ${statementEntries}
    from bench_members m where m.n = ${reader} and a.account_id = m.account_id and a.customer_id = m.customer_id`);
  await client.query('vacuum analyze');
  await client.query('checkpoint');
}

const idOf = async (client: pg.Client, n: number): Promise<string> =>
  (await client.query('select customer_id from bench_members where n = $1', [n])).rows[0].customer_id;

async function accrual(service: Service, client: pg.Client): Promise<Row> {
  const { rows } = await client.query('select customer_id from bench_members order by n');
  const requests = Array.from({ length: accruals }, (_, index) => ({
    path: `/v1/customers/${rows[(index * 7919) % members].customer_id}/loyalty/bench/accruals`,
    body: Buffer.from(JSON.stringify({ points: 10, reason: 'Bench' })),
    headers: { ...headers, 'idempotency-key': `accrual-${index}` },
  }));
  const sent = await drive(service.origin, requests, connections);
  const { rows: sums } = await client.query(
    'select sum(outstanding)::int as points, (select count(*)::int from loyalty_entries) as entries from loyalty_accounts',
  );
  if (sums[0].points !== 10 * accruals || sums[0].entries !== accruals)
    throw new Error(`${sums[0].points} points in ${sums[0].entries} entries are there`);
  const reference = await pgbench(service.databaseUrl, accrualScript, {
    clients: connections,
    transactions: accruals,
  });
  return rowOf('accrual', sent, reference, {
    count: accruals,
    rows: `${accruals.toLocaleString('en-US')} over ${members.toLocaleString('en-US')} customers, ${connections} connections`,
  });
}

/** One customer with points for half of the requests, in lots of 100. */
async function hotAccount(service: Service, client: pg.Client): Promise<Row> {
  const id = await idOf(client, 1);
  const path = `/v1/customers/${id}/loyalty/bench`;
  const start = (await balance(service, path)).available;
  const allowed = redemptions / 2;
  await send(service, 'POST', `${path}/accruals`, { points: allowed - start, reason: 'Bench' });
  const requests = Array.from({ length: redemptions }, (_, index) => ({
    path: `${path}/redemptions`,
    body: Buffer.from(JSON.stringify({ points: 1, reason: 'Bench' })),
    headers: { ...headers, 'idempotency-key': `redemption-${index}` },
    mayRefuse: true,
  }));
  const sent = await drive(service.origin, requests, atOnce);
  const done = sent.replies.filter((reply) => (reply as { kind?: string }).kind === 'redemption').length;
  const left = (await balance(service, path)).available;
  if (done !== allowed || left !== 0)
    throw new Error(`${done} of ${allowed} were redeemed, ${left} are left`);
  await send(service, 'POST', `${path}/accruals`, { points: 10 * redemptions, reason: 'Bench' });
  const reference = await pgbench(service.databaseUrl, redemptionScript, {
    clients: atOnce,
    transactions: redemptions,
  });
  return rowOf('hot account', sent, reference, {
    count: redemptions,
    rows: `${redemptions.toLocaleString('en-US')} of one customer, ${atOnce} at once, of which exactly the ${allowed.toLocaleString('en-US')} succeed that the balance allows`,
  });
}

type Page = { data: { number: number }[]; next_cursor: string };

type Read = { bench: string; sent: Sent; rows: string };

const firstPage = (service: Service, client: pg.Client): Promise<Read> =>
  statement(service, client, { bench: 'statement, first page', cursor: '', newest: statementEntries });

/** Half of the history is passed page by page, as by somebody who scrolls. */
async function deepPage(service: Service, client: pg.Client): Promise<Read> {
  const id = await idOf(client, reader);
  let cursor = '';
  for (let passed = 0; passed < statementEntries / 2; passed += 200) {
    const reply = await fetch(
      `${service.origin}/v1/customers/${id}/loyalty/bench/entries?limit=200${cursor}`,
      { headers },
    );
    cursor = `&cursor=${encodeURIComponent(((await reply.json()) as Page).next_cursor)}`;
  }
  return statement(service, client, {
    bench: 'statement, deep page',
    cursor,
    newest: statementEntries / 2,
  });
}

/** One reads the same page again and again; `newest` is the number of the first entry of it. */
async function statement(
  service: Service,
  client: pg.Client,
  { bench, cursor, newest }: { bench: string; cursor: string; newest: number },
): Promise<Read> {
  const id = await idOf(client, reader);
  const path = `/v1/customers/${id}/loyalty/bench/entries?limit=${pageSize}${cursor}`;
  const requests = Array.from({ length: pagesRead }, () => ({ path, headers }));
  const sent = await drive(service.origin, requests, 1);
  for (const { data } of sent.replies as Page[])
    if (data.length !== pageSize || data[0]?.number !== newest)
      throw new Error(`a page of ${data.length} entries that begins with ${data[0]?.number}`);
  const counts = [statementEntries, statementEntries - newest].map((count) => count.toLocaleString('en-US'));
  return { bench, sent, rows: `${pageSize} of ${counts[0]} entries, ${counts[1]} in, 1 connection` };
}

/** A page deep in is held against the first one: it is to cost the same. */
function rowOfPage({ bench, sent, rows }: Read, first: Read | undefined): Row {
  const ours = pagesRead / sent.seconds;
  const reference = first === undefined ? undefined : pagesRead / first.sent.seconds;
  return {
    bench,
    ours: perSecond(ours),
    reference: reference === undefined ? '' : `first page ${perSecond(reference)}`,
    ratio: reference === undefined ? undefined : ours / reference,
    toReach: '',
    p50: quantile(sent.milliseconds, 0.5),
    p99: quantile(sent.milliseconds, 0.99),
    rows,
  };
}

function rowOf(
  bench: string,
  { seconds, milliseconds }: Sent,
  reference: number,
  { count, rows }: { count: number; rows: string },
): Row {
  const ours = count / seconds;
  return {
    bench,
    ours: perSecond(ours),
    reference: perSecond(reference),
    ratio: ours / reference,
    toReach: '0.4',
    p50: quantile(milliseconds, 0.5),
    p99: quantile(milliseconds, 0.99),
    rows,
  };
}

async function balance(service: Service, path: string): Promise<{ available: number }> {
  const reply = await fetch(service.origin + path, { headers });
  return ((await reply.json()) as { balance: { available: number } }).balance;
}

const beginning = (n: string) => `
\\set n ${n}
begin;
insert into idempotency_keys (principal, operation, key, request_hash, created_at, value_sealed)
  values ('pgbench', 'bench', gen_random_uuid()::text, sha256('x'), now(), '\\x00');
select customer_id, account_id from bench_members where n = :n \\gset
update review_state set version = version + 1, last_micros = greatest(last_micros + 1, (extract(epoch from now()) * 1e6)::bigint),
  marked_at = coalesce(marked_at, now()) where customer_id = :customer_id;
select account_id, last_number, outstanding, held, debt from loyalty_accounts
  where customer_id = :customer_id and programme = 'bench';
`;
const ending = (action: string) => `
insert into audit_entries (id, occurred_at, actor, action, subject_type, subject_id, request_id, details, content_hash)
  values (uuidv7(), now(), 'pgbench', '${action}', 'customer', :customer_id, gen_random_uuid(), '{}', sha256('x'));
insert into outbox (id, type, subject, subject_version, occurred_at, scope_customer, data)
  values (uuidv7(), '${action}', :customer_id, 1, now(), :customer_id, '{}');
commit;
`;

/** The entry takes the next number, which the account has. */
const entry = (kind: string, points: number, ledger: string) => `
with account as (
  update loyalty_accounts set last_number = last_number + 1, outstanding = outstanding + ${points}, version = version + 1
  where customer_id = :customer_id and account_id = :account_id returning customer_id, account_id, last_number, outstanding
), entry as (
  insert into loyalty_entries (customer_id, account_id, number, programme, operation_id, kind, points, balance_after,
    booked_at, recorded_at, actor)
  select customer_id, account_id, last_number, 'bench', uuidv7(), '${kind}', ${points}, outstanding, now(), now(), 'pgbench'
  from account
)
insert into loyalty_postings (customer_id, account_id, number, leg, programme, ledger, points, booked_at)
select customer_id, account_id, last_number, leg, 'bench', ledger, points, now()
from account cross join (values (0, '${ledger}', ${-points}), (1, 'member', ${points})) as p(leg, ledger, points);
`;

const accrualScript = `${beginning(`random(1, ${members})`)}
insert into loyalty_lots (customer_id, account_id, lot_id, programme, operation_id, earned_at, available_at, expires_at,
  amount, remaining, held, spent, indebted)
  values (:customer_id, :account_id, uuidv7(), 'bench', uuidv7(), now(), now(), now() + interval '1 year', 10, 10, 0, 0, 0);
${entry('accrual', 10, 'issued')}
select coalesce(sum(remaining), 0) from loyalty_lots
  where customer_id = :customer_id and programme = 'bench' and remaining > 0 and available_at > now();
${ending('loyalty.points_accrued')}`;

const redemptionScript = `${beginning('1')}
select lot_id from loyalty_lots where customer_id = :customer_id and programme = 'bench' and remaining > 0
  order by expires_at, earned_at, lot_id limit 1 \\gset
update loyalty_lots set remaining = remaining - 1, spent = spent + 1
  where customer_id = :customer_id and account_id = :account_id and lot_id = :lot_id;
${entry('redemption', -1, 'redeemed')}
select coalesce(sum(remaining), 0) from loyalty_lots
  where customer_id = :customer_id and programme = 'bench' and remaining > 0 and available_at > now();
${ending('loyalty.points_redeemed')}`;
