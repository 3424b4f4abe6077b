/**
 * Judges what has waited for it: each thing once, by the rules that were in force when it was first heard of. What it
 * comes to is compared with what was given, under the lock of the customer, so that a second run finds no difference.
 */
import { sql } from 'drizzle-orm';
import { plainArray } from '../../db/array-literals.js';
import type { Tx } from '../../db/client.js';
import type { AuditEntry } from '../../platform/audit.js';
import type { Ctx } from '../../platform/context.js';
import { grouped } from '../../platform/grouped.js';
import { instantOf, microsOf } from '../../platform/instants.js';
import type { OutboxEvent } from '../../platform/outbox.js';
import { type Effect, transact } from '../../platform/transact.js';
import { isWhole, type Mark, markCustomers } from '../../reviews/service.js';
import type { LoadFacts } from '../../rules/facts.js';
import { expiryOf } from '../expiry.js';
import { newOperation, openMarked } from '../members.js';
import { readProgramme, type StoredProgramme } from '../programme.js';
import { type Change, type Earning, fold, type Judged, usagesAsked } from './fold.js';
import { type Candidate, matchingRules } from './judging.js';
import { postChanges } from './posting.js';
import { type RuleVersion, readRules } from './rulebook.js';
import {
  addToBudgets,
  lockBudgets,
  type MemberRow,
  readEarnings,
  readMembers,
  readUsages,
  type Spent,
  writeEarnings,
} from './store.js';
import { type DueRow, readThings, type Thing } from './things.js';

/** Of so many that wait the customers are taken, and of each so many at once. */
const lookedAt = 500;
const eachAtOnce = 200;

/** Judges some of what waits. True where there may be more. */
export async function earnNext(ctx: Ctx, facts: LoadFacts): Promise<boolean> {
  // of whom a merge is still moving activities: they wait until all have arrived
  const waiting = await ctx.database.rows<{ customer_id: string }>(sql`
    select distinct customer_id from (
      select d.customer_id from loyalty_earning_due d join review_state r on r.customer_id = d.customer_id
      where d.due_at <= ${ctx.now} and ${isWhole} order by d.due_at limit ${lookedAt}) as first`);
  if (waiting.length === 0) return false;
  const ids = waiting.map((one) => one.customer_id);
  const taken = await transact(ctx, async (tx) => {
    const marks = await markCustomers(tx, ctx, ids, ['loyalty'], 'expected');
    const due = await takeDue(tx, ctx, [...marks.keys()]);
    const { audit, events } = await earnFor(tx, ctx, facts, await readThings(tx, due), marks);
    return { value: due.length, audit, events };
  });
  return taken > 0;
}

const takeDue = (tx: Tx, { now }: Ctx, ids: readonly string[]): Promise<DueRow[]> =>
  tx.named<DueRow>(
    'take_earning_due',
    `with chosen as (
       select d.* from unnest($1::uuid[]) as c(id) cross join lateral (
         select * from loyalty_earning_due d where d.customer_id = c.id and d.due_at <= $2
         order by d.due_at, d.occurred_at, d.activity_id limit ${eachAtOnce}) d
     ), gone as (
       delete from loyalty_earning_due d using chosen c where d.customer_id = c.customer_id and d.activity_id = c.activity_id
     )
     select customer_id, activity_id, occurred_at from chosen order by customer_id, due_at, occurred_at, activity_id`,
    [plainArray(ids), now],
  );

type Told = Required<Omit<Effect<void>, 'value'>>;

/** The customers are locked. Things are judged in their order. */
export async function earnFor(
  tx: Tx,
  ctx: Ctx,
  facts: LoadFacts,
  things: readonly Thing[],
  marks: ReadonlyMap<string, Mark>,
): Promise<Told> {
  const ids = [...new Set(things.map((one) => one.customerId))];
  const members = await readMembers(tx, ids);
  if (members.length === 0) return { audit: [], events: [] };
  const earnings = await readEarnings(tx, members, things);
  const judged = await judgeThings(tx, ctx, facts, { things, members, earnings, marks });
  const usages = await readUsages(tx, judged.flatMap(usagesAsked));
  const limited = judged.flatMap(({ matching }) => matching.filter(({ content }) => content.budget !== null));
  const changes = fold(judged, usages, await lockBudgets(tx, limited));
  return post(tx, ctx, { changes: changes.filter(isChange), members, marks });
}

/** What stays as it is needs no writing, but that it stands under another activity now. */
const isChange = ({ former, target, thing }: Change): boolean =>
  former === undefined ||
  former.points !== target ||
  (thing.kind === 'activity' && former.activityId !== thing.activityId);

type Read = {
  things: readonly Thing[];
  members: readonly MemberRow[];
  earnings: readonly Earning[];
  marks: ReadonlyMap<string, Mark>;
};

