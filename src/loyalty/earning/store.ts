/** What is kept of earning: what rules have given, what customers have by them, and how much of a budget is used. */
import { plainArray, textArray } from '../../db/array-literals.js';
import type { Tx } from '../../db/client.js';
import { grouped } from '../../platform/grouped.js';
import { instantOf } from '../../platform/instants.js';
import { accountOrder } from '../ledger/order.js';
import {
  type Asked,
  type Budgets,
  budgetKey,
  type Earning,
  openUsages,
  type Usages,
  usageKey,
} from './fold.js';
import type { RuleVersion } from './rulebook.js';
import type { Thing } from './things.js';

export type MemberRow = {
  customer_id: string;
  account_id: string;
  programme: string;
  status: 'open' | 'closed';
  enrolled_at: string;
  branch: string | null;
  manager: string | null;
};

/** The accounts of customers, of each programme the one first that new points go to. */
export const readMembers = (tx: Tx, customerIds: readonly string[]): Promise<MemberRow[]> =>
  tx.named<MemberRow>(
    'earning_members',
    `select a.customer_id, a.account_id, a.programme, a.status, a.enrolled_at, c.branch, c.manager
     from loyalty_accounts a join customers c on c.id = a.customer_id
     where a.customer_id = any($1::uuid[])
     order by a.customer_id, a.programme, ${accountOrder}`,
    [plainArray(customerIds)],
  );

type Row = {
  customer_id: string;
  account_id: string;
  programme: string;
  subject: string;
  rule: string;
  rule_version: number;
  rules_at: string;
  activity_id: string | null;
  occurred_at: string;
  points: number;
  kept: number;
  operations: string[];
};

/** What was given for things, whatever account of the customer it went to. */
export async function readEarnings(
  tx: Tx,
  members: readonly MemberRow[],
  things: readonly Thing[],
): Promise<Earning[]> {
  const accountsOf = grouped(members, (one) => one.customer_id);
  const places = things.flatMap(({ customerId, subject }) =>
    (accountsOf.get(customerId) ?? []).map((one) => ({ customerId, accountId: one.account_id, subject })),
  );
  const rows = await tx.named<Row>(
    'earnings_of_things',
    `select customer_id, account_id, programme, subject, rule, rule_version, rules_at, activity_id, occurred_at, points, kept,
       operations
     from unnest($1::uuid[], $2::uuid[], $3::text[]) as place(customer_id, account_id, subject)
     join loyalty_earnings using (customer_id, account_id, subject)`,
    [
      plainArray(places.map((one) => one.customerId)),
      plainArray(places.map((one) => one.accountId)),
      textArray(places.map((one) => one.subject)),
    ],
  );
  return rows.map((row) => ({
    customerId: row.customer_id,
    accountId: row.account_id,
    programme: row.programme,
    subject: row.subject,
    rule: row.rule,
    ruleVersion: row.rule_version,
    rulesAt: row.rules_at,
    activityId: row.activity_id,
    occurredAt: row.occurred_at,
    points: row.points,
    kept: row.kept,
    operations: row.operations,
  }));
}

export async function writeEarnings(tx: Tx, earnings: readonly Earning[]): Promise<void> {
  if (earnings.length === 0) return;
  const column = <T>(pick: (one: Earning) => T) => earnings.map(pick);
  await tx.named(
    'write_earnings',
    `insert into loyalty_earnings as known (customer_id, account_id, programme, subject, rule, rule_version, rules_at,
       activity_id, occurred_at, points, kept, operations)
     select customer_id, account_id, programme, subject, rule, rule_version, rules_at, activity_id, occurred_at, points, kept,
       string_to_array(operations, ' ')::uuid[]
     from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::timestamptz[], $8::uuid[],
       $9::timestamptz[], $10::bigint[], $11::bigint[], $12::text[])
       as e(customer_id, account_id, programme, subject, rule, rule_version, rules_at, activity_id, occurred_at, points, kept,
         operations)
     on conflict (customer_id, account_id, subject, rule) do update set rule_version = excluded.rule_version,
       activity_id = excluded.activity_id, occurred_at = excluded.occurred_at, points = excluded.points,
       kept = excluded.kept, operations = excluded.operations`,
    [
      plainArray(column((one) => one.customerId)),
      plainArray(column((one) => one.accountId)),
      plainArray(column((one) => one.programme)),
      textArray(column((one) => one.subject)),
      plainArray(column((one) => one.rule)),
      plainArray(column((one) => one.ruleVersion)),
      plainArray(column((one) => one.rulesAt)),
      plainArray(column((one) => one.activityId)),
      plainArray(column((one) => one.occurredAt)),
      plainArray(column((one) => one.points)),
      plainArray(column((one) => one.kept)),
      textArray(column((one) => one.operations.join(' '))),
    ],
  );
}

