/**
 * How often and how much a customer earns by a rule: once, each time, or once in a period, and up to caps. Periods are
 * those of the calendar of the programme's time zone; what counts is when it occurred. Whoever comes first has the room:
 * what a reversal frees is there for what is judged afterwards, and nothing that was judged before is judged anew.
 */
import { bankDays } from '../../platform/bank-days.js';
import { microsOf } from '../../platform/instants.js';
import { periodOf } from '../../rules/calendar.js';
import { startOfDay } from '../../rules/moment.js';
import type { EarnRuleIn } from './schemas.js';

export type Repeat = EarnRuleIn['repeat'];
export type CapPeriod = EarnRuleIn['caps'][number]['period'];

/** Microseconds, [from, until); of null there is no end on that side. */
export type Span = { period: CapPeriod; from: number | null; until: number | null };

/** What a customer has by a rule in a span already. */
export type Usage = { points: number; times: number };

export function spanOf(period: CapPeriod, occurredAt: string, timeZone: string): Span {
  if (period === 'total') return { period, from: null, until: null };
  const day = bankDays(timeZone).dateOf(microsOf(occurredAt) / 1000);
  const { first, next } = periodOf(period, 0, day);
  return { period, from: startOfDay(first, timeZone), until: startOfDay(next, timeZone) };
}

const repeatPeriod = (repeat: Repeat): CapPeriod | null =>
  repeat === 'each' ? null : repeat === 'once' ? 'total' : repeat;

/** The spans whose usage `roomFor` asks for, each once. */
export function spansOf(
  { repeat, caps }: Pick<EarnRuleIn, 'repeat' | 'caps'>,
  occurredAt: string,
  timeZone: string,
): Span[] {
  const once = repeatPeriod(repeat);
  const periods = new Set([...caps.map(({ period }) => period), ...(once === null ? [] : [once])]);
  return [...periods].map((period) => spanOf(period, occurredAt, timeZone));
}

/** Of the points that a rule would give, those that there is room for. `usageIn` leaves out what is being judged. */
export function roomFor(
  { repeat, caps }: Pick<EarnRuleIn, 'repeat' | 'caps'>,
  wanted: number,
  usageIn: (period: CapPeriod) => Usage,
): number {
  const once = repeatPeriod(repeat);
  if (once !== null && usageIn(once).times > 0) return 0;
  return caps.reduce((room, { period, points }) => {
    const left = Math.max(0, points - usageIn(period).points);
    return Math.min(room, left);
  }, wanted);
}
