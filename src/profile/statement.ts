/** The whole picture as one statement, which each connection prepares once. */

import { type SQL, sql } from 'drizzle-orm';
import { allStatements } from '../customers/changes.js';
import { recordColumns } from '../customers/view.js';
import { compileQuery } from '../db/client.js';
import { assetCategories, liabilityCategories } from '../holdings/categories.js';
import { holdingColumns } from '../holdings/view.js';
import { relatedColumns } from '../relationships/view.js';

const list = (words: readonly string[]) => words.map((word) => `'${word}'`).join(', ');
const utc = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
const columnsOfHolding = compileQuery(holdingColumns).sql;

/**
 * $1 customer, $2 today at the bank, $3 its currency, $7 the decimals of it; of the reach $4 codes, $5 staff and $8 at
 * which instant, $6 customer
 */
const inScope = (alias: string) =>
  `($4::text[] is null or ${alias}.branch = any($4)) and ($5::text is null or exists (
    select from assignments book where book.customer_id = ${alias}.id and book.staff = $5
      and book.starts_at <= $8::timestamptz and (book.ends_at is null or book.ends_at > $8::timestamptz)))
   and ($6::uuid is null or ${alias}.id = $6)`;

/** What a balance is worth, of `holdings` as h and `latest_rates` as r. */
const worth = 'case when h.currency = $3 then h.balance else round(h.balance * r.rate, $7::integer) end';
const valued = (categories: readonly string[]) =>
  `v.worth is not null and v.category in (${list(categories)})`;
const stands = (alias: string) =>
  `(${alias}.starts_on is null or ${alias}.starts_on <= $2::date) and (${alias}.ends_on is null or ${alias}.ends_on > $2::date)`;
const byPolicy = '(select attribution from balance_policy)';
const part = `case when ${byPolicy} = 'full' then w.worth else round(w.worth * 0.01 * case
  when p.role <> 'primary_owner' then coalesce(p.share, 0)
  else coalesce(p.share, 100 - (select coalesce(sum(o.share), 0) from holding_parties o
    where o.holding_id = p.holding_id and o.role = 'joint_owner' and ${stands('o')})) end, $7::integer) end`;

/** What counts for the customer, by the bank's policy: category and worth. */
const counted = `
  select h.category, ${worth} as worth from holdings h left join latest_rates r on r.currency = h.currency
  where ${byPolicy} = 'primary_owner' and h.customer_id = customers.id and h.status <> 'closed'
  union all
  select h.category, ${part}
  from holding_parties p join holdings h on h.customer_id = p.owner_id and h.id = p.holding_id
  left join latest_rates r on r.currency = h.currency cross join lateral (select ${worth} as worth) w
  where ${byPolicy} <> 'primary_owner' and p.customer_id = customers.id and h.status <> 'closed' and ${stands('p')}
    and (p.role = 'primary_owner' or p.role = 'joint_owner' and p.customer_id <> p.owner_id)`;
const measured = [...assetCategories, ...liabilityCategories];

/** As the facts `holdings.*` have them: missing where nothing is valued. */
const totals = `(
  select json_build_object('aum', case when t.valued > 0 then t.aum::text end,
    'liabilities', case when t.valued > 0 then (-t.owed)::text end, 'net', t.net::text,
    'holdings', t.holdings, 'unvalued', t.unvalued)
  from (
    select coalesce(sum(v.worth) filter (where ${valued(assetCategories)}), 0) as aum,
      coalesce(sum(v.worth) filter (where ${valued(liabilityCategories)}), 0) as owed,
      sum(v.worth) filter (where ${valued(measured)}) as net,
      count(*) filter (where ${valued(measured)}) as valued,
      count(*) as holdings,
      count(*) filter (where v.category in (${list(measured)}) and not (${valued(measured)})) as unvalued
    from (${counted}) v
  ) t) as totals`;

const holdings = `(
  select coalesce(json_agg(row_to_json(x)), '[]') from (
    select p.id as party_id, p.role, p.share::text as share, p.starts_on, p.ends_on, o.*
    from holding_parties p cross join lateral (
      select ${columnsOfHolding
        .replaceAll('h.balance,', 'h.balance::text as balance,')
        .replace('h.recorded_at', `${utc('h.recorded_at')} as recorded_at`)
        .replace('h.source_time', `${utc('h.source_time')} as source_time`)}
      from holdings h where h.customer_id = p.owner_id and h.id = p.holding_id) o
    where p.customer_id = customers.id and (p.ends_on is null or p.ends_on > $2::date)
    order by p.id limit 200) x) as holdings`;

