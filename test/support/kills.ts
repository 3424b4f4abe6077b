/** Processes that are killed while work goes on, at points of it that a seed says. */
import { expect } from 'vitest';
import type { Random } from '../../src/demo/random.js';
import type { Service } from './service.js';

type Work = {
  /** how much is done by now, and in all */
  done: () => number;
  total: number;
  rounds: number;
  random: Random;
  /** milliseconds until the next point at most */
  patience: number;
};

/** One of the pair in each round, each within its own part of the work. */
export async function killInRounds(
  pair: readonly Service[],
  { done, total, rounds, random, patience }: Work,
): Promise<void> {
  const part = total / rounds;
  for (let round = 0; round < rounds; round += 1) {
    const service = random.pick(pair);
    const point = part * round + random.integer(1, Math.floor(part * 0.8));
    await expect.poll(done, { timeout: patience, interval: 5 }).toBeGreaterThanOrEqual(point);
    await service.kill();
    await service.restart();
  }
}
