/**
 * A new rate changes what every holder of its currency is worth, or was on its day: also what was closed since, and who
 * owned it then. Holders are marked for review in bounded batches, in
 * the order of their ids; how far it is, is committed with each batch, so that a crash loses none and marks few twice.
 * A rate that comes meanwhile begins again with the first.
 */
import { sql } from 'drizzle-orm';
import { array } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { transact } from '../platform/transact.js';
import { markManyCustomers } from '../reviews/service.js';

const stepSize = 4000;

/** Marks the next holders of a currency. False where all are marked. */
export function markHolders(ctx: Ctx): Promise<boolean> {
  return transact(ctx, async (tx) => {
    const [rate] = await tx.rows<{ currency: string; marked_to: string | null }>(sql`
      select currency, marked_to from latest_rates where marked_at is null
      order by changed_at limit 1 for update skip locked`);
    if (rate === undefined) return { value: false, audit: [] };
    const after = rate.marked_to === null ? sql`true` : sql`h.customer_id > ${rate.marked_to}::uuid`;
    const owners = await tx.rows<{ customer_id: string }>(sql`
      select h.customer_id from holdings h
      where h.currency = ${rate.currency} and ${after}
      group by h.customer_id order by h.customer_id limit ${stepSize}`);
    const ids = owners.map((row) => row.customer_id);
    const others = await tx.rows<{ customer_id: string }>(sql`
      select distinct p.customer_id
      from holdings h join holding_parties p on p.holding_id = h.id and p.role in ('primary_owner', 'joint_owner')
      where h.customer_id = any(${array(ids, 'uuid')}) and h.currency = ${rate.currency}`);
    await markManyCustomers(tx, ctx, [...ids, ...others.map((row) => row.customer_id)], ['holdings']);
    await tx.run(sql`
      update latest_rates set marked_to = ${ids.at(-1) ?? rate.marked_to},
        marked_at = ${ids.length < stepSize ? ctx.now : null}
      where currency = ${rate.currency}`);
    return { value: true, audit: [] };
  });
}
