/** Relationships of a customer that turns out to be another. Each is a row on either side, with the same id. */
import { sql } from 'drizzle-orm';
import { array } from '../db/client.js';
import { relationships } from '../db/tables/customers.js';
import { cameFrom, dropRows, moveRows, moveRowsBack, type Reassignment } from '../platform/reassignment.js';

export const relationshipReassignment: Reassignment = {
  tables: ['relationships'],

  async merge(tx, _ctx, sides, kept) {
    const pair = array([sides.survivorId, sides.mergedId], 'uuid');
    // nobody is related to itself
    await dropRows(
      tx,
      relationships,
      kept,
      sql`t.customer_id = any(${pair}) and t.related_customer_id = any(${pair})`,
    );
    // two that stand open between the same two by now: the survivor's is the one
    const doubled = await tx.rows<{ id: string; related_customer_id: string }>(sql`
      select t.id, t.related_customer_id from relationships t join relationships o on o.customer_id = ${sides.survivorId}
        and o.related_customer_id = t.related_customer_id and o.role = t.role and o.ends_on is null
      where t.customer_id = ${sides.mergedId} and t.ends_on is null`);
    const ids = array(
      doubled.map(({ id }) => id),
      'uuid',
    );
    const sidesOfDoubled = array([sides.mergedId, ...doubled.map((one) => one.related_customer_id)], 'uuid');
    await dropRows(
      tx,
      relationships,
      kept,
      sql`t.customer_id = any(${sidesOfDoubled}) and t.id = any(${ids})`,
    );
    await tx.run(sql`
      update relationships r set related_customer_id = ${sides.survivorId}::uuid
      from relationships mine where mine.customer_id = ${sides.mergedId} and r.customer_id = mine.related_customer_id
        and r.id = mine.id`);
    return { relationships: await moveRows(tx, relationships, sides) };
  },

  async revert(tx, _ctx, sides) {
    await tx.run(sql`
      update relationships r set related_customer_id = ${sides.mergedId}::uuid
      from relationships mine where mine.customer_id = ${sides.survivorId}
        and ${cameFrom(sides, 'mine')}
        and r.customer_id = mine.related_customer_id and r.id = mine.id`);
    return { relationships: await moveRowsBack(tx, relationships, sides) };
  },
};
