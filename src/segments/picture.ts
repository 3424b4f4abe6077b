/**
 * What is known of one customer, as far as a rule reads it, for the judgement in memory that explains. Of activities
 * those are read that a condition can count: types that are measured in windows from the earliest bound on, types of
 * which all-time totals tell enough only the latest and what lies ahead.
 */
import { type SQL, sql } from 'drizzle-orm';
import { array, type Reader } from '../db/client.js';
import { usesTotals } from '../rules/activity-condition.js';
import { ofTypesSql, typesOf } from '../rules/activity-types.js';
import { calendarRange } from '../rules/calendar.js';
import { factOf } from '../rules/facts.js';
import { type Moment, momentOf, type RuleContext } from '../rules/moment.js';
import { periodConditions } from '../rules/periods.js';
import type { CustomerPart, CustomerPicture, HoldingPart, LoyaltyPart } from '../rules/picture.js';
import { anyType, isLeaf, type MeasuredActivity, measuredIn, partsOf, type Rule } from '../rules/schema.js';
import { readsOf, touchNames } from '../rules/touches.js';
import { ruleOf, segmentsNamed, type Vocabulary } from '../rules/vocabulary.js';
import { instantSql, rangeOf } from '../rules/windows.js';

/** How many activities an explanation names at most. */
const named = 20;

export async function readPicture(
  reader: Reader,
  customerId: string,
  rule: Rule,
  vocabulary: Vocabulary,
  context: RuleContext,
): Promise<CustomerPicture> {
  const moment = momentOf(context);
  const of = sql`customer_id = ${customerId}::uuid`;
  const [customer] = await reader.rows<CustomerPart>(sql`
    select id, kind, status, stub, birth_date, customer_since, branch, city, language, gender, attributes
    from customers where id = ${customerId}`);
  if (customer === undefined) throw new Error('the customer is gone');
  const holdings = await holdingsOf(reader, customerId);
  const [level = null] = await reader.rows<{ level: string; rank: number }>(
    sql`select level, rank from customer_levels where ${of} and to_at is null`,
  );
  return {
    customer,
    identifiers: await reader.rows(sql`select scheme, status from identifiers where ${of}`),
    relationships: await reader.rows(sql`select role, starts_on, ends_on from relationships where ${of}`),
    holdings,
    parties: await reader.rows(sql`
      select p.role, h.opened_on from holding_parties p
      join holdings h on h.customer_id = p.owner_id and h.id = p.holding_id where p.${of}`),
    activities: await reader.rows(activitiesSql(of, neededBy(rule, vocabulary, moment), moment)),
    activityTotals: await reader.rows(sql`
      select type, direction, initiated_by, count, amount, unvalued, first_at, last_at from activity_totals where ${of}`),
    staticSegments: await staticSegments(reader, of, moment),
    rates: await reader.rows(sql`select currency, rate from latest_rates`),
    ratesOfDays: await ratesOfDays(reader, holdings, moment),
    level,
    loyalty: readsOf(rule, vocabulary).includes(touchNames.loyalty)
      ? await loyaltyOf(reader, of, moment)
      : [],
  };
}

function loyaltyOf(reader: Reader, of: SQL, { now, past }: Moment): Promise<LoyaltyPart[]> {
  const during = past
    ? sql`h.from_at <= ${now} and (h.to_at is null or h.to_at > ${now})`
    : sql`h.to_at is null`;
  return reader.rows(sql`
    select a.programme, max(h.tier) as tier, max(h.rank) as rank, sum(a.debt)::bigint as debt, (
        select coalesce(json_agg(json_build_object('available_at', l.available_at, 'expires_at', l.expires_at,
          'remaining', l.remaining, 'holds', (
            select coalesce(json_agg(json_build_object('expires_at', o.expires_at, 'points', s.points)), '[]')
            from loyalty_hold_lots s join loyalty_holds o on o.customer_id = s.customer_id and o.hold_id = s.hold_id
            where s.customer_id = l.customer_id and s.lot_id = l.lot_id and o.status = 'active'))), '[]')
        from loyalty_lots l
        where l.customer_id = a.customer_id and l.programme = a.programme and l.remaining > 0) as lots
    from (select * from loyalty_accounts where ${of}) a
    left join loyalty_tiers_held h on h.customer_id = a.customer_id and h.programme = a.programme and ${during}
    group by a.customer_id, a.programme`);
}

type HoldingRow = Omit<HoldingPart, 'owner'> & HoldingPart['owner'];

