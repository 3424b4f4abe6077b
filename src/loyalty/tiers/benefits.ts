/** Benefits are used: each use is counted under the customer's lock, and those beyond the quota are refused. */
import { sql } from 'drizzle-orm';
import { array, json, type Reader, type Tx } from '../../db/client.js';
import type { Ctx } from '../../platform/context.js';
import { DomainError, fieldError, notFound } from '../../platform/errors.js';
import { newId } from '../../platform/ids.js';
import { instantOf, microsOf } from '../../platform/instants.js';
import type { OutboxEvent } from '../../platform/outbox.js';
import type { PageRequest } from '../../platform/pagination.js';
import { type Effect, transact } from '../../platform/transact.js';
import { type Mark, markCustomers } from '../../reviews/service.js';
import { periodOf } from '../../rules/calendar.js';
import { startOfDay } from '../../rules/moment.js';
import type { MemberKey } from '../accruals.js';
import { type Place, readPlace, refuseOthers } from '../members.js';
import { evaluateMember } from './evaluation.js';
import { type HeldTier, standingAt } from './held.js';
import { readTiers, rulesOf, type StoredTiers } from './model.js';
import { dayOf } from './periods.js';
import type { BenefitIn, BenefitUseDoneOut, BenefitUseIn, BenefitUseOut } from './schemas.js';
import type { Standing } from './standing.js';

type Window = { from: string; since: string };

/** From when on uses count; null where there is no quota, and all do. */
export function windowOf(
  { quota, per }: Pick<BenefitIn, 'quota' | 'per'>,
  tiers: StoredTiers,
  { period }: Standing,
  at: string,
): Window | null {
  if (quota === null) return null;
  const { zone } = rulesOf(tiers);
  const from = per === 'tier_period' ? period.from : periodOf(per, 0, dayOf(microsOf(at), zone)).first;
  return { from, since: instantOf(startOfDay(from, zone)) };
}

/** How often each was used from its instant on, up to another one, in their order. */
export async function usesOf(
  reader: Reader,
  { id, programme }: MemberKey,
  asked: readonly { benefit: string; since: string }[],
  at: string,
): Promise<number[]> {
  if (asked.length === 0) return [];
  const rows = await reader.rows<{ count: number }>(sql`
    select (select count(*)::int from loyalty_benefit_uses u
      where u.customer_id = ${id} and u.programme = ${programme} and u.benefit = q.benefit and u.used_at >= q.since
        and u.used_at <= ${at} and (u.taken_back_at is null or u.taken_back_at > ${at})) as count
    from unnest(${array(
      asked.map(({ benefit }) => benefit),
      'text',
    )}, ${array(
      asked.map(({ since }) => since),
      'timestamptz',
    )}) with ordinality as q(benefit, since, place)
    order by q.place`);
  return rows.map(({ count }) => count);
}

type Use = Omit<BenefitUseOut, 'customer_id'>;
const shownColumns = sql`use_id, customer_id, programme, benefit, tier, used_at, reason, reference, taken_back_at, taken_back_reason`;

/** Throws 409 where the tier has no such benefit, or nothing is left of it. */
export const useBenefit = (ctx: Ctx, key: MemberKey, input: BenefitUseIn): Promise<BenefitUseDoneOut> =>
  transact(ctx, async (tx) => {
    const { place, mark, held, tiers, events } = await openTier(tx, ctx, key);
    const standing = standingAt(tiers, held, microsOf(mark.instant));
    const benefit = tiers.content.tiers[standing.rank]?.benefits.find((one) => one.key === input.benefit);
    if (held === null || benefit === undefined)
      throw fieldError('/benefit', 'not_of_the_tier', 'is no benefit of the tier that the customer has');
    const window = windowOf(benefit, tiers, standing, mark.instant);
    const [used = 0] = await usesOf(
      tx,
      key,
      [{ benefit: benefit.key, since: window?.since ?? '-infinity' }],
      mark.instant,
    );
    if (benefit.quota !== null && used >= benefit.quota)
      throw new DomainError(
        'benefit_used_up',
        `The benefit was used ${used} times since ${window?.from}, as often as the tier gives it.`,
      );
    const use: Use = {
      ...{
        use_id: newId(),
        programme: key.programme,
        benefit: benefit.key,
        tier: held.tier,
        used_at: mark.instant,
      },
      ...{ reason: input.reason, reference: input.reference ?? null },
      ...{ taken_back_at: null, taken_back_reason: null },
    };
    await tx.run(sql`
      insert into loyalty_benefit_uses (customer_id, use_id, programme, benefit, tier, used_at, actor, reason, reference)
      values (${key.id}, ${use.use_id}, ${use.programme}, ${use.benefit}, ${use.tier}, ${use.used_at}, ${ctx.actor},
        ${use.reason}, ${use.reference === null ? null : json(use.reference)})`);
    return done(key, { use, place, mark, events, type: 'loyalty.benefit_used' }, benefit, window, used + 1);
  });

