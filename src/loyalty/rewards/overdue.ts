/** Orders that nobody has issued in time are cancelled: their holds have timed out, and what they kept is free again. */
import { sql } from 'drizzle-orm';
import type { Ctx } from '../../platform/context.js';
import { TryAgain, transact } from '../../platform/transact.js';
import { markCustomers } from '../../reviews/service.js';
import { newOperation, openMarked } from '../members.js';
import { asOf, readOrder } from './order.js';
import { auditOf, endOrder, tellOrder } from './orders.js';
import { giveOneBack } from './stock.js';

const batchOf = 100;

type Overdue = {
  customer_id: string;
  order_id: string;
  programme: string;
  branch: string | null;
  manager: string | null;
};

/** Each in a transaction of its own, since each holds a row that all customers share. True where there may be more. */
export async function cancelOverdue(ctx: Ctx): Promise<boolean> {
  const overdue = await ctx.database.rows<Overdue>(sql`
    select o.customer_id, o.order_id, o.programme, c.branch, c.manager
    from (select * from loyalty_orders where status = 'reserved' and expires_at <= ${ctx.now}
      order by expires_at limit ${batchOf}) o
    join customers c on c.id = o.customer_id`);
  let done = 0;
  for (const one of overdue) done += await cancelOne(ctx, one);
  return done > 0;
}

const cancelOne = (ctx: Ctx, { customer_id: id, order_id, programme, branch, manager }: Overdue) =>
  transact<number>(ctx, async (tx) => {
    const marks = await markCustomers(tx, ctx, [id], ['loyalty'], 'expected');
    const key = { id, programme, order_id };
    const known = await readOrder(tx, key).catch(() => undefined);
    // it was merged meanwhile, or somebody was faster: another turn finds what is left
    if (known?.status !== 'reserved') return { value: 0, audit: [] };
    const member = await openMarked(tx, ctx, {
      ...{ customerId: id, key: programme, operation: newOperation() },
      ...{ place: { branch, manager }, mark: marks.get(id) },
    });
    const order = asOf(known, member.at);
    if (order.status !== 'cancelled') throw new TryAgain('an order is overdue by another clock');
    await giveOneBack(tx, order);
    await endOrder(tx, key, { status: 'cancelled', cause: 'timed_out', at: order.expires_at });
    return {
      value: 1,
      audit: [auditOf(order, 'cancelled')],
      events: [...member.events, tellOrder(member, order, 'cancelled', { cause: 'timed_out' })],
    };
  });
