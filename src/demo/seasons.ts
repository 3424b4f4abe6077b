/** How busy a day is: weekends, the weeks before the Spring Festival, the sales of June and November, the holidays. */
import { dayOf, daysInMonth, weekdayOf } from './days.js';

/** First days of the lunar years. */
const springFestivals = [
  '2020-01-25',
  '2021-02-12',
  '2022-02-01',
  '2023-01-22',
  '2024-02-10',
  '2025-01-29',
  '2026-02-17',
  '2027-02-06',
  '2028-01-26',
  '2029-02-13',
  '2030-02-03',
].map((day) => Date.parse(day));

const dayMilliseconds = 86_400_000;

/** 1 is an ordinary day. */
function spendingOn(day: string): number {
  const monthAndDay = day.slice(5);
  const untilFestival = springFestivals
    .map((festival) => (festival - Date.parse(day)) / dayMilliseconds)
    .find((days) => days > -8 && days <= 18);
  const weekend = weekdayOf(day) > 5 ? 1.35 : 0.9;
  if (untilFestival !== undefined) return weekend * (untilFestival > 0 ? 1.8 : 0.8);
  if (monthAndDay === '11-11') return 5;
  if (monthAndDay === '06-18') return 3.5;
  if (monthAndDay >= '10-01' && monthAndDay <= '10-07') return 1.7;
  if (monthAndDay >= '05-01' && monthAndDay <= '05-05') return 1.5;
  return weekend * (monthAndDay.startsWith('12') ? 1.15 : 1);
}

export type Month = {
  days: readonly string[];
  /** each day with how much is spent on it */
  spending: readonly (readonly [string, number])[];
  /** how much the month is above an ordinary one */
  factor: number;
  /** Monday to Friday */
  workdays: readonly string[];
};

const months = new Map<string, Month>();

export function monthOf(month: string): Month {
  const known = months.get(month);
  if (known !== undefined) return known;
  const year = Number(month.slice(0, 4));
  const days = Array.from({ length: daysInMonth(month) }, (_, at) =>
    dayOf(year, Number(month.slice(5)), at + 1),
  );
  const spending = days.map((day) => [day, spendingOn(day)] as const);
  const factor = spending.reduce((sum, [, weight]) => sum + weight, 0) / 30;
  const workdays = days.filter((day) => weekdayOf(day) < 6);
  const made: Month = { days, spending, factor, workdays };
  months.set(month, made);
  return made;
}

/** The day itself, or the last workday before it. */
export function workdayUpTo(month: Month, dayOfMonth: number): string {
  const day = month.days[Math.min(dayOfMonth, month.days.length) - 1] ?? '';
  return month.workdays.filter((one) => one <= day).at(-1) ?? day;
}
