/**
 * Members are followed where something was booked, where time asks for it, and where the tiers have changed: some at a
 * time, under their locks, up to the instant of their lock. However late that is, each move has the instant at which it
 * was due.
 */
import { sql } from 'drizzle-orm';
import { array, type Tx } from '../../db/client.js';
import type { Ctx } from '../../platform/context.js';
import { grouped } from '../../platform/grouped.js';
import { microsOf } from '../../platform/instants.js';
import type { OutboxEvent } from '../../platform/outbox.js';
import { transact } from '../../platform/transact.js';
import { type Mark, markCustomers } from '../../reviews/service.js';
import { accountOrder } from '../ledger/order.js';
import { addDays, loadAmounts, sumDays } from './amounts.js';
import { type Evaluated, type MemberRow, writeEvaluated } from './evaluated.js';
import { findTiers, placeOf, rulesOf, type StoredTiers } from './model.js';
import { begin, canFall, follow, nextTimed, type Standing } from './standing.js';

const batchOf = 200;

type Pair = { customer_id: string; programme: string };

/** Follows some of the members of whom something is due. True where there may be more. */
export async function evaluateNext(ctx: Ctx): Promise<boolean> {
  const due = await ctx.database.rows<Pair>(sql`
    (select customer_id, programme from loyalty_tier_due order by marked_at limit ${batchOf})
    union (select customer_id, programme from loyalty_tier_states where next_at <= ${ctx.now}
      order by next_at limit ${batchOf})`);
  if (due.length === 0) return false;
  const ids = due.map((one) => one.customer_id);
  await transact(ctx, async (tx) => {
    // those that were merged meanwhile are told apart by having no account
    const marks = await markCustomers(tx, ctx, ids, [], 'expected');
    const events: OutboxEvent[] = [];
    for (const [programme, pairs] of grouped(due, (one) => one.programme))
      events.push(...(await evaluate(tx, ctx, programme, pairs, marks)));
    return { value: due.length, audit: [], events };
  });
  return true;
}

/** The same of one member whose lock is held, where something is due of it. */
export async function evaluateMember(
  tx: Tx,
  ctx: Ctx,
  { id, programme }: { id: string; programme: string },
  marks: ReadonlyMap<string, Mark>,
): Promise<OutboxEvent[]> {
  const due = await tx.rows<Pair>(sql`
    select customer_id, programme from loyalty_tier_due where customer_id = ${id} and programme = ${programme}
    union select customer_id, programme from loyalty_tier_states
    where customer_id = ${id} and programme = ${programme} and next_at <= ${ctx.now}`);
  return due.length === 0 ? [] : evaluate(tx, ctx, programme, due, marks);
}

/** Members as they are before, by the first of their accounts. */
const readMembers = (tx: Tx, programme: string, ids: readonly string[]): Promise<MemberRow[]> =>
  tx.rows(sql`
    select distinct on (a.customer_id) a.customer_id, c.branch, c.manager, a.status, a.enrolled_at, a.closed_at,
      d.cause, d.stand, d.marked_at, s.model_version, s.evaluated_at, s.period_from, s.period_to, s.anchor, s.warned_for,
      h.tier, h.rank, h.from_at, h.since_at,
      (select max(greatest(f.from_at, f.to_at)) from loyalty_tiers_held f
        where f.customer_id = a.customer_id and f.programme = a.programme) as last_at
    from loyalty_accounts a join customers c on c.id = a.customer_id
    left join loyalty_tier_due d on d.customer_id = a.customer_id and d.programme = a.programme
    left join loyalty_tier_states s on s.customer_id = a.customer_id and s.programme = a.programme
    left join loyalty_tiers_held h on h.customer_id = a.customer_id and h.programme = a.programme and h.to_at is null
    where a.customer_id = any(${array(ids, 'uuid')}) and a.programme = ${programme} and c.merged_into is null
    order by a.customer_id, ${sql.raw(accountOrder)}`);

async function evaluate(
  tx: Tx,
  ctx: Ctx,
  programme: string,
  pairs: readonly Pair[],
  marks: ReadonlyMap<string, Mark>,
): Promise<OutboxEvent[]> {
  const ids = pairs.map((one) => one.customer_id);
  const tiers = await findTiers(tx, programme);
  const rows = tiers === undefined ? [] : await readMembers(tx, programme, ids);
  await tx.run(sql`
    delete from loyalty_tier_due where customer_id = any(${array(ids, 'uuid')}) and programme = ${programme}`);
  // whoever has no account any more has nothing that time could change
  const gone = ids.filter((id) => !rows.some((row) => row.customer_id === id));
  await tx.run(sql`
    delete from loyalty_tier_states where customer_id = any(${array(gone, 'uuid')}) and programme = ${programme}`);
  if (tiers === undefined || rows.length === 0) return [];
  const members = rows.map((row) => memberOf(row, marks.get(row.customer_id), ctx));
  await leaveFormer(tx, tiers, members);
  await start(tx, tiers, members);
  await follows(
    tx,
    tiers,
    // who left by a former version does not begin by this one
    members.filter(
      ({ row, standing, former }) => standing !== null && (row.status === 'open' || former === undefined),
    ),
  );
  return writeEvaluated(tx, ctx, tiers, members);
}

