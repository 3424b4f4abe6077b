/**
 * Calendar windows: `{ calendar: unit, offset }` is the period of the bank's calendar that lies `offset` periods from
 * the present one, with `periods` that one and those before it, from the first instant of its first day up to that of the next period (a day may have 23 or 25
 * hours, and begin after midnight or at the first of two). Weeks begin on Monday (ISO 8601), quarters with January,
 * April, July and October. All that is in a period leaves it together, at the turn to the next.
 */
import { type SQL, sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import { type Moment, startOfDay } from './moment.js';
import { limits } from './schema.js';
import type { CalendarUnit, CalendarWindow, Window } from './window-schema.js';
import { instantSql } from './windows.js';

/** Days of the bank's calendar: [first, next). */
export type Period = { first: string; next: string };

/** Instants in microseconds: [from, until), and when the present period ends. */
export type CalendarRange = { from: number; until: number; turn: number };

const lengths: Readonly<Record<CalendarUnit, Temporal.DurationLike>> = {
  day: { days: 1 },
  week: { weeks: 1 },
  month: { months: 1 },
  quarter: { months: 3 },
  year: { years: 1 },
};

const perYear: Readonly<Record<CalendarUnit, number>> = {
  day: 365,
  week: 52,
  month: 12,
  quarter: 4,
  year: 1,
};

/** How many periods before the present one a window may lie. */
export const mostPeriods = (unit: CalendarUnit): number => perYear[unit] * limits.windowYears;

const firstOf: Readonly<Record<CalendarUnit, (day: Temporal.PlainDate) => Temporal.PlainDate>> = {
  day: (day) => day,
  week: (day) => day.subtract({ days: day.dayOfWeek - 1 }),
  month: (day) => day.with({ day: 1 }),
  quarter: (day) => day.with({ month: day.month - ((day.month - 1) % 3), day: 1 }),
  year: (day) => day.with({ month: 1, day: 1 }),
};

export function periodOf(unit: CalendarUnit, offset: number, today: string): Period {
  const length = Temporal.Duration.from(lengths[unit]);
  const times = (count: number) => {
    const { years, months, weeks, days } = length;
    return { years: years * count, months: months * count, weeks: weeks * count, days: days * count };
  };
  const present = firstOf[unit](Temporal.PlainDate.from(today));
  return { first: present.add(times(offset)).toString(), next: present.add(times(offset + 1)).toString() };
}

/** From the first day of the first period of a window up to the day after the last. */
const spanOf = ({ calendar, offset = 0, periods = 1 }: CalendarWindow, today: string): Period => ({
  first: periodOf(calendar, offset - periods + 1, today).first,
  next: periodOf(calendar, offset, today).next,
});

/** How many periods before the present one a window begins. */
export const beginsBack = ({ offset = 0, periods = 1 }: CalendarWindow): number => periods - 1 - offset;

/** 2025-01-31, 2025-W05, 2025-01, 2025-Q1 or 2025. */
export function nameOfPeriod(unit: CalendarUnit, { first }: Period): string {
  const day = Temporal.PlainDate.from(first);
  if (unit === 'week') return `${day.yearOfWeek}-W${String(day.weekOfYear).padStart(2, '0')}`;
  if (unit === 'quarter') return `${day.year}-Q${(day.month + 2) / 3}`;
  return first.slice(0, { day: 10, month: 7, year: 4 }[unit]);
}

export function calendarRange(window: CalendarWindow, { today, timeZone }: Moment): CalendarRange {
  const { first, next } = spanOf(window, today);
  const present = periodOf(window.calendar, 0, today).next;
  const begin = (day: string) => startOfDay(day, timeZone);
  return { from: begin(first), until: begin(next), turn: begin(present) };
}

/** Whether it goes up to the end of the present period: what comes now comes in. */
export const isPresent = ({ until, turn }: CalendarRange): boolean => until === turn;

/** Whether what happened at the instant `at` is in, and has happened. */
export function insideCalendarSql(at: SQL, range: CalendarRange, { nowMicros }: Moment): SQL {
  const { from, until } = range;
  const end = isPresent(range) ? sql`${at} <= ${instantSql(nowMicros)}` : sql`${at} < ${instantSql(until)}`;
  return sql`${at} >= ${instantSql(from)} and ${end}`;
}

/** The days that a balance is measured over, [first, until): of its window those that are over. */
export type CountedDays = {
  first: string;
  until: string;
  /** each as YYYY-MM, where the window is of months of the calendar */
  months: readonly string[];
  /** the next day on which they are others */
  renewed: string;
};

/**
 * A day is in `{ last: D }` while day < today <= day + D: of P30D the thirty days before today. Adding a duration keeps
 * the order of days, so the first of them is enough.
 */
export function countedDays(window: Window, today: string): CountedDays {
  const tomorrow = Temporal.PlainDate.from(today).add({ days: 1 }).toString();
  if ('last' in window) {
    return { first: firstDayOf(window.last, today), until: today, months: [], renewed: tomorrow };
  }
  const { calendar, offset = 0, periods = 1 } = window;
  const { first, next } = spanOf(window, today);
  const monthOf = (index: number) => nameOfPeriod('month', periodOf('month', offset - index, today));
  return {
    first,
    until: next < today ? next : today,
    months: calendar === 'month' ? Array.from({ length: periods }, (_, index) => monthOf(index)) : [],
    renewed: offset === 0 ? tomorrow : periodOf(calendar, 0, today).next,
  };
}

function firstDayOf(last: string, today: string): string {
  const duration = Temporal.Duration.from(last);
  const now = Temporal.PlainDate.from(today);
  // a month has up to three days that clamp onto another
  let day = now.subtract(duration).subtract({ days: 4 });
  while (Temporal.PlainDate.compare(day.add(duration), now) < 0) day = day.add({ days: 1 });
  return day.toString();
}
