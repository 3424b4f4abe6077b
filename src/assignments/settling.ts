/**
 * What time has brought about: assignments that began or ended without a write. Who is in a book is right in any case;
 * this brings the copy of the manager up to date, and tells of it.
 */
import { sql } from 'drizzle-orm';
import { array } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { microsOf } from '../platform/instants.js';
import { transact } from '../platform/transact.js';
import { markCustomers } from '../reviews/service.js';
import { refreshManagers, type Turn, turnEvents } from './effects.js';

const batchSize = 500;

type Due = {
  id: string;
  customer_id: string;
  staff: string;
  role: string;
  starts_at: string;
  ends_at: string | null;
  was_due_at: string;
};

/** Sees to the next customers of whom something is due. False where nothing is. */
export function settleDue(ctx: Ctx): Promise<boolean> {
  return transact(ctx, async (tx) => {
    const waiting = await tx.rows<{ customer_id: string }>(sql`
      select customer_id from assignments where due_at <= ${ctx.now} order by due_at limit ${batchSize}`);
    if (waiting.length === 0) return { value: false, audit: [] };
    const ids = [...new Set(waiting.map((row) => row.customer_id))];
    const marks = await markCustomers(tx, ctx, ids, ['customer']);
    const due = await tx.rows<Due>(sql`
      with due as materialized (
        select customer_id, id, due_at from assignments
        where customer_id = any(${array(ids, 'uuid')}) and due_at <= ${ctx.now}
        order by customer_id, id for update
      )
      update assignments a set due_at = case when a.ends_at > ${ctx.now} then a.ends_at end
      from due where a.customer_id = due.customer_id and a.id = due.id
      returning a.id, a.customer_id, a.staff, a.role, a.starts_at, a.ends_at, due.due_at as was_due_at`);
    const { audit, events } = await refreshManagers(tx, ctx, marks);
    // who goes before who comes
    const turns = due
      .flatMap((row) => turnsOfDue(row, ctx.now))
      .sort((a, b) => microsOf(a.at) - microsOf(b.at) || (a.what < b.what ? -1 : 1));
    return { value: true, audit, events: [...(await turnEvents(tx, ctx, turns, marks)), ...events] };
  });
}

/** One that began and ended while nobody looked did both; one that is empty was taken back. */
function turnsOfDue({ starts_at, ends_at, was_due_at, ...one }: Due, now: string): Turn[] {
  if (ends_at !== null && microsOf(ends_at) === microsOf(starts_at)) return [];
  const turn = (what: Turn['what'], at: string): Turn => ({ ...one, at, what });
  const hasBegun = microsOf(was_due_at) === microsOf(starts_at);
  const hasEnded = ends_at !== null && microsOf(ends_at) <= microsOf(now);
  return [...(hasBegun ? [turn('started', starts_at)] : []), ...(hasEnded ? [turn('ended', ends_at)] : [])];
}
