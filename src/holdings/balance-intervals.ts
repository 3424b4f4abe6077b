/**
 * Balances by business date. A source states what a holding held at the end of a day; that stands until a later day has
 * another amount. Of two statements for a day the one counts that its source knew later, of two that it knew at once
 * the one that came last. Days come late and in any order: the same final statements give the same intervals.
 */
import { Big } from 'big.js';

export type StatedDay = {
  day: string;
  /** signed; null where the source took back what it had told */
  amount: string | null;
  currency: string;
  /** when the source knew it, and when it came here, in microseconds of the epoch */
  sourceMicros: number;
  recordedMicros: number;
};

type Stated = Pick<StatedDay, 'day' | 'sourceMicros' | 'recordedMicros'>;

/** [from, to), null for no end. The first of its days is `from`, all are of one month. */
export type Interval = {
  from: string;
  to: string | null;
  amount: string | null;
  currency: string;
  days: Stated[];
};

/** A part of a holding's intervals: without a gap, up to where the ones that were not read begin. */
export type BalanceWindow = {
  /** as they are stored */
  stored: readonly Interval[];
  intervals: readonly Interval[];
  /** the first day of what follows; null where nothing does */
  end: string | null;
  superseded: readonly StatedDay[];
};

export const noBalances: BalanceWindow = { stored: [], intervals: [], end: null, superseded: [] };

export const sameAmount = (left: string | null, right: string | null): boolean =>
  left === null || right === null ? left === right : new Big(left).eq(right);

const isSame = (
  left: Pick<StatedDay, 'amount' | 'currency'>,
  right: Pick<StatedDay, 'amount' | 'currency'>,
) => left.currency === right.currency && sameAmount(left.amount, right.amount);

const monthOf = (day: string) => day.slice(0, 7);

/** The days that were stated, in their order. */
export const statedDays = (intervals: readonly Interval[]): StatedDay[] =>
  intervals.flatMap(({ amount, currency, days }) => days.map((one) => ({ ...one, amount, currency })));

/** @param days in their order, each once */
export function intervalsOf(days: readonly StatedDay[], end: string | null): Interval[] {
  const intervals: Interval[] = [];
  for (const { amount, currency, ...stated } of days) {
    const last = intervals.at(-1);
    if (
      last !== undefined &&
      monthOf(last.from) === monthOf(stated.day) &&
      isSame(last, { amount, currency })
    ) {
      last.days.push(stated);
      continue;
    }
    if (last !== undefined) last.to = stated.day;
    intervals.push({ from: stated.day, to: end, amount, currency, days: [stated] });
  }
  return intervals;
}

/** Where another amount begins: what intervals say, however they are cut. */
function changesOf(intervals: readonly Interval[]): string {
  const changes = intervals.filter((one, place) => {
    const before = intervals[place - 1];
    return before === undefined || !isSame(before, one);
  });
  return changes
    .map((one) => `${one.from} ${one.amount === null ? '' : new Big(one.amount).toFixed()} ${one.currency}`)
    .join();
}

export type BalanceDecision =
  /** the day has a statement already that its source knew later */
  | { outcome: 'older' }
  /** `isLatest`: no later day was stated; `isChange`: some day has another amount than before */
  | { outcome: 'taken'; window: BalanceWindow; isLatest: boolean; isChange: boolean };

/** @param isFinal it counts, whatever its source knew when */
export function stateBalance(window: BalanceWindow, statement: StatedDay, isFinal = false): BalanceDecision {
  const days = statedDays(window.intervals);
  const place = days.findIndex(({ day }) => day >= statement.day);
  const at = place < 0 ? days.length : place;
  const known = days[at]?.day === statement.day ? days[at] : undefined;
  if (known !== undefined && !isFinal && known.sourceMicros > statement.sourceMicros) {
    return { outcome: 'older' };
  }
  const isLatest = window.end === null && at >= days.length - (known === undefined ? 0 : 1);
  const says = known !== undefined && isSame(known, statement);
  if (says && known.sourceMicros >= statement.sourceMicros) {
    return { outcome: 'taken', window, isLatest, isChange: false };
  }
  // it has been known since it was told first
  const next = says ? { ...known, sourceMicros: statement.sourceMicros } : statement;
  const intervals = intervalsOf(days.toSpliced(at, known === undefined ? 0 : 1, next), window.end);
  const superseded = known === undefined || says ? window.superseded : [...window.superseded, known];
  const isChange = changesOf(intervals) !== changesOf(window.intervals);
  return { outcome: 'taken', window: { ...window, intervals, superseded }, isLatest, isChange };
}

/** A balance that is known without the intervals of its day: what a former release wrote. */
export function withPresent(window: BalanceWindow, present: StatedDay): BalanceWindow {
  const last = window.intervals.at(-1)?.days.at(-1)?.day;
  if (window.end !== null || (last !== undefined && last >= present.day)) return window;
  return { ...window, intervals: intervalsOf([...statedDays(window.intervals), present], null) };
}
