/** The tier of a customer at an instant, as it was decided by then: what counts for it, what is missing, what it gives. */
import { Big } from 'big.js';
import { sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.js';
import type { Ctx } from '../../platform/context.js';
import { notFound } from '../../platform/errors.js';
import { instantOf, microsOf } from '../../platform/instants.js';
import type { MemberKey } from '../accruals.js';
import { readPlace } from '../members.js';
import { lowestFor, pointsAsOf, spendAsOf } from './amounts.js';
import { usesOf, windowOf } from './benefits.js';
import { type HeldTier, standingAt } from './held.js';
import { readTiers, rulesOf, type StoredTiers } from './model.js';
import { dayOf, firstCounted } from './periods.js';
import type { MemberTierOut, TierIn } from './schemas.js';
import { type Amounts, amountsOf, canFall, follow, outlook, reviewAt, type Standing } from './standing.js';

type Known = {
  at: string;
  pending: boolean;
  enrolled_at: string;
  version: number | null;
  held: HeldTier | null;
};

/** Throws 404 for a customer out of reach, and where the programme has no tiers or the customer takes no part. */
export async function getMemberTier(
  ctx: Ctx,
  { id, programme }: MemberKey,
  asOf = ctx.now,
): Promise<MemberTierOut> {
  const { database: reader } = ctx;
  await readPlace(reader, ctx, id);
  const known = await readKnown(reader, ctx, { id, programme }, asOf);
  const tiers = await readTiers(reader, programme, known.version ?? undefined);
  const { held } = known;
  const at = microsOf(known.at);
  const standing = standingAt(tiers, held, at);
  const amounts = await amountsAt(reader, tiers, id, standing, at);
  const tier = tiers.content.tiers[standing.rank];
  return {
    customer_id: id,
    programme,
    as_of: known.at,
    tier: held?.tier ?? null,
    name: tier?.name ?? null,
    rank: held?.rank ?? null,
    since: held?.since_at ?? null,
    cause: held?.cause ?? null,
    decided_at: held?.decided_at ?? null,
    model_version: known.version === null ? null : tiers.version,
    qualify: tiers.content.qualify.by as MemberTierOut['qualify'],
    ...shownAmounts(tiers, standing, amounts, at),
    benefits: await benefitsOf(reader, tiers, { id, programme }, standing, known.at),
    vip: tier?.vip == null ? null : await vipOf(reader, tier.vip, id, known.at),
    pending: known.pending,
  };
}

async function readKnown(
  reader: Reader,
  ctx: Ctx,
  { id, programme }: MemberKey,
  asOf: string,
): Promise<Known> {
  const [row] = await reader.rows<Omit<Known, 'version'> & { published: number | null }>(sql`
    with asked as (select least(${asOf}::timestamptz, ${ctx.now}) as at)
    select asked.at, min(a.enrolled_at) as enrolled_at,
      exists (select from loyalty_tier_due d where d.customer_id = ${id} and d.programme = ${programme})
        or exists (select from loyalty_tier_states s
          where s.customer_id = ${id} and s.programme = ${programme} and s.next_at <= ${ctx.now}) as pending,
      (select max(m.version) from loyalty_tier_models m
        where m.programme = ${programme} and m.created_at <= asked.at) as published,
      (select jsonb_build_object('tier', h.tier, 'rank', h.rank, 'model_version', h.model_version,
          'cause', h.cause, 'evidence', h.evidence, 'since_at', ${utc('h.since_at')}, 'from_at', ${utc('h.from_at')},
          'decided_at', ${utc('h.decided_at')})
        from loyalty_tiers_held h where h.customer_id = ${id} and h.programme = ${programme}
          and h.from_at <= asked.at and (h.to_at is null or h.to_at > asked.at)) as held
    from asked join loyalty_accounts a on a.customer_id = ${id} and a.programme = ${programme}
    group by asked.at`);
  if (row === undefined) throw notFound('loyalty account');
  const { published, ...known } = row;
  return { ...known, version: known.held?.model_version ?? published };
}

/** As PostgreSQL prints an instant that is not inside of JSON: without zeros at the end. */
const utc = (column: string) =>
  sql.raw(
    `regexp_replace(to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), '\\.?0*$', '') || 'Z'`,
  );

async function amountsAt(
  reader: Reader,
  tiers: StoredTiers,
  customerId: string,
  { period }: Standing,
  at: number,
): Promise<Amounts> {
  const asked = { customerId, low: lowestFor(tiers, at, period.from), until: at };
  return tiers.content.qualify.by === 'points'
    ? pointsAsOf(reader, tiers, asked)
    : spendAsOf(reader, tiers, asked);
}

type Shown = Pick<MemberTierOut, 'amount' | 'counted_from' | 'period' | 'keep' | 'next'>;

function shownAmounts(tiers: StoredTiers, standing: Standing, amounts: Amounts, at: number): Shown {
  const rules = rulesOf(tiers);
  const day = dayOf(at, rules.zone);
  const from = firstCounted(rules.period, day);
  const amount = amounts.between(from, day);
  const above = tiers.content.tiers[standing.rank + 1];
  const lack = new Big(above?.lower_bound ?? 0).minus(amount);
  return {
    amount: amount.toFixed(),
    counted_from: from,
    period: standing.rank < 0 ? null : standing.period,
    keep: keepOf(tiers, standing, amounts),
    next:
      above === undefined
        ? null
        : {
            tier: above.key,
            name: above.name,
            lower_bound: above.lower_bound,
            missing: lack.gt(0) ? lack.toFixed() : '0',
          },
  };
}

function keepOf(tiers: StoredTiers, standing: Standing, amounts: Amounts): Shown['keep'] {
  const rules = rulesOf(tiers);
  if (!canFall(rules, standing)) return null;
  const { amount, missing } = outlook(rules, standing, amounts);
  const review = reviewAt(rules, standing.period);
  // where this period is enough, the next one is the first that can be short
  const after = follow({ ...rules, downgrade: 'never' }, standing, amountsOf([]), {
    credits: [],
    since: review - 1,
    until: review,
  }).standing;
  return {
    lower_bound: rules.bounds[standing.rank] ?? '0',
    amount,
    missing,
    review_at: instantOf(review),
    until: instantOf(missing === '0' ? reviewAt(rules, after.period) : review),
  };
}

async function benefitsOf(
  reader: Reader,
  tiers: StoredTiers,
  key: MemberKey,
  standing: Standing,
  at: string,
): Promise<MemberTierOut['benefits']> {
  const benefits = tiers.content.tiers[standing.rank]?.benefits ?? [];
  const windows = benefits.map((benefit) => windowOf(benefit, tiers, standing, at));
  const used = await usesOf(
    reader,
    key,
    benefits.map(({ key: benefit }, place) => ({ benefit, since: windows[place]?.since ?? '-infinity' })),
    at,
  );
  return benefits.map((benefit, place) => ({
    ...benefit,
    used: used[place] ?? 0,
    left: benefit.quota === null ? null : Math.max(0, benefit.quota - (used[place] ?? 0)),
    period_from: windows[place]?.from ?? null,
  }));
}

/** Who looks after the customer in the role that the tier asks for, and what is missing. */
async function vipOf(
  reader: Reader,
  { description, manager_role: role, case_priority }: NonNullable<TierIn['vip']>,
  customerId: string,
  at: string,
): Promise<MemberTierOut['vip']> {
  const [found] = await reader.rows<{ staff: string }>(sql`
    select staff from assignments
    where customer_id = ${customerId} and role = ${role} and starts_at <= ${at} and (ends_at is null or ends_at > ${at})
    order by starts_at, id limit 1`);
  const manager = found?.staff ?? null;
  const lacks = role !== null && manager === null ? (['manager'] as const) : [];
  return { description, case_priority, manager_role: role, manager, lacks: [...lacks] };
}
