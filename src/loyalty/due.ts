/** What is due is posted whether or not somebody asks for the account: lots expire, holds time out. */
import { sql } from 'drizzle-orm';
import type { Ctx } from '../platform/context.js';
import { transact } from '../platform/transact.js';
import { markCustomers } from '../reviews/service.js';
import { newOperation, openMarked } from './members.js';

const batchOf = 100;

type Due = { customer_id: string; programme: string; branch: string | null; manager: string | null };

/** Settles some of the accounts at which something is due. True where there may be more. */
export async function settleNext(ctx: Ctx): Promise<boolean> {
  const due = await ctx.database.rows<{ customer_id: string }>(sql`
    select customer_id from loyalty_accounts where next_due_at <= ${ctx.now} order by next_due_at limit ${batchOf}`);
  if (due.length === 0) return false;
  const settled = await transact(ctx, async (tx) => {
    const marks = await markCustomers(
      tx,
      ctx,
      due.map((one) => one.customer_id),
      ['loyalty'],
      // the accounts of one that was merged meanwhile are another's by now: they come next time
      'expected',
    );
    const rows = await tx.rows<Due>(sql`
      select distinct a.customer_id, a.programme, c.branch, c.manager
      from loyalty_accounts a join customers c on c.id = a.customer_id
      where a.customer_id = any(${sql.param([...marks.keys()])}::uuid[]) and a.next_due_at <= ${ctx.now}
      order by a.customer_id, a.programme`);
    const events = [];
    for (const { customer_id: customerId, programme: key, branch, manager } of rows) {
      const operation = newOperation();
      const mark = marks.get(customerId);
      const member = await openMarked(tx, ctx, {
        customerId,
        key,
        operation,
        place: { branch, manager },
        mark,
      });
      events.push(...member.events);
    }
    return { value: rows.length, audit: [], events };
  });
  return settled > 0;
}
