/**
 * The invariants of the books, each as one statement over a batch of customers that gives what breaks it: double entry,
 * numbers without gaps, balances that follow from one another, and lots, holds and accounts that are what was posted.
 */
import { type SQL, sql } from 'drizzle-orm';
import { array, type Reader } from '../../db/client.js';
import type { Finding } from './schemas.js';

/** Of each invariant so many findings are told: whoever has more has a larger problem than a list. */
const mostFindings = 100;

type Checked = {
  programme: string;
  customerIds: readonly string[];
  /** with those whose accounts stand beside theirs, or once stood */
  related: readonly string[];
};
type Row = Partial<Omit<Finding, 'type'>>;

export async function checkAccounts(reader: Reader, checked: Checked): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [type, statement] of Object.entries(invariants)) {
    const rows = await reader.rows<Row>(
      sql`select * from (${statement(checked)}) broken order by 1, 2 limit ${mostFindings}`,
    );
    findings.push(...rows.map((row) => finding(type as Finding['type'], row)));
  }
  return findings;
}

export const finding = (type: Finding['type'], row: Row): Finding => ({
  ...{ type, customer_id: null, account_id: null, lot_id: null, hold_id: null, number: null, at: null },
  ...{ expected: null, found: null },
  ...row,
});

/** Rows of a table, of the customers in the programme. */
const of = (table: string, { programme, customerIds }: Checked): SQL =>
  sql`(select * from ${sql.raw(table)} where customer_id = any(${array(customerIds, 'uuid')}) and programme = ${programme})`;

const sumsOfEntries = (checked: Checked) => sql`(
  select customer_id, account_id, number, sum(points)::bigint as total,
    coalesce(sum(points) filter (where ledger = 'member'), 0)::bigint as member
  from ${of('loyalty_postings', checked)} p group by 1, 2, 3)`;

const memberPostings = (checked: Checked) => sql`(
  select p.*, e.kind, e.operation_id from ${of('loyalty_postings', checked)} p
  join ${of('loyalty_entries', checked)} e using (customer_id, account_id, number))`;

