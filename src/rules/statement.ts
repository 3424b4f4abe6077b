/**
 * The statement that is being built, in layers. Below, what the conditions of all rules need of a table is collected
 * into one aggregate a source, so that twenty rules read each customer's rows about once: for a batch each source is a
 * lateral join, bounded by the batch; for everyone it is a grouped one, which reads the table in one pass. Above it each
 * value that is asked for is worked out once and has a column; verdicts are comparisons over these, and those of
 * segments that other rules name are columns in turn, one layer above another.
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
  /**
   * `from … where …`; `since` is the earliest instant that any of the columns asked for, null for all. `customer` is
   * who is read, for what cannot be narrowed from outside; undefined for everybody.
   */
  rows: (since: number | null, customer?: SQL) => SQL;
  /** customers of whom nothing is to be read are told by this, from what was read before */
  gate?: SQL;
  /** whether it is worth asking each customer by itself, since the gate is seldom open */
  rare?: true;
};

/** The rows of a source that an aggregate is over. The same key is the same condition. */
export type Among = { key: string; condition: SQL };

export type Frame = {
  readonly moment: Moment;
  /** whether it is asked when verdicts can change with no write */
  readonly looksAhead: boolean;
  /** An aggregate over the rows of a source, null where a customer has none. The same name is the same column. */
  column(source: Source, name: string, aggregate: () => SQL, since?: number, among?: Among): SQL;
  /** The same, of a count: zero where a customer has none. */
  count(source: Source, name: string, aggregate: () => SQL, since?: number, among?: Among): SQL;
  /** What a customer is seen to be, made of columns: worked out once, read by verdicts. The same name is the same value. */
  value(name: string, expression: () => SQL): SQL;
  /** The verdict of a segment that is named by others, worked out once. */
  verdict(name: string, judge: () => SQL): SQL;
  /** A rolling window, worked out once. */
  range(last: string): WindowRange;
};

type Read = {
  source: Source;
  alias: string;
  columns: Map<string, { alias: string; aggregate: SQL; among: Among | undefined }>;
  since: number | null;
};

type Named = { alias: string; expression: SQL };
type Layered = Named & { layer: number };

export type Built = Frame & {
  /** `select …` of one row a customer of the population: customer_id, `extra`, all values and verdicts, to be called v */
  rows(population: SQL, extra: SQL): SQL;
  /** the values and the verdicts of segments, as columns of v */
  named(): SQL[];
};

export function newFrame(moment: Moment, grouped: boolean, looksAhead = true): Built {
  const reads = new Map<string, Read>();
  const values = new Map<string, Named>();
  const verdicts = new Map<string, Layered>();
  const ranges = new Map<string, WindowRange>();
  // how many layers the verdict that is being worked out stands on
  let layer = 0;
  const column: Frame['column'] = (source, name, aggregate, since, among) => {
    const known = reads.get(source.name);
    const read = known ?? { source, alias: `s${reads.size}`, columns: new Map(), since: since ?? null };
    if (known === undefined) reads.set(source.name, read);
    if (read.since !== null) read.since = since === undefined ? null : Math.min(read.since, since);
    const found = read.columns.get(name) ?? {
      alias: `c${read.columns.size}`,
      aggregate: aggregate(),
      among,
    };
    read.columns.set(name, found);
    return sql.raw(`${read.alias}.${found.alias}`);
  };
  const columnOf = ({ alias }: Named) => sql.raw(`v.${alias}`);
  return {
    moment,
    looksAhead,
    column,
    count: (...of) => sql`coalesce(${column(...of)}, 0)`,
    value(name, expression) {
      const found = values.get(name) ?? { alias: `x${values.size}`, expression: expression() };
      values.set(name, found);
      return columnOf(found);
    },
    verdict(name, judge) {
      let found = verdicts.get(name);
      if (found === undefined) {
        const outer = layer;
        layer = 1;
        const expression = judge();
        found = { alias: `r${verdicts.size}`, expression, layer };
        verdicts.set(name, found);
        layer = outer;
      }
      layer = Math.max(layer, found.layer + 1);
      return columnOf(found);
    },
    range(last) {
      const range = ranges.get(last) ?? rangeOf(last, moment);
      ranges.set(last, range);
      return range;
    },
    rows: (population, extra) => {
      const joins = sql.join([...reads.values()].map((read) => joinOf(read, grouped)));
      const inner = sql`select ${customers.id} as customer_id${listed([...values.values()])}, ${extra}
        from ${customers}${joins} where ${population}`;
      return layered(inner, [...verdicts.values()]);
    },
    named: () => [...values.values(), ...verdicts.values()].map(columnOf),
  };
}

const listed = (all: readonly Named[]): SQL =>
  sql.join(all.map(({ alias, expression }) => sql`, ${expression} as ${sql.raw(alias)}`));

/** `offset 0` keeps the layers apart: what has a name is worked out once, not where it is read. */
function layered(inner: SQL, verdicts: readonly Layered[]): SQL {
  const most = Math.max(0, ...verdicts.map((each) => each.layer));
  let rows = sql`${inner} offset 0`;
  for (let layer = 1; layer <= most; layer += 1) {
    const here = verdicts.filter((each) => each.layer === layer);
    rows = sql`select v.*${listed(here)} from (${rows}) as v offset 0`;
  }
  return rows;
}

function joinOf({ source, alias, columns, since }: Read, grouped: boolean): SQL {
  const { customerId, gate, rare = false } = source;
  const name = sql.raw(alias);
  const asked = grouped && !rare ? undefined : sql`${customers.id}`;
  const read = [...columns.values()];
  // where all look at the same rows, no others are read
  const shared = read.every(({ among }) => among?.key === read[0]?.among?.key) ? read[0]?.among : undefined;
  const all = source.rows(since, asked);
  const rows = shared === undefined ? all : sql`${all} and ${shared.condition}`;
  const list = sql.join(
    read.map(({ aggregate, among, alias: column }) => {
      const filter =
        among === undefined || shared !== undefined ? sql`` : sql` filter (where ${among.condition})`;
      return sql`${aggregate}${filter} as ${sql.raw(column)}`;
    }),
    sql`, `,
  );
  if (grouped && !rare) {
    return sql` left join (select ${customerId} as of, ${list} ${rows} group by ${customerId}) ${name} on ${name}.of = ${customers.id}`;
  }
  const open = gate === undefined ? sql`` : sql` and ${gate}`;
  return sql` cross join lateral (select ${list} ${rows} and ${customerId} = ${customers.id}${open}) ${name}`;
}
