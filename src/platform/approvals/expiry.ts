/** What nobody decided on in time is over. */
import { sql } from 'drizzle-orm';
import type { Ctx } from '../context.js';
import { type Job, type JobDeps, jobContext } from '../jobs.js';
import { transact } from '../transact.js';
import { approvalEvent } from './events.js';

const atOnce = 200;

export const approvalJobs = (deps: JobDeps): Job[] => [
  {
    queue: 'approvals',
    everySeconds: 30,
    wakesOn: [],
    work: async () => expireApprovals(await jobContext(deps, 'approvals')),
  },
];

type Expired = { id: string; operation: string; customers: string[]; version: number; requested_by: string };

/** Ends a bounded number of them. True where there may be more. */
export function expireApprovals(ctx: Ctx): Promise<boolean> {
  return transact(ctx, async (tx) => {
    const rows = await tx.rows<Expired>(sql`
      with over as (
        select id from approvals where state = 'pending' and expires_at <= ${ctx.now}
        order by expires_at limit ${atOnce} for update skip locked
      )
      update approvals a set state = 'expired', version = a.version + 1 from over where a.id = over.id
      returning a.id, a.operation, a.customers, a.version, a.requested_by`);
    const events = [];
    for (const row of rows)
      events.push(await approvalEvent(tx, ctx, 'expired', row, { requested_by: row.requested_by }));
    return {
      value: rows.length === atOnce,
      audit: rows.map(({ id, operation, requested_by }) => ({
        action: 'approval.expired',
        subjectType: 'approval',
        subjectId: id,
        details: { operation, requested_by },
      })),
      events,
    };
  });
}