const invariants: Partial<Record<Finding['type'], (checked: Checked) => SQL>> = {
  entry_unbalanced: (checked) => sql`
    select customer_id, account_id, e.number, 0 as expected, p.total as found
    from ${of('loyalty_entries', checked)} e left join ${sumsOfEntries(checked)} p using (customer_id, account_id, number)
    where p.total is distinct from 0`,

  entry_points: (checked) => sql`
    select customer_id, account_id, e.number, p.member as expected, e.points as found
    from ${of('loyalty_entries', checked)} e join ${sumsOfEntries(checked)} p using (customer_id, account_id, number)
    where p.member <> e.points`,

  posting_without_entry: (checked) => sql`
    select customer_id, account_id, p.number, p.total as found
    from ${sumsOfEntries(checked)} p left join ${of('loyalty_entries', checked)} e using (customer_id, account_id, number)
    where e.number is null`,

  number_gap: (checked) => sql`
    select customer_id, account_id, a.last_number as expected, coalesce(n.entries, 0) as found
    from ${of('loyalty_accounts', checked)} a left join (
      select customer_id, account_id, count(*) as entries, min(number) as first, max(number) as last
      from ${of('loyalty_entries', checked)} e group by 1, 2) n using (customer_id, account_id)
    where coalesce(n.entries, 0) <> a.last_number or n.first <> 1 or n.last <> a.last_number`,

  time_order: (checked) => sql`
    select customer_id, account_id, number, booked_at as at from (
      select customer_id, account_id, number, booked_at,
        lag(booked_at) over (partition by customer_id, account_id order by number) as before
      from ${of('loyalty_entries', checked)} e) o
    where before > booked_at`,

  // what is in the account by then, and in those that were the customer's too, wherever they are now
  balance_chain: (checked) => sql`
    with chain as (
      select customer_id, account_id, number, balance_after, beside,
        sum(points) over (partition by customer_id, account_id order by number)::bigint as own
      from ${of('loyalty_entries', { ...checked, customerIds: checked.related })} e
    ), others as (
      select c.account_id, c.number, sum(o.own)::bigint as points
      from chain c cross join lateral jsonb_each_text(c.beside) b(account, number)
      join chain o on o.account_id = b.account::uuid and o.number = b.number::integer
      group by 1, 2
    )
    select customer_id, account_id, number, own + coalesce(points, 0) as expected, balance_after as found
    from chain left join others using (account_id, number)
    where customer_id = any(${array(checked.customerIds, 'uuid')}) and own + coalesce(points, 0) <> balance_after`,

  account_outstanding: (checked) => sql`
    select customer_id, account_id, coalesce(p.points, 0) as expected, a.outstanding as found
    from ${of('loyalty_accounts', checked)} a left join (
      select customer_id, account_id, sum(points)::bigint as points from ${of('loyalty_postings', checked)} p
      where ledger = 'member' group by 1, 2) p using (customer_id, account_id)
    where coalesce(p.points, 0) <> a.outstanding`,

  account_debt: (checked) => sql`
    select customer_id, account_id, coalesce(p.points, 0) as expected, a.debt as found
    from ${of('loyalty_accounts', checked)} a left join (
      select customer_id, account_id, -sum(points)::bigint as points from ${of('loyalty_postings', checked)} p
      where ledger = 'member' and lot_id is null group by 1, 2) p using (customer_id, account_id)
    where coalesce(p.points, 0) <> a.debt`,

  account_held: (checked) => sql`
    select customer_id, account_id, coalesce(l.held, 0) as expected, a.held as found
    from ${of('loyalty_accounts', checked)} a left join (
      select customer_id, account_id, sum(held)::bigint as held from ${of('loyalty_lots', checked)} l
      group by 1, 2) l using (customer_id, account_id)
    where coalesce(l.held, 0) <> a.held`,

  lot_remaining: (checked) => sql`
    select customer_id, account_id, lot_id, coalesce(p.points, 0) as expected, l.remaining as found
    from ${of('loyalty_lots', checked)} l full join (
      select customer_id, account_id, lot_id, sum(points)::bigint as points from ${of('loyalty_postings', checked)} p
      where lot_id is not null group by 1, 2, 3) p using (customer_id, account_id, lot_id)
    where coalesce(p.points, 0) is distinct from l.remaining`,

  lot_bounds: (checked) => sql`
    select customer_id, account_id, lot_id, coalesce(p.issued, 0) as expected, l.amount as found
    from ${of('loyalty_lots', checked)} l left join (
      select customer_id, account_id, lot_id, operation_id, sum(points)::bigint as issued from ${memberPostings(checked)} p
      where lot_id is not null and points > 0 group by 1, 2, 3, 4) p using (customer_id, account_id, lot_id, operation_id)
    where coalesce(p.issued, 0) <> l.amount or l.remaining not between 0 and l.amount
      or l.held not between 0 and l.remaining or l.spent not between 0 and l.amount - l.remaining or l.indebted < 0`,

  // what came back of a lot that had expired lies in no lot, or in another one: the sum of the account tells
  lot_spent: (checked) => sql`
    select customer_id, account_id, coalesce(p.spent, 0) as expected, l.spent as found
    from (select customer_id, account_id, sum(spent)::bigint as spent from ${of('loyalty_lots', checked)} l group by 1, 2) l
    left join (
      select customer_id, account_id, sum(case
          when kind = 'refund' then case when ledger = 'redeemed' then points else 0 end
          when kind not in ('expiry', 'reversal', 'closing') and lot_id is not null and points < 0 then -points
          else 0 end)::bigint as spent
      from ${memberPostings(checked)} p group by 1, 2) p using (customer_id, account_id)
    where coalesce(p.spent, 0) <> l.spent`,

  lot_held: (checked) => sql`
    select customer_id, account_id, lot_id, coalesce(h.points, 0) as expected, l.held as found
    from ${of('loyalty_lots', checked)} l left join (
      select s.customer_id, s.account_id, s.lot_id, sum(s.points)::bigint as points
      from ${of('loyalty_holds', checked)} h join loyalty_hold_lots s using (customer_id, hold_id)
      where h.status = 'active' group by 1, 2, 3) h using (customer_id, account_id, lot_id)
    where coalesce(h.points, 0) <> l.held`,

  hold_lots: (checked) => sql`
    select customer_id, hold_id, h.points as expected, coalesce(s.points, 0) as found
    from ${of('loyalty_holds', checked)} h left join (
      select customer_id, hold_id, sum(points)::bigint as points from loyalty_hold_lots
      where customer_id = any(${array(checked.customerIds, 'uuid')}) group by 1, 2) s using (customer_id, hold_id)
    where coalesce(s.points, 0) <> h.points`,
};
