/** The books of a programme held against themselves: a bounded part of them a request, each part in one snapshot. */
import { sql } from 'drizzle-orm';
import { array, type Reader } from '../../db/client.js';
import type { Ctx } from '../../platform/context.js';
import type { PageRequest } from '../../platform/pagination.js';
import { reportOf, sumsAt } from './reports.js';
import type { Finding, Verification } from './schemas.js';
import { ledgerNames, type Sums, sumColumns } from './sums.js';
import { checkAccounts, finding } from './verify-accounts.js';

export const mostAccounts = 10_000;
/** hours that are added up anew at once */
const closingsAtOnce = 2000;
/** told of them at most */
const mostFindings = 100;

/** First all accounts in the order of their customers, then what is closed. */
type Place = ['accounts', string] | ['closings', string];
type Part = Pick<Verification, 'accounts' | 'closings' | 'findings'> & { next: Place | null };

export const verifyBooks = (ctx: Ctx, key: string, page: PageRequest): Promise<Verification> =>
  reportOf(ctx, key, async (reader) => {
    const [phase, place] = (page.after as Place | undefined) ?? [];
    const { next, ...part } =
      phase === 'closings'
        ? await verifyClosings(reader, key, place ?? null)
        : await verifyAccounts(reader, key, { after: place ?? null, limit: page.limit });
    const total = page.after === undefined ? await trialBalanceProblem(reader, key, ctx.now) : [];
    return {
      programme: key,
      as_of: ctx.now,
      ...part,
      findings: [...total, ...part.findings],
      next_cursor: next === null ? null : ctx.keyring.sign(page.domain, JSON.stringify(next)),
    };
  });

async function trialBalanceProblem(reader: Reader, key: string, now: string): Promise<Finding[]> {
  const sums = await sumsAt(reader, key, now);
  const total = ledgerNames.reduce((sum, name) => sum + sums[name], 0);
  return total === 0 ? [] : [finding('trial_balance', { expected: 0, found: total })];
}

async function verifyAccounts(
  reader: Reader,
  key: string,
  { after, limit }: { after: string | null; limit: number },
): Promise<Part> {
  const rows = await reader.rows<{ customer_id: string; accounts: number }>(sql`
    select customer_id, count(*)::int as accounts from loyalty_accounts
    where programme = ${key} and ${after === null ? sql`true` : sql`customer_id > ${after}::uuid`}
    group by customer_id order by customer_id limit ${limit + 1}`);
  const checked = rows.slice(0, limit);
  const customerIds = checked.map((row) => row.customer_id);
  const findings =
    customerIds.length === 0
      ? []
      : await checkAccounts(reader, {
          programme: key,
          customerIds,
          related: await readRelated(reader, customerIds),
        });
  const last = customerIds.at(-1);
  return {
    accounts: checked.reduce((sum, row) => sum + row.accounts, 0),
    closings: 0,
    findings,
    next: rows.length > limit && last !== undefined ? ['accounts', last] : ['closings', '-infinity'],
  };
}

/** With all whom merges have ever made one with them: their accounts have stood beside one another. */
async function readRelated(reader: Reader, customerIds: readonly string[]): Promise<string[]> {
  const rows = await reader.rows<{ id: string }>(sql`
    with recursive related (id) as (
      select id from unnest(${array(customerIds, 'uuid')}) as c(id)
      union
      select o.id from related r cross join lateral (
        select merged_id as id from merges where survivor_id = r.id
        union all select survivor_id from merges where merged_id = r.id) o
    ) select id from related`);
  return rows.map(({ id }) => id);
}

type Closing = Sums & { until: string };

/** Each closing is the one before it and what was booked between them. */
async function verifyClosings(reader: Reader, key: string, after: string | null): Promise<Part> {
  // the one that was checked last comes again: the next is held against it
  const rows = await reader.rows<Closing>(sql`
    select until_at::text as until, lots, debts, issued, redeemed, expired, cancelled from loyalty_closings
    where programme = ${key} and until_at >= ${after ?? '-infinity'}::timestamptz order by until_at limit ${closingsAtOnce + 1}`);
  const isFirst = after === null || after === '-infinity';
  const start = isFirst ? undefined : rows[0];
  const checked = isFirst ? rows.slice(0, closingsAtOnce) : rows.slice(1);
  const booked = await bookedBetween(
    reader,
    key,
    start?.until ?? '-infinity',
    checked.map(({ until }) => until),
  );
  const findings = checked.flatMap((closing, place) => {
    const before = place === 0 ? start : checked[place - 1];
    const during = booked.get(place);
    const differing = ledgerNames
      .map((name) => ({ expected: (before?.[name] ?? 0) + (during?.[name] ?? 0), found: closing[name] }))
      .find(({ expected, found }) => expected !== found);
    const at = new Date(closing.until).toISOString();
    return differing === undefined ? [] : [finding('closing', { at, ...differing })];
  });
  const last = checked.at(-1);
  const goesOn = rows.length > closingsAtOnce && last !== undefined;
  return {
    accounts: 0,
    closings: checked.length,
    findings: findings.slice(0, mostFindings),
    next: goesOn ? ['closings', last.until] : null,
  };
}

async function bookedBetween(reader: Reader, key: string, from: string, ends: readonly string[]) {
  const last = ends.at(-1);
  if (last === undefined) return new Map<number, Sums>();
  const rows = await reader.rows<Sums & { place: number }>(sql`
    select width_bucket(p.booked_at, ${array(ends, 'timestamptz')}) as place, ${sumColumns}
    from loyalty_postings p
    where p.programme = ${key} and p.booked_at >= ${from}::timestamptz and p.booked_at < ${last}::timestamptz group by 1`);
  return new Map(rows.map((row) => [row.place, row]));
}
