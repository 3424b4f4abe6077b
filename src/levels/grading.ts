/**
 * The bank's own grading of a customer (客户层级) by the average of each month (月日均), a fold over the months that have
 * closed, the earliest first. A month reaches the highest level whose lower bound its average meets. Presets after the
 * terms of Chinese retail banks:
 *
 * - Up: in the month after one that reaches a higher level. At once: already within the month, as soon as what its days
 *   so far add up to, divided by all days of the month, meets the bound, so that only a debt could undo it.
 * - Down: after `months_below` months in a row that do not reach the level that is held, and `watch_months` more in
 *   which it is only watched; to the level that the last of them reached, or to the best level that any of them did.
 *   One month that reaches it begins the count anew, and so does a change of level.
 * - A month in which nothing was held counts as zero. One in which something had no value may raise; where it falls
 *   short it decides nothing, neither counted nor beginning the count anew.
 *
 * How a level is left downward, and whether it is reached at once, is the movement of that level.
 */
import { Big } from 'big.js';

export const ups = ['next_month', 'at_once'] as const;
export const downTargets = ['last_month', 'best_of_window'] as const;
export const measures = ['aum', 'net'] as const;

export type Movement = {
  up: (typeof ups)[number];
  /** 1 or more */
  months_below: number;
  /** 0 or more, after those below */
  watch_months: number;
  down_to: (typeof downTargets)[number];
};

export const presets = {
  /** up in the month after one that meets the bound, down in the fourth after three below */
  quarter: { up: 'next_month', months_below: 3, watch_months: 0, down_to: 'last_month' },
  /** private banking: down in the seventh month after six below */
  half_year: { up: 'next_month', months_below: 6, watch_months: 0, down_to: 'last_month' },
  /** up at once, three months below to watch, three more to go down to the best level of the six */
  watched: { up: 'at_once', months_below: 3, watch_months: 3, down_to: 'best_of_window' },
} as const satisfies Record<string, Movement>;

export type Level = {
  key: string;
  /** from which average on; null for the lowest */
  lower_bound: string | null;
  movement: Movement;
};

/** A closed month. `average` is null where nothing was valued; `unvalued` counts holdings with days without a value. */
export type MonthSeen = { month: string; average: string | null; unvalued: number };

/** The month that runs: what its days so far add up to, divided by all of its days. */
export type RunningMonth = MonthSeen & { until: string };

export const outcomes = ['kept', 'up', 'below', 'watched', 'down', 'unknown'] as const;

export type Step = MonthSeen & {
  /** the rank that the average reaches */
  reached: number;
  outcome: (typeof outcomes)[number];
  /** the rank that is held when the month has closed */
  rank: number;
  /** months below it in a row so far */
  monthsBelow: number;
};

export type Grade = {
  /** 0 is the lowest; null before the first month */
  rank: number | null;
  steps: Step[];
  monthsBelow: number;
  /** whether the months below are enough to be watched */
  watched: boolean;
  /** what the running month has raised it to */
  raised: (Step & RunningMonth) | null;
};

/** The highest rank whose bound the average meets. */
export function reachedRank(levels: readonly Level[], average: string | null): number {
  const amount = new Big(average ?? 0);
  return levels.findLastIndex(({ lower_bound: bound }) => bound === null || amount.gte(bound));
}

/** Where a level of another version stands among these: by its key, or else where its bound does. */
export function placeAmong(levels: readonly Level[], level: Pick<Level, 'key' | 'lower_bound'>): number {
  const place = levels.findIndex(({ key }) => key === level.key);
  if (place >= 0) return place;
  return level.lower_bound === null ? 0 : reachedRank(levels, level.lower_bound);
}

type State = { rank: number; below: number[] };

/**
 * @param levels the lowest first, bounds ascending
 * @param months each once, in their order, without a gap
 */
export function gradeMonths(
  levels: readonly Level[],
  months: readonly MonthSeen[],
  running: RunningMonth | null = null,
): Grade {
  let state: State = { rank: 0, below: [] };
  const steps = months.map((month): Step => {
    const reached = reachedRank(levels, month.average);
    const { outcome, ...next } = closeMonth(levels, state, reached, month.unvalued > 0);
    state = next;
    return { ...month, reached, outcome, rank: state.rank, monthsBelow: state.below.length };
  });
  const raised = running === null ? null : raiseAtOnce(levels, state.rank, running);
  const isGraded = months.length > 0 || raised !== null;
  const monthsBelow = raised === null ? state.below.length : 0;
  return {
    rank: raised?.rank ?? (isGraded ? state.rank : null),
    steps,
    monthsBelow,
    watched: monthsBelow > 0 && monthsBelow >= movementOf(levels, state.rank).months_below,
    raised,
  };
}

function closeMonth(
  levels: readonly Level[],
  { rank, below }: State,
  reached: number,
  isIncomplete: boolean,
): State & Pick<Step, 'outcome'> {
  if (reached > rank) return { rank: reached, below: [], outcome: 'up' };
  if (reached === rank) return { rank, below: [], outcome: 'kept' };
  if (isIncomplete) return { rank, below, outcome: 'unknown' };
  const { months_below: months, watch_months: watched, down_to: target } = movementOf(levels, rank);
  const window = [...below, reached];
  if (window.length < months) return { rank, below: window, outcome: 'below' };
  if (window.length < months + watched) return { rank, below: window, outcome: 'watched' };
  return { rank: target === 'last_month' ? reached : Math.max(...window), below: [], outcome: 'down' };
}

/** The highest level above the present one that is reached at once and assured by now. */
function raiseAtOnce(levels: readonly Level[], present: number, running: RunningMonth): Grade['raised'] {
  const reached = reachedRank(levels, running.average);
  const rank = levels.findLastIndex(
    ({ movement }, place) => place <= reached && place > present && movement.up === 'at_once',
  );
  if (rank < 0) return null;
  return { ...running, reached, outcome: 'up', rank, monthsBelow: 0 };
}

function movementOf(levels: readonly Level[], rank: number): Movement {
  const level = levels[rank];
  if (level === undefined) throw new Error(`a rank without a level: ${rank}`);
  return level.movement;
}
