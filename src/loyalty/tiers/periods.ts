/**
 * The periods in which amounts qualify, by the calendar of the programme's time zone: years that begin with a month, or
 * periods of a length that are counted from the day on which a tier was reached. Month arithmetic clamps, and is done
 * from the first day each time, so that a period that began on a 31st ends on one wherever there is one.
 */
import { Temporal } from 'temporal-polyfill';
import { zonedOf } from '../../rules/moment.js';

export type PeriodRule = { kind: 'calendar'; starts_month: number } | { kind: 'rolling'; length: string };

/** Days, [from, to). */
export type Period = { from: string; to: string };

const plain = (day: string) => Temporal.PlainDate.from(day);

/** The day of an instant in microseconds. */
export const dayOf = (micros: number, zone: string): string => zonedOf(micros, zone).toPlainDate().toString();

export const addTo = (day: string, duration: string): string => plain(day).add(duration).toString();
export const takeFrom = (day: string, duration: string): string => plain(day).subtract(duration).toString();
const dayBefore = (day: string): string => plain(day).subtract({ days: 1 }).toString();

/** Where a tier is reached on this day. */
export function periodFrom(rule: PeriodRule, day: string): Period {
  if (rule.kind === 'rolling') return { from: day, to: addTo(day, rule.length) };
  const { year, month } = plain(day);
  const first = { year: month < rule.starts_month ? year - 1 : year, month: rule.starts_month, day: 1 };
  const from = Temporal.PlainDate.from(first);
  return { from: from.toString(), to: from.add({ years: 1 }).toString() };
}

/** The one after it. @param anchor the day that rolling periods are counted from */
export function periodAfter(rule: PeriodRule, { to }: Period, anchor: string): Period {
  if (rule.kind === 'calendar') return { from: to, to: addTo(to, 'P1Y') };
  const { years, months, weeks, days } = Temporal.Duration.from(rule.length);
  const end = (count: number) =>
    plain(anchor)
      .add({ years: years * count, months: months * count, weeks: weeks * count, days: days * count })
      .toString();
  const passed = plain(anchor).until(to).days / plain(anchor).until(addTo(anchor, rule.length)).days;
  let count = Math.max(1, Math.floor(passed) - 1);
  while (end(count) <= to) count += 1;
  return { from: to, to: end(count) };
}

/** The first day whose amounts count on a day: a rolling one counts while it and the length are after the day. */
export function firstCounted(rule: PeriodRule, day: string): string {
  if (rule.kind === 'calendar') return periodFrom(rule, day).from;
  const counts = (first: string) => addTo(first, rule.length) > day;
  let first = takeFrom(day, rule.length);
  while (counts(first)) first = dayBefore(first);
  while (!counts(first)) first = addTo(first, 'P1D');
  return first;
}
