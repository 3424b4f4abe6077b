/**
 * Activities of a customer that turns out to be another. They are moved in steps of bounded size, so that also a
 * customer with very many can be merged: what has not arrived yet is read where it is (`activitiesOf`), and the customer
 * is not judged meanwhile. All-time totals move at once.
 */
import { sql } from 'drizzle-orm';
import { array, type Tx } from '../db/client.js';
import { activities } from '../db/tables/activities.js';
import {
  insertGone,
  type Kept,
  type Reassignment,
  type Sides,
  type Way,
  wayBack,
  wayThere,
} from '../platform/reassignment.js';
import { mergeTotals, partTotals, settleTotals } from './merged-totals.js';

/** What moves in the transaction of the merge itself, and in each one after it. */
const firstStep = 20_000;
const laterStep = 5_000;

export const activityReassignment: Reassignment = {
  tables: ['activities', 'activity_keys', 'activity_totals', 'activity_versions'],

  async merge(tx, _ctx, sides, kept) {
    await mergeTotals(tx, sides, kept.notes);
    const moved = await moveActivities(tx, wayThere(sides), firstStep);
    if (moved === firstStep) {
      await tx.run(sql`
        update review_state set arriving_from = ${sides.mergedId} where customer_id = ${sides.survivorId}`);
      await tx.run(sql`
        update review_state set leaving_origins = '{}' where customer_id = ${sides.mergedId}`);
    }
    return { activities: moved };
  },

  async revert(tx, _ctx, sides, kept) {
    await partTotals(tx, sides, kept.notes);
    const moved = await moveActivities(tx, wayBack(sides), firstStep);
    if (moved === firstStep) {
      const origins = array(sides.origins, 'uuid');
      await tx.run(sql`
        update review_state set arriving_from = ${sides.survivorId}, arriving_origins = ${origins}
        where customer_id = ${sides.mergedId}`);
      await tx.run(sql`
        update review_state set leaving_origins = ${origins} where customer_id = ${sides.survivorId}`);
    }
    return { activities: moved };
  },
};

/**
 * The next step of a merge, or of its revert. True when it was the last one: then both are as they are to be. What the
 * merge has kept is asked for only then.
 */
export async function moveMoreActivities(
  tx: Tx,
  sides: Sides,
  direction: 'merge' | 'revert',
  kept: () => Promise<Kept>,
): Promise<{ moved: number; isDone: boolean }> {
  const way = direction === 'merge' ? wayThere(sides) : wayBack(sides);
  const moved = await moveActivities(tx, way, laterStep);
  const isDone = moved < laterStep;
  if (isDone) {
    const { notes } = await kept();
    await settleTotals(tx, sides, notes, direction);
    await tx.run(sql`
      update review_state set arriving_from = null, arriving_origins = null, leaving_origins = null
      where customer_id in (${sides.survivorId}, ${sides.mergedId})`);
  }
  return { moved, isDone };
}

/** Moves the oldest ones, and has their keys say so. Returns how many. */
const moveActivities = (tx: Tx, { from, which, values }: Way, limit: number): Promise<number> =>
  tx.run(sql`
    with chosen as (
      select occurred_at, id from activities where customer_id = ${from} and ${which} order by occurred_at, id limit ${limit}
    ), gone as (
      delete from activities a using chosen c
      where a.customer_id = ${from} and a.occurred_at = c.occurred_at and a.id = c.id returning a.*
    ), keys as (
      update activity_keys k set customer_id = ${values.customer_id} from gone
      where k.source = gone.source and k.source_id = gone.source_id and k.activity_id = gone.id
    ), versions as (
      update activity_versions v set customer_id = ${values.customer_id} from gone
      where v.source = gone.source and v.source_id = gone.source_id and v.activity_id = gone.id
    )
    ${insertGone(activities, values)}`);
