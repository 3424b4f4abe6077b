/**
 * A batch of customers judged by new versions, in one statement: rule by rule over what was seen of them, which is worked
 * out once. What a rule saw is told of those only whom it concerns. Nothing of the customers changes meanwhile, since
 * they are locked, so what is known of their memberships is read once as well.
 */
import { type SQL, sql } from 'drizzle-orm';
import { array } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { microsOf } from '../platform/instants.js';
import { isWhole } from '../reviews/service.js';
import type { Compiled } from '../rules/compile.js';
import type { JudgedRule } from './definitions.js';
import { tellingSql } from './switching.js';

type Judged = JudgedRule & { verdict: SQL; evidence: SQL };

/** `ids` are neighbours in the order of ids. Gives one row with the earliest next change. */
export function evaluationSql(
  ctx: Ctx,
  rules: readonly JudgedRule[],
  compiled: Compiled,
  ids: readonly string[],
  told: readonly string[],
): SQL {
  const judged = rules.map((rule, place) => ({
    ...rule,
    verdict: sql.raw(`v.verdicts[${place + 1}]`),
    evidence: compiled.evidence[place] as SQL,
  }));
  const segments = array(
    judged.map((one) => one.segment),
    'text',
  );
  const within = sql`m.segment = any(${segments}) and m.customer_id between ${ids[0]} and ${ids.at(-1)}`;
  return sql`
    with v as materialized (
      select j.* from (${compiled.rows}) j join review_state r on r.customer_id = j.customer_id where ${isWhole}),
    known as materialized (
      select m.customer_id, m.segment, bool_or(m.left_at is null) as is_open, max(m.left_at) as last_left
      from memberships m where ${within} group by m.customer_id, m.segment
    ),${draftsSql(judged.filter((one) => one.draft))}
    flips as (
      insert into memberships (customer_id, segment, entered_at, decided_at, rule_version, cause, evidence)
      select d.customer_id, d.segment, greatest(${ctx.now}, k.last_left), ${ctx.now}, d.version, 'rule_version', d.evidence
      from (${belonging(judged.filter((one) => !one.draft))}) d
      left join known k on k.customer_id = d.customer_id and k.segment = d.segment
      where k.is_open is not true
      returning customer_id, segment, entered_at as at, rule_version, true as entered
    ),
    noted as (
      update review_state r set ${bumped(ctx)}, next_change_at = least(r.next_change_at, v.next_change_at)
      from v where r.customer_id = v.customer_id
      returning r.customer_id, r.version, r.last_micros
    ),
    telling as (${tellingSql(ctx, told, sql`noted`)})
    select min(next_change_at) as next_change_at from v`;
}

/** Whoever judges customers says so: their version goes up, and their last instant with it. Of `review_state` as r. */
export const bumped = (ctx: Ctx): SQL =>
  sql`version = r.version + 1, last_micros = greatest(r.last_micros + 1, ${microsOf(ctx.now)})`;

const belonging = (judged: readonly Judged[]): SQL =>
  judged.length === 0
    ? sql`select null::uuid as customer_id, null as segment, null::integer as version, null::jsonb as evidence where false`
    : sql.join(
        judged.map(
          ({ segment, version, verdict, evidence }) =>
            sql`select v.customer_id, ${segment}::text as segment, ${version}::integer as version, ${evidence} as evidence
              from v where ${verdict}`,
        ),
        sql` union all `,
      );

/** A draft holds who belongs, and who does not but is a member by the rule that answers. */
function draftsSql(drafts: readonly Judged[]): SQL {
  if (drafts.length === 0) return sql``;
  const decided = drafts.map(
    ({ segment, verdict, evidence }) => sql`
      select v.customer_id, ${segment}::text as segment, ${verdict} as belongs, ${evidence} as evidence
      from v left join known k on k.customer_id = v.customer_id and k.segment = ${segment}
      where ${verdict} or k.is_open`,
  );
  const keys = array(
    drafts.map((one) => one.segment),
    'text',
  );
  return sql`
    decided as materialized (${sql.join(decided, sql` union all `)}),
    dropping as (
      delete from membership_drafts m using v
      where m.customer_id = v.customer_id and m.segment = any(${keys})
        and not exists (select from decided d where d.customer_id = m.customer_id and d.segment = m.segment)
    ),
    drafting as (
      insert into membership_drafts as known (customer_id, segment, belongs, evidence)
      select customer_id, segment, belongs, evidence from decided
      on conflict (segment, customer_id) do update set belongs = excluded.belongs, evidence = excluded.evidence
      where known.belongs <> excluded.belongs
    ),`;
}
