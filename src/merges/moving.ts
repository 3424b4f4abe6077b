/** The activities of a customer with very many, moved further step by step until all have arrived. */
import { sql } from 'drizzle-orm';
import { moveMoreActivities } from '../activities/reassign.js';
import { json } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import type { Sides } from '../platform/reassignment.js';
import { transact } from '../platform/transact.js';
import { markCustomers } from '../reviews/service.js';
import { type MergeRow, readSnapshot } from './stored.js';

type Moving = Pick<MergeRow, 'id' | 'survivor_id' | 'merged_id' | 'state' | 'report'> & { origins: string[] };

/** Takes the oldest merge that is on its way a step further. False where none is. A lost step is done by the next tick. */
export function moveFurther(ctx: Ctx): Promise<boolean> {
  return transact(ctx, async (tx) => {
    const [merge] = await tx.rows<Moving>(sql`
      select m.id, m.survivor_id, m.merged_id, m.state, m.report,
        array_prepend(c.id, c.merged_from) as origins
      from merges m join customers c on c.id = m.merged_id
      where m.state in ('moving', 'reverting') order by m.id limit 1 for update of m skip locked`);
    if (merge === undefined) return { value: false, audit: [] };
    const sides: Sides = { survivorId: merge.survivor_id, mergedId: merge.merged_id, origins: merge.origins };
    await markCustomers(tx, ctx, [sides.survivorId, sides.mergedId], [], 'expected');
    const direction = merge.state === 'moving' ? 'merge' : 'revert';
    const kept = async () => (await readSnapshot(tx, ctx, merge.id)).kept;
    const { moved, isDone } = await moveMoreActivities(tx, sides, direction, kept);
    const counted = direction === 'merge' ? 'moved' : 'returned';
    const counts = merge.report[counted] ?? {};
    const report = {
      ...merge.report,
      [counted]: { ...counts, activities: (counts.activities ?? 0) + moved },
    };
    const ended = direction === 'merge' ? 'merged' : 'reverted';
    await tx.run(sql`
      update merges set report = ${json(report)}, state = ${isDone ? ended : merge.state}, version = version + 1
      where id = ${merge.id}`);
    return { value: true, audit: [] };
  });
}
