/** Holdings of a customer that turns out to be another, and the roles in which it stands to those of others. */
import { sql } from 'drizzle-orm';
import {
  holdingBalances,
  holdingParties,
  holdingStatuses,
  holdings,
  supersededBalances,
} from '../db/tables/holdings.js';
import { cameFrom, dropRows, moveRows, moveRowsBack, type Reassignment } from '../platform/reassignment.js';

export const holdingReassignment: Reassignment = {
  tables: [
    'holding_balances',
    'holding_keys',
    'holding_parties',
    'holding_statuses',
    'holdings',
    'superseded_balances',
  ],

  async merge(tx, _ctx, sides, kept) {
    await tx.run(sql`
      update holding_keys k set customer_id = ${sides.survivorId}::uuid,
        origin_customer_id = coalesce(k.origin_customer_id, ${sides.mergedId}::uuid) from holdings h
      where h.customer_id = ${sides.mergedId} and k.holding_id = h.id`);
    await tx.run(sql`
      update holding_parties p set owner_id = ${sides.survivorId}::uuid from holdings h
      where h.customer_id = ${sides.mergedId} and p.holding_id = h.id`);
    // who stood in one role to the same holding twice stands in it once
    await dropRows(
      tx,
      holdingParties,
      kept,
      sql`t.customer_id = ${sides.mergedId} and t.ends_on is null and exists (select from holding_parties o
        where o.customer_id = ${sides.survivorId} and o.holding_id = t.holding_id and o.role = t.role and o.ends_on is null)`,
    );
    return {
      holdings: await moveRows(tx, holdings, sides),
      balances:
        (await moveRows(tx, holdingBalances, sides)) + (await moveRows(tx, supersededBalances, sides)),
      holding_parties: await moveRows(tx, holdingParties, sides),
      holding_statuses: await moveRows(tx, holdingStatuses, sides),
    };
  },

  async revert(tx, _ctx, sides) {
    const came = sql`h.customer_id = ${sides.survivorId} and ${cameFrom(sides, 'h')}`;
    await tx.run(sql`
      update holding_keys k set customer_id = ${sides.mergedId}::uuid,
        origin_customer_id = nullif(k.origin_customer_id, ${sides.mergedId}::uuid) from holdings h
      where ${came} and k.holding_id = h.id`);
    await tx.run(sql`
      update holding_parties p set owner_id = ${sides.mergedId}::uuid from holdings h
      where ${came} and p.holding_id = h.id`);
    return {
      holdings: await moveRowsBack(tx, holdings, sides),
      balances:
        (await moveRowsBack(tx, holdingBalances, sides)) +
        (await moveRowsBack(tx, supersededBalances, sides)),
      holding_parties: await moveRowsBack(tx, holdingParties, sides),
      holding_statuses: await moveRowsBack(tx, holdingStatuses, sides),
    };
  },
};
