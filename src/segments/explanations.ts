/**
 * Why a customer is in a segment, or is not: at present, as it was decided at a past instant, or as that instant looks
 * with what is known today.
 */
import { sql } from 'drizzle-orm';
import type { Reader, Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { notFound } from '../platform/errors.js';
import { microsOf } from '../platform/instants.js';
import { transact } from '../platform/transact.js';
import { readCuts } from '../ranks/cuts.js';
import { holdRules } from '../reviews/rules-lock.js';
import { isWhole } from '../reviews/service.js';
import { type Explanation, explain } from '../rules/explain.js';
import type { LoadFacts } from '../rules/facts.js';
import { cutOfRank, ranksIn } from '../rules/rank-condition.js';
import { type Evidence, type RecordedNode, recordedTree } from '../rules/recorded.js';
import type { Rule } from '../rules/schema.js';
import { loadDefinitions } from './definitions.js';
import { pastContext, ruleContext } from './judgement.js';
import { isPending } from './members.js';
import { readPicture } from './picture.js';
import { reviewInside } from './review.js';
import { vocabularyAt } from './vocabulary.js';

export type ExplanationOut = {
  customer_id: string;
  segment: string;
  basis: 'present' | 'recorded' | 'restated';
  as_of: string;
  member: boolean;
  rule_version: number | null;
  entered_at: string | null;
  left_at: string | null;
  cause: string | null;
  evaluated_at: string | null;
  next_change_at: string | null;
  explanation: Explanation | RecordedNode | null;
};

type Subject = {
  kind: string;
  live_version: number | null;
  /** the first version: not everybody has been judged by it */
  evaluating: boolean;
  pending: boolean;
  whole: boolean;
};
type Asked = { id: string; key: string };

/** Throws the one 404 of a customer, and that of a segment. */
async function subjectOf(reader: Reader, ctx: Ctx, { id, key }: Asked): Promise<Subject> {
  const [customer] = await reader.rows<Pick<Subject, 'pending' | 'whole'>>(sql`
    select ${isPending(ctx)} as pending, ${isWhole} as whole
    from customers c join review_state r on r.customer_id = c.id
    where c.id = ${id} and c.merged_into is null and ${visibleCustomer(ctx, 'c')}`);
  if (customer === undefined) throw notFound('customer');
  const [segment] = await reader.rows<Pick<Subject, 'kind' | 'live_version' | 'evaluating'>>(sql`
    select s.kind, s.live_version, v.version is not null and v.completed_at is null as evaluating
    from segments s left join segment_versions v on s.kind = 'rule' and v.segment = s.key and v.version = s.live_version
    where s.key = ${key} and s.deleted_at is null`);
  if (segment === undefined) throw notFound('segment');
  return { ...customer, ...segment };
}

type Interval = {
  entered_at: string;
  left_at: string | null;
  decided_at: string;
  left_decided_at: string | null;
  rule_version: number;
  left_rule_version: number | null;
  cause: string;
  left_cause: string | null;
  evidence: Evidence | null;
  left_evidence: Evidence | null;
};

const intervals = ({ id, key }: Asked) => sql`
  select entered_at, left_at, decided_at, left_decided_at, rule_version, left_rule_version, cause, left_cause,
    evidence, left_evidence
  from memberships where customer_id = ${id} and segment = ${key}`;

/**
 * At present. What is due of the customer is reviewed first, in the same transaction, so that the tree and the
 * membership are of one instant and one state of the data.
 */
export function explainPresent(ctx: Ctx, facts: LoadFacts, asked: Asked): Promise<ExplanationOut> {
  return transact(ctx, async (tx) => {
    // from here on no cut of a rank moves
    await holdRules(tx);
    const subject = await subjectOf(tx, ctx, asked);
    const { definitions, events } = await upToDate(tx, ctx, facts, asked.id, subject);
    const [open] = await tx.rows<Interval>(sql`${intervals(asked)} and left_at is null`);
    const rule = definitions.failing.has(asked.key)
      ? undefined
      : definitions.vocabulary.segments.get(asked.key);
    const member = open !== undefined;
    const value: ExplanationOut = {
      customer_id: asked.id,
      segment: asked.key,
      basis: 'present',
      as_of: ctx.now,
      member,
      rule_version: subject.live_version,
      entered_at: open?.entered_at ?? null,
      left_at: null,
      cause: open?.cause ?? null,
      evaluated_at: ctx.now,
      next_change_at: null,
      explanation: null,
    };
    if (rule === undefined || rule === null) return { value, audit: [], events };
    const context = await ruleContext(tx, ctx, [rule], definitions.vocabulary, ctx.now);
    const picture = await readPicture(tx, asked.id, rule, definitions.vocabulary, context);
    const explanation = explain(rule, definitions.vocabulary, picture, context);
    if (explanation.verdict !== member && subject.whole) {
      throw new Error(`the explanation of segment ${asked.key} is not what was decided`);
    }
    return {
      value: { ...value, next_change_at: explanation.next_change_at, explanation },
      audit: [],
      events,
    };
  });
}

/** The customer stays as it is until the end of the transaction. */
async function upToDate(
  tx: Tx,
  ctx: Ctx,
  facts: LoadFacts,
  id: string,
  { pending, evaluating, whole }: Subject,
) {
  if ((pending || evaluating) && whole) return reviewInside(tx, ctx, facts, id);
  await tx.rows(sql`select from review_state where customer_id = ${id} for update`);
  return { definitions: await loadDefinitions(tx, facts), events: [] };
}

/** As it was decided then: by the evidence that was kept at entry or at leaving. */
export async function explainRecorded(ctx: Ctx, asked: Asked, asOf: string): Promise<ExplanationOut> {
  await subjectOf(ctx.database, ctx, asked);
  const [last] = await ctx.database.rows<Interval>(
    sql`${intervals(asked)} and entered_at <= ${asOf} order by entered_at desc limit 1`,
  );
  const shown = { customer_id: asked.id, segment: asked.key, basis: 'recorded' as const, as_of: asOf };
  const none = { left_at: null, cause: null, evaluated_at: null, next_change_at: null, explanation: null };
  if (last === undefined) return { ...shown, ...none, member: false, rule_version: null, entered_at: null };
  const member = last.left_at === null || microsOf(last.left_at) > microsOf(asOf);
  const version = member ? last.rule_version : last.left_rule_version;
  const evidence = member ? last.evidence : last.left_evidence;
  const [made] = await ctx.database.rows<{ rule: Rule | null }>(
    sql`select rule from segment_versions where segment = ${asked.key} and version = ${version}`,
  );
  return {
    ...shown,
    member,
    rule_version: version,
    entered_at: last.entered_at,
    left_at: member ? null : last.left_at,
    cause: member ? last.cause : last.left_cause,
    evaluated_at: member ? last.decided_at : last.left_decided_at,
    next_change_at: null,
    explanation: made?.rule && evidence ? await recordedAt(ctx.database, made.rule, evidence) : null,
  };
}

/** With the cuts of the ranks as they were then. */
async function recordedAt(reader: Reader, rule: Rule, evidence: Evidence): Promise<RecordedNode> {
  const keys = ranksIn(rule).map((each) => cutOfRank(each).key);
  return recordedTree(rule, evidence, await readCuts(reader, keys, evidence.at));
}

/** That instant with what is known today, under the rules that answered then. */
export function explainRestated(
  ctx: Ctx,
  facts: LoadFacts,
  asked: Asked,
  asOf: string,
): Promise<ExplanationOut> {
  return ctx.database.begin(async (tx) => {
    await subjectOf(tx, ctx, asked);
    const { versions, ...vocabulary } = await vocabularyAt(tx, facts, asOf);
    const rule = vocabulary.segments.get(asked.key) ?? null;
    const judged = rule === null ? [] : [rule];
    const context = await pastContext(tx, ctx, judged, vocabulary, asOf);
    const picture = await readPicture(tx, asked.id, rule ?? { segment: asked.key }, vocabulary, context);
    const explanation = rule === null ? null : explain(rule, vocabulary, picture, context);
    return {
      customer_id: asked.id,
      segment: asked.key,
      basis: 'restated',
      as_of: asOf,
      member: explanation?.verdict ?? picture.staticSegments.includes(asked.key),
      rule_version: versions.get(asked.key) ?? null,
      entered_at: null,
      left_at: null,
      cause: null,
      evaluated_at: ctx.now,
      next_change_at: explanation?.next_change_at ?? null,
      explanation,
    };
  }, 'repeatable read read only');
}
