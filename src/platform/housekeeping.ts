/** Forgets what is kept for a while only. */
import type { Clock } from './clock.js';
import { realNow } from './clock.js';
import type { Services } from './context.js';
import { forgetIdempotencyKeys } from './idempotency.js';
import { instantOf, microsOf } from './instants.js';
import type { Job } from './jobs.js';

const twoDaysMicros = 2 * 86_400 * 1_000_000;

export function housekeepingJobs({ services }: { services: Services; clock: Clock }): Job[] {
  return [
    {
      queue: 'housekeeping',
      everySeconds: 600,
      wakesOn: [],
      work: async () => {
        const before = instantOf(microsOf(realNow()) - twoDaysMicros);
        return (await services.database.begin((tx) => forgetIdempotencyKeys(tx, before))) > 0;
      },
    },
  ];
}
