/** Activities of members of loyalty programmes wait to be judged by the earn rules: those that came, and that changed. */
import { plainArray } from '../db/array-literals.js';
import type { Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { markSpenders } from './spenders.js';

export type Judged = { customerId: string; activityId: string; occurredAt: string };

/** What activities mean to loyalty: nothing where none of the customers takes part. They are locked. */
export async function tellLoyalty(
  tx: Tx,
  ctx: Ctx,
  customerIds: Iterable<string>,
  activities: () => readonly Judged[],
): Promise<void> {
  const members = await membersAmong(tx, customerIds);
  if (members.length === 0) return;
  await markSpenders(tx, ctx, members);
  await markForEarning(tx, members, activities(), ctx.now);
}

/** Those of the customers who take part in a programme: nobody takes part, or leaves, while they are locked. */
async function membersAmong(tx: Tx, customerIds: Iterable<string>): Promise<string[]> {
  const members = await tx.named<{ customer_id: string }>(
    'members_among',
    `select distinct customer_id from loyalty_accounts where customer_id = any($1::uuid[]) and status = 'open'`,
    [plainArray([...customerIds])],
  );
  return members.map((one) => one.customer_id);
}

/** Of what came or changed, that of members. */
async function markForEarning(
  tx: Tx,
  members: readonly string[],
  activities: readonly Judged[],
  now: string,
): Promise<void> {
  const ids = new Set(members);
  const due = activities.filter(({ customerId }) => ids.has(customerId));
  await tx.named(
    'mark_for_earning',
    `insert into loyalty_earning_due (customer_id, activity_id, occurred_at, due_at)
     select customer_id, activity_id, occurred_at, greatest(occurred_at, $4)
     from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as due(customer_id, activity_id, occurred_at)
     order by customer_id, activity_id on conflict do nothing`,
    [
      plainArray(due.map((one) => one.customerId)),
      plainArray(due.map((one) => one.activityId)),
      plainArray(due.map((one) => one.occurredAt)),
      now,
    ],
  );
}
