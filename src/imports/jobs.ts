import type { Clock } from '../platform/clock.js';
import type { Services } from '../platform/context.js';
import type { Job } from '../platform/jobs.js';
import type { Logger } from '../platform/log.js';
import type { Metrics } from '../platform/metrics/metrics.js';
import { workOnImport } from './processing.js';
import { forgetImports } from './retention.js';

type Deps = { services: Services; clock: Clock; log: Logger; metrics: Metrics };

export const importJobs = (deps: Deps): Job[] => [
  {
    queue: 'imports',
    everySeconds: 5,
    wakesOn: ['import.queued'],
    work: () => workOnImport(deps),
  },
  {
    queue: 'import_retention',
    everySeconds: 600,
    wakesOn: ['import.failed', 'import.cancelled'],
    work: () => forgetImports(deps),
  },
];
