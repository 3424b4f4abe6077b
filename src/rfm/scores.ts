/**
 * Scores of recency, frequency and monetary value, 1 to 5: five times the cumulative distribution of the value among
 * all customers who have one, rounded up, so that equal values get equal scores (`ntile` would part them). Recency is
 * reversed: whoever was active last is best. So one customer alone, or all of whom the value is the same, have 5.
 *
 * A score follows from where the fifths are cut: whoever reaches the value beyond the lowest 20 percent has 2, beyond
 * the lowest 40 percent 3, and so on.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { Cut, CutDefinition, Place } from '../rules/cuts.js';
import { compareValues, type FactValue, type ValueType } from '../rules/values.js';

export type Dimension = 'recency' | 'frequency' | 'monetary';
export const dimensions: readonly Dimension[] = ['recency', 'frequency', 'monetary'];

const fifths = [20, 40, 60, 80] as const;

/** The end of the order at which the worst are. */
const worst = (dimension: Dimension) => (dimension === 'recency' ? 'top' : 'bottom');

export const scoreName = (dimension: Dimension) => `rfm.${dimension}_score` as const;

export const cutOf = (dimension: Dimension): CutDefinition => ({
  key: scoreName(dimension),
  fact: `rfm.${dimension}`,
  places: fifths.map((beyond): Place => ({ from: worst(dimension), beyond })),
});

export const typeOf = (dimension: Dimension): ValueType => (dimension === 'monetary' ? 'money' : 'integer');

/** Of a value against the cut; null where either is missing. */
export function scoreOf(dimension: Dimension, value: FactValue | null, cut: Cut | undefined): number | null {
  if (value === null || cut === undefined || cut.population === 0) return null;
  const sign = dimension === 'recency' ? -1 : 1;
  const reached = cut.bounds.filter(
    (bound) => bound !== null && sign * compareValues(typeOf(dimension), value, bound) >= 0,
  );
  return 1 + reached.length;
}

/** The same in SQL: 1 and one more for each bound that is reached. */
export function scoreSql(dimension: Dimension, value: SQL, cut: Cut | undefined): SQL {
  if (cut === undefined || cut.population === 0) return sql`null::integer`;
  return reachedSql(
    dimension,
    value,
    cut.bounds.map((bound) => sql`${bound}::numeric`),
  );
}

export function reachedSql(dimension: Dimension, value: SQL, bounds: readonly SQL[]): SQL {
  const symbol = sql.raw(dimension === 'recency' ? '<=' : '>=');
  const reached = bounds.map((bound) => sql`coalesce((${value} ${symbol} ${bound})::integer, 0)`);
  return sql`(case when ${value} is not null then 1 + ${sql.join(reached, sql` + `)} end)`;
}
