/** The background work of activities. */
import { type Job, type JobDeps, jobContext } from '../platform/jobs.js';
import { valueLate } from './valuation.js';

export const activityJobs = (deps: JobDeps): Job[] => [
  {
    queue: 'valuation',
    everySeconds: 60,
    wakesOn: ['exchange_rates.recorded'],
    work: async () => valueLate(await jobContext(deps, 'valuation')),
  },
];
