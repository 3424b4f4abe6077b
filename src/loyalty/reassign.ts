/**
 * Points of a customer that turns out to be another. Its accounts move with all that is in them: nothing is posted, so
 * every lot, entry and debt stays what it was, and the survivor has the sum. What is done afterwards is written to the
 * account whose lots it concerns, and goes back with it in a revert; a hold that keeps points of both is voided by then.
 */
import { getTableName, sql } from 'drizzle-orm';
import { array, type Tx } from '../db/client.js';
import * as tables from '../db/tables/loyalty.js';
import * as earning from '../db/tables/loyalty-earning.js';
import { loyaltyOrders } from '../db/tables/loyalty-rewards.js';
import type { Ctx } from '../platform/context.js';
import { instantOf } from '../platform/instants.js';
import { writeEvents } from '../platform/outbox.js';
import { moveRows, moveRowsBack, type Reassignment, type Sides } from '../platform/reassignment.js';
import { readHolds } from './ledger/store.js';
import { newOperation, openMarked } from './members.js';
import { releaseOf } from './redemptions.js';

const moved = [
  tables.loyaltyAccounts,
  tables.loyaltyLots,
  tables.loyaltyEntries,
  tables.loyaltyPostings,
  tables.loyaltyHolds,
  tables.loyaltyHoldLots,
  earning.loyaltyEarningDue,
  earning.loyaltyEarnings,
  earning.loyaltyExpiryNotices,
  loyaltyOrders,
];

export const loyaltyReassignment: Reassignment = {
  tables: moved.map((table) => getTableName(table)),

  async merge(tx, _ctx, sides) {
    const [accounts = 0] = await each((table) => moveRows(tx, table, sides));
    return { loyalty_accounts: accounts };
  },

  async revert(tx, ctx, sides) {
    await voidMixedHolds(tx, ctx, sides);
    const [accounts = 0] = await each((table) => moveRowsBack(tx, table, sides));
    return { loyalty_accounts: accounts };
  },
};

async function each(move: (table: (typeof moved)[number]) => Promise<number>): Promise<number[]> {
  const counts: number[] = [];
  for (const table of moved) counts.push(await move(table));
  return counts;
}

type Mixed = { hold_id: string; programme: string; branch: string | null; manager: string | null };

/** Holds that were placed since the merge and keep points of lots that go back. */
async function voidMixedHolds(tx: Tx, ctx: Ctx, { survivorId, origins }: Sides): Promise<void> {
  const holds = await tx.rows<Mixed & { version: number; last_micros: number }>(sql`
    select h.hold_id, h.programme, c.branch, c.manager, r.version,
      r.last_micros
    from loyalty_holds h join customers c on c.id = h.customer_id join review_state r on r.customer_id = h.customer_id
    where h.customer_id = ${survivorId} and h.status = 'active'
      and (h.origin_customer_id is null or h.origin_customer_id <> all(${array(origins, 'uuid')}))
      and exists (
        select from loyalty_hold_lots s join loyalty_lots l using (customer_id, account_id, lot_id)
        where s.customer_id = h.customer_id and s.hold_id = h.hold_id and l.origin_customer_id = any(${array(origins, 'uuid')}))
    order by h.hold_id`);
  for (const { hold_id: id, programme, branch, manager, version, last_micros: micros } of holds) {
    const member = await openMarked(tx, ctx, {
      ...{ customerId: survivorId, key: programme, operation: newOperation({ reason: 'merge reverted' }) },
      ...{ place: { branch, manager }, mark: { version, instant: instantOf(micros) } },
    });
    const [hold] = await readHolds(tx, member.book, 'hold_id = $3', id);
    if (hold === undefined) continue;
    const { events = [] } = await releaseOf(tx, ctx, member, hold);
    await writeEvents(tx, ctx, events);
  }
}
