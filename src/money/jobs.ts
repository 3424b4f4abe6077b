/** The background work that a new rate asks for. */
import { type Job, type JobDeps, jobContext } from '../platform/jobs.js';
import { markHolders } from './marking.js';

export const moneyJobs = (deps: JobDeps): Job[] => [
  {
    queue: 'rates',
    everySeconds: 30,
    wakesOn: ['exchange_rates.recorded'],
    work: async () => markHolders(await jobContext(deps, 'rates')),
  },
];
