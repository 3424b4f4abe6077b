/**
 * Managers that customers have without an assignment. While a release is rolled out the former one still writes the
 * manager alone; whoever is named so is assigned here, from now on. A worker looks through all customers when it starts
 * and once a day, a bounded piece at a time.
 */
import { sql } from 'drizzle-orm';
import { presentPrimary, writePrimaries } from '../customers/managers.js';
import { array, type Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { transact } from '../platform/transact.js';
import { markCustomers } from '../reviews/service.js';

const pieceSize = 2000;

/** Where a pass is. */
export type Pass = { after: string | undefined };

type Row = { id: string; manager: string | null; is_apart: boolean };

/** Of customers on a condition: whose present primary one is not the manager that they have, with nothing due. */
const compared = (tx: Pick<Tx, 'rows'>, ctx: Ctx, condition: ReturnType<typeof sql>) =>
  tx.rows<Row>(sql`
    select c.id, c.manager, c.manager is distinct from ${presentPrimary(sql`c.id`, ctx.now)}
      and not exists (select from assignments a where a.customer_id = c.id and a.due_at <= ${ctx.now}) as is_apart
    from customers c where c.merged_into is null and ${condition} order by c.id limit ${pieceSize}`);

/** Looks at the next customers. Where the next piece begins; undefined at the end. */
export async function adoptManagers(ctx: Ctx, { after }: Pass): Promise<Pass | undefined> {
  const rest = after === undefined ? sql`true` : sql`c.id > ${after}::uuid`;
  const rows = await compared(ctx.database, ctx, rest);
  const apart = rows.filter((row) => row.is_apart).map(({ id }) => id);
  if (apart.length > 0) await adopt(ctx, apart);
  const last = rows.at(-1);
  return rows.length < pieceSize || last === undefined ? undefined : { after: last.id };
}

function adopt(ctx: Ctx, ids: readonly string[]): Promise<void> {
  return transact(ctx, async (tx) => {
    const marks = await markCustomers(tx, ctx, ids, []);
    // what was written meanwhile is right
    const rows = await compared(tx, ctx, sql`c.id = any(${array(ids, 'uuid')})`);
    const adopted = rows.filter((row) => row.is_apart);
    await writePrimaries(
      tx,
      ctx,
      adopted.map(({ id, manager }) => ({
        customerId: id,
        staff: manager,
        at: marks.get(id)?.instant ?? ctx.now,
        until: null,
        source: 'unknown',
        reason: null,
        transferId: null,
      })),
    );
    const audit = adopted.map(({ id }) => ({
      action: 'customer.assigned',
      subjectType: 'customer',
      subjectId: id,
      details: { role: 'primary', source: 'unknown' },
    }));
    return { value: undefined, audit };
  });
}
