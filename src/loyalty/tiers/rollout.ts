/** A new version of the tiers concerns all members: they are marked some at a time, in the order of their ids. */
import { sql } from 'drizzle-orm';
import type { Ctx } from '../../platform/context.js';
import { transact } from '../../platform/transact.js';

const batchOf = 1000;

type Rollout = { programme: string; version: number; rolled_to: string | null };

/** True where there may be more. */
export const rollOutNext = (ctx: Ctx): Promise<boolean> =>
  transact(ctx, async (tx) => {
    const [rollout] = await tx.rows<Rollout>(sql`
      select programme, version, rolled_to from loyalty_tier_rollouts where completed_at is null
      order by programme limit 1 for update`);
    if (rollout === undefined) return { value: false, audit: [] };
    const { programme, rolled_to: after } = rollout;
    const members = await tx.rows<{ id: string }>(sql`
      select distinct customer_id as id from loyalty_accounts
      where programme = ${programme} and ${after === null ? sql`true` : sql`customer_id > ${after}::uuid`}
      order by customer_id limit ${batchOf}`);
    await tx.run(sql`
      insert into loyalty_tier_due (customer_id, programme, marked_at, cause)
      select customer_id, ${programme}, ${ctx.now}, 'booked' from (
        select distinct customer_id from loyalty_accounts
        where programme = ${programme} and status = 'open'
          and ${after === null ? sql`true` : sql`customer_id > ${after}::uuid`}
          and customer_id <= ${members.at(-1)?.id ?? null}::uuid) as m
      order by customer_id on conflict do nothing`);
    const isDone = members.length < batchOf;
    await tx.run(sql`
      update loyalty_tier_rollouts set rolled_to = coalesce(${members.at(-1)?.id ?? null}::uuid, rolled_to),
        completed_at = ${isDone ? ctx.now : null}
      where programme = ${programme}`);
    return { value: true, audit: [] };
  });
