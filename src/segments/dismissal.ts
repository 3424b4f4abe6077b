/** What follows when a segment is deleted: its members leave it. */
import { sql } from 'drizzle-orm';
import { array } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { transact } from '../platform/transact.js';
import { markCustomers } from '../reviews/service.js';
import { membershipEvent } from './membership-events.js';

const stepSize = 2000;

type Left = {
  customer_id: string;
  segment: string;
  left_at: string;
  branch: string | null;
  manager: string | null;
};

/** A deleted segment: the next members leave, until none is left. */
export function dismissMembers(ctx: Ctx): Promise<boolean> {
  return transact(ctx, async (tx) => {
    const open = await tx.rows<{ customer_id: string }>(sql`
      select m.customer_id from memberships m join segments s on s.key = m.segment
      where s.deleted_at is not null and m.left_at is null limit ${stepSize}`);
    if (open.length === 0) return { value: false, audit: [] };
    const ids = open.map((row) => row.customer_id);
    const marks = await markCustomers(tx, ctx, ids, []);
    const left = await tx.rows<Left>(sql`
      update memberships m set left_at = greatest(${ctx.now}, m.entered_at + interval '1 microsecond'),
        left_decided_at = ${ctx.now}, left_rule_version = m.rule_version, left_cause = 'rule_version'
      from segments s, customers c
      where s.key = m.segment and s.deleted_at is not null and m.left_at is null and c.id = m.customer_id
        and m.customer_id = any(${array(ids, 'uuid')})
      returning m.customer_id, m.segment, m.left_at, c.branch, c.manager`);
    const events = left.map((one) =>
      membershipEvent(
        { ...one, entered: false, at: one.left_at, cause: 'rule_version' },
        marks.get(one.customer_id) ?? { version: 0, instant: ctx.now },
      ),
    );
    return { value: true, audit: [], events };
  });
}
