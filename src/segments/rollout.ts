/**
 * New versions of rules. All that wait begin together: everybody is judged by them in batches in the order of ids. Where
 * a version answers already, that is done beside it, into drafts; from the start on every review keeps the drafts right,
 * so the end is one step: who is in a draft and not in the segment enters, who is in the segment and not in the draft
 * leaves, and the new versions answer. The first version of a segment has none beside it: its members enter as they are
 * judged, and the segment says how far that is. What was done survives a restart; the evaluation goes on where it was.
 */
import { type SQL, sql } from 'drizzle-orm';
import { array, type Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import type { OutboxEvent } from '../platform/outbox.js';
import { transact } from '../platform/transact.js';
import { holdRules, takeRules } from '../reviews/rules-lock.js';
import { checkedVerdicts, compileEvidence } from '../rules/compile.js';
import type { LoadFacts } from '../rules/facts.js';
import { type JudgedRule, loadDefinitions, setFailingAside } from './definitions.js';
import { bumped, evaluationSql } from './evaluation.js';
import { ruleContext } from './judgement.js';
import { refreshMissing } from './ranks.js';
import { switchMembers } from './switching.js';
import { newestVocabulary } from './vocabulary.js';

const batchSize = 2000;

type Begun = {
  segment: string;
  version: number;
  marked_to: string | null;
  member_events: boolean;
  /** no version has answered before it, so it answers while it is evaluated */
  first: boolean;
};

/** The next step towards new versions. False where none waits. */
export function rollOut(ctx: Ctx, facts: LoadFacts): Promise<boolean> {
  return transact(ctx, async (tx) => {
    const [turn] = await tx.rows<{ taken: boolean }>(
      sql`select pg_try_advisory_xact_lock(hashtextextended('segment_rollout', 0)) as taken`,
    );
    if (turn?.taken !== true) return { value: false, audit: [] };
    const begun = await tx.rows<Begun>(sql`
      select v.segment, v.version, v.marked_to, v.member_events, s.live_version = v.version as first
      from segment_versions v join segments s on s.key = v.segment
      where v.started_at is not null and v.completed_at is null order by v.segment for update of v`);
    if (begun.length === 0)
      return { value: (await clearDrafts(tx)) || (await begin(tx, ctx, facts)), audit: [] };
    const ids = await nextCustomers(tx, begun[0]?.marked_to ?? null);
    if (ids.length > 0) {
      await evaluate(tx, ctx, facts, begun, ids);
      return { value: true, audit: [] };
    }
    return { value: true, audit: [], events: await complete(tx, ctx, facts, begun) };
  });
}

/** What is left of an evaluation that is over. */
async function clearDrafts(tx: Tx): Promise<boolean> {
  const cleared = await tx.run(sql`
    delete from membership_drafts where (segment, customer_id) in (
      select segment, customer_id from membership_drafts limit ${batchSize * 5})`);
  return cleared > 0;
}

/** All that waits and can be judged. Nobody judges meanwhile, so whoever does afterwards knows of it. */
async function begin(tx: Tx, ctx: Ctx, facts: LoadFacts): Promise<boolean> {
  const waiting = await tx.rows<{ key: string }>(sql`
    select s.key from segments s where s.kind = 'rule' and s.deleted_at is null and s.live_version is distinct from s.version`);
  if (waiting.length === 0) return false;
  const vocabulary = await newestVocabulary(tx, facts);
  const failing = setFailingAside({ ...vocabulary, segments: new Map(vocabulary.segments) });
  const keys = waiting.map(({ key }) => key).filter((key) => !failing.has(key));
  if (keys.length === 0) return false;
  const rules = keys.flatMap((key) => vocabulary.segments.get(key) ?? []);
  await refreshMissing(tx, ctx, rules, vocabulary);
  await takeRules(tx);
  const started = await tx.run(sql`
    update segment_versions v set started_at = ${ctx.now}, completed_at = null, marked_to = null, evaluated = 0,
      total = (select count(*) from customers where merged_into is null)
    from segments s where s.key = any(${array(keys, 'text')}) and s.key = v.segment and s.version = v.version
      and s.deleted_at is null`);
  await tx.run(sql`
    update segments s set live_version = s.version
    where s.key = any(${array(keys, 'text')}) and not exists (select from memberships m where m.segment = s.key)
      and not exists (select from segment_versions v where v.segment = s.key and v.completed_at is not null)`);
  return started > 0;
}

async function nextCustomers(tx: Tx, after: string | null): Promise<string[]> {
  const rows = await tx.rows<{ id: string }>(sql`
    select id from customers where ${after === null ? sql`true` : sql`id > ${after}::uuid`} and merged_into is null
    order by id limit ${batchSize}`);
  return rows.map((row) => row.id);
}

/** Judges customers by the new versions alone, and notes when they can next change by them. */
async function evaluate(
  tx: Tx,
  ctx: Ctx,
  facts: LoadFacts,
  begun: readonly Begun[],
  ids: readonly string[],
): Promise<void> {
  await holdRules(tx);
  await tx.rows(lockSql(sql`select unnest(${array(ids, 'uuid')})`));
  const { vocabulary, rules } = await loadDefinitions(tx, facts);
  const isFirst = (rule: JudgedRule) => begun.some((one) => one.first && one.segment === rule.segment);
  const judged = rules.filter((one) => one.draft || isFirst(one));
  if (judged.length > 0) {
    const asked = judged.map((one) => one.rule);
    const context = await ruleContext(tx, ctx, asked, vocabulary, ctx.now);
    const compiled = compileEvidence(asked, vocabulary, context, { ids });
    const told = begun.filter((one) => one.member_events).map((one) => one.segment);
    const rows = await tx.rows<{ next_change_at: string | null }>(
      evaluationSql(ctx, judged, compiled, ids, told),
    );
    for (const row of rows) checkedVerdicts(row, context);
  }
  await tx.run(sql`
    update segment_versions set marked_to = ${ids.at(-1)}, evaluated = evaluated + ${ids.length}
    where started_at is not null and completed_at is null`);
}

/** Locks customers in the order of their ids, as every evaluator does. */
const lockSql = (ids: SQL): SQL => sql`
  select r.customer_id from review_state r where r.customer_id in (${ids}) order by r.customer_id for update`;

/** The same, and says so. */
const lockedOf = (ctx: Ctx, ids: SQL): SQL => sql`
  with locked as materialized (${lockSql(ids)})
  update review_state r set ${bumped(ctx)} from locked l where r.customer_id = l.customer_id`;

/** The new versions answer from here on. Those that cannot be judged any more wait for another version. */
async function complete(tx: Tx, ctx: Ctx, facts: LoadFacts, begun: readonly Begun[]): Promise<OutboxEvent[]> {
  await takeRules(tx);
  const { rules } = await loadDefinitions(tx, facts);
  const drafts = rules.filter((one) => one.draft);
  const judged = (one: Begun) => one.first || drafts.some((draft) => draft.segment === one.segment);
  const versions = begun.filter(judged);
  const told = versions.filter((one) => one.member_events).map((one) => one.segment);
  const moved = await switchMembers(tx, ctx, { drafts, told, lock: (ids) => lockedOf(ctx, ids) });
  for (const [segment, entered] of await firstMembers(tx, begun)) moved.set(segment, { entered, left: 0 });
  for (const one of begun) {
    const { segment, version } = one;
    const counts = moved.get(segment) ?? { entered: 0, left: 0 };
    await tx.run(sql`
      update segment_versions set completed_at = ${ctx.now}, entered = ${counts.entered}, "left" = ${counts.left}
      where segment = ${segment} and version = ${version}`);
    if (judged(one)) await tx.run(sql`update segments set live_version = ${version} where key = ${segment}`);
  }
  return versions.map(({ segment, version }) => ({
    type: 'segment.published',
    subject: segment,
    subjectVersion: 0,
    occurredAt: ctx.now,
    data: { rule_version: version, ...(moved.get(segment) ?? { entered: 0, left: 0 }) },
  }));
}

/** How many have entered by the first version of a segment. */
async function firstMembers(tx: Tx, begun: readonly Begun[]): Promise<[string, number][]> {
  const first = begun.filter((one) => one.first).map((one) => one.segment);
  const rows = await tx.rows<{ segment: string; count: number }>(sql`
    select segment, count(*)::int as count from memberships
    where segment = any(${array(first, 'text')}) and left_at is null group by segment`);
  return rows.map(({ segment, count }) => [segment, count]);
}
