/** Average balances of a month, and what customers hold together. */

import { sql } from 'drizzle-orm';
import { findNamed } from '../customers/named.js';
import type { CustomerReferenceIn } from '../customers/references.js';
import { getCustomer } from '../customers/service.js';
import { array } from '../db/client.js';
import { type Ctx, today } from '../platform/context.js';
import { minorUnits } from '../platform/currencies.js';
import { DomainError } from '../platform/errors.js';
import { type AverageSettings, averagesOfCustomers, averagesOfHoldings } from './average-sql.js';
import type { CustomerAveragesOut, GroupPositionOut, HoldingAverageOut } from './balance-schemas.js';
import { assetCategories, liabilityCategories } from './categories.js';
import { countedMonth, monthBefore } from './months.js';
import { readBalancePolicy } from './policy.js';
import { getHolding } from './service.js';

/** The month that is asked for, the last one that has ended where none is. Throws 422 where it has not begun. */
async function settingsOf(ctx: Ctx, month: string | undefined) {
  const policy = await readBalancePolicy(ctx.database);
  const counted = countedMonth(month ?? monthBefore(today(ctx)), today(ctx), policy.average_days);
  if (counted === undefined) {
    const message = 'has not begun at the bank';
    throw new DomainError('rule_broken', 'The month has not begun.', {
      errors: [{ in: 'query', pointer: '/month', code: 'in_the_future', message }],
    });
  }
  return { counted, attribution: policy.attribution, bank: ctx.bank };
}

const shownMonth = ({ counted: { month, until, divisor }, bank }: AverageSettings) => ({
  month,
  until,
  days: divisor,
  currency: bank.currency,
});

type Totals = Pick<CustomerAveragesOut, 'aum' | 'liabilities' | 'net' | 'unvalued'>;

/** Throws the one 404. */
export async function getCustomerAverages(
  ctx: Ctx,
  id: string,
  month: string | undefined,
): Promise<CustomerAveragesOut> {
  await getCustomer(ctx, id);
  const settings = await settingsOf(ctx, month);
  const nothing: Totals = { aum: null, liabilities: null, net: null, unvalued: 0 };
  const shown = { ...shownMonth(settings), attribution: settings.attribution };
  if (settings.counted.divisor === 0) return { ...shown, ...nothing, holdings: [] };
  const owners = sql`p.customer_id = ${id}::uuid`;
  const [totals] = await ctx.database.rows<Totals>(sql`
    select aum, liabilities, net, unvalued from (${averagesOfCustomers(settings, owners)}) as a`);
  const holdings = await ctx.database.rows<CustomerAveragesOut['holdings'][number]>(
    sql`${averagesOfHoldings(settings, owners)} order by holding_id limit 200`,
  );
  return { ...shown, ...(totals ?? nothing), holdings };
}

/** Of the whole holding, whoever owns it. Throws the one 404. */
export async function getHoldingAverage(
  ctx: Ctx,
  id: string,
  month: string | undefined,
): Promise<HoldingAverageOut> {
  await getHolding(ctx, id);
  const settings = { ...(await settingsOf(ctx, month)), attribution: 'whole' as const };
  const shown = shownMonth({ ...settings, attribution: 'full' });
  const nothing = { average: null, unvalued_days: 0 };
  if (settings.counted.divisor === 0) return { ...shown, ...nothing };
  const [found] = await ctx.database.rows<typeof nothing>(sql`
    select average, unvalued_days from (${averagesOfHoldings(settings, sql`p.holding_id = ${id}::uuid`)}) as a`);
  return { ...shown, ...(found ?? nothing) };
}

/** What customers hold together: each holding once, whoever of them owns it. Throws 404 where one is not found. */
export async function getGroupPosition(
  ctx: Ctx,
  references: readonly CustomerReferenceIn[],
): Promise<GroupPositionOut> {
  const pointers = references.map((_, place) => `/customers/${place}`);
  const named = await findNamed(ctx.database, ctx, references, pointers);
  const ids = [...new Set(named.map(({ id }) => id))];
  const { currency } = ctx.bank;
  const day = sql`${today(ctx)}::date`;
  const of = (categories: readonly string[]) => sql`h.category = any(${sql.param(categories)}::text[])`;
  const measured = of([...assetCategories, ...liabilityCategories]);
  const [position] = await ctx.database.rows<Omit<GroupPositionOut, 'currency' | 'customers'>>(sql`
    with owned as (
      select distinct p.owner_id, p.holding_id from holding_parties p
      where p.customer_id = any(${array(ids, 'uuid')}) and p.role in ('primary_owner', 'joint_owner')
        and (p.starts_on is null or p.starts_on <= ${day}) and (p.ends_on is null or p.ends_on > ${day})
    ), valued as (
      select h.category, case when h.currency = ${currency} then h.balance
        else round(h.balance * r.rate, ${minorUnits(currency)}::integer) end as worth
      from owned o join holdings h on h.customer_id = o.owner_id and h.id = o.holding_id
      left join latest_rates r on r.currency = h.currency where h.status <> 'closed'
    )
    select case when count(worth) filter (where ${measured}) > 0
        then coalesce(sum(worth) filter (where ${of(assetCategories)}), 0) end as aum,
      case when count(worth) filter (where ${measured}) > 0
        then -coalesce(sum(worth) filter (where ${of(liabilityCategories)}), 0) end as liabilities,
      sum(worth) filter (where ${measured}) as net, count(*) as holdings,
      count(*) filter (where ${measured} and worth is null) as unvalued
    from valued h`);
  const none = { aum: null, liabilities: null, net: null, holdings: 0, unvalued: 0 };
  return { currency, customers: ids.length, ...(position ?? none) };
}
