/** One judgement of customers by rules at one instant: the differences are written, the next changes returned. */
import { type SQL, sql } from 'drizzle-orm';
import { array, type Reader, type Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { readCuts } from '../ranks/cuts.js';
import { type Compiled, checkedVerdicts, compileEvidence } from '../rules/compile.js';
import type { RuleContext } from '../rules/moment.js';
import { cutKeysOf } from '../rules/rank-condition.js';
import type { Rule } from '../rules/schema.js';
import type { Vocabulary } from '../rules/vocabulary.js';
import type { JudgedRule } from './definitions.js';
import type { MembershipChange } from './membership-events.js';

export type Flip = MembershipChange & { rule_version: number };

export type Judgement = {
  rules: readonly JudgedRule[];
  vocabulary: Vocabulary;
  at: string;
  decidedAt: string;
  cause: string;
};

type Row = { customer_id: string; next_change_at: string | null; flips: Flip[] | null };

/** With the cuts of the ranks that the rules ask for, as of then. */
export async function ruleContext(
  reader: Reader,
  { bank }: Pick<Ctx, 'bank'>,
  rules: readonly Rule[],
  vocabulary: Vocabulary,
  at: string,
): Promise<RuleContext> {
  const cuts = await readCuts(reader, cutKeysOf(rules, vocabulary), at);
  return { now: at, timeZone: bank.timeZone, currency: bank.currency, cuts };
}

/** The same of a past instant as such: with what was listed then. */
export const pastContext: typeof ruleContext = async (...of) => ({
  ...(await ruleContext(...of)),
  past: true,
});

/** Judges, closes and opens memberships, in one statement. An interval never has length zero. */
export async function judgeCustomers(
  tx: Tx,
  ctx: Ctx,
  { rules, vocabulary, at, decidedAt, cause }: Judgement,
  ids: readonly string[],
): Promise<{ flips: Flip[]; nextChanges: Map<string, string | null> }> {
  const asked = rules.map((one) => one.rule);
  const context = await ruleContext(tx, ctx, asked, vocabulary, at);
  const compiled = compileEvidence(asked, vocabulary, context, { ids });
  const evidence = evidenceSql(compiled);
  const rows = await tx.rows<Row>(sql`
    with v as materialized (${compiled.rows}),
    d as materialized (${verdictRows(rules)}),
    closing as (
      update memberships m set left_at = greatest(${at}, m.entered_at + interval '1 microsecond'),
        left_decided_at = ${decidedAt}, left_rule_version = d.version, left_cause = ${cause}, left_evidence = ${evidence}
      from d join v on v.customer_id = d.customer_id
      where m.customer_id = d.customer_id and m.segment = d.segment and m.left_at is null
        and not d.verdict and not d.draft
      returning m.customer_id, m.segment, false as entered, m.left_at as at, d.version as rule_version
    ),
    opening as (
      insert into memberships (customer_id, segment, entered_at, decided_at, rule_version, cause, evidence)
      select d.customer_id, d.segment, greatest(${at}, (select max(m.left_at) from memberships m
        where m.customer_id = d.customer_id and m.segment = d.segment)), ${decidedAt}, d.version, ${cause}, ${evidence}
      from d join v on v.customer_id = d.customer_id
      where d.verdict and not d.draft and not exists (select from memberships m
        where m.customer_id = d.customer_id and m.segment = d.segment and m.left_at is null)
      order by d.customer_id, d.segment
      on conflict (customer_id, segment) where left_at is null do nothing
      returning customer_id, segment, true as entered, entered_at as at, rule_version
    ),${draftChanges(rules, ids, evidence)}
    flips as (
      select f.customer_id, json_agg(json_build_object('customer_id', f.customer_id, 'segment', f.segment,
        'entered', f.entered, 'at', to_char(f.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'rule_version', f.rule_version, 'cause', ${cause}::text, 'branch', c.branch, 'manager', c.manager)) as flips
      from (select * from closing union all select * from opening) f join customers c on c.id = f.customer_id
      group by f.customer_id
    )
    select v.customer_id, v.next_change_at, f.flips from v left join flips f using (customer_id)`);
  return {
    flips: rows.flatMap((row) => row.flips ?? []),
    nextChanges: new Map(rows.map((row) => [row.customer_id, checkedVerdicts(row, context).next_change_at])),
  };
}

/** A row for each customer of v and rule; `live` is the verdict of the rule that answers, where it is judged beside. */
export function verdictRows(rules: readonly JudgedRule[]): SQL {
  const column = <T>(pick: (rule: JudgedRule) => T) => rules.map(pick);
  const live = rules.some((one) => one.draft)
    ? sql`, bool_or(not r.draft and v.verdicts[r.place]) over (partition by v.customer_id, r.segment) as live`
    : sql``;
  return sql`
    select v.customer_id, r.segment, r.version, r.draft, r.place, v.verdicts[r.place] as verdict${live}
    from v cross join unnest(
      ${array(
        column((one) => one.segment),
        'text',
      )}, ${array(
        column((one) => one.version),
        'integer',
      )}, ${array(
        column((one) => one.draft),
        'boolean',
      )}
    ) with ordinality as r(segment, version, draft, place)`;
}

/** What the rule of d saw of the customer of v: worked out of those only whose membership changes. */
function evidenceSql({ evidence }: Pick<Compiled, 'evidence'>): SQL {
  // without rules nothing was seen
  if (evidence.length === 0) return sql`null::jsonb`;
  const cases = evidence.map((seen, place) => sql` when ${sql.raw(String(place + 1))} then ${seen}`);
  return sql`(case d.place${sql.join(cases)} end)`;
}

/**
 * Who belongs by the versions that are evaluated beside those that answer. A draft holds who belongs, and who does not
 * but is a member by the rule that answers.
 */
function draftChanges(rules: readonly JudgedRule[], ids: readonly string[], evidence: SQL): SQL {
  if (!rules.some((one) => one.draft)) return sql``;
  return sql`
    dropping as (
      delete from membership_drafts m using d
      where m.customer_id = any(${array(ids, 'uuid')}) and m.customer_id = d.customer_id and m.segment = d.segment
        and d.draft and not d.verdict and not d.live
    ),
    drafting as (
      insert into membership_drafts as known (segment, customer_id, belongs, evidence)
      select d.segment, d.customer_id, d.verdict, ${evidence} from d join v on v.customer_id = d.customer_id
      where d.draft and (d.verdict or d.live) order by d.segment, d.customer_id
      on conflict (segment, customer_id) do update set belongs = excluded.belongs, evidence = excluded.evidence
      where known.belongs <> excluded.belongs
    ),`;
}
