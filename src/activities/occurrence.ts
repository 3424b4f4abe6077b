/**
 * When an activity happened. A source tells an instant, or a date alone: that means 00:00 of the day at the bank,
 * with precision day. The business date is what the source says, else the date at the bank.
 */
import type { BankDays } from '../platform/bank-days.js';
import { microsOf } from '../platform/instants.js';

export type Occurrence = { micros: number; precision: 'instant' | 'day' };

/** Undefined where the text names no instant, such as 30 February or a leap second. */
export function readOccurrence(days: BankDays, text: string): Occurrence | undefined {
  if (text.length === 10) {
    const milliseconds = days.startOf(text);
    return Number.isNaN(milliseconds) ? undefined : { micros: milliseconds * 1000, precision: 'day' };
  }
  const micros = microsOf(text);
  return Number.isNaN(micros) ? undefined : { micros, precision: 'instant' };
}

/** Activities are kept by year; what lies far off is a mistake of the source. */
export const earliestMicros = 0;
const leadMicros = 366 * 86_400 * 1_000_000;
export const latestMicros = (now: string): number => microsOf(now) + leadMicros;
