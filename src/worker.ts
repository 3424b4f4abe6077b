/** The background half: the relay, and a worker for every queue. */

import { activityJobs } from './activities/jobs.js';
import { assignmentJobs } from './assignments/jobs.js';
import type { Config } from './config.js';
import { holdingJobs } from './holdings/jobs.js';
import { importJobs } from './imports/jobs.js';
import { levelJobs } from './levels/jobs.js';
import { loyaltyJobs } from './loyalty/jobs.js';
import { mergeJobs } from './merges/jobs.js';
import { moneyJobs } from './money/jobs.js';
import { approvalJobs } from './platform/approvals/expiry.js';
import type { Clock } from './platform/clock.js';
import type { Services } from './platform/context.js';
import { housekeepingJobs } from './platform/housekeeping.js';
import { secondsSinceMade } from './platform/ids.js';
import { type Job, wakesOn, workUntilDone } from './platform/jobs.js';
import type { Logger } from './platform/log.js';
import type { Metrics } from './platform/metrics/metrics.js';
import type { Queues } from './platform/queue.js';
import { type RelayedEvent, startRelay } from './platform/relay.js';
import { traceJob, traceRelayed } from './platform/tracing/relayed.js';
import type { Tracer } from './platform/tracing/tracer.js';
import { rfmJobs } from './rfm/jobs.js';
import type { LoadFacts } from './rules/facts.js';
import { segmentJobs } from './segments/jobs.js';

export type WorkerDeps = {
  services: Services;
  clock: Clock;
  log: Logger;
  /** what rules may speak of */
  facts: LoadFacts;
  metrics: Metrics;
  /** where traces are recorded */
  tracer?: Tracer | undefined;
};

/** All background work, in no particular order. */
export const allJobs = (deps: WorkerDeps): Job[] => [
  ...rfmJobs(deps),
  ...segmentJobs(deps),
  ...importJobs(deps),
  ...assignmentJobs(deps),
  ...activityJobs(deps),
  ...moneyJobs(deps),
  ...holdingJobs(deps),
  ...levelJobs(deps),
  ...loyaltyJobs(deps),
  ...mergeJobs(deps),
  ...housekeepingJobs(deps),
  ...approvalJobs(deps),
];

/** Starts the relay and the workers. `stop` lets running jobs end and takes no new ones. */
export function buildWorkers(
  deps: WorkerDeps & { queues: Queues; config: Config },
  jobs: readonly Job[] = allJobs(deps),
): { stop(): Promise<void> } {
  const { queues, log, config, metrics, tracer } = deps;
  let stopping = false;
  for (const job of jobs) {
    queues.runWorker({
      queue: job.queue,
      concurrency: config.workerConcurrency,
      handler: (wake) =>
        traceJob(tracer, job.queue, wake, () =>
          timed(metrics, job.queue, () => workUntilDone(job, () => stopping || wake.signal.aborted)),
        ),
    });
    queues.schedule(job.queue, job.everySeconds);
  }
  const relay = startRelay(
    deps.services.database,
    (events) => {
      count(metrics, events);
      const traceOf = traceRelayed(tracer, events);
      for (const job of jobs) {
        const heard = events.filter(({ type }) => wakesOn(job, type));
        const traces = new Set(heard.map(traceOf).filter((trace) => trace !== undefined));
        if (heard.length > 0) queues.wake(job.queue, undefined, [...traces]);
      }
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

async function timed(metrics: Metrics, queue: string, work: () => Promise<void>): Promise<void> {
  const end = metrics.jobSeconds.startTimer({ queue });
  try {
    await work();
  } catch (error) {
    end({ outcome: 'failed' });
    throw error;
  }
  end({ outcome: 'done' });
  metrics.jobLastSuccess.setToCurrentTime({ queue });
}

/** Ids are ordered by time: the first of them is the one that waited longest. */
function count(metrics: Metrics, events: readonly RelayedEvent[]): void {
  for (const { type } of events) metrics.eventsPublished.inc({ type });
  const [first] = events.map((event) => event.id).sort();
  if (first !== undefined) metrics.relayLagSeconds.observe(secondsSinceMade(first));
}
