/** The instant at which rules are judged, and the bank's calendar at it. */
import { Temporal } from 'temporal-polyfill';
import { instantOf, microsOf } from '../platform/instants.js';
import type { Cuts } from './cuts.js';

/** `now` is RFC 3339 with at most microseconds; `currency` is the one in which money compares. */
export type RuleContext = {
  now: string;
  timeZone: string;
  currency: string;
  /** what was then is asked for, not what is known of it now: static segments as they were listed then */
  past?: true;
  /** where ranks are cut, as of their last refresh before the instant; nobody is ranked without */
  cuts?: Cuts;
};

export type Moment = Readonly<RuleContext> & {
  /** microseconds since the epoch */
  readonly nowMicros: number;
  /** the bank's calendar day */
  readonly today: string;
};

export function momentOf(context: RuleContext): Moment {
  const nowMicros = microsOf(context.now);
  const today = zonedOf(nowMicros, context.timeZone).toPlainDate().toString();
  return { ...context, now: instantOf(nowMicros), nowMicros, today };
}

export const zonedOf = (micros: number, timeZone: string): Temporal.ZonedDateTime =>
  new Temporal.ZonedDateTime(BigInt(micros) * 1000n, timeZone);

export const microsOfZoned = (zoned: Temporal.ZonedDateTime): number =>
  Number(zoned.epochNanoseconds / 1000n);

/** The first instant of a calendar day: later than midnight where the clocks skip it. */
export const startOfDay = (date: string | Temporal.PlainDate, timeZone: string): number =>
  microsOfZoned(Temporal.PlainDate.from(date).toZonedDateTime(timeZone));
