/** The policy of levels told another way than the service grades by it. */
import { type Level, type MonthSeen, presets } from '../../src/levels/grading.js';

/** A search over the months from the last one back, in cents, without a fold's state. */
export function naiveRank(levels: readonly Level[], all: readonly MonthSeen[]): number | null {
  if (all.length === 0) return null;
  const cents = (text: string) => BigInt(Math.round(Number(text) * 100));
  const reached = all.map(({ average }) =>
    Math.max(
      ...levels.flatMap(({ lower_bound: bound }, place) =>
        bound === null || cents(average ?? '0') >= cents(bound) ? [place] : [],
      ),
    ),
  );
  const heldAfter: number[] = [];
  let countsFrom = 0;
  for (const [place, rank] of reached.entries()) {
    const held = heldAfter.at(-1) ?? 0;
    const begins = reached.findLastIndex((each, at) => at <= place && at >= countsFrom && each >= held) + 1;
    const window = reached
      .map((each, at) => ({ each, at }))
      .filter(({ each, at }) => at <= place && at >= Math.max(begins, countsFrom) && each < held)
      .filter(({ at }) => all[at]?.unvalued === 0)
      .map(({ each }) => each);
    const {
      months_below: below,
      watch_months: watch,
      down_to: target,
    } = levels[held]?.movement ?? presets.quarter;
    const isCounted = rank < held && all[place]?.unvalued === 0;
    let next = held;
    if (rank > held) next = rank;
    else if (isCounted && window.length >= below + watch)
      next = target === 'last_month' ? rank : Math.max(...window);
    if (next !== held) countsFrom = place + 1;
    heldAfter.push(next);
  }
  return heldAfter.at(-1) ?? null;
}
