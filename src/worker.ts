/** The background half: the relay, and a worker for every queue. */
import type { Config } from './config.js';
import { importJobs } from './imports/jobs.js';
import { approvalJobs } from './platform/approvals/expiry.js';
import type { Clock } from './platform/clock.js';
import type { Services } from './platform/context.js';
import { housekeepingJobs } from './platform/housekeeping.js';
import { type Job, wakesOn, workUntilDone } from './platform/jobs.js';
import type { Logger } from './platform/log.js';
import type { Queues } from './platform/queue.js';
import { startRelay } from './platform/relay.js';
import type { LoadFacts } from './rules/facts.js';
import { segmentJobs } from './segments/jobs.js';

export type WorkerDeps = { services: Services; clock: Clock; log: Logger; facts: LoadFacts };

/** All background work, in no particular order. */
export const allJobs = (deps: WorkerDeps): Job[] => [
  ...segmentJobs(deps),
  ...importJobs(deps),
  ...housekeepingJobs(deps),
  ...approvalJobs(deps),
];

/** Starts the relay and the workers. `stop` lets running jobs end and takes no new ones. */
export function buildWorkers(
  deps: WorkerDeps & { queues: Queues; config: Config },
  jobs: readonly Job[] = allJobs(deps),
): { stop(): Promise<void> } {
  const { queues, log, config } = deps;
  let stopping = false;
  for (const job of jobs) {
    queues.runWorker({
      queue: job.queue,
      concurrency: config.workerConcurrency,
      handler: (wake) => workUntilDone(job, () => stopping || wake.signal.aborted),
    });
    queues.schedule(job.queue, job.everySeconds);
  }
  const relay = startRelay(
    deps.services.database,
    (types) => {
      for (const job of jobs) if ([...types].some((type) => wakesOn(job, type))) queues.wake(job.queue);
    },
    (error) => log.error({ err: error }, 'the relay failed and tries again'),
  );
  return {
    async stop() {
      stopping = true;
      await relay.stop();
    },
  };
}
