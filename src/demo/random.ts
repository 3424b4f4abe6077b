/**
 * Numbers that look random and are the same at every run. Each thing that is made has a stream of its own, named by
 * the seed and by what it is: a larger bank begins with the same customers as a smaller one, and another month adds
 * to what a customer did before without changing it.
 */
import { createHash } from 'node:crypto';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

export type Random = {
  /** both included */
  integer(from: number, to: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** by the second member's share of the whole */
  weighted<T>(list: readonly (readonly [T, number])[]): T;
  normal(mean: number, deviation: number): number;
  /** half of the values are below the median; `sigma` is the spread of their logarithms */
  logNormal(median: number, sigma: number): number;
  /** how many times something happens that happens `mean` times on average; never above four times that and five */
  times(mean: number): number;
};

export function randomOf(...names: readonly (string | number)[]): Random {
  const generator = xoroshiro128plus(
    createHash('sha256').update(JSON.stringify(names)).digest().readInt32BE(0),
  );
  const fraction = () => uniformFloat64(generator);
  const integer = (from: number, to: number) => uniformInt(generator, from, to);
  const pick = <T>(list: readonly T[]): T => list[integer(0, list.length - 1)] as T;
  const normal = (mean: number, deviation: number) =>
    mean + deviation * Math.sqrt(-2 * Math.log(1 - fraction())) * Math.cos(2 * Math.PI * fraction());
  return {
    integer,
    pick,
    normal,
    chance: (probability) => fraction() < probability,
    weighted(list) {
      let left = fraction() * list.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [item, weight] of list) {
        left -= weight;
        if (left < 0) return item;
      }
      return pick(list)[0];
    },
    logNormal: (median, sigma) => median * Math.exp(normal(0, sigma)),
    times(mean) {
      const limit = Math.exp(-mean);
      const most = mean * 4 + 5;
      let count = 0;
      for (let product = fraction(); product > limit && count < most; product *= fraction()) count += 1;
      return count;
    },
  };
}
