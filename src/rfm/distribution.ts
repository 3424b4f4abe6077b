/**
 * How many customers have which scores of recency and frequency. Of the bank and of branches it is counted with each
 * refresh, since it takes everybody's activities; of a book it is counted now, of its customers alone.
 */
import { type SQL, sql } from 'drizzle-orm';
import { array } from '../db/client.js';
import type { Drawing } from '../platform/charts/draw.js';
import { gridChart } from '../platform/charts/shapes.js';
import type { Ctx } from '../platform/context.js';
import { minorUnits } from '../platform/currencies.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { readCuts } from '../ranks/cuts.js';
import { rankedCustomers } from '../rules/cut-statement.js';
import type { FactTable, LoadFacts } from '../rules/facts.js';
import { factOf } from '../rules/facts.js';
import { momentOf } from '../rules/moment.js';
import { newFrame } from '../rules/statement.js';
import { scoreName } from './scores.js';

export type Cell = {
  recency_score: number;
  frequency_score: number;
  customers: number;
  mean_monetary: string | null;
};
export type Distribution = {
  ranks_as_of: string | null;
  population: number;
  currency: string;
  cells: Cell[];
};

const scores = [1, 2, 3, 4, 5];

export async function rfmDistribution(ctx: Ctx, facts: LoadFacts): Promise<Distribution> {
  const { reach, bank, database } = ctx;
  const keys = [scoreName('recency'), scoreName('frequency')];
  const { counted, cuts } = await database.begin(async (tx) => {
    const cuts = await readCuts(tx, keys, ctx.now);
    const counts =
      reach === null || 'codes' in reach
        ? keptSql(reach === null ? sql`true` : sql`branch = any(${array(reach.codes, 'text')})`)
        : countedSql(ctx, await facts(tx), cuts);
    const digits = minorUnits(bank.currency);
    const counted = await tx.rows<Cell>(sql`
      select recency_score, frequency_score, sum(customers)::bigint as customers,
        round(sum(monetary) / nullif(sum(valued), 0), ${digits}::integer) as mean_monetary
      from (${counts}) c group by recency_score, frequency_score`);
    return { counted, cuts };
  }, 'repeatable read read only');
  const cells = scores.flatMap((recency) =>
    scores.map((frequency) => {
      const same = (cell: Cell) => cell.recency_score === recency && cell.frequency_score === frequency;
      const none = { recency_score: recency, frequency_score: frequency, customers: 0, mean_monetary: null };
      return counted.find(same) ?? none;
    }),
  );
  return {
    ranks_as_of: cuts.get(scoreName('frequency'))?.as_of ?? null,
    population: cells.reduce((sum, cell) => sum + cell.customers, 0),
    currency: bank.currency,
    cells,
  };
}

/** Recency from bottom to top, frequency from left to right: the best are in the corner at the top. */
export function distributionChart({ population, ranks_as_of, cells }: Distribution): Drawing {
  const at = (recency: number, frequency: number) =>
    cells.find((cell) => cell.recency_score === recency && cell.frequency_score === frequency)?.customers ??
    0;
  const names = scores.map(String);
  const asOf = ranks_as_of === null ? 'not scored yet' : `as of ${ranks_as_of}`;
  return gridChart({
    title: 'Recency and frequency',
    description: `${population} customers by their scores, ${asOf}; ${at(5, 5)} have the best of both, ${at(1, 1)} the least.`,
    columnName: 'Frequency',
    columns: names,
    rowName: 'Recency',
    rows: names,
    values: scores.map((recency) => scores.map((frequency) => at(recency, frequency))),
  });
}

const keptSql = (where: SQL): SQL =>
  sql`select recency_score, frequency_score, customers, valued, monetary from rfm_grid where ${where}`;

function countedSql(ctx: Ctx, facts: FactTable, cuts: Awaited<ReturnType<typeof readCuts>>): SQL {
  const { timeZone, currency } = ctx.bank;
  const frame = newFrame(momentOf({ now: ctx.now, timeZone, currency, cuts }), false);
  const of = (name: string) => factOf(facts, name).sql(frame);
  const columns = sql`${of('rfm.recency_score')} as recency_score, ${of('rfm.frequency_score')} as frequency_score,
    ${of('rfm.monetary')} as monetary`;
  return sql`
    select recency_score, frequency_score, count(*) as customers, count(monetary) as valued, coalesce(sum(monetary), 0) as monetary
    from (${frame.rows(sql`${rankedCustomers} and ${visibleCustomer(ctx)}`, columns)}) seen
    where frequency_score is not null and recency_score is not null group by 1, 2`;
}
