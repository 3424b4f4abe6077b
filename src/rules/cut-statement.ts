/** Cuts in SQL: the values in their places, of a whole population, in one pass over what was read of it. */
import { type SQL, sql } from 'drizzle-orm';
import { customers } from '../db/tables/customers.js';
import { type Cut, type CutDefinition, hundredthsOf, type Place } from './cuts.js';
import { type FactTable, factOf } from './facts.js';
import { momentOf, type RuleContext } from './moment.js';
import { newFrame } from './statement.js';
import type { ValueType } from './values.js';

/** Whom ranks are taken of. */
export const rankedCustomers: SQL = sql`not ${customers.stub} and ${customers.mergedInto} is null`;

/** A column of the rows that are ranked; null is missing. */
export type RankedColumn = { name: string; type: ValueType };

export type CutRow = { cut: number; place: number; population: number; bound: string | null };

/** Gives rows of `CutRow`, of the facts of all customers as of the moment. */
export function compileCuts(
  definitions: readonly CutDefinition[],
  facts: FactTable,
  context: RuleContext,
): SQL {
  const frame = newFrame(momentOf(context), true);
  const names = [...new Set(definitions.map(({ fact }) => fact))];
  const columns = names.map(
    (name, index): RankedColumn => ({
      name: `v${index}`,
      type: factOf(facts, name).type,
    }),
  );
  const values = sql.join(
    names.map((name, index) => sql`${factOf(facts, name).sql(frame)} as ${sql.raw(`v${index}`)}`),
    sql`, `,
  );
  const cuts = definitions.map(({ fact, places }) => ({ column: names.indexOf(fact), places }));
  return sql`
    with ranked as materialized (${frame.rows(rankedCustomers, values)})
    ${cutRows(sql`ranked`, columns, cuts)}`;
}

/** The same of the columns of any rows, a place of a column a row. */
export function cutRows(
  rows: SQL,
  columns: readonly RankedColumn[],
  cuts: readonly { column: number; places: readonly Place[] }[],
): SQL {
  const counts = sql.join(
    columns.map(({ name }) => sql`count(${sql.raw(name)})`),
    sql`, `,
  );
  const places = cuts.flatMap(({ column, places }, cut) =>
    places.map((place, index) => {
      const population = sql.raw(`n.counts[${column + 1}]`);
      const position = positionSql(place, population);
      return sql`(${cut}::integer, ${index}::integer, ${column}::integer, ${population}, ${position})`;
    }),
  );
  const ordered = columns.map(({ name, type }, index) => {
    const value = sql.raw(type === 'date' ? `${name} collate "C"` : name);
    return sql`
      select ${index}::integer as of, row_number() over (order by ${value}) as position, ${textSql(name, type)} as bound
      from ${rows} where ${sql.raw(name)} is not null`;
  });
  return sql`
    select p.cut, p.place, p.population, o.bound
    from (select array[${counts}] as counts from ${rows}) n
    cross join lateral (values ${sql.join(places, sql`, `)}) as p(cut, place, of, population, position)
    left join (${sql.join(ordered, sql` union all `)}) o on o.of = p.of and o.position = p.position`;
}

const textSql = (name: string, type: ValueType): SQL =>
  type === 'instant'
    ? sql.raw(`to_char(${name} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`)
    : sql.raw(`${name}::text`);

/** In ascending order, from 1; as `placeIn`. */
function positionSql(place: Place, population: SQL): SQL {
  const share = (percent: number) => sql`(${population} * ${hundredthsOf(percent)}::bigint / 10000)`;
  const position =
    'count' in place
      ? sql`nullif(least(${place.count}::bigint, ${population}), 0)`
      : 'percent' in place
        ? sql`(case when ${population} > 0 then greatest(1, ${share(place.percent)}) end)`
        : sql`(case when ${share(place.beyond)} < ${population} then ${share(place.beyond)} + 1 end)`;
  return place.from === 'bottom' ? position : sql`(${population} + 1 - ${position})`;
}

/** The rows of each cut together. */
export function cutsOfRows(rows: readonly CutRow[], asOf: string): Cut[] {
  const cuts: { as_of: string; population: number; bounds: (string | null)[] }[] = [];
  for (const { cut, place, population, bound } of rows) {
    const known = cuts[cut] ?? { as_of: asOf, population, bounds: [] };
    known.bounds[place] = bound;
    cuts[cut] = known;
  }
  return cuts;
}
