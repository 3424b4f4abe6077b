/**
 * The statement that is being built: what the conditions of all rules need of a table is collected into one
 * aggregate a source, so that twenty rules read each customer's rows about once. For a batch each source is a
 * lateral join, bounded by the batch; for everyone it is a grouped one, which reads the table in one pass.
 */
import { type SQL, sql } from 'drizzle-orm';
import { customers } from '../db/tables/customers.js';
import type { Moment } from './moment.js';
import { rangeOf, type WindowRange } from './windows.js';

/** Rows that belong to customers, read once a statement. */
export type Source = {
  name: string;
  /** the column that names the customer */
  customerId: SQL;
  /** `from … where …`; `since` is the earliest instant that any of the columns asked for, null for all */
  rows: (since: number | null) => SQL;
  /** customers of whom nothing is to be read are told by this, from what was read before */
  gate?: SQL;
  /** whether it is worth asking each customer by itself, since the gate is seldom open */
  rare?: true;
};

export type Frame = {
  readonly moment: Moment;
  /** An aggregate over the rows of a source, null where a customer has none. The same name is the same column. */
  column(source: Source, name: string, aggregate: () => SQL, since?: number): SQL;
  /** The same, of a count: zero where a customer has none. */
  count(source: Source, name: string, aggregate: () => SQL, since?: number): SQL;
  /** A rolling window, worked out once. */
  range(last: string): WindowRange;
};

type Read = {
  source: Source;
  alias: string;
  columns: Map<string, { alias: string; aggregate: SQL }>;
  since: number | null;
};

export function newFrame(moment: Moment, grouped: boolean): Frame & { joins(): SQL } {
  const reads = new Map<string, Read>();
  const ranges = new Map<string, WindowRange>();
  const column: Frame['column'] = (source, name, aggregate, since) => {
    const known = reads.get(source.name);
    const read = known ?? { source, alias: `s${reads.size}`, columns: new Map(), since: since ?? null };
    if (known === undefined) reads.set(source.name, read);
    if (read.since !== null) read.since = since === undefined ? null : Math.min(read.since, since);
    const found = read.columns.get(name) ?? { alias: `c${read.columns.size}`, aggregate: aggregate() };
    read.columns.set(name, found);
    return sql.raw(`${read.alias}.${found.alias}`);
  };
  return {
    moment,
    column,
    count: (...of) => sql`coalesce(${column(...of)}, 0)`,
    range(last) {
      const range = ranges.get(last) ?? rangeOf(last, moment);
      ranges.set(last, range);
      return range;
    },
    joins: () => sql.join([...reads.values()].map((read) => joinOf(read, grouped))),
  };
}

function joinOf({ source, alias, columns, since }: Read, grouped: boolean): SQL {
  const { customerId, gate, rare = false } = source;
  const name = sql.raw(alias);
  const rows = source.rows(since);
  const list = sql.join(
    [...columns.values()].map((column) => sql`${column.aggregate} as ${sql.raw(column.alias)}`),
    sql`, `,
  );
  if (grouped && !rare) {
    return sql` left join (select ${customerId} as of, ${list} ${rows} group by ${customerId}) ${name} on ${name}.of = ${customers.id}`;
  }
  const open = gate === undefined ? sql`` : sql` and ${gate}`;
  return sql` cross join lateral (select ${list} ${rows} and ${customerId} = ${customers.id}${open}) ${name}`;
}
