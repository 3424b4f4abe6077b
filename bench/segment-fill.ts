/**
 * What the rules of all kinds read, beside customers and activities: totals, holdings with balances by day, members with
 * a past, and ranks. Written straight into the tables: it is the shape that counts.
 */
import type pg from 'pg';
import { benchRules } from './segment-rules.js';
import { fillSegmentWorld } from './segment-world.js';

const since = `'2024-01-01T00:00:00Z'::timestamptz`;
export const listed = 'bench_listed';
export const named = 'bench_named';

export const rankRule = { rank: { fact: 'rfm.monetary', top: { percent: 5 } } };

/** A segment of listed members, one that names others, and one by rank, of which nobody knows yet who is in. */
const others: { key: string; rule: object | null; byHand: string }[] = [
  {
    key: listed,
    rule: null,
    byHand: `select id from customers where ('x' || substr(md5(id::text), 1, 8))::bit(32)::int % 50 = 0`,
  },
  {
    key: named,
    rule: { any: [{ segment: 'bench_often_0' }, { segment: listed }] },
    byHand: `select customer_id from memberships where segment = 'bench_often_0' and left_at is null
      union select customer_id from memberships where segment = '${listed}'`,
  },
  { key: 'bench_rank', rule: rankRule, byHand: 'select id from customers where false' },
];

const beside = [
  `insert into activity_totals (customer_id, type, direction, initiated_by, count, amount, unvalued, first_at, last_at)
    select customer_id, type, direction, initiated_by, count(*), coalesce(sum(reporting_amount), 0), 0,
      min(occurred_at), max(occurred_at)
    from activities group by 1, 2, 3, 4`,
  `insert into holdings (customer_id, id, source, number_index, number_sealed, number_key_id, category, status, currency,
      balance, balance_date, recorded_at, version)
    select customer_id, md5('holding' || n)::uuid, 'bench', n::text, '', 'none', 'deposit', 'active', 'CNY', n % 100000,
      '2024-01-01', ${since}, 1 from made`,
  `insert into holding_parties (customer_id, holding_id, owner_id, role, id, recorded_at)
    select customer_id, md5('holding' || n)::uuid, customer_id, 'primary_owner', md5('holding' || n)::uuid, ${since} from made`,
  `insert into holding_balances (customer_id, holding_id, from_date, to_date, amount, currency, days, source_micros, recorded_micros)
    select customer_id, md5('holding' || n)::uuid, day, case when month < 11 then (day + interval '1 month')::date end,
      (n * 7 + month * 1000) % 100000, 'CNY', array[day], array[0], array[0]
    from made, generate_series(0, 11) as month, lateral (select (date_trunc('month', $1::timestamptz at time zone 'UTC')
      - interval '11 months' + month * interval '1 month')::date as day) d`,
];

/** As much as any of the rules has conditions. */
const seen = `'{"at": "2024-01-01T00:00:00Z", "seen": [1, 1], "verdicts": [true, true]}'::jsonb`;

const filling = (key: string, select: string) => `
  insert into memberships (customer_id, segment, entered_at, left_at, decided_at, left_decided_at, rule_version,
    left_rule_version, cause, left_cause, evidence, left_evidence)
  select m.id, '${key}', ${since} + time.enters, ${since} + time.leaves, ${since} + time.enters, ${since} + time.leaves, 1,
    case when time.leaves is not null then 1 end, 'change', case when time.leaves is not null then 'change' end, ${seen},
    case when time.leaves is not null then ${seen} end
  from (${select}) as m(id), lateral (select interval '1 day' * (('x' || substr(md5(m.id::text), 1, 4))::bit(16)::int % 300)) as first(day),
    lateral (values (first.day, first.day + interval '100 days'), (first.day + interval '200 days', null)) as time(enters, leaves)`;

/** Each member has been in before, and is again. */
export async function fillSegments(client: pg.Client, customers: number): Promise<void> {
  const timed = async (what: string, work: () => Promise<unknown>) => {
    const begun = performance.now();
    await work();
    console.error(`${((performance.now() - begun) / 1000).toFixed(1)} s ${what}`);
  };
  await timed('customers and activities', () => fillSegmentWorld(client, customers));
  const now = new Date().toISOString();
  for (const statement of beside) {
    await timed(statement.slice(0, 40), () => client.query(statement, statement.includes('$1') ? [now] : []));
  }
  await client.query('update segments set deleted_at = created_at');
  for (const { key, rule, byHand } of [...benchRules, ...others]) {
    await client.query(
      `insert into segments (key, name, description, kind, version, live_version, created_at, updated_at)
       values ($1, $1, '', $2, 1, $3, ${since}, ${since})`,
      [key, rule === null ? 'static' : 'rule', rule === null ? null : 1],
    );
    await client.query(
      `insert into segment_versions (segment, version, rule, reads, created_at, created_by, started_at, completed_at)
       values ($1, 1, $2, '{}', ${since}, 'bench', ${since}, ${since})`,
      [key, rule === null ? null : JSON.stringify(rule)],
    );
    const values = byHand.includes('$1') ? [now] : [];
    await timed(key, () => client.query(filling(key, byHand), values));
  }
  await timed('vacuum', () => client.query('vacuum analyze'));
}