export async function readUsages(tx: Tx, asked: readonly Asked[]): Promise<Usages> {
  const usages = openUsages();
  const once = [...new Map(asked.map((one) => [usageKey(one), one])).values()];
  if (once.length === 0) return usages;
  const bound = (micros: number | null, none: string) => (micros === null ? none : instantOf(micros));
  const rows = await tx.named<{ place: number; points: number; times: number }>(
    'earning_usages',
    `select a.place, coalesce(sum(e.points), 0)::bigint as points, count(e.points)::int as times
     from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[])
       with ordinality as a(customer_id, programme, rule, from_at, until_at, place)
     left join loyalty_earnings e on e.customer_id = a.customer_id and e.programme = a.programme and e.rule = a.rule
       and e.points > 0 and e.occurred_at >= a.from_at and e.occurred_at < a.until_at
     group by a.place`,
    [
      plainArray(once.map((one) => one.customerId)),
      plainArray(once.map((one) => one.programme)),
      plainArray(once.map((one) => one.rule)),
      plainArray(once.map(({ span }) => bound(span.from, '-infinity'))),
      plainArray(once.map(({ span }) => bound(span.until, 'infinity'))),
    ],
  );
  for (const { place, points, times } of rows) {
    const one = once[place - 1];
    if (one !== undefined) usages.add(one, { points, times });
  }
  return usages;
}

/** Locks the counters of rules, in the order of their keys. The customers are locked before. */
export async function lockBudgets(
  tx: Tx,
  rules: readonly Pick<RuleVersion, 'programme' | 'key'>[],
): Promise<Budgets> {
  const keys = [...new Map(rules.map((rule) => [budgetKey(rule), rule])).values()];
  if (keys.length === 0) return new Map();
  const values = [plainArray(keys.map((one) => one.programme)), plainArray(keys.map((one) => one.key))];
  await tx.named(
    'make_earn_budgets',
    `insert into loyalty_earn_budgets (programme, rule, used)
     select programme, rule, 0 from unnest($1::text[], $2::text[]) as b(programme, rule) order by 1, 2
     on conflict do nothing`,
    values,
  );
  const rows = await tx.named<{ programme: string; rule: string; used: number }>(
    'lock_earn_budgets',
    `select programme, rule, used from loyalty_earn_budgets join unnest($1::text[], $2::text[]) as b(programme, rule)
     using (programme, rule) order by programme, rule for update of loyalty_earn_budgets`,
    values,
  );
  return new Map(rows.map(({ programme, rule: key, used }) => [budgetKey({ programme, key }), { used }]));
}

/** So many more points that a rule has given, or fewer. */
export type Spent = Pick<RuleVersion, 'programme' | 'key'> & { points: number };

/** Last of all, since every member's points come by here. */
export async function addToBudgets(tx: Tx, spent: readonly Spent[]): Promise<void> {
  const sums = new Map<string, Spent>();
  for (const one of spent) {
    const sum = sums.get(budgetKey(one));
    if (sum === undefined) sums.set(budgetKey(one), { ...one });
    else sum.points += one.points;
  }
  const changed = [...sums.values()].filter(({ points }) => points !== 0);
  if (changed.length === 0) return;
  await lockBudgets(tx, changed);
  await tx.named(
    'add_to_earn_budgets',
    `update loyalty_earn_budgets known set used = known.used + b.points
     from unnest($1::text[], $2::text[], $3::bigint[]) as b(programme, rule, points)
     where known.programme = b.programme and known.rule = b.rule`,
    [
      plainArray(changed.map((one) => one.programme)),
      plainArray(changed.map((one) => one.key)),
      plainArray(changed.map((one) => one.points)),
    ],
  );
}
