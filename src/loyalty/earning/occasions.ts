/**
 * Occasions of a year: a birthday, the day on which somebody became a customer, or took part in the programme. What
 * falls on 29 February is on 28 February in common years. A day is of the programme's time zone.
 */
import { Temporal } from 'temporal-polyfill';
import type { occasions } from './schemas.js';

export type Occasion = (typeof occasions)[number];

/** MM-DD: the days of origin whose occasion is on this day. */
export function originsOf(day: string): string[] {
  const date = Temporal.PlainDate.from(day);
  const isLastOfFebruary = date.month === 2 && date.day === 28 && !date.inLeapYear;
  return [day.slice(5), ...(isLastOfFebruary ? ['02-29'] : [])];
}

/** By which it is earned once: `birthday 2026`. */
export const occasionSubject = (occasion: Occasion, day: string): string => `${occasion} ${day.slice(0, 4)}`;
