/** What is known of who a customer is, when it turns out to be another: statements, identifiers, contact points. */
import { sql } from 'drizzle-orm';
import { array, type Tx } from '../db/client.js';
import { contactPoints, identifiers, mergedStatements } from '../db/tables/customers.js';
import {
  cameFrom,
  dropRows,
  type Kept,
  moveRows,
  moveRowsBack,
  type Reassignment,
  type Sides,
} from '../platform/reassignment.js';

export const customerReassignment: Reassignment = {
  tables: ['contact_points', 'customer_statements', 'identifier_keys', 'identifiers', 'merged_statements'],

  async merge(tx, _ctx, sides, kept) {
    const alreadyMerged = await moveRows(tx, mergedStatements, sides);
    const own = await tx.run(sql`
      with gone as (delete from customer_statements where customer_id = ${sides.mergedId} returning *)
      insert into merged_statements (customer_id, origin_customer_id, source, fields)
      select ${sides.survivorId}::uuid, customer_id, source, fields from gone`);
    return {
      statements: own + alreadyMerged,
      identifiers: await mergeIdentifiers(tx, sides, kept),
      contact_points: await mergeContacts(tx, sides, kept),
    };
  },

  async revert(tx, _ctx, sides) {
    const own = await tx.run(sql`
      with gone as (delete from merged_statements where customer_id = ${sides.survivorId}
        and origin_customer_id = ${sides.mergedId} returning *)
      insert into customer_statements (customer_id, source, fields)
      select origin_customer_id, source, fields from gone`);
    // of those that were merged into it before: they stay what they are
    const others = await tx.run(sql`
      with gone as (delete from merged_statements where customer_id = ${sides.survivorId}
        and ${cameFrom(sides)} returning *)
      insert into merged_statements (customer_id, origin_customer_id, source, fields)
      select ${sides.mergedId}::uuid, origin_customer_id, source, fields from gone`);
    await tx.run(sql`
      update identifier_keys k set customer_id = ${sides.mergedId}::uuid,
        origin_customer_id = nullif(k.origin_customer_id, ${sides.mergedId}::uuid)
      from identifiers i
      where i.customer_id = ${sides.survivorId} and ${cameFrom(sides, 'i')}
        and k.scheme = i.scheme and k.value_index = i.value_index and k.customer_id = i.customer_id`);
    return {
      statements: own + others,
      identifiers: await moveRowsBack(tx, identifiers, sides),
      contact_points: await moveRowsBack(tx, contactPoints, sides),
    };
  },
};

/** They answer for the survivor from now on, as superseded ones. */
async function mergeIdentifiers(tx: Tx, sides: Sides, kept: Kept): Promise<number> {
  const twin = (status: string) => sql`exists (select from identifiers o where o.scheme = t.scheme
    and o.value_index = t.value_index and o.customer_id in (${sides.survivorId}, ${sides.mergedId})
    and o.customer_id <> t.customer_id and ${sql.raw(status)})`;
  // who has removed one leaves it to whoever has it
  await dropRows(
    tx,
    identifiers,
    kept,
    sql`t.customer_id = ${sides.survivorId} and t.status = 'removed'
    and ${twin(`o.status <> 'removed'`)}`,
  );
  await dropRows(tx, identifiers, kept, sql`t.customer_id = ${sides.mergedId} and ${twin('true')}`);
  await tx.run(sql`
    update identifier_keys k set customer_id = ${sides.survivorId}::uuid,
      origin_customer_id = coalesce(k.origin_customer_id, ${sides.mergedId}::uuid)
    from identifiers i where i.customer_id = ${sides.mergedId} and k.scheme = i.scheme
      and k.value_index = i.value_index and k.customer_id = i.customer_id`);
  const active = await tx.rows<{ scheme: string; value_index: string }>(
    sql`select scheme, value_index from identifiers where customer_id = ${sides.mergedId} and status = 'active'`,
  );
  for (const key of active) {
    kept.altered.push({
      table: 'identifiers',
      key: { customer_id: sides.mergedId, ...key },
      before: { status: 'active' },
      after: { status: 'superseded' },
    });
  }
  return moveRows(tx, identifiers, sides, {
    status: sql`case gone.status when 'active' then 'superseded' else gone.status end`,
  });
}

/** The same number or address stays one contact point, and the survivor's primary ones stay the primary ones. */
async function mergeContacts(tx: Tx, sides: Sides, kept: Kept): Promise<number> {
  await dropRows(
    tx,
    contactPoints,
    kept,
    sql`t.customer_id = ${sides.mergedId} and exists (select from contact_points o
      where o.customer_id = ${sides.survivorId} and o.kind = t.kind and o.value_index = t.value_index)`,
  );
  const demoted = await tx.rows<{ id: string }>(sql`
    select id from contact_points t where t.customer_id = ${sides.mergedId} and t.is_primary and exists (
      select from contact_points o where o.customer_id = ${sides.survivorId} and o.kind = t.kind and o.is_primary)`);
  for (const { id } of demoted) {
    kept.altered.push({
      table: 'contact_points',
      key: { customer_id: sides.mergedId, id },
      before: { is_primary: true },
      after: { is_primary: false },
    });
  }
  const ids = array(
    demoted.map(({ id }) => id),
    'uuid',
  );
  return moveRows(tx, contactPoints, sides, { is_primary: sql`gone.is_primary and gone.id <> all(${ids})` });
}
