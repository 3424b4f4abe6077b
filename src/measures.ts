/** The list of all figures that are read from the database for the metrics. */
import { importMeasures } from './imports/measures.js';
import { levelMeasures } from './levels/measures.js';
import { moneyMeasures } from './money/measures.js';
import type { Measure } from './platform/metrics/measures.js';
import { outboxMeasures } from './platform/metrics/outbox.js';
import { reviewMeasures } from './reviews/measures.js';

export const measures: readonly Measure[] = [
  ...outboxMeasures,
  ...reviewMeasures,
  ...importMeasures,
  ...moneyMeasures,
  ...levelMeasures,
];