const relationships = `(
  select coalesce(json_agg(json_build_object('id', r.id, 'role', r.role, 'starts_on', r.starts_on, 'ends_on', r.ends_on,
    'source', r.source, 'recorded_at', ${utc('r.recorded_at')}, 'version', r.version, 'related', ${relatedColumns}) order by r.id), '[]')
  from (select * from relationships r where r.customer_id = customers.id and (r.ends_on is null or r.ends_on > $2::date)
    order by r.id limit 200) r
  join customers c on c.id = r.related_customer_id where ${inScope('c')}) as relationships`;

const segments = `(
  select coalesce(json_agg(json_build_object('segment', m.segment, 'name', s.name, 'entered_at', ${utc('m.entered_at')},
    'left_at', null, 'rule_version', m.rule_version, 'cause', m.cause) order by m.segment), '[]')
  from memberships m join segments s on s.key = m.segment
  where m.customer_id = customers.id and m.left_at is null) as segments`;

const activityTotals = `(
  select coalesce(json_agg(json_build_object('type', t.type, 'direction', t.direction, 'initiated_by', t.initiated_by,
    'count', t.count, 'amount', trim_scale(t.amount)::text, 'unvalued', t.unvalued, 'first_at', ${utc('t.first_at')},
    'last_at', ${utc('t.last_at')}) order by t.type, t.direction, t.initiated_by), '[]')
  from activity_totals t where t.customer_id = customers.id) as activity_totals`;

const reversesJson = `case when a.reverses_source_id is not null then json_strip_nulls(
  json_build_object('source_id', a.reverses_source_id, 'amount', a.reverses_amount::text)) end`;

/** An activity as JSON, of `activities` as a. */
export const activityJson = `json_build_object('id', a.id, 'customer_id', a.customer_id, 'type', a.type,
  'occurred_at', ${utc('a.occurred_at')}, 'precision', a.precision, 'business_date', a.business_date,
  'amount', a.amount::text, 'currency', a.currency, 'direction', a.direction,
  'reporting_amount', a.reporting_amount::text, 'rate_id', a.rate_id, 'reversed_amount', a.reversed_amount::text,
  'channel', a.channel, 'initiated_by', a.initiated_by,
  'own_transfer', a.own_transfer, 'holding_id', a.holding_id, 'source', a.source, 'source_id', a.source_id,
  'source_version', a.source_version, 'reverses', ${reversesJson}, 'superseded_by', a.superseded_by,
  'attributes', coalesce(a.attributes, '{}'), 'state', a.state, 'recorded_at', ${utc('a.recorded_at')})`;

/** The last ten, of a condition on `activities`. */
export const lastActivitiesOf = (condition: SQL): SQL => sql`
  select coalesce(json_agg(${sql.raw(activityJson)} order by a.occurred_at desc, a.id desc), '[]') as last_activities
  from (select * from activities where ${condition} order by occurred_at desc, id desc limit 10) a`;

const lastActivities = `(${compileQuery(lastActivitiesOf(sql`customer_id = customers.id`)).sql}) as last_activities`;

const statements = `${compileQuery(allStatements).sql} as statements, preferred_origins,
  (select coalesce(json_object_agg(key, json_build_object('priority', priority, 'priorities', priorities)), '{}') from sources) as sources,
  array(select name from attribute_definitions where sensitivity = 'sensitive') as sensitive_names`;

/** With whether a merge is moving activities: then not all of them are with the customer. */
const review = `(
  select json_build_object('evaluated_at', ${utc('r.reviewed_at')}, 'pending', r.marked_at is not null,
    'next_change_at', ${utc('r.next_change_at')},
    'is_moving', r.arriving_from is not null or r.leaving_origins is not null)
  from review_state r where r.customer_id = customers.id) as review`;

export const profileStatement = `select ${recordColumns}, ${[
  totals,
  holdings,
  relationships,
  segments,
  activityTotals,
  lastActivities,
  statements,
  review,
].join(', ')} from customers where customers.id = $1 and merged_into is null and ${inScope('customers')}`;

export const summaryStatement = `select customers.id, kind, status, full_name, given_name, family_name, legal_name,
  short_name, branch, manager, version, ${totals},
  array(select m.segment from memberships m where m.customer_id = customers.id and m.left_at is null order by m.segment) as segments,
  (select max(t.last_at) from activity_totals t where t.customer_id = customers.id) as last_activity_at,
  (select json_build_object('evaluated_at', ${utc('r.reviewed_at')}, 'stale_since', ${utc(`least(r.marked_at,
    case when r.next_change_at <= $8::timestamptz then r.next_change_at end)`)})
  from review_state r where r.customer_id = customers.id) as review
  from customers where customers.id = $1 and merged_into is null and ($2::date is not null) and ${inScope('customers')}`;
