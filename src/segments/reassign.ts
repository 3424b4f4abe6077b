/**
 * Memberships of a customer that turns out to be another. They were decided of that customer and stay its history; the
 * open ones end with the merge, and what the survivor belongs to is judged anew on all that it has by now. After a
 * revert both are judged anew. Static segments are judged by nobody: their survivor takes the place of the merged one,
 * and gives it back.
 */
import { sql } from 'drizzle-orm';
import type { Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { instantOf } from '../platform/instants.js';
import { writeEvents } from '../platform/outbox.js';
import type { Kept, Reassignment, Sides } from '../platform/reassignment.js';
import { membershipEvent } from './membership-events.js';
import { listCustomers } from './static-members.js';

/** The static segments that the merged one was in, and those of them that the survivor came into by that. */
type Noted = { merged: string[]; survivor: string[] };

export const membershipReassignment: Reassignment = {
  tables: ['memberships', 'membership_drafts', 'review_state'],

  async merge(tx, ctx, sides, kept) {
    await moveListings(tx, ctx, sides, kept);
    const ended = await endMemberships(tx, ctx, sides.mergedId);
    await tx.run(sql`delete from membership_drafts where customer_id = ${sides.mergedId}`);
    await tx.run(sql`
      update review_state set marked_at = null, touched = '{}', next_change_at = null,
        merged_into = ${sides.survivorId} where customer_id = ${sides.mergedId}`);
    return { memberships: ended };
  },

  async revert(tx, ctx, sides, kept) {
    await tx.run(sql`update review_state set merged_into = null where customer_id = ${sides.mergedId}`);
    return { memberships: await returnListings(tx, ctx, sides, kept) };
  },
};

type Ended = { segment: string; rule_version: number; left_at: string; version: number; last_micros: number };

/** Of the merged customer, each told of. */
async function endMemberships(tx: Tx, ctx: Ctx, id: string): Promise<number> {
  const ended = await tx.rows<Ended & { branch: string | null; manager: string | null }>(sql`
    update memberships m set left_at = greatest(${ctx.now}, m.entered_at + interval '1 microsecond'),
      left_decided_at = ${ctx.now}, left_rule_version = m.rule_version, left_cause = 'merge'
    from review_state r, customers c
    where m.customer_id = ${id} and m.left_at is null and r.customer_id = m.customer_id and c.id = m.customer_id
    returning m.segment, m.rule_version, m.left_at, r.version, r.last_micros,
      c.branch, c.manager`);
  await writeEvents(
    tx,
    ctx,
    ended.map(({ left_at, version, last_micros, ...one }) =>
      membershipEvent(
        { ...one, customer_id: id, entered: false, at: left_at, cause: 'merge' },
        { version, instant: instantOf(last_micros) },
      ),
    ),
  );
  return ended.length;
}

async function moveListings(tx: Tx, ctx: Ctx, { survivorId, mergedId }: Sides, kept: Kept): Promise<void> {
  const merged = await staticSegmentsOf(tx, mergedId);
  if (merged.length === 0) return;
  const before = await staticSegmentsOf(tx, survivorId);
  const survivor = merged.filter((segment) => !before.includes(segment));
  kept.notes.memberships = { merged, survivor } satisfies Noted;
  await list(tx, ctx, survivorId, survivor, true);
}

/** Of what the survivor is in no longer, somebody has said so since the merge: that stands. */
async function returnListings(tx: Tx, ctx: Ctx, sides: Sides, kept: Kept): Promise<number> {
  const { merged, survivor } = (kept.notes.memberships ?? { merged: [], survivor: [] }) as Noted;
  if (merged.length === 0) return 0;
  const present = await staticSegmentsOf(tx, sides.survivorId);
  const given = merged.filter((segment) => present.includes(segment));
  await list(tx, ctx, sides.mergedId, given, true);
  await list(
    tx,
    ctx,
    sides.survivorId,
    survivor.filter((segment) => present.includes(segment)),
    false,
  );
  return given.length;
}

async function list(tx: Tx, ctx: Ctx, customerId: string, segments: readonly string[], isMember: boolean) {
  const listings = segments.map((segment) => ({ segment, customerId, isMember }));
  const { events } = await listCustomers(tx, ctx, listings, 'merge');
  await writeEvents(tx, ctx, events);
}

async function staticSegmentsOf(tx: Tx, customerId: string): Promise<string[]> {
  const rows = await tx.rows<{ segment: string }>(sql`
    select m.segment from memberships m join segments s on s.key = m.segment and s.kind = 'static'
    where m.customer_id = ${customerId} and m.left_at is null and s.deleted_at is null order by m.segment`);
  return rows.map(({ segment }) => segment);
}
