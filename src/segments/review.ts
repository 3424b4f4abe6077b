/**
 * The review keeps every membership what a full recomputation would give. It takes a bounded batch of customers of
 * a leased bucket, judges the rules that their marks concern for all of them in one statement, and writes only the
 * differences.
 *
 * Time changes memberships too: each judgement gives the instant at which the next one can come out differently
 * with no write. A review that comes late judges at each such instant in turn, so who entered and left meanwhile
 * has that interval.
 */
import { type SQL, sql } from 'drizzle-orm';
import { array, type Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { instantOf, microsOf } from '../platform/instants.js';
import type { OutboxEvent } from '../platform/outbox.js';
import { transact } from '../platform/transact.js';
import { awaitsRanks } from '../ranks/cuts.js';
import { holdRules } from '../reviews/rules-lock.js';
import { isWhole } from '../reviews/service.js';
import type { LoadFacts } from '../rules/facts.js';
import { isConcerned } from '../rules/touches.js';
import { type Definitions, type JudgedRule, loadDefinitions } from './definitions.js';
import { type Flip, judgeCustomers } from './judgement.js';
import { extendLease, type Lease } from './leases.js';
import { membershipEvent } from './membership-events.js';

/** How many customers a batch has where more are due. */
export const fullBatch = 500;
/** Instants that one transaction catches up with; what is left is due at once again. */
const maximumInstants = 200;

/** Why a marked customer is judged: the first of them that one of its marks says. */
const causes = ['change', 'correction', 'rank', 'merge', 'rule_version'] as const;

type Claimed = {
  customer_id: string;
  version: number;
  last_micros: number;
  marked: boolean;
  touched: string[];
  cause: (typeof causes)[number];
  reviewed_at: string | null;
  next_change_at: string | null;
};

/** Reviews a batch of the bucket. How many were due: none where the lease was lost. */
export function reviewBatch(ctx: Ctx, facts: LoadFacts, lease: Lease): Promise<number> {
  return transact(ctx, async (tx) => {
    if (!(await extendLease(tx, lease))) return { value: 0, audit: [] };
    await holdRules(tx);
    const claimed = await claimDue(tx, ctx, lease.bucket);
    if (claimed.length === 0) return { value: 0, audit: [] };
    const definitions = await loadSound(tx, facts);
    const events = await reviewCustomers(tx, ctx, definitions, claimed);
    return { value: claimed.length, audit: [], events };
  });
}

/** Judges one customer now, whether it was due or not: a reader wants to know it at this instant. */
export function reviewOne(ctx: Ctx, facts: LoadFacts, customerId: string): Promise<void> {
  return transact(ctx, async (tx) => {
    await holdRules(tx);
    const { events } = await reviewInside(tx, ctx, facts, customerId);
    return { value: undefined, audit: [], events };
  });
}

/** The same, in a transaction that holds the rules and goes on: until its end nothing of the customer changes. */
export async function reviewInside(
  tx: Tx,
  ctx: Ctx,
  facts: LoadFacts,
  customerId: string,
): Promise<{ definitions: Definitions; events: OutboxEvent[] }> {
  const claimed = await claim(tx, ctx, sql`select ${customerId}::uuid`);
  const definitions = await loadSound(tx, facts);
  // by all rules, since what was not marked may have been missed by nobody
  const judged = claimed.map((one) => ({ ...one, marked: true, reviewed_at: null }));
  return { definitions, events: await reviewCustomers(tx, ctx, definitions, judged) };
}

/**
 * The rules to judge by. What cannot be judged answers no longer, and is evaluated anew, over everybody, once it can be
 * judged again. Its members stay until then.
 */
async function loadSound(tx: Tx, facts: LoadFacts): Promise<Definitions> {
  const definitions = await loadDefinitions(tx, facts);
  if (definitions.failing.size === 0) return definitions;
  const keys = array([...definitions.failing.keys()], 'text');
  await tx.run(
    sql`update segments set live_version = null where key = any(${keys}) and live_version is not null`,
  );
  await tx.run(sql`
    update segment_versions set started_at = null
    where segment = any(${keys}) and started_at is not null and completed_at is null`);
  return definitions;
}

/** Locks what is due in the order of ids, and bumps its version: whoever judges first says so. */
const claimDue = (tx: Tx, ctx: Ctx, bucket: number): Promise<Claimed[]> =>
  claim(
    tx,
    ctx,
    sql`(select customer_id from review_state r where bucket = ${bucket} and marked_at is not null and ${isWhole}
       order by marked_at limit ${fullBatch})
      union
      (select customer_id from review_state r where bucket = ${bucket} and next_change_at <= ${ctx.now} and ${isWhole}
       order by next_change_at limit ${fullBatch})`,
  );

function claim(tx: Tx, ctx: Ctx, due: SQL): Promise<Claimed[]> {
  return tx.rows<Claimed>(sql`
    with due(customer_id) as (${due}), locked as materialized (
      select r.customer_id, r.marked_at is not null as marked, r.touched, r.reviewed_at, r.next_change_at,
        case when r.touched @> '{rules}' then 'rule_version' when r.touched @> '{merge}' then 'merge'
          when r.touched <@ '{rank}' and (r.marked_at is not null or ${awaitsRanks(sql`r.customer_id`)}) then 'rank'
          when r.touched @> '{correction}' then 'correction' else 'change' end as cause
      from review_state r where r.customer_id in (select customer_id from due) and ${isWhole}
      order by r.customer_id for update
    )
    update review_state r set version = r.version + 1, last_micros = greatest(r.last_micros + 1, ${microsOf(ctx.now)})
    from locked l where r.customer_id = l.customer_id
    returning r.customer_id, r.version, r.last_micros, l.marked, l.touched, l.cause, l.reviewed_at, l.next_change_at`);
}

type Judge = (
  at: string,
  ids: readonly string[],
  cause: string,
  rules: readonly JudgedRule[],
) => Promise<void>;

async function reviewCustomers(
  tx: Tx,
  ctx: Ctx,
  { vocabulary, rules: all }: Definitions,
  claimed: readonly Claimed[],
): Promise<OutboxEvent[]> {
  const next = new Map(claimed.map((one) => [one.customer_id, one.next_change_at]));
  const flips: Flip[] = [];
  const judge: Judge = async (at, ids, cause, rules) => {
    const judged = await judgeCustomers(tx, ctx, { rules, vocabulary, at, cause, decidedAt: ctx.now }, ids);
    flips.push(...judged.flips);
    for (const id of ids) {
      const found = judged.nextChanges.get(id) ?? null;
      // what was not judged can still change when it was to
      next.set(id, rules === all ? found : earlier(next.get(id) ?? null, found));
    }
  };
  const behind = await catchUp(ctx, next, (at, ids) => judge(at, ids, 'time', all));
  const marked = claimed.filter((one) => one.marked && !behind.has(one.customer_id));
  for (const { cause, ids, rules } of turnsOf(marked, all)) await judge(ctx.now, ids, cause, rules);
  await tx.run(sql`
    update review_state r set next_change_at = n.next_change_at, reviewed_at = ${ctx.now},
      marked_at = case when n.behind then r.marked_at end, touched = case when n.behind then r.touched else '{}' end
    from unnest(${array([...next.keys()], 'uuid')}, ${array([...next.values()], 'timestamptz')},
      ${array(
        [...next.keys()].map((id) => behind.has(id)),
        'boolean',
      )}) as n(customer_id, next_change_at, behind)
    where r.customer_id = n.customer_id`);
  const states = new Map(claimed.map((one) => [one.customer_id, one]));
  return flips.map((flip) => toEvent(flip, states.get(flip.customer_id)));
}

type Turn = { cause: string; ids: string[]; rules: readonly JudgedRule[] };

/** Who is judged together: for the same cause, and by all rules or by those that something touched may change. */
function turnsOf(marked: readonly Claimed[], all: readonly JudgedRule[]): Turn[] {
  const turns: Turn[] = [];
  for (const cause of causes) {
    const group = marked.filter((one) => one.cause === cause);
    const byAll = group.filter(
      (one) => cause === 'merge' || cause === 'rule_version' || one.reviewed_at === null,
    );
    const byTouch = group.filter((one) => !byAll.includes(one));
    const touched = [...new Set(byTouch.flatMap((one) => one.touched))];
    // a new version is judged together with the one that answers
    const segments = new Set(
      all.filter((rule) => isConcerned(rule.reads, touched)).map((rule) => rule.segment),
    );
    const concerned = all.filter((rule) => segments.has(rule.segment));
    const ids = (of: readonly Claimed[]) => of.map((one) => one.customer_id);
    if (byAll.length > 0) turns.push({ cause, ids: ids(byAll), rules: all });
    if (byTouch.length > 0 && concerned.length > 0) {
      turns.push({ cause, ids: ids(byTouch), rules: concerned.length === all.length ? all : concerned });
    }
  }
  return turns;
}

const earlier = (left: string | null, right: string | null): string | null =>
  left === null || (right !== null && microsOf(right) < microsOf(left)) ? right : left;

/** Judges at each stored instant that has passed. Returns those who have more of them than one transaction takes. */
async function catchUp(
  ctx: Ctx,
  next: ReadonlyMap<string, string | null>,
  judge: (at: string, ids: readonly string[]) => Promise<void>,
): Promise<Set<string>> {
  const now = microsOf(ctx.now);
  const due = () => {
    const groups = new Map<number, string[]>();
    for (const [id, at] of next) {
      if (at === null || microsOf(at) > now) continue;
      groups.set(microsOf(at), [...(groups.get(microsOf(at)) ?? []), id]);
    }
    return groups;
  };
  for (let instants = 0; instants < maximumInstants; ) {
    const groups = due();
    if (groups.size === 0) return new Set();
    for (const [at, ids] of [...groups]
      .sort(([left], [right]) => left - right)
      .slice(0, maximumInstants - instants)) {
      await judge(instantOf(at), ids);
      instants += 1;
    }
  }
  return new Set([...due().values()].flat());
}

const toEvent = (flip: Flip, state: Claimed | undefined): OutboxEvent =>
  membershipEvent(flip, {
    version: state?.version ?? 0,
    instant: instantOf(state?.last_micros ?? microsOf(flip.at)),
  });
