/** The background work of loyalty. */
import { type Job, type JobDeps, jobContext } from '../platform/jobs.js';
import type { LoadFacts } from '../rules/facts.js';
import { settleNext } from './due.js';
import { earnNext } from './earning/earn.js';
import { noticeNext } from './earning/notices.js';
import { occasionsNext } from './earning/occasion-rounds.js';
import { closeHours } from './reports/closings.js';
import { cancelOverdue } from './rewards/overdue.js';
import { tierJobs } from './tiers/jobs.js';

export const loyaltyJobs = (deps: JobDeps & { facts: LoadFacts }): Job[] => [
  {
    queue: 'loyalty',
    everySeconds: 15,
    wakesOn: ['activities.recorded', 'activities.corrected', 'activities.valued'],
    work: async () => {
      const ctx = await jobContext(deps, 'loyalty');
      return (
        (await settleNext(ctx)) ||
        (await earnNext(ctx, deps.facts)) ||
        (await occasionsNext(ctx, deps.facts)) ||
        (await noticeNext(ctx)) ||
        (await cancelOverdue(ctx)) ||
        (await closeHours(ctx))
      );
    },
  },
  ...tierJobs(deps),
];
