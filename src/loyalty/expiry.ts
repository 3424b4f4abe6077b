/**
 * When points expire: never, a duration after they were earned, or at the end of the day, month or year that this falls
 * into, in the programme's time zone. Calendar arithmetic clamps: P1M after 31 January is the last of February. An end
 * is the first instant of what follows: P12M to the end of the month, earned 2020-07-06, expires 2021-08-01T00:00 local.
 */
import { Temporal } from 'temporal-polyfill';
import { microsOf } from '../platform/instants.js';

export type Expiry =
  | { policy: 'never' }
  | { policy: 'duration' | 'end_of_day' | 'end_of_month' | 'end_of_year'; after: string };

/** Microseconds since the epoch; null: never. `earnedAt` is RFC 3339. */
export function expiryOf(expiry: Expiry, earnedAt: string, timeZone: string): number | null {
  if (expiry.policy === 'never') return null;
  const after = laterBy(earnedAt, expiry.after, timeZone);
  if (expiry.policy === 'duration') return microsOfZoned(after);
  const day = after.toPlainDate();
  const next = {
    end_of_day: () => day.add({ days: 1 }),
    end_of_month: () => day.with({ day: 1 }).add({ months: 1 }),
    end_of_year: () => Temporal.PlainDate.from({ year: day.year + 1, month: 1, day: 1 }),
  }[expiry.policy]();
  return microsOfZoned(next.toZonedDateTime({ timeZone }));
}

/** A duration after an instant, by the calendar of a time zone, in microseconds. */
export const addDuration = (instant: string, duration: string, timeZone: string): number =>
  microsOfZoned(laterBy(instant, duration, timeZone));

const laterBy = (instant: string, duration: string, timeZone: string): Temporal.ZonedDateTime =>
  Temporal.Instant.from(instant).toZonedDateTimeISO(timeZone).add(Temporal.Duration.from(duration));

const microsOfZoned = (zoned: Temporal.ZonedDateTime): number => microsOf(zoned.toInstant().toString());
