/**
 * The averages that levels are graded by. Those of closed months are kept as they were known, so that grading reads no
 * balance of former months; one that comes out differently later stands beside the former one, with its own time.
 */
import { type SQL, sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import { array, type Reader, type Tx } from '../db/client.js';
import { type AverageSettings, averagesOfCustomers } from '../holdings/average-sql.js';
import type { BalancePolicyRow } from '../holdings/balance-schemas.js';
import { type CountedMonth, countedMonth } from '../holdings/months.js';
import type { Bank } from '../platform/context.js';
import type { MonthSeen, RunningMonth } from './grading.js';
import type { ModelContent } from './model.js';

/** How far back late balances change anything, in months that have closed. */
export const monthsBack = 24;

/** The months that have closed before a day, from the earliest that counts, or from the one of `since`. */
export function closedMonths(until: string, since: string | null): string[] {
  const running = Temporal.PlainDate.from(until).toPlainYearMonth();
  const months = Array.from({ length: monthsBack }, (_, place) =>
    running.subtract({ months: monthsBack - place }).toString(),
  );
  return months.filter((month) => since === null || month >= since.slice(0, 7));
}

/** All ids with the instant from which on each is to know the averages. */
export type Known = ReadonlyMap<string, string>;

const knownRows = (known: Known): SQL => sql`unnest(${array([...known.keys()], 'uuid')},
  ${array([...known.values()], 'timestamptz')}) as w(customer_id, known_from)`;

const ownersAre = (known: Known): SQL => sql`p.customer_id = any(${array([...known.keys()], 'uuid')})`;

export type Basis = { policy: Pick<BalancePolicyRow, 'attribution' | 'average_days'>; bank: Bank };

const settingsOf = (counted: CountedMonth, { policy, bank }: Basis): AverageSettings => ({
  counted,
  attribution: policy.attribution,
  bank,
});

/**
 * Works out a month that has closed, and keeps what differs. A customer of whom an average is known of some month has
 * one of every later month, so that none is missing in a grade.
 */
export async function keepAverages(
  tx: Tx,
  basis: Basis,
  month: string,
  known: Known,
  recordedAt: string,
): Promise<void> {
  const end = Temporal.PlainYearMonth.from(month).add({ months: 1 }).toPlainDate({ day: 1 }).toString();
  const counted = countedMonth(month, end, basis.policy.average_days);
  if (known.size === 0 || counted === undefined) return;
  const first = sql`${counted.first}::date`;
  await tx.run(sql`
    with fresh as (
      select w.customer_id, w.known_from, a.aum, a.net, coalesce(a.unvalued, 0) as unvalued, a.customer_id is not null as found
      from ${knownRows(known)}
      left join (${averagesOfCustomers(settingsOf(counted, basis), ownersAre(known))}) a on a.customer_id = w.customer_id
    ), changed as (
      select f.*, o.known_from as former
      from fresh f left join monthly_averages o
        on o.customer_id = f.customer_id and o.month = ${first} and o.known_to is null
      where (o.customer_id is not null and (o.aum, o.net, o.unvalued) is distinct from (f.aum, f.net, f.unvalued))
        or (o.customer_id is null and (f.found or exists (select from monthly_averages k
          where k.customer_id = f.customer_id and k.month < ${first} and k.known_to is null)))
    ), closed as (
      update monthly_averages o set known_to = c.known_from from changed c
      where o.customer_id = c.customer_id and o.month = ${first} and o.known_from = c.former
      returning o.customer_id
    )
    -- what is known no longer is closed before what takes its place is written
    insert into monthly_averages (customer_id, month, known_from, aum, net, unvalued, recorded_at)
    select c.customer_id, ${first}, c.known_from, c.aum, c.net, c.unvalued, ${recordedAt}
    from changed c left join closed using (customer_id) order by c.customer_id`);
}

type Measure = ModelContent['measure'];

/** Months as one JSON value, the earliest first. `condition` speaks of `monthly_averages` as a. */
export const monthsSql = (measure: Measure, condition: SQL): SQL => sql`
  (select coalesce(json_agg(json_build_object('month', to_char(a.month, 'YYYY-MM'), 'average', a.${sql.raw(measure)}::text,
    'unvalued', a.unvalued) order by a.month), '[]') from monthly_averages a where ${condition})`;

/**
 * The month that runs on a day, by customer: what its days before that day add up to, divided by all of its days. None
 * on the first of a month.
 */
export async function runningMonths(
  reader: Reader,
  basis: Basis,
  measure: Measure,
  until: string,
  ids: readonly string[],
): Promise<Map<string, RunningMonth>> {
  const day = Temporal.PlainDate.from(until);
  if (day.day === 1 || ids.length === 0) return new Map();
  const month = until.slice(0, 7);
  const divisor = basis.policy.average_days === 'thirty' ? 30 : day.daysInMonth;
  const counted = { month, first: day.with({ day: 1 }).toString(), until, divisor };
  const owners = sql`p.customer_id = any(${array(ids, 'uuid')})`;
  const rows = await reader.rows<MonthSeen & { customer_id: string }>(sql`
    select customer_id, ${sql.raw(measure)} as average, unvalued
    from (${averagesOfCustomers(settingsOf(counted, basis), owners)}) as a`);
  return new Map(
    rows.map(({ customer_id, average, unvalued }) => [customer_id, { month, until, average, unvalued }]),
  );
}