async function judgeThings(
  tx: Tx,
  ctx: Ctx,
  facts: LoadFacts,
  { things, members, earnings, marks }: Read,
): Promise<Judged[]> {
  const programmes = new Map<string, StoredProgramme>();
  for (const key of [...new Set(members.map((one) => one.programme))].sort())
    programmes.set(key, await readProgramme(tx, key));
  const own = firstAccounts(members);
  const byThing = grouped(earnings, (one) => `${one.customerId} ${one.programme} ${one.subject}`);
  const candidates = things.flatMap((thing): (Candidate & { formers: readonly Earning[] })[] =>
    (own.get(thing.customerId) ?? []).flatMap((member) => {
      const { programme } = member;
      const formers = byThing.get(`${thing.customerId} ${programme} ${thing.subject}`) ?? [];
      const isOf = thing.kind === 'activity' || (thing.programme === programme && formers.length === 0);
      if (!isOf || member.status === 'closed') return [];
      if (formers.length === 0 && !isEnrolled(member, thing)) return [];
      const rulesAt = formers[0]?.rulesAt ?? thing.rulesAt;
      const formerRules = new Set(formers.map(({ rule }) => rule));
      return [{ thing, programme, isKnown: formers.length > 0, formerRules, rulesAt, formers }];
    }),
  );
  if (candidates.length === 0) return [];
  const earliest = candidates.reduce((least, { rulesAt }) => Math.min(least, microsOf(rulesAt)), Infinity);
  const rules = await readRules(tx, [...programmes.keys()], instantOf(earliest));
  const matching = await matchingRules(tx, ctx, facts, candidates, rules);
  return candidates.map(({ thing, programme, formers }, place) => {
    const { content } = programmes.get(programme) as StoredProgramme;
    const expiresAt = expiryOf(content.expiry, thing.occurredAt, content.time_zone);
    const now = microsOf(marks.get(thing.customerId)?.instant ?? ctx.now);
    return {
      thing,
      programme,
      timeZone: content.time_zone,
      matching: matching[place] ?? [],
      formers: formers.map((earning) => ({ earning, rule: ruleOf(rules, earning) })),
      isLate: content.status === 'closed' || (expiresAt !== null && expiresAt <= now),
    };
  });
}

function ruleOf(rules: readonly RuleVersion[], { programme, rule, ruleVersion }: Earning): RuleVersion {
  const found = rules.find(
    (one) => one.programme === programme && one.key === rule && one.version === ruleVersion,
  );
  if (found === undefined) throw new Error('points of a rule that never was in force');
  return found;
}

/** A date alone counts for the day on which the customer was enrolled. */
function isEnrolled({ enrolled_at: enrolledAt }: MemberRow, { occurredAt, isDay }: Thing): boolean {
  const wholeDay = 86_400_000_000;
  return microsOf(enrolledAt) < microsOf(occurredAt) + (isDay ? wholeDay : 1);
}

/** Of each customer and programme the account that new points go to, enrolled when the first of those that are open was. */
function firstAccounts(members: readonly MemberRow[]): Map<string, MemberRow[]> {
  const firsts = new Map<string, MemberRow>();
  for (const one of members) {
    const key = `${one.customer_id} ${one.programme}`;
    const first = firsts.get(key);
    if (first === undefined) firsts.set(key, one);
    else if (one.status === 'open' && microsOf(one.enrolled_at) < microsOf(first.enrolled_at))
      firsts.set(key, { ...first, enrolled_at: one.enrolled_at });
  }
  return grouped([...firsts.values()], (one) => one.customer_id);
}

type Postable = {
  changes: readonly Change[];
  members: readonly MemberRow[];
  marks: ReadonlyMap<string, Mark>;
};

async function post(tx: Tx, ctx: Ctx, { changes, members, marks }: Postable): Promise<Told> {
  const audit: AuditEntry[] = [];
  const events: OutboxEvent[] = [];
  const earnings: Earning[] = [];
  const spent: Spent[] = [];
  const byMember = grouped(changes, ({ thing, rule }) => `${thing.customerId} ${rule.programme}`);
  for (const [of, some] of byMember) {
    const [customerId = '', key = ''] = of.split(' ');
    const place = members.find((one) => one.customer_id === customerId);
    const member = await openMarked(tx, ctx, {
      ...{ customerId, key, operation: newOperation(), mark: marks.get(customerId) },
      place: { branch: place?.branch ?? null, manager: place?.manager ?? null },
    });
    const posted = await postChanges(tx, ctx, member, some);
    earnings.push(...posted.earnings);
    spent.push(...posted.spent);
    audit.push(...posted.audit);
    events.push(...(posted.events ?? []));
  }
  await writeEarnings(tx, earnings);
  await addToBudgets(tx, spent);
  return { audit, events };
}
