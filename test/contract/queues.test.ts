/** All background work has a worker that takes its wake-ups, and hears of the events that it waits for. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openQueues } from '../../src/platform/queue.js';
import { allJobs, buildWorkers } from '../../src/worker.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { clearRedis } from '../support/redis.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ poolSize: 20 });
});
afterAll(() => t.stop());

const backends = [
  ['PostgreSQL', undefined],
  ...(process.env.REDIS_URL ? [['Redis', process.env.REDIS_URL] as const] : []),
] as const;

describe.each(backends)('on %s', (_name, redisUrl) => {
  test('every queue has a worker', async () => {
    const jobs = allJobs(t.deps);
    const names = jobs.map((job) => job.queue);
    const prefix = `clientele-queues-test-${process.pid}`;
    const queues = await openQueues({ databaseUrl: t.databaseUrl, redisUrl, names, log: t.deps.log, prefix });
    const worked = new Set<string>();
    const seen = jobs.map((job) => ({
      ...job,
      async work() {
        const more = await job.work();
        worked.add(job.queue);
        return more;
      },
    }));
    const workers = buildWorkers({ ...t.deps, queues, config: t.config }, seen);
    for (const name of names) queues.wake(name);
    while (worked.size < names.length || !(await queues.isIdle())) await sleep(50);
    expect([...worked].sort()).toEqual([...names].sort());
    const counts = await queues.counts();
    expect(Object.values(counts).every(({ failed, retrying }) => failed + retrying === 0)).toBe(true);
    await workers.stop();
    expect(await queues.close()).toBe(true);
    await clearRedis(redisUrl, prefix);
  });
});

test('queues have names of their own, and each is looked at from time to time', () => {
  const jobs = allJobs(t.deps);
  expect(new Set(jobs.map((job) => job.queue)).size).toBe(jobs.length);
  for (const job of jobs) {
    expect(job.queue).toMatch(/^[a-z]+([_-][a-z]+)*$/);
    expect(job.everySeconds).toBeGreaterThan(0);
    expect(job.everySeconds).toBeLessThanOrEqual(3600);
  }
});

test('what a job waits for is told by somebody', () => {
  const sources = path.resolve(import.meta.dirname, '../../src');
  const texts = readdirSync(sources, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('jobs.ts'))
    .map((name) => readFileSync(path.join(sources, name), 'utf8'))
    .join('\n');
  for (const job of allJobs(t.deps)) {
    for (const type of job.wakesOn) {
      const [noun = ''] = type.split('.');
      const told = [`'${type}'`, `\`${noun}.\${`, ...(type.endsWith('.') ? [`'${type}`, `\`${type}`] : [])];
      expect(
        told.some((words) => texts.includes(words)),
        `${job.queue} waits for ${type}`,
      ).toBe(true);
    }
  }
});
