/**
 * Facts: what a rule may ask of a customer. Features declare theirs; documentation, errors, SQL, evaluation in
 * memory and explanations all come from the one declaration.
 */
import type { SQL } from 'drizzle-orm';
import type { Reader } from '../db/client.js';
import type { Moment } from './moment.js';
import type { CustomerPicture } from './picture.js';
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
  passing?: Passing;
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
