/** The background work of segments: reviews, and what follows from a changed definition. */

import type { Clock } from '../platform/clock.js';
import type { Ctx, Services } from '../platform/context.js';
import { newLanes } from '../platform/courtesy.js';
import { type Job, jobContext } from '../platform/jobs.js';
import type { Logger } from '../platform/log.js';
import type { LoadFacts } from '../rules/facts.js';
import { dismissMembers } from './dismissal.js';
import { returnLease, takeLease } from './leases.js';
import { markByRanks, refreshRanks } from './ranks.js';
import { fullBatch, reviewBatch } from './review.js';
import { rollOut } from './rollout.js';

const batchesATurn = 10;

type Deps = { services: Services; clock: Clock; log: Logger; facts: LoadFacts };

export function segmentJobs(deps: Deps): Job[] {
  const context = (part: string) => jobContext(deps, part);
  const inLanes = newLanes();
  return [
    {
      queue: 'ranks',
      everySeconds: 10,
      wakesOn: ['segment.published', 'rfm_model.updated'],
      work: async () => {
        const ctx = await context('ranks');
        return (await refreshRanks(ctx, deps.facts)) || (await markByRanks(ctx, deps.facts));
      },
    },
    {
      queue: 'reviews',
      everySeconds: 1,
      wakesOn: ['activities.', 'customer.', 'holding.', 'relationship.'],
      work: () =>
        inLanes(async () => reviewBucket(await context('reviews'), () => context('reviews'), deps.facts)),
    },
    {
      queue: 'segments',
      everySeconds: 5,
      wakesOn: ['segment.created', 'segment.updated', 'segment.deleted'],
      work: async () => {
        const ctx = await context('segments');
        return (await rollOut(ctx, deps.facts)) || (await dismissMembers(ctx));
      },
    },
  ];
}

/**
 * Leases one bucket and reviews what is due in it. While more comes as fast as it is reviewed, the others have their
 * turn too: it is left with the first batch that is not full. False where no bucket was to be had.
 */
async function reviewBucket(ctx: Ctx, next: () => Promise<Ctx>, facts: LoadFacts): Promise<boolean> {
  const lease = await takeLease(ctx.database, ctx.now);
  if (lease === undefined) return false;
  try {
    let present = ctx;
    for (let turn = 0; turn < batchesATurn; turn += 1) {
      if ((await reviewBatch(present, facts, lease)) < fullBatch) break;
      present = await next();
    }
  } finally {
    await returnLease(ctx.database, lease);
  }
  return true;
}
