/**
 * Who looks after a customer that turns out to be another. Assistants and covers look after the survivor from now on. Of
 * primary ones there is one: whom the survivor has, which the merge decides as of every other field; the merged
 * customer's end with it, and stay its history.
 */
import { sql } from 'drizzle-orm';
import { assignments } from '../db/tables/organization.js';
import { moveRows, moveRowsBack, type Reassignment, type StoredRow } from '../platform/reassignment.js';

export const assignmentReassignment: Reassignment = {
  tables: ['assignments'],

  async merge(tx, ctx, sides, kept) {
    const open = sql`a.customer_id = ${sides.mergedId} and a.role = 'primary' and (a.ends_at is null or a.ends_at > ${ctx.now})`;
    const ended = await tx.rows<{ id: string; before: StoredRow; after: StoredRow }>(sql`
      with former as (select a.id, a.ends_at, a.due_at from assignments a where ${open} order by a.id for update)
      update assignments a set ends_at = greatest(${ctx.now}, a.starts_at), due_at = null
      from former where ${open} and a.id = former.id
      returning a.id, jsonb_build_object('ends_at', former.ends_at, 'due_at', former.due_at) as before,
        jsonb_build_object('ends_at', a.ends_at, 'due_at', a.due_at) as after`);
    for (const { id, before, after } of ended) {
      kept.altered.push({ table: 'assignments', key: { customer_id: sides.mergedId, id }, before, after });
    }
    return { assignments: await moveRows(tx, assignments, sides, {}, sql`role in ('assistant', 'cover')`) };
  },

  async revert(tx, _ctx, sides) {
    return { assignments: await moveRowsBack(tx, assignments, sides) };
  },
};
