/** Calendar days as ISO 8601 dates: what is done at an hour is done in China, which has one hour and no summer time. */
import { Temporal } from 'temporal-polyfill';

export const zone = 'Asia/Shanghai';
export const offset = '+08:00';

export const addDays = (day: string, days: number): string =>
  Temporal.PlainDate.from(day).add({ days }).toString();
export const addMonths = (day: string, months: number): string =>
  Temporal.PlainDate.from(day).add({ months }).toString();
export const yearOf = (day: string): number => Number(day.slice(0, 4));
export const startOfMonth = (day: string): string => `${day.slice(0, 7)}-01`;
export const daysInMonth = (month: string): number => Temporal.PlainYearMonth.from(month).daysInMonth;
/** Monday is 1, Sunday 7. */
export const weekdayOf = (day: string): number => Temporal.PlainDate.from(day).dayOfWeek;
export const dayOf = (year: number, month: number, day: number): string =>
  `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
export const today = (): string => Temporal.Now.plainDateISO(zone).toString();

/** The months from the one of the first day to the one of the last, as `2026-01`. */
export function monthsBetween(first: string, last: string): string[] {
  const months: string[] = [];
  for (let day = startOfMonth(first); day <= last; day = addMonths(day, 1)) months.push(day.slice(0, 7));
  return months;
}

/** Seconds of the day as an instant of that day. */
export function instantAt(day: string, second: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  return `${day}T${two(Math.floor(second / 3600))}:${two(Math.floor(second / 60) % 60)}:${two(second % 60)}${offset}`;
}
