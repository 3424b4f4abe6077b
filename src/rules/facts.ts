/**
 * Facts: what a rule may ask of a customer. Features declare theirs; documentation, errors, SQL, evaluation in
 * memory and explanations all come from the one declaration.
 */
import type { SQL } from 'drizzle-orm';
import type { Reader } from '../db/client.js';
import type { CountedDays } from './calendar.js';
import type { Moment } from './moment.js';
import type { CustomerPicture } from './picture.js';
import type { BalanceMeasure } from './schema.js';
import type { Frame } from './statement.js';
import type { FactValue, ValueType } from './values.js';

export type Fact = {
  name: string;
  type: ValueType;
  unit?: string;
  description: string;
  /** all values there are, where they are few */
  values?: readonly string[];
  /** what a write touches that may change it, see `touchNames` */
  touchedBy: readonly string[];
  /** over the row `customers` and aggregates that it asks the frame for; null is missing; dates as ISO text */
  sql: (frame: Frame) => SQL;
  value: (picture: CustomerPicture, moment: Moment) => FactValue | null;
  /** how it changes with no write */
  passing?: Passing | readonly Passing[];
  /** the key of the cut that it is read from */
  cut?: string;
  /** of what has a value at the end of each day */
  daily?: Daily;
};

/** What a `balance` condition measures over days that are over. */
export type Daily = {
  /** as the condition names it */
  name: string;
  /** money; null where no day has a value */
  sql: (frame: Frame, measure: BalanceMeasure, days: CountedDays) => SQL;
  value: (
    picture: CustomerPicture,
    moment: Moment,
    measure: BalanceMeasure,
    days: CountedDays,
  ) => string | null;
  /** Whether any day from the first of them on, however late, may have a value: time changes nothing otherwise. */
  goesOn: {
    sql: (frame: Frame, days: CountedDays) => SQL;
    value: (picture: CustomerPicture, days: CountedDays) => boolean;
  };
};

export type Passing =
  /** a whole number that grows with the calendar: the day on which it reaches n, null for never */
  | {
      kind: 'reaches';
      atMost: number;
      sql: (frame: Frame, n: SQL) => SQL;
      value: (picture: CustomerPicture, moment: Moment, n: number) => string | null;
    }
  /** the next day, after today, on which it may be another */
  | {
      kind: 'day';
      sql: (frame: Frame) => SQL;
      value: (picture: CustomerPicture, moment: Moment) => string | null;
    }
  /** the next instant, after now, at which it may be another */
  | {
      kind: 'instant';
      sql: (frame: Frame) => SQL;
      value: (picture: CustomerPicture, moment: Moment) => string | null;
    };

/** All ways in which it changes with no write. */
export const passingsOf = ({ passing = [] }: Fact): readonly Passing[] => [passing].flat();

export type FactTable = ReadonlyMap<string, Fact>;

/** The facts of what the bank has defined now: features are handed this, and do not know one another's facts. */
export type LoadFacts = (reader: Reader) => Promise<FactTable>;

export function factTable(facts: readonly Fact[]): FactTable {
  const table = new Map(facts.map((fact) => [fact.name, fact]));
  if (table.size !== facts.length) throw new Error('two facts of one name');
  return table;
}

/** The fact of a rule that was checked. */
export function factOf(facts: FactTable, name: string): Fact {
  const fact = facts.get(name);
  if (fact === undefined) throw new Error(`no fact ${name}`);
  return fact;
}

/** What balance conditions can measure, by the names that they use. */
export const dailyOf = (facts: FactTable): ReadonlyMap<string, { fact: Fact; daily: Daily }> =>
  new Map(
    [...facts.values()].flatMap((fact) =>
      fact.daily === undefined ? [] : [[fact.daily.name, { fact, daily: fact.daily }]],
    ),
  );
