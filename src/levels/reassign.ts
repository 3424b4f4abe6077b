/**
 * Levels of a customer that turns out to be another. They were decided of that customer and stay its history; the one
 * that it has ends with the merge, and the survivor is graded on all that it holds by now, in the past months too. After
 * a revert both are.
 */
import { sql } from 'drizzle-orm';
import { array, type Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import type { Reassignment } from '../platform/reassignment.js';

export const levelReassignment: Reassignment = {
  tables: ['customer_levels', 'late_balances', 'monthly_averages'],

  async merge(tx, ctx, { survivorId, mergedId }) {
    const ended = await tx.run(sql`
      update customer_levels set to_at = greatest(${ctx.now}, from_at + interval '1 microsecond')
      where customer_id = ${mergedId} and to_at is null`);
    await tx.run(sql`delete from late_balances where customer_id = ${mergedId}`);
    await gradeAnew(tx, ctx, [survivorId]);
    return { levels: ended };
  },

  async revert(tx, ctx, { survivorId, mergedId }) {
    await gradeAnew(tx, ctx, [survivorId, mergedId]);
    return { levels: 0 };
  },
};

const gradeAnew = (tx: Tx, ctx: Ctx, ids: readonly string[]) =>
  tx.run(sql`
    insert into late_balances (customer_id, since_date, cause, marked_at)
    select id, '-infinity', 'merge', ${ctx.now} from unnest(${array(ids, 'uuid')}) as m(id) order by id
    on conflict (customer_id) do update set since_date = excluded.since_date, cause = excluded.cause`);
