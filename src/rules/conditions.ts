/** What every kind of leaf gives: in SQL, and of one customer in memory. */
import type { SQL } from 'drizzle-orm';
import type { FactValue } from './values.js';

export type Judged = {
  /** true or false, never null */
  verdict: SQL;
  /** instants after now at which it may flip with no write; null for none */
  instants: SQL[];
  /** days after today at whose beginning it may */
  days: SQL[];
};

export type Seen = {
  verdict: boolean;
  value: FactValue | null;
  /** microseconds since the epoch; null for none */
  nextChange: number | null;
  /** the ids of what was counted, the latest first, at most 20 */
  counted?: string[];
  /** the earliest instant that was looked at, where there is one */
  since?: string;
};

/** The earliest of some, null for none. */
export const earliest = (instants: readonly (number | null)[]): number | null =>
  instants.reduce((first, each) => (first === null || (each !== null && each < first) ? each : first), null);

export const latest = (instants: readonly (number | null)[]): number | null =>
  instants.reduce((last, each) => (last === null || (each !== null && each > last) ? each : last), null);
