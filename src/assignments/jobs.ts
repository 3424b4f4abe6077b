/** The background work of assignments: what time has brought about, transfers that are under way, and a look at all. */
import { microsOf } from '../platform/instants.js';
import { type Job, type JobDeps, jobContext } from '../platform/jobs.js';
import { adoptManagers, type Pass } from './adoption.js';
import { settleDue } from './settling.js';
import { continueTransfer } from './transfers.js';

const dayMicros = 86_400_000_000;

export function assignmentJobs(deps: JobDeps): Job[] {
  let pass: Pass | undefined = { after: undefined };
  let passedAt = 0;
  return [
    {
      queue: 'assignments',
      everySeconds: 2,
      wakesOn: ['assignment_transfer.created'],
      work: async () => {
        const ctx = await jobContext(deps, 'assignments');
        if ((await settleDue(ctx)) || (await continueTransfer(ctx))) return true;
        const now = microsOf(ctx.now);
        if (pass === undefined && now - passedAt < dayMicros) return false;
        pass = await adoptManagers(ctx, pass ?? { after: undefined });
        if (pass === undefined) passedAt = now;
        return pass !== undefined;
      },
    },
  ];
}
