/**
 * Average balances of a month as one statement, for some customers or for all: the sum of the balances at the end of
 * each counted day by the number of days, in the bank's currency. A day of another currency counts at the rate of that
 * day, rounded to the minor unit as every conversion is; the average is rounded once, at its end, halves away from
 * zero. A day before the first balance, and from the closing of a holding on, counts as zero. Each day counts for those
 * who own the holding on it.
 */
import { type SQL, sql } from 'drizzle-orm';
import { rateOfDay } from '../money/rate-of-day.js';
import type { Bank } from '../platform/context.js';
import { minorUnits } from '../platform/currencies.js';
import type { Attribution } from './attribution.js';
import { assetCategories, liabilityCategories } from './categories.js';
import type { CountedMonth } from './months.js';

/** `whole`: the holding itself is asked for, not an owner's part of it. */
export type AverageSettings = { counted: CountedMonth; attribution: Attribution | 'whole'; bank: Bank };

const earliest = sql.raw(`'-infinity'::date`);
const latest = sql.raw(`'infinity'::date`);

/** Who owns what from when to when, and how many percent, of which some take from others; `owners` is a condition on `holding_parties` as p. */
function spans(attribution: AverageSettings['attribution'], owners: SQL): SQL {
  const dates = sql`coalesce(p.starts_on, ${earliest}) as since, coalesce(p.ends_on, ${latest}) as until`;
  const from = sql`select p.customer_id, p.holding_id, p.owner_id`;
  if (attribution === 'whole') {
    return sql`${from}, ${earliest} as since, ${latest} as until, 100::numeric as weight, true as own from holding_parties p
      where ${owners} and p.role = 'primary_owner' and p.ends_on is null`;
  }
  if (attribution === 'primary_owner') {
    return sql`${from}, ${dates}, 100::numeric as weight, true as own from holding_parties p
      where ${owners} and p.role = 'primary_owner'`;
  }
  const weight =
    attribution === 'full'
      ? sql`100::numeric`
      : sql`case p.role when 'primary_owner' then coalesce(p.share, 100) else coalesce(p.share, 0) end`;
  const each = sql`${from}, ${dates}, ${weight} as weight, true as own from holding_parties p
    where ${owners} and (p.role = 'primary_owner' or p.role = 'joint_owner' and p.customer_id <> p.owner_id)`;
  if (attribution === 'full') return each;
  // the primary owner has what the others leave, day by day
  return sql`${each} union all
    ${from}, greatest(coalesce(p.starts_on, ${earliest}), coalesce(o.starts_on, ${earliest})),
      least(coalesce(p.ends_on, ${latest}), coalesce(o.ends_on, ${latest})), -o.share, false
    from holding_parties p join holding_parties o on o.holding_id = p.holding_id and o.role = 'joint_owner'
    where ${owners} and p.role = 'primary_owner' and p.share is null and o.share is not null`;
}

/**
 * The rows that name holdings (owner_id, holding_id), as s, with the balances b of them that stand on a day or later.
 * Balances follow one another without a gap: the first of them is found by one step in the index (`begun`, worked out
 * apart, since a condition of an index takes no subquery), and none before it is read.
 */
export const withBalancesSince = (rows: SQL, first: string): SQL => sql`(
    select named.*, coalesce((select max(x.from_date) from holding_balances x where x.customer_id = named.owner_id
      and x.holding_id = named.holding_id and x.from_date <= ${first}::date), ${first}::date) as begun
    from ${rows} as named offset 0
  ) as s
  join holding_balances b on b.customer_id = s.owner_id and b.holding_id = s.holding_id and b.from_date >= s.begun
    and (b.to_date is null or b.to_date > ${first}::date)`;

/** [first, until) */
export type ValuedDays = {
  days: { first: string; until: string };
  attribution: AverageSettings['attribution'];
  currency: string;
};

/**
 * What holdings were worth to their owners at the end of each day: columns customer_id, holding_id, category, since and
 * until (days between which nothing changes), worth (at each of them, in the bank's currency; null where it has no
 * value), and own (false where some is taken off for what is others').
 */
export function dayValues({ days, attribution, currency }: ValuedDays, owners: SQL): SQL {
  const { first, until } = days;
  const columns = sql`customer_id, holding_id, category`;
  return sql`
    with spans as (${spans(attribution, owners)}),
    pieces as (
      select s.customer_id, s.holding_id, s.weight, s.own, h.category, b.currency, b.amount,
        greatest(s.since, b.from_date, ${first}::date) as since,
        least(s.until, b.to_date, ${until}::date, case when h.status = 'closed' then h.closed_on end) as until
      from ${withBalancesSince(sql`spans`, first)} and b.from_date < ${until}::date
      join holdings h on h.customer_id = s.owner_id and h.id = s.holding_id
      where h.category = any(${sql.param([...assetCategories, ...liabilityCategories])}::text[])
    )
    select ${columns}, since, until, amount * weight * 0.01 as worth, own
    from pieces where until > since and (currency = ${currency} or amount is null)
    union all
    select ${columns}, since + d.day, since + d.day + 1,
      round(amount * r.rate, ${minorUnits(currency)}::integer) * weight * 0.01, own
    from pieces cross join lateral generate_series(0, until - since - 1) as d(day)
    left join lateral (${rateOfDay(sql`pieces.currency`, sql`(pieces.since + d.day)`)}) r on true
    where until > since and currency <> ${currency} and amount is not null`;
}

/** Sums of days: columns customer_id, holding_id, category, sum (null where it has no value), unvalued (days). */
function sums({ counted, attribution, bank }: AverageSettings, owners: SQL): SQL {
  return sql`
    select customer_id, holding_id, category, worth * (until - since) as sum,
      case when own and worth is null then until - since else 0 end as unvalued
    from (${dayValues({ days: counted, attribution, currency: bank.currency }, owners)}) as v`;
}

/** Exact, to the minor unit: numeric division would round before. */
export function quotient(sum: SQL, divisor: number, digits: number): SQL {
  const scale = sql.raw(`1${'0'.repeat(digits)}`);
  const half = sql`div(abs(${sum}) * 2 * ${scale} + ${divisor}::integer, 2 * ${divisor}::integer)`;
  return sql`round(sign(${sum}) * ${half} / ${scale}, ${digits}::integer)`;
}

const of = (categories: readonly string[]) =>
  sql`coalesce(sum(sum) filter (where category = any(${sql.param(categories)}::text[])), 0)`;

/** One row a customer who has any: aum, liabilities and net are null where nothing is valued. */
export function averagesOfCustomers(settings: AverageSettings, owners: SQL): SQL {
  const digits = minorUnits(settings.bank.currency);
  const average = (sum: SQL) =>
    sql`case when count(sum) > 0 then ${quotient(sum, settings.counted.divisor, digits)} end`;
  return sql`
    select customer_id, ${average(of(assetCategories))} as aum, ${average(sql`-${of(liabilityCategories)}`)} as liabilities,
      ${average(sql`coalesce(sum(sum), 0)`)} as net,
      (count(distinct holding_id) filter (where unvalued > 0))::integer as unvalued
    from (${sums(settings, owners)}) as days group by customer_id`;
}

/** One row a holding. */
export function averagesOfHoldings(settings: AverageSettings, owners: SQL): SQL {
  const digits = minorUnits(settings.bank.currency);
  const average = quotient(sql`sum(sum)`, settings.counted.divisor, digits);
  return sql`
    select holding_id, category, ${average} as average, (sum(unvalued))::integer as unvalued_days
    from (${sums(settings, owners)}) as days group by holding_id, category`;
}
