/** The background work of levels: closes and other rounds, and what late balances ask for. */
import { type Job, type JobDeps, jobContext } from '../platform/jobs.js';
import { correctNext, markLateHolders } from './corrections.js';
import { beginRound, continueRound } from './rounds.js';

export const levelJobs = (deps: JobDeps): Job[] => [
  {
    queue: 'levels',
    everySeconds: 15,
    wakesOn: [
      'level_model.published',
      'balance_policy.updated',
      'exchange_rates.recorded',
      'holding.',
      'customer.merged',
      'customer.merge_reverted',
    ],
    work: async () => {
      const ctx = await jobContext(deps, 'levels');
      return (
        (await beginRound(ctx)) ||
        (await continueRound(ctx)) ||
        (await markLateHolders(ctx)) ||
        (await correctNext(ctx))
      );
    },
  },
];