/** It counts no more. Throws 404, and 409 where it was taken back before. */
export const takeBackUse = (
  ctx: Ctx,
  { use_id: useId, ...key }: MemberKey & { use_id: string },
  reason: string,
): Promise<BenefitUseDoneOut> =>
  transact(ctx, async (tx) => {
    const { place, mark, held, tiers, events } = await openTier(tx, ctx, key);
    const [known] = await tx.rows<BenefitUseOut>(sql`
      select ${shownColumns} from loyalty_benefit_uses
      where customer_id = ${key.id} and use_id = ${useId} and programme = ${key.programme}`);
    if (known === undefined) throw notFound('benefit use');
    if (known.taken_back_at !== null) throw new DomainError('conflict', 'The use was taken back already.');
    await tx.run(sql`
      update loyalty_benefit_uses set taken_back_at = ${mark.instant}, taken_back_reason = ${reason}
      where customer_id = ${key.id} and use_id = ${useId}`);
    const { customer_id: _, ...use } = known;
    const standing = standingAt(tiers, held, microsOf(mark.instant));
    const own = tiers.content.tiers[standing.rank]?.benefits.find((one) => one.key === use.benefit);
    const benefit = own ?? { key: use.benefit, quota: null, per: 'tier_period' };
    const window = windowOf(benefit, tiers, standing, mark.instant);
    const since = window?.since ?? '-infinity';
    const [used = 0] = await usesOf(tx, key, [{ benefit: use.benefit, since }], mark.instant);
    const taken = { ...use, taken_back_at: mark.instant, taken_back_reason: reason };
    return done(
      key,
      { use: taken, place, mark, events, type: 'loyalty.benefit_use_taken_back' },
      benefit,
      window,
      used,
    );
  });

/** Locks the customer: no evaluation and no other use goes on beside it. */
async function openTier(tx: Tx, ctx: Ctx, { id, programme }: MemberKey) {
  const place = await readPlace(tx, ctx, id);
  let marks = await markCustomers(tx, ctx, [id], []);
  // a tier that was reached just now gives its benefits already
  const events = await evaluateMember(tx, ctx, { id, programme }, marks);
  if (events.length > 0) marks = await markCustomers(tx, ctx, [id], []);
  const mark = marks.get(id);
  if (mark === undefined) throw new Error('the customer is not locked');
  await refuseOthers(tx, id, programme);
  const [held = null] = await tx.rows<HeldTier>(sql`
    select tier, rank, model_version, since_at, from_at, cause, decided_at, evidence from loyalty_tiers_held
    where customer_id = ${id} and programme = ${programme} and to_at is null`);
  return { place, mark, held, events, tiers: await readTiers(tx, programme, held?.model_version) };
}

type Done = { use: Use; place: Place; mark: Mark; events: OutboxEvent[]; type: string };

function done(
  { id }: MemberKey,
  { use, place, mark, events, type }: Done,
  { quota }: Pick<BenefitIn, 'quota'>,
  window: Window | null,
  used: number,
): Effect<BenefitUseDoneOut> {
  const told = { programme: use.programme, use_id: use.use_id, benefit: use.benefit };
  return {
    value: {
      use: { customer_id: id, ...use },
      used,
      left: quota === null ? null : Math.max(0, quota - used),
      period_from: window?.from ?? null,
    },
    audit: [{ action: type, subjectType: 'customer', subjectId: id, details: told }],
    events: [
      ...events,
      {
        ...{ type, subject: id, subjectVersion: mark.version, occurredAt: mark.instant },
        scope: { customer: id, ...place },
        data: told,
      },
    ],
  };
}

/** A page of uses, the latest first. */
export async function listUses(
  ctx: Ctx,
  { id, programme }: MemberKey,
  benefit: string | undefined,
  page: PageRequest,
): Promise<BenefitUseOut[]> {
  await readPlace(ctx.database, ctx, id);
  await refuseOthers(ctx.database, id, programme);
  const after =
    page.after === undefined
      ? sql`true`
      : sql`(used_at, use_id) < (${page.after[0]}::timestamptz, ${page.after[1]}::uuid)`;
  return ctx.database.rows<BenefitUseOut>(sql`
    select ${shownColumns} from loyalty_benefit_uses
    where customer_id = ${id} and programme = ${programme} and ${after}
      and ${benefit === undefined ? sql`true` : sql`benefit = ${benefit}`}
    order by used_at desc, use_id desc limit ${page.limit + 1}`);
}
