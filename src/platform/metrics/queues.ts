/** What waits in the queues, as the process that works on them sees it. */
import { Gauge } from 'prom-client';
import type { Queues } from '../queue.js';
import { withinSeconds } from '../within.js';
import type { Metrics } from './metrics.js';

const freshMilliseconds = 5000;
const patienceSeconds = 2;

export function measureQueues(metrics: Metrics, queues: Queues): void {
  const registers = [metrics.registry];
  const up = new Gauge({
    name: 'clientele_queues_up',
    help: '1 when the store of the queues answered, else 0.',
    registers,
  });
  const jobs = new Gauge({
    name: 'clientele_jobs',
    help: 'Jobs by queue and state. They are wake-ups: what is to be done is told by other figures.',
    labelNames: ['queue', 'state'],
    registers,
  });
  let freshUntil = 0;
  metrics.beforeScrape(async () => {
    if (performance.now() < freshUntil) return;
    freshUntil = performance.now() + freshMilliseconds;
    const counts = await withinSeconds(
      patienceSeconds,
      queues.counts().catch(() => undefined),
    );
    up.set(counts === undefined ? 0 : 1);
    jobs.reset();
    for (const [queue, states] of Object.entries(counts ?? {}))
      for (const [state, count] of Object.entries(states)) jobs.set({ queue, state }, count);
  });
}
