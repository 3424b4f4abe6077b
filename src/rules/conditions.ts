/** What every kind of leaf gives: in SQL, and of one customer in memory. */

import type { Big } from 'big.js';
import type { SQL } from 'drizzle-orm';
import type { FactValue, ValueType } from './values.js';

export type Judged = {
  /** true or false, never null; over values of the frame, see `Frame.value` */
  verdict: SQL;
  /** what it saw, as JSON is built of it: a column, or an expression over columns of the frame's values */
  value: SQL;
  /** the customer's own value that it was held against, likewise */
  against?: SQL;
  /** instants after now at which it may flip with no write; null for none */
  instants: SQL[];
  /** days after today at whose beginning it may */
  days: SQL[];
};

/** What a condition holds against something, in SQL. An average is an amount per so many, so that it compares exactly. */
export type Quantity = Pick<Judged, 'value' | 'instants' | 'days'> & {
  type: ValueType;
  amount: SQL;
  per?: SQL;
};

/** The same in memory, of one customer. */
export type SeenQuantity = Omit<Seen, 'verdict'> & {
  type: ValueType;
  /** of an average, where there is one */
  ratio?: { amount: Big; per: number };
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
