import type { Clock } from '../platform/clock.js';
import type { Services } from '../platform/context.js';
import { type Job, jobContext } from '../platform/jobs.js';
import type { Logger } from '../platform/log.js';
import type { Metrics } from '../platform/metrics/metrics.js';
import { tellCompleted } from './completion.js';
import { workOnImport } from './processing.js';
import { forgetImports } from './retention.js';

type Deps = { services: Services; clock: Clock; log: Logger; metrics: Metrics };

/** The background work of imports: applying them, telling of feeds that are done, forgetting. */
export const importJobs = (deps: Deps): Job[] => [
  {
    queue: 'imports',
    everySeconds: 5,
    wakesOn: ['import.queued', 'import.completed', 'import.cancelled'],
    work: () => workOnImport(deps),
  },
  {
    queue: 'feeds',
    everySeconds: 2,
    wakesOn: ['import.completed'],
    work: async () => tellCompleted(await jobContext(deps, 'feeds')),
  },
  {
    queue: 'import_retention',
    everySeconds: 600,
    wakesOn: ['import.completed', 'import.failed', 'import.cancelled'],
    work: () => forgetImports(deps),
  },
];
