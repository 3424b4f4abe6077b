/**
 * The review keeps every membership what a full recomputation would give. It takes a bounded batch of customers of
 * a leased bucket, judges all rules for all of them in one statement, and writes only the differences.
 *
 * Time changes memberships too: each judgement gives the instant at which the next one can come out differently
 * with no write. A review that comes late judges at each such instant in turn, so who entered and left meanwhile
 * has that interval.
 */
import { sql } from 'drizzle-orm';
import { array, type Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { instantOf, microsOf } from '../platform/instants.js';
import type { OutboxEvent } from '../platform/outbox.js';
import { transact } from '../platform/transact.js';
import type { FactTable, LoadFacts } from '../rules/facts.js';
import { type Flip, judgeCustomers, type LiveRule } from './judgement.js';
import { extendLease, type Lease } from './leases.js';

const batchSize = 500;
/** Instants that one transaction catches up with; what is left is due at once again. */
const maximumInstants = 200;

type Claimed = {
  customer_id: string;
  version: number;
  last_micros: number;
  marked: boolean;
  by_rules: boolean;
  next_change_at: string | null;
};

/** Reviews a batch of the bucket. False where nothing was due, or the lease was lost. */
export function reviewBatch(ctx: Ctx, facts: LoadFacts, lease: Lease): Promise<boolean> {
  return transact(ctx, async (tx) => {
    if (!(await extendLease(tx, lease))) return { value: false, audit: [] };
    const claimed = await claimDue(tx, ctx, lease.bucket);
    if (claimed.length === 0) return { value: false, audit: [] };
    const rules = await liveRules(tx);
    const events = await reviewCustomers(tx, ctx, rules, await facts(tx), claimed);
    return { value: true, audit: [], events };
  });
}

const liveRules = (tx: Tx): Promise<LiveRule[]> =>
  tx.rows<LiveRule>(sql`
    select s.key as segment, v.version, v.rule from segments s
    join segment_versions v on v.segment = s.key and v.version = s.version
    where s.deleted_at is null and s.kind = 'rule' order by s.key`);

/** Locks what is due in the order of ids, and bumps its version: whoever judges first says so. */
async function claimDue(tx: Tx, ctx: Ctx, bucket: number): Promise<Claimed[]> {
  return tx.rows<Claimed>(sql`
    with due as (
      (select customer_id from review_state where bucket = ${bucket} and marked_at is not null
       order by marked_at limit ${batchSize})
      union
      (select customer_id from review_state where bucket = ${bucket} and next_change_at <= ${ctx.now}
       order by next_change_at limit ${batchSize})
    ), locked as materialized (
      select r.customer_id, r.marked_at is not null as marked, r.touched @> '{rules}' as by_rules, r.next_change_at
      from review_state r where r.customer_id in (select customer_id from due) order by r.customer_id for update
    )
    update review_state r set version = r.version + 1, last_micros = greatest(r.last_micros + 1, ${microsOf(ctx.now)})
    from locked l where r.customer_id = l.customer_id
    returning r.customer_id, r.version, r.last_micros, l.marked, l.by_rules, l.next_change_at`);
}

async function reviewCustomers(
  tx: Tx,
  ctx: Ctx,
  rules: readonly LiveRule[],
  facts: FactTable,
  claimed: readonly Claimed[],
): Promise<OutboxEvent[]> {
  const next = new Map(claimed.map((one) => [one.customer_id, one.next_change_at]));
  const flips: Flip[] = [];
  const judge = async (at: string, ids: readonly string[], cause: string) => {
    const judged = await judgeCustomers(tx, ctx, { rules, facts, at, cause, decidedAt: ctx.now }, ids);
    flips.push(...judged.flips);
    for (const id of ids) next.set(id, judged.nextChanges.get(id) ?? null);
  };
  const behind = await catchUp(ctx, next, judge);
  for (const byRules of [false, true]) {
    const marked = claimed.filter(
      (one) => one.marked && one.by_rules === byRules && !behind.has(one.customer_id),
    );
    if (marked.length > 0) {
      await judge(
        ctx.now,
        marked.map((one) => one.customer_id),
        byRules ? 'rule_version' : 'change',
      );
    }
  }
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

/** Judges at each stored instant that has passed. Returns those who have more of them than one transaction takes. */
async function catchUp(
  ctx: Ctx,
  next: ReadonlyMap<string, string | null>,
  judge: (at: string, ids: readonly string[], cause: string) => Promise<void>,
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
      await judge(instantOf(at), ids, 'time');
      instants += 1;
    }
  }
  return new Set([...due().values()].flat());
}

function toEvent(flip: Flip, state: Claimed | undefined): OutboxEvent {
  return {
    type: flip.entered ? 'segment.entered' : 'segment.left',
    subject: flip.customer_id,
    subjectVersion: state?.version ?? 0,
    occurredAt: instantOf(state?.last_micros ?? microsOf(flip.at)),
    scope: { customer: flip.customer_id, branch: flip.branch, manager: flip.manager },
    data: {
      segment: flip.segment,
      rule_version: flip.rule_version,
      cause: flip.cause,
      effective_at: flip.at,
    },
  };
}
