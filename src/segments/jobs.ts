/** The background work of segments: reviews, and what follows from a changed definition. */

import type { Clock } from '../platform/clock.js';
import { type Ctx, type Services, systemContext } from '../platform/context.js';
import { newId } from '../platform/ids.js';
import type { Job } from '../platform/jobs.js';
import type { Logger } from '../platform/log.js';
import type { LoadFacts } from '../rules/facts.js';
import { returnLease, takeLease } from './leases.js';
import { dismissMembers, markEverybody } from './publication.js';
import { reviewBatch } from './review.js';

type Deps = { services: Services; clock: Clock; log: Logger; facts: LoadFacts };

export function segmentJobs(deps: Deps): Job[] {
  const context = async (part: string) =>
    systemContext(deps.services, part, newId(), await deps.clock.now(), deps.log);
  return [
    {
      queue: 'reviews',
      everySeconds: 1,
      wakesOn: [
        'activities.recorded',
        'customer.',
        'holding.',
        'relationship.',
        'segment.created',
        'segment.updated',
      ],
      work: async () => reviewBucket(await context('reviews'), () => context('reviews'), deps.facts),
    },
    {
      queue: 'segments',
      everySeconds: 5,
      wakesOn: ['segment.created', 'segment.updated', 'segment.deleted'],
      work: async () => {
        const ctx = await context('segments');
        return (await markEverybody(ctx)) || (await dismissMembers(ctx));
      },
    },
  ];
}

/** Leases one bucket and reviews it until nothing is due in it. False where no bucket was to be had. */
async function reviewBucket(ctx: Ctx, next: () => Promise<Ctx>, facts: LoadFacts): Promise<boolean> {
  const lease = await takeLease(ctx.database, ctx.now);
  if (lease === undefined) return false;
  try {
    let present = ctx;
    while (await reviewBatch(present, facts, lease)) present = await next();
  } finally {
    await returnLease(ctx.database, lease);
  }
  return true;
}