function memberOf(row: MemberRow, mark: Mark | undefined, ctx: Ctx): Evaluated {
  const now = microsOf(mark?.instant ?? ctx.now);
  const until = row.closed_at === null ? now : Math.min(now, microsOf(row.closed_at));
  const isKnown = row.evaluated_at !== null && row.model_version !== null && row.cause !== 'merge';
  return {
    row,
    until,
    since: row.evaluated_at === null ? until : Math.min(until, microsOf(row.evaluated_at)),
    standing: isKnown
      ? {
          rank: row.rank ?? -1,
          period: { from: row.period_from, to: row.period_to },
          anchor: row.anchor,
          warnedFor: row.warned_for,
        }
      : null,
    moves: [],
    warnings: [],
    next: null,
  };
}

const wantedOf = ({ row, since, until }: Evaluated) => ({ customerId: row.customer_id, since, until });

/** By the version that was in force until another was: then they are to begin by that one. */
async function leaveFormer(tx: Tx, tiers: StoredTiers, members: readonly Evaluated[]): Promise<void> {
  const behind = members.filter(
    ({ row, standing }) => standing !== null && row.model_version !== tiers.version,
  );
  const changed = microsOf(tiers.created_at);
  for (const [version, some] of grouped(behind, ({ row }) => row.model_version ?? 0)) {
    const former = await findTiers(tx, tiers.programme, version);
    if (former === undefined) throw new Error('a version of the tiers that is not there');
    const late = some.filter(({ since }) => since < changed);
    const ends = late.map((member) => member.until);
    for (const member of late) member.until = Math.min(member.until, changed);
    await follows(tx, former, late);
    for (const [place, member] of late.entries()) member.until = ends[place] ?? member.until;
    for (const member of some) member.former = { tiers: former, standing: member.standing };
  }
}

/** Who is new, who comes out of a merge, and who was judged by another version. */
async function start(tx: Tx, tiers: StoredTiers, members: readonly Evaluated[]): Promise<void> {
  const beginning = members.filter(
    ({ row, standing, former }) => row.status === 'open' && (standing === null || former !== undefined),
  );
  for (const member of beginning) member.since = beginsAt(tiers, member);
  const { by } = tiers.content.qualify;
  const unsummed = beginning.filter(({ former }) => former?.tiers.content.qualify.by !== 'points');
  if (by === 'points') await sumDays(tx, tiers, unsummed.map(wantedOf));
  const rules = rulesOf(tiers);
  const loaded = await loadAmounts(
    tx,
    tiers,
    beginning.map((member) => ({ ...wantedOf(member), until: member.since })),
  );
  for (const member of beginning) {
    const { amounts } = loaded.get(member.row.customer_id) ?? {};
    if (amounts === undefined) continue;
    const given = givenTo(tiers, member);
    const { standing, evidence } = begin(rules, amounts, member.since, given);
    member.standing = samePeriod(tiers, member) ?? standing;
    member.standing = { ...member.standing, rank: standing.rank };
    member.moves.push({
      at: member.since,
      former: given,
      rank: standing.rank,
      cause: causeOf(tiers, member),
      evidence: { ...evidence, period: member.standing.period, anchor: member.standing.anchor },
      tiers,
    });
  }
}

function beginsAt(tiers: StoredTiers, { row, since, until, former }: Evaluated): number {
  const published = microsOf(tiers.created_at);
  const after = row.last_at === null ? 0 : microsOf(row.last_at) + 1;
  if (former !== undefined) return Math.min(until, Math.max(since, published, after));
  if (row.cause === 'merge') return Math.max(until, after);
  // of who takes part again, from then on
  const again = row.last_at === null ? 0 : microsOf(row.marked_at ?? row.last_at);
  return Math.min(until, Math.max(published, microsOf(row.enrolled_at), again, after));
}

function causeOf({ created_at }: StoredTiers, { row, former }: Evaluated): 'merge' | 'model' | 'enrolled' {
  if (row.cause === 'merge') return 'merge';
  return former !== undefined || microsOf(created_at) > microsOf(row.enrolled_at) ? 'model' : 'enrolled';
}

/** The tier that they have before anything is counted. */
function givenTo(tiers: StoredTiers, { row, former, standing }: Evaluated): number {
  if (row.cause === 'merge') return row.stand === null ? -1 : placeOf(tiers, { tier: row.stand, bound: '0' });
  const held = former?.tiers.content.tiers[standing?.rank ?? -1];
  return held === undefined ? -1 : placeOf(tiers, { tier: held.key, bound: held.lower_bound });
}

/** Another version that counts in the same periods goes on with the one that runs. */
function samePeriod(tiers: StoredTiers, { former, standing }: Evaluated): Standing | null {
  if (former === undefined || standing === null) return null;
  const same = JSON.stringify(former.tiers.content.period) === JSON.stringify(tiers.content.period);
  return same ? standing : null;
}

async function follows(tx: Tx, tiers: StoredTiers, members: readonly Evaluated[]): Promise<void> {
  const rules = rulesOf(tiers);
  const loaded = await loadAmounts(tx, tiers, members.map(wantedOf));
  for (const member of members) {
    const found = loaded.get(member.row.customer_id);
    if (found === undefined || member.standing === null) continue;
    const { since, until } = member;
    const done = follow(rules, member.standing, found.amounts, { credits: found.credits, since, until });
    member.standing = done.standing;
    member.moves.push(...done.moves.map((move) => ({ ...move, tiers })));
    member.warnings = done.warnings;
    member.since = until;
    const timed = canFall(rules, done.standing) ? nextTimed(rules, done.standing, until) : null;
    member.next = timed === null ? found.next : Math.min(timed, found.next ?? timed);
  }
  await addDays(tx, tiers, loaded);
}
