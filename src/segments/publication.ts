/** What follows when a definition changes: everybody is judged by the new rule, and leaves a deleted segment. */
import { sql } from 'drizzle-orm';
import { array } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import type { OutboxEvent } from '../platform/outbox.js';
import { transact } from '../platform/transact.js';
import { markCustomers } from '../reviews/service.js';

const stepSize = 2000;

/** A new version of a rule: marks the next customers in the order of their ids, until all are. */
export function markEverybody(ctx: Ctx): Promise<boolean> {
  return transact(ctx, async (tx) => {
    const [version] = await tx.rows<{ segment: string; version: number; marked_to: string | null }>(sql`
      select v.segment, v.version, v.marked_to from segment_versions v join segments s on s.key = v.segment
      where v.completed_at is null and s.deleted_at is null order by v.created_at limit 1 for update of v skip locked`);
    if (version === undefined) return { value: false, audit: [] };
    const after = version.marked_to === null ? sql`true` : sql`id > ${version.marked_to}::uuid`;
    const rows = await tx.rows<{ id: string }>(
      sql`select id from customers where ${after} order by id limit ${stepSize}`,
    );
    const ids = rows.map((row) => row.id);
    await markCustomers(tx, ctx, ids, ['rules']);
    await tx.run(sql`
      update segment_versions set marked_to = ${ids.at(-1) ?? version.marked_to},
        completed_at = ${ids.length < stepSize ? ctx.now : null}
      where segment = ${version.segment} and version = ${version.version}`);
    return { value: true, audit: [] };
  });
}

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
    const marks = await markCustomers(tx, ctx, ids, ['rules']);
    const left = await tx.rows<Left>(sql`
      update memberships m set left_at = greatest(${ctx.now}, m.entered_at + interval '1 microsecond'),
        left_decided_at = ${ctx.now}, left_rule_version = m.rule_version, left_cause = 'rule_version'
      from segments s, customers c
      where s.key = m.segment and s.deleted_at is not null and m.left_at is null and c.id = m.customer_id
        and m.customer_id = any(${array(ids, 'uuid')})
      returning m.customer_id, m.segment, m.left_at, c.branch, c.manager`);
    const events = left.map((one): OutboxEvent => {
      const mark = marks.get(one.customer_id);
      return {
        type: 'segment.left',
        subject: one.customer_id,
        subjectVersion: mark?.version ?? 0,
        occurredAt: mark?.instant ?? ctx.now,
        scope: { customer: one.customer_id, branch: one.branch, manager: one.manager },
        data: { segment: one.segment, cause: 'rule_version', effective_at: one.left_at },
      };
    });
    return { value: true, audit: [], events };
  });
}