async function holdingsOf(reader: Reader, customerId: string): Promise<HoldingPart[]> {
  const rows = await reader.rows<HoldingRow>(sql`
    select h.category, h.product, h.status, h.currency, h.balance, h.closed_on, (
        select coalesce(json_agg(json_build_object('from_date', b.from_date, 'to_date', b.to_date,
          'amount', b.amount::text, 'currency', b.currency) order by b.from_date), '[]')
        from holding_balances b where b.customer_id = h.customer_id and b.holding_id = h.id) as balances,
      h.customer_id = p.customer_id and p.role = 'primary_owner' and p.ends_on is null as kept,
      p.role, p.share, p.starts_on, p.ends_on, case when p.role = 'primary_owner' then (
        select coalesce(json_agg(json_build_object('share', o.share::text, 'starts_on', o.starts_on, 'ends_on', o.ends_on)), '[]')
        from holding_parties o where o.holding_id = p.holding_id and o.role = 'joint_owner') else '[]' end as others
    from holding_parties p join holdings h on h.customer_id = p.owner_id and h.id = p.holding_id
    where p.customer_id = ${customerId} and (p.role = 'primary_owner'
      or p.role = 'joint_owner' and p.customer_id <> p.owner_id)`);
  return rows.map(({ role, share, starts_on, ends_on, others, ...holding }) => ({
    ...holding,
    owner: { role, share, starts_on, ends_on, others },
  }));
}

/** Those of the currencies that the balances are in. */
function ratesOfDays(
  reader: Reader,
  holdings: readonly HoldingPart[],
  { currency }: Moment,
): Promise<CustomerPicture['ratesOfDays'][number][]> {
  const others = holdings.flatMap((one) => one.balances.map((balance) => balance.currency));
  const currencies = [...new Set(others)].filter((one) => one !== currency);
  return reader.rows(sql`
    select currency, business_date, rate from exchange_rates
    where currency = any(${array(currencies, 'text')}) and superseded_at is null`);
}

async function staticSegments(reader: Reader, of: SQL, { now, past }: Moment): Promise<string[]> {
  const during = past
    ? sql`m.entered_at <= ${now} and (m.left_at is null or m.left_at > ${now})`
    : sql`m.left_at is null`;
  const rows = await reader.rows<{ segment: string }>(sql`
    select m.segment from memberships m join segments s on s.key = m.segment
    where m.${of} and s.kind = 'static' and ${during}`);
  return rows.map((row) => row.segment);
}

type Needed = {
  /** since when each type is counted, or any; null: of all time */
  types: Map<string, number | null>;
  /** some fact looks at activities of any type, at any time */
  any: boolean;
};

/** What the conditions of a rule, and of the segments that it names, count of activities. */
function neededBy(rule: Rule, vocabulary: Vocabulary, moment: Moment): Needed {
  const types = new Map<string, number | null>();
  const facts = new Set<string>();
  const add = (part: Rule): void => {
    if (isLeaf(part)) {
      for (const measured of measuredIn(part)) {
        if ('fact' in measured) facts.add(measured.fact);
        if (!('activity' in measured) || usesTotals(measured)) continue;
        for (const type of typesOf(measured.activity) ?? [anyType])
          widen(types, type, sinceOf(measured, moment));
      }
      if ('rank' in part) facts.add(part.rank.fact);
    } else if ('holds_for' in part) {
      for (const each of periodConditions(part)) add(each.rule);
    } else {
      for (const each of partsOf(part).parts) add(each.rule);
    }
  };
  const visit = (part: Rule): void => {
    add(part);
    for (const key of segmentsNamed(part)) {
      const next = ruleOf(vocabulary, key);
      if (next !== null) visit(next);
    }
  };
  visit(rule);
  const reads = [...facts].flatMap((name) => factOf(vocabulary.facts, name).touchedBy);
  // scores count activities of some types, in a window of their own
  return { types, any: reads.includes(touchNames.anyActivity) || reads.includes(touchNames.rfm) };
}

function widen(types: Map<string, number | null>, type: string, since: number | null): void {
  const known = types.get(type);
  const isAll = since === null || known === null;
  types.set(type, isAll ? null : Math.min(known ?? since, since));
}

function sinceOf({ window }: MeasuredActivity, moment: Moment): number | null {
  if (window === undefined) return null;
  return 'last' in window ? rangeOf(window.last, moment).lowest : calendarRange(window, moment).from;
}

/** Those, and beside them what lies ahead and the latest of each type. */
function activitiesSql(of: SQL, { types, any }: Needed, { nowMicros }: Moment): SQL {
  const columns = sql`id, type, occurred_at, business_date, amount, reporting_amount, currency, direction, channel,
    initiated_by, own_transfer, holding_id, source, attributes, state`;
  const current = sql`from activities where ${of} and state = 'current'`;
  const now = instantSql(nowMicros);
  if (any) return sql`select ${columns} ${current}`;
  const counted = [...types].map(
    ([type, since]) =>
      sql` union (select ${columns} ${current} and ${ofTypesSql(sql`type`, type)} and ${since === null ? sql`true` : sql`occurred_at >= ${instantSql(since)}`})`,
  );
  return sql`
    select ${columns} ${current} and occurred_at > ${now}
    union select a.* from (select distinct type from activity_totals where ${of}) t cross join lateral (
      select ${columns} ${current} and activities.type = t.type and occurred_at <= ${now}
      order by occurred_at desc limit ${named}) a${sql.join(counted)}`;
}
