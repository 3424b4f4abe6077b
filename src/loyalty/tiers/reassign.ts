/**
 * Tiers of a customer that turns out to be another. They were decided of that customer and stay its history; the one
 * that it has ends with the merge. The survivor has the higher of both from then on, and what both have earned counts
 * together. After a revert each has the tier that it had before the merge, and what its own amounts are enough for.
 */
import { sql } from 'drizzle-orm';
import { array, json, type Tx } from '../../db/client.js';
import { loyaltyBenefitUses } from '../../db/tables/loyalty-tiers.js';
import type { Ctx } from '../../platform/context.js';
import { moveRows, moveRowsBack, type Reassignment, type Sides } from '../../platform/reassignment.js';

type Stand = { customer_id: string; programme: string; tier: string | null; rank: number | null };

export const tierReassignment: Reassignment = {
  tables: [
    'loyalty_tiers_held',
    'loyalty_tier_states',
    'loyalty_tier_days',
    'loyalty_tier_due',
    'loyalty_benefit_uses',
  ],

  async merge(tx, ctx, sides, kept) {
    const { survivorId, mergedId } = sides;
    const stands = await readStands(tx, sides);
    kept.notes.loyalty_tiers = stands;
    await tx.run(sql`
      update loyalty_tiers_held set to_at = greatest(${ctx.now}, from_at + interval '1 microsecond')
      where customer_id = ${mergedId} and to_at is null`);
    await forget(tx, [mergedId]);
    const best = [...new Set(stands.map(({ programme }) => programme))].flatMap((programme) => {
      const both = stands.filter((one) => one.programme === programme);
      const [first] = both.sort((a, b) => (b.rank ?? -1) - (a.rank ?? -1));
      return first === undefined ? [] : [{ customer_id: survivorId, programme, tier: first.tier }];
    });
    await beginAnew(tx, ctx, best);
    return { benefit_uses: await moveRows(tx, loyaltyBenefitUses, sides) };
  },

  async revert(tx, ctx, sides, kept) {
    const moved = await moveRowsBack(tx, loyaltyBenefitUses, sides);
    await beginAnew(tx, ctx, (kept.notes.loyalty_tiers ?? []) as Stand[]);
    return { benefit_uses: moved };
  },
};

/** The tier that each of the two has in each programme that either takes part in. */
const readStands = (tx: Tx, { survivorId, mergedId }: Sides): Promise<Stand[]> =>
  tx.rows(sql`
    select distinct s.customer_id, m.programme, h.tier, h.rank
    from loyalty_tier_models m cross join unnest(${array([survivorId, mergedId], 'uuid')}) as s(customer_id)
    left join loyalty_tiers_held h on h.customer_id = s.customer_id and h.programme = m.programme and h.to_at is null
    where exists (select from loyalty_tier_states t where t.customer_id in (${survivorId}, ${mergedId})
        and t.programme = m.programme)
      or exists (select from loyalty_tier_due d where d.customer_id in (${survivorId}, ${mergedId})
        and d.programme = m.programme)
    order by s.customer_id, m.programme`);

async function forget(tx: Tx, ids: readonly string[]): Promise<void> {
  const of = sql`customer_id = any(${array(ids, 'uuid')})`;
  await tx.run(sql`delete from loyalty_tier_states where ${of}`);
  await tx.run(sql`delete from loyalty_tier_days where ${of}`);
  await tx.run(sql`delete from loyalty_tier_due where ${of}`);
}

const beginAnew = (tx: Tx, ctx: Ctx, stands: readonly Omit<Stand, 'rank'>[]) =>
  tx.run(sql`
    insert into loyalty_tier_due (customer_id, programme, marked_at, cause, stand)
    select customer_id, programme, ${ctx.now}, 'merge', tier
    from jsonb_to_recordset(${json(stands)}) as s(customer_id uuid, programme text, tier text)
    order by customer_id, programme
    on conflict (customer_id, programme) do update set cause = excluded.cause, stand = excluded.stand`);
