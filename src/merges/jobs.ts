import { type Job, type JobDeps, jobContext } from '../platform/jobs.js';
import { moveFurther } from './moving.js';

export const mergeJobs = (deps: JobDeps): Job[] => [
  {
    queue: 'merges',
    everySeconds: 5,
    wakesOn: ['customer.merged', 'customer.merge_reverted'],
    work: async () => moveFurther(await jobContext(deps, 'merges')),
  },
];
