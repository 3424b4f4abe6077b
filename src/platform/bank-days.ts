/**
 * The days of a bank: when each begins, and which one an instant falls into. A day begins at its first instant in
 * the bank's time zone, which is not 00:00 where clocks are put forward at midnight, and is not always 24 hours.
 */
import { Temporal } from 'temporal-polyfill';

export type BankDays = {
  /** the date, `YYYY-MM-DD`, of milliseconds since the epoch */
  dateOf(milliseconds: number): string;
  /** the first instant of a date, in milliseconds since the epoch; NaN for what is no date */
  startOf(date: string): number;
};

const dayMilliseconds = 86_400_000;
/** some 270 years */
const daysKept = 100_000;

const zones = new Map<string, BankDays>();

export function bankDays(timeZone: string): BankDays {
  const known = zones.get(timeZone) ?? makeDays(timeZone);
  zones.set(timeZone, known);
  return known;
}

function makeDays(timeZone: string): BankDays {
  const kept = new Map<number, { date: string; start: number }>();
  // days are counted from 1970-01-01, as if they had no time zone
  const at = (day: number) => {
    const known = kept.get(day);
    if (known !== undefined) return known;
    const date = new Date(day * dayMilliseconds).toISOString().slice(0, 10);
    const start = Temporal.PlainDate.from(date).toZonedDateTime({ timeZone }).epochMilliseconds;
    if (kept.size >= daysKept) kept.clear();
    const made = { date, start };
    kept.set(day, made);
    return made;
  };
  return {
    dateOf(milliseconds) {
      let day = Math.floor(milliseconds / dayMilliseconds);
      while (milliseconds < at(day).start) day -= 1;
      while (milliseconds >= at(day + 1).start) day += 1;
      return at(day).date;
    },
    startOf(date) {
      const day = Date.parse(`${date}T00:00:00Z`) / dayMilliseconds;
      return Number.isNaN(day) ? Number.NaN : at(day).start;
    },
  };
}
