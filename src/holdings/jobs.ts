/** The background work of holdings. */
import { type Job, type JobDeps, jobContext } from '../platform/jobs.js';
import { markForPolicy } from './policy.js';

export const holdingJobs = (deps: JobDeps): Job[] => [
  {
    queue: 'balance_policy',
    everySeconds: 60,
    wakesOn: ['balance_policy.updated'],
    work: async () => markForPolicy(await jobContext(deps, 'balances')),
  },
];
