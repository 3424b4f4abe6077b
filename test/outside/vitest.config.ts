import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** where to write the counts, for continuous integration */
const results = process.env.OUTSIDE_RESULTS;

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/outside/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 600_000,
    hookTimeout: 120_000,
    reporters: results === undefined ? ['default'] : ['default', ['json', { outputFile: results }]],
  },
});
