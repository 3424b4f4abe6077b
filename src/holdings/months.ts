/**
 * The days of a month that an average counts (月日均): all of them once the month has ended; until then those that are
 * over, since a day's balance is that at its end.
 */
import { Temporal } from 'temporal-polyfill';

export const averageDays = ['calendar', 'thirty'] as const;
export type AverageDays = (typeof averageDays)[number];

export type CountedMonth = {
  /** YYYY-MM */
  month: string;
  first: string;
  /** the day after the last that counts */
  until: string;
  /** what the sum is divided by; 0 where no day is over */
  divisor: number;
};

/** The month before the one of a day. */
export const monthBefore = (today: string): string =>
  Temporal.PlainDate.from(today).toPlainYearMonth().subtract({ months: 1 }).toString();

/** Undefined where the month has not begun. `thirty` divides a whole month by 30, however many days it has. */
export function countedMonth(month: string, today: string, days: AverageDays): CountedMonth | undefined {
  const begun = Temporal.PlainYearMonth.from(month).toPlainDate({ day: 1 });
  const end = begun.add({ months: 1 });
  const now = Temporal.PlainDate.from(today);
  if (Temporal.PlainDate.compare(begun, now) > 0) return undefined;
  const hasEnded = Temporal.PlainDate.compare(end, now) <= 0;
  const until = hasEnded ? end : now;
  const divisor = hasEnded && days === 'thirty' ? 30 : begun.until(until, { largestUnit: 'days' }).days;
  return { month, first: begun.toString(), until: until.toString(), divisor };
}
