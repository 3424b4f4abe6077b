/**
 * Ranks depend on everybody, so where they are cut is refreshed as a whole: on the schedule of each, and at once for a
 * rule that asks for a new one. Between refreshes the cuts stand still, and a customer's rank follows its own value.
 *
 * When cuts have moved, everybody is looked at in batches in the order of ids: who belongs elsewhere by the new ones is
 * marked, nobody else. Whoever is due anyway is marked too, since what is caught up with is judged by the cuts of then.
 * What the clock can change may come earlier by the new cuts, and is noted.
 */
import { type SQL, sql } from 'drizzle-orm';
import { array, type Reader, type Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { transact } from '../platform/transact.js';
import { isDue, keepCuts, readCuts } from '../ranks/cuts.js';
import { holdRules } from '../reviews/rules-lock.js';
import { isWhole, markManyCustomers } from '../reviews/service.js';
import { compileRules } from '../rules/compile.js';
import { type CutRow, compileCuts, cutsOfRows } from '../rules/cut-statement.js';
import { type CutDefinition, type Cuts, defaultRefresh } from '../rules/cuts.js';
import type { LoadFacts } from '../rules/facts.js';
import type { RuleContext } from '../rules/moment.js';
import { cutOfRank, ranksOf } from '../rules/rank-condition.js';
import type { Rule } from '../rules/schema.js';
import { touchNames } from '../rules/touches.js';
import type { Vocabulary } from '../rules/vocabulary.js';
import { loadDefinitions } from './definitions.js';
import { ruleContext, verdictRows } from './judgement.js';

const batchSize = 2000;
/** A statement over everybody may take so long. */
const patienceSeconds = 600;

/** Refreshes the cuts that are due, all in one pass. False where none is, or another worker does. */
export function refreshRanks(ctx: Ctx, facts: LoadFacts): Promise<boolean> {
  return transact(ctx, async (tx) => {
    const nothing = { value: false, audit: [] };
    const [turn] = await tx.rows<{ taken: boolean }>(
      sql`select pg_try_advisory_xact_lock(hashtextextended('rank_refresh', 0)) as taken`,
    );
    if (turn?.taken !== true) return nothing;
    const { rules, vocabulary } = await loadDefinitions(tx, facts);
    const asked = rules.map((one) => one.rule);
    const { cuts } = await ruleContext(tx, ctx, asked, vocabulary, ctx.now);
    const due = ranksOf(asked, vocabulary).filter((one) =>
      isDue(cuts?.get(cutOfRank(one).key), one.rank.refresh ?? defaultRefresh, ctx),
    );
    await refresh(tx, ctx, due.map(cutOfRank), asked, vocabulary);
    return nothing;
  });
}

/** Of rules that are to be judged for the first time. */
export async function refreshMissing(
  tx: Tx,
  ctx: Ctx,
  rules: readonly Rule[],
  vocabulary: Vocabulary,
): Promise<void> {
  const definitions = ranksOf(rules, vocabulary).map(cutOfRank);
  const known = await readCuts(
    tx,
    definitions.map(({ key }) => key),
    ctx.now,
  );
  await refresh(
    tx,
    ctx,
    definitions.filter(({ key }) => !known.has(key)),
    rules,
    vocabulary,
  );
}

async function refresh(
  tx: Tx,
  ctx: Ctx,
  definitions: readonly CutDefinition[],
  rules: readonly Rule[],
  vocabulary: Vocabulary,
): Promise<void> {
  if (definitions.length === 0) return;
  const context = await ruleContext(tx, ctx, rules, vocabulary, ctx.now);
  const read = (query: SQL) => tx.rowsWithin<CutRow>(patienceSeconds, query);
  await keepCuts(tx, ctx, await computed(read, definitions, vocabulary, context));
}

async function computed(
  read: (query: SQL) => Promise<CutRow[]>,
  definitions: readonly CutDefinition[],
  { facts }: Vocabulary,
  context: RuleContext,
): Promise<Cuts> {
  const distinct = [...new Map(definitions.map((one) => [one.key, one])).values()];
  const cuts = cutsOfRows(await read(compileCuts(distinct, facts, context)), context.now);
  return new Map(cuts.map((cut, place) => [(distinct[place] as CutDefinition).key, cut]));
}

/** To judge rules now that are not published: ranks that nobody has asked for before are cut now, and not kept. */
export async function previewContext(
  reader: Reader,
  ctx: Ctx,
  rules: readonly Rule[],
  vocabulary: Vocabulary,
): Promise<RuleContext> {
  const context = await ruleContext(reader, ctx, rules, vocabulary, ctx.now);
  const missing = ranksOf(rules, vocabulary)
    .map(cutOfRank)
    .filter(({ key }) => !context.cuts?.has(key));
  if (missing.length === 0) return context;
  const now = await computed((query) => reader.rows<CutRow>(query), missing, vocabulary, context);
  return { ...context, cuts: new Map([...(context.cuts ?? []), ...now]) };
}

type Marking = { marked_to: string | null };

/** The next customers since cuts moved last. False where everybody was looked at. */
export function markByRanks(ctx: Ctx, facts: LoadFacts): Promise<boolean> {
  return transact(ctx, async (tx) => {
    await holdRules(tx);
    const [marking] = await tx.rows<Marking>(
      sql`select marked_to from rank_marking where marked_at is null for update skip locked`,
    );
    if (marking === undefined) return { value: false, audit: [] };
    const after = marking.marked_to === null ? sql`true` : sql`id > ${marking.marked_to}::uuid`;
    const rows = await tx.rows<{ id: string }>(
      sql`select id from customers where ${after} and merged_into is null order by id limit ${batchSize}`,
    );
    const ids = rows.map((row) => row.id);
    if (ids.length > 0) await markWhoMoves(tx, ctx, facts, ids);
    await tx.run(sql`
      update rank_marking set marked_to = ${ids.at(-1) ?? marking.marked_to},
        marked_at = ${ids.length < batchSize ? ctx.now : null}`);
    return { value: true, audit: [] };
  });
}

type Moving = { customer_id: string; marks: boolean; next_change_at: string | null };

async function markWhoMoves(tx: Tx, ctx: Ctx, facts: LoadFacts, ids: readonly string[]): Promise<void> {
  const { vocabulary, rules: all } = await loadDefinitions(tx, facts);
  const read = [touchNames.rank, touchNames.rfm];
  const rules = all.filter(({ reads }) => read.some((name) => reads.includes(name)));
  if (rules.length === 0) return;
  const asked = rules.map((one) => one.rule);
  const context = await ruleContext(tx, ctx, asked, vocabulary, ctx.now);
  const moving = await tx.rows<Moving>(sql`
    with v as materialized (${compileRules(asked, vocabulary, context, { ids })}),
    moved as (select distinct d.customer_id from (${verdictRows(rules)}) d where d.verdict <> ${belongs})
    select v.customer_id, m.customer_id is not null or coalesce(r.next_change_at <= ${ctx.now}, false) as marks,
      v.next_change_at
    from v join review_state r on r.customer_id = v.customer_id left join moved m on m.customer_id = v.customer_id
    where ${isWhole} and (m.customer_id is not null or r.next_change_at <= ${ctx.now}
      or v.next_change_at < coalesce(r.next_change_at, 'infinity'))`);
  const column = <T>(pick: (one: Moving) => T) => moving.map(pick);
  await tx.rows(sql`
    select from review_state where customer_id = any(${array(
      column((one) => one.customer_id),
      'uuid',
    )})
    order by customer_id for update`);
  const marked = moving.filter((one) => one.marks).map((one) => one.customer_id);
  if (marked.length > 0) await markManyCustomers(tx, ctx, marked, ['rank']);
  await tx.run(sql`
    update review_state r set next_change_at = least(r.next_change_at, n.next_change_at)
    from unnest(${array(
      column((one) => one.customer_id),
      'uuid',
    )}, ${array(
      column((one) => one.next_change_at),
      'timestamptz',
    )})
      as n(customer_id, next_change_at)
    where r.customer_id = n.customer_id`);
}

/** By a version that is evaluated beside another one: as far as that has come. */
const belongs: SQL = sql`(case when d.draft then exists (
    select from membership_drafts b where b.segment = d.segment and b.customer_id = d.customer_id and b.belongs)
    or d.customer_id > all (select coalesce(b.marked_to, '00000000-0000-0000-0000-000000000000') from segment_versions b
      where b.started_at is not null and b.completed_at is null) and d.verdict
  else exists (
    select from memberships b where b.segment = d.segment and b.customer_id = d.customer_id and b.left_at is null) end)`;
