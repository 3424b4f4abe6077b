/**
 * The drafts of new versions take the place of what was, in one transaction: only the differences are written. It goes
 * along the customers in the order of their ids, some thousand in a statement, so that no statement is long, and none
 * is planned for a table that it fills itself.
 */
import { type SQL, sql } from 'drizzle-orm';
import { array, type Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { inEffect } from '../platform/in-effect.js';
import { isWhole } from '../reviews/service.js';
import type { JudgedRule } from './definitions.js';

export type Moved = { entered: number; left: number };

const customersATime = 5000;

type Switch = {
  drafts: readonly JudgedRule[];
  /** the segments of which an event is written for each who enters or leaves */
  told: readonly string[];
  /** locks customers, in the order of their ids */
  lock: (ids: SQL) => SQL;
};

/** A customer whose activities are being moved stays as it is: it is judged when all have arrived. */
export async function switchMembers(tx: Tx, ctx: Ctx, change: Switch): Promise<Map<string, Moved>> {
  const moved = new Map<string, Moved>();
  for (let after: string | null = null; ; ) {
    const until: string | null = await nextBound(tx, after);
    const within = (column: string) => {
      const id = sql.raw(column);
      const beyond = after === null ? sql`true` : sql`${id} > ${after}::uuid`;
      return until === null ? beyond : sql`${beyond} and ${id} <= ${until}::uuid`;
    };
    for (const { segment, entered, count } of await switchSome(tx, ctx, change, within)) {
      const known = moved.get(segment) ?? { entered: 0, left: 0 };
      const word = entered ? 'entered' : 'left';
      moved.set(segment, { ...known, [word]: known[word] + count });
    }
    if (until === null) return moved;
    after = until;
  }
}

/** The last of the next customers; null where there are no more than these. */
async function nextBound(tx: Tx, after: string | null): Promise<string | null> {
  const [bound] = await tx.rows<{ id: string }>(sql`
    select id from customers where ${after === null ? sql`true` : sql`id > ${after}::uuid`}
    order by id offset ${customersATime - 1} limit 1`);
  return bound?.id ?? null;
}

async function switchSome(tx: Tx, ctx: Ctx, { drafts, told, lock }: Switch, within: (column: string) => SQL) {
  const column = <T>(pick: (rule: JudgedRule) => T) => drafts.map(pick);
  const segments = array(
    column((one) => one.segment),
    'text',
  );
  const versions = array(
    column((one) => one.version),
    'integer',
  );
  const changing = sql`unnest(${segments}, ${versions}) as s(segment, version)`;
  const whole = (alias: string) =>
    sql`exists (select from review_state r where r.customer_id = ${sql.raw(alias)}.customer_id and r.merged_into is null and ${isWhole})`;
  const leaving = sql`${within('m.customer_id')} and m.left_at is null and ${whole('m')} and not exists (
    select from membership_drafts d where d.segment = m.segment and d.customer_id = m.customer_id and d.belongs)`;
  const coming = sql`${within('d.customer_id')} and d.belongs and ${whole('d')} and not exists (
    select from memberships m where m.customer_id = d.customer_id and m.segment = d.segment and m.left_at is null)`;
  await tx.rows(
    lock(sql`
      select m.customer_id from memberships m where m.segment = any(${segments}) and ${leaving}
      union select d.customer_id from membership_drafts d where d.segment = any(${segments}) and ${coming}`),
  );
  return tx.rows<{ segment: string; entered: boolean; count: number }>(sql`
    with closing as (
      update memberships m set left_at = greatest(${ctx.now}, m.entered_at + interval '1 microsecond'),
        left_decided_at = ${ctx.now}, left_rule_version = s.version, left_cause = 'rule_version',
        left_evidence = (select d.evidence from membership_drafts d
          where d.segment = m.segment and d.customer_id = m.customer_id)
      from ${changing} where m.segment = s.segment and ${leaving}
      returning m.customer_id, m.segment, m.left_at as at, s.version as rule_version, false as entered
    ), opening as (
      insert into memberships (customer_id, segment, entered_at, decided_at, rule_version, cause, evidence)
      select d.customer_id, d.segment, greatest(${ctx.now}, (select max(m.left_at) from memberships m
        where m.customer_id = d.customer_id and m.segment = d.segment)), ${ctx.now}, s.version, 'rule_version', d.evidence
      from ${changing} join membership_drafts d on d.segment = s.segment where ${coming}
      returning customer_id, segment, entered_at as at, rule_version, true as entered
    ), flips as materialized (select * from closing union all select * from opening),
    telling as (${tellingSql(ctx, told, sql`review_state`)})
    select segment, entered, count(*)::int as count from flips group by segment, entered`);
}

/** They may be a million: the database writes them. `states` has the version that each customer has by then. */
export const tellingSql = (ctx: Ctx, told: readonly string[], states: SQL): SQL => sql`
  insert into outbox
    (id, type, subject, subject_version, occurred_at, scope_customer, scope_branch, scope_manager, scope_staff, data)
  select gen_random_uuid(), case when f.entered then 'segment.entered' else 'segment.left' end, f.customer_id::text,
    r.version, timestamptz 'epoch' + r.last_micros * interval '1 microsecond', f.customer_id, c.branch, c.manager,
    array(select distinct a.staff from assignments a where a.customer_id = f.customer_id and ${inEffect('a', ctx.now)}),
    jsonb_build_object('segment', f.segment, 'rule_version', f.rule_version, 'cause', 'rule_version',
      'effective_at', to_char(f.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
  from flips f join customers c on c.id = f.customer_id join ${states} r on r.customer_id = f.customer_id
  where f.segment = any(${array(told, 'text')})`;
