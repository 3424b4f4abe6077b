/** The background work of tiers: apart from that of points, which goes on beside it. */
import { type Job, type JobDeps, jobContext } from '../../platform/jobs.js';
import { evaluateNext } from './evaluation.js';
import { rollOutNext } from './rollout.js';

export const tierJobs = (deps: JobDeps): Job[] => [
  {
    queue: 'loyalty-tiers',
    everySeconds: 15,
    wakesOn: [
      'loyalty.account_opened',
      'loyalty.account_reopened',
      'loyalty.account_closed',
      'loyalty.points_accrued',
      'loyalty.points_reversed',
      'loyalty_tiers.published',
      'activities.',
      'customer.merged',
      'customer.merge_reverted',
    ],
    work: async () => {
      const ctx = await jobContext(deps, 'loyalty-tiers');
      return (await rollOutNext(ctx)) || (await evaluateNext(ctx));
    },
  },
];
