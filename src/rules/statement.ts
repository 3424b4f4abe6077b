/**
 * The statement that is being built: what the conditions of all rules need of a table is collected into one
 * lateral aggregate a source, so that twenty rules read each customer's rows about once.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { Moment } from './moment.js';
import { rangeOf, type WindowRange } from './windows.js';

/**
 * Rows of a customer, read once a statement: `from … where …`, bound to the outer row of `customers`. `since` is
 * the earliest instant that any of its columns asked for, null for all.
 */
export type Source = { name: string; from: (since: number | null) => SQL };

export type Frame = {
  readonly moment: Moment;
  /** An aggregate over the rows of a source. The same name is the same column. */
  column(source: Source, name: string, aggregate: () => SQL, since?: number): SQL;
  /** A rolling window, worked out once. */
  range(last: string): WindowRange;
};

type Lateral = {
  source: Source;
  alias: string;
  columns: Map<string, { alias: string; aggregate: SQL }>;
  since: number | null;
};

export function newFrame(moment: Moment): Frame & { joins(): SQL } {
  const laterals = new Map<string, Lateral>();
  const ranges = new Map<string, WindowRange>();
  return {
    moment,
    column(source, name, aggregate, since) {
      const known = laterals.get(source.name);
      const lateral = known ?? {
        source,
        alias: `s${laterals.size}`,
        columns: new Map(),
        since: since ?? null,
      };
      if (known === undefined) laterals.set(source.name, lateral);
      if (lateral.since !== null) lateral.since = since === undefined ? null : Math.min(lateral.since, since);
      const column = lateral.columns.get(name) ?? {
        alias: `c${lateral.columns.size}`,
        aggregate: aggregate(),
      };
      lateral.columns.set(name, column);
      return sql.raw(`${lateral.alias}.${column.alias}`);
    },
    range(last) {
      const range = ranges.get(last) ?? rangeOf(last, moment);
      ranges.set(last, range);
      return range;
    },
    joins: () => sql.join([...laterals.values()].map(joinOf)),
  };
}

function joinOf({ source, alias, columns, since }: Lateral): SQL {
  const list = [...columns.values()].map((column) => sql`${column.aggregate} as ${sql.raw(column.alias)}`);
  return sql` cross join lateral (select ${sql.join(list, sql`, `)} ${source.from(since)}) ${sql.raw(alias)}`;
}
