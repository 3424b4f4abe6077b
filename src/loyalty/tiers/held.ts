/** The tiers that customers have had: half-open intervals, one of them open. */
import { plainArray } from '../../db/array-literals.js';
import type { Reader } from '../../db/client.js';
import { microsOf } from '../../platform/instants.js';
import { rulesOf, type StoredTiers } from './model.js';
import { dayOf, periodFrom } from './periods.js';
import { amountsOf, follow, type Move, type MoveEvidence, type Standing } from './standing.js';

export type HeldCause = Move['cause'] | 'enrolled' | 'model' | 'merge';

export type HeldTier = {
  tier: string;
  rank: number;
  model_version: number;
  since_at: string;
  from_at: string;
  cause: HeldCause;
  decided_at: string;
  evidence: MoveEvidence;
};

type TierAt = { tier: string; rank: number };

/** The tier that each of some customers had at an instant of its own, as it was decided then; null for none. In their order. */
export async function tierAt(
  reader: Reader,
  programme: string,
  asked: readonly { customerId: string; at: string }[],
): Promise<(TierAt | null)[]> {
  const rows = await reader.named<{ tier: string | null; rank: number | null }>(
    'loyalty_tier_at',
    `select h.tier, h.rank from unnest($2::uuid[], $3::timestamptz[]) with ordinality as a(customer_id, at, place)
     left join loyalty_tiers_held h on h.customer_id = a.customer_id and h.programme = $1
       and h.from_at <= a.at and (h.to_at is null or h.to_at > a.at)
     order by a.place`,
    [programme, plainArray(asked.map(({ customerId }) => customerId)), plainArray(asked.map(({ at }) => at))],
  );
  return rows.map(({ tier, rank }) => (tier === null || rank === null ? null : { tier, rank }));
}

/** The period that ran then: it goes on from the one in which the tier was decided. */
export function standingAt(tiers: StoredTiers, held: HeldTier | null, at: number): Standing {
  const rules = rulesOf(tiers);
  const day = dayOf(at, rules.zone);
  if (held === null) return { rank: -1, period: periodFrom(rules.period, day), anchor: day, warnedFor: null };
  const { rank, from_at, evidence } = held;
  const since = microsOf(from_at);
  // nothing is taken away by periods that have passed: what they were decided to be is what is recorded
  const kept = { ...rules, downgrade: 'never' as const };
  const start = { rank, period: evidence.period, anchor: evidence.anchor, warnedFor: null };
  return follow(kept, start, amountsOf([]), { credits: [], since, until: at }).standing;
}
