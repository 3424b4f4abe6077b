/** The background work of recency, frequency and monetary value. */
import { type Job, type JobDeps, jobContext } from '../platform/jobs.js';
import { refreshScores } from './refresh.js';

export const rfmJobs = (deps: JobDeps): Job[] => [
  {
    queue: 'rfm',
    everySeconds: 60,
    wakesOn: ['rfm_model.updated'],
    work: async () => refreshScores(await jobContext(deps, 'rfm')),
  },
];
