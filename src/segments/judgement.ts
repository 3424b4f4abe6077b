/** One judgement of customers by all rules at one instant: the differences are written, the next changes returned. */
import { sql } from 'drizzle-orm';
import { array, type Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { checkedVerdicts, compileRules } from '../rules/compile.js';
import type { FactTable } from '../rules/facts.js';
import type { Rule } from '../rules/schema.js';

/** The version of a segment's rule that answers now. */
export type LiveRule = { segment: string; version: number; rule: Rule };

export type Flip = {
  customer_id: string;
  segment: string;
  entered: boolean;
  at: string;
  rule_version: number;
  cause: string;
  branch: string | null;
  manager: string | null;
};

type Judgement = {
  rules: readonly LiveRule[];
  facts: FactTable;
  at: string;
  decidedAt: string;
  cause: string;
};

type Row = { customer_id: string; next_change_at: string | null; flips: Flip[] | null };

/** Judges, closes and opens memberships, in one statement. An interval never has length zero. */
export async function judgeCustomers(
  tx: Tx,
  ctx: Ctx,
  { rules, facts, at, decidedAt, cause }: Judgement,
  ids: readonly string[],
): Promise<{ flips: Flip[]; nextChanges: Map<string, string | null> }> {
  const context = { now: at, timeZone: ctx.bank.timeZone, currency: ctx.bank.currency };
  const judged = compileRules(
    rules.map((one) => one.rule),
    facts,
    context,
    { ids },
  );
  const rows = await tx.rows<Row>(sql`
    with judged as materialized (${judged}),
    verdicts as (
      select j.customer_id, r.segment, r.version, j.verdicts[r.place] as verdict
      from judged j cross join unnest(${array(
        rules.map((one) => one.segment),
        'text',
      )},
        ${array(
          rules.map((one) => one.version),
          'integer',
        )}) with ordinality as r(segment, version, place)
    ),
    closing as (
      update memberships m set left_at = greatest(${at}, m.entered_at + interval '1 microsecond'),
        left_decided_at = ${decidedAt}, left_rule_version = v.version, left_cause = ${cause}
      from verdicts v
      where m.customer_id = v.customer_id and m.segment = v.segment and m.left_at is null and not v.verdict
      returning m.customer_id, m.segment, false as entered, m.left_at as at, v.version as rule_version
    ),
    opening as (
      insert into memberships (customer_id, segment, entered_at, decided_at, rule_version, cause)
      select v.customer_id, v.segment, greatest(${at}, (select max(m.left_at) from memberships m
        where m.customer_id = v.customer_id and m.segment = v.segment)), ${decidedAt}, v.version, ${cause}
      from verdicts v
      where v.verdict and not exists (select from memberships m
        where m.customer_id = v.customer_id and m.segment = v.segment and m.left_at is null)
      order by v.customer_id, v.segment
      on conflict (customer_id, segment) where left_at is null do nothing
      returning customer_id, segment, true as entered, entered_at as at, rule_version
    ),
    flips as (
      select f.customer_id, json_agg(json_build_object('customer_id', f.customer_id, 'segment', f.segment,
        'entered', f.entered, 'at', to_char(f.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'rule_version', f.rule_version, 'cause', ${cause}::text, 'branch', c.branch, 'manager', c.manager)) as flips
      from (select * from closing union all select * from opening) f join customers c on c.id = f.customer_id
      group by f.customer_id
    )
    select j.customer_id, j.next_change_at, f.flips from judged j left join flips f using (customer_id)`);
  return {
    flips: rows.flatMap((row) => row.flips ?? []),
    nextChanges: new Map(rows.map((row) => [row.customer_id, checkedVerdicts(row, context).next_change_at])),
  };
}
