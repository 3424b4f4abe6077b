/** Who would enter and who would leave, counted over all customers in one statement that the time-out bounds. */
import { sql } from 'drizzle-orm';
import type { Ctx } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { compileVerdicts } from '../rules/compile.js';
import type { Rule } from '../rules/schema.js';
import type { Vocabulary } from '../rules/vocabulary.js';
import { previewContext } from './ranks.js';

export type Forecast = { enters: number; leaves: number };
export type Counted = Forecast & {
  customers: number;
  count: number;
  sample: string[];
  sample_enters: string[];
  sample_leaves: string[];
};

const sampleSize = 20;

/** By a rule that has been checked, over everybody in reach, in one statement and so in one snapshot. */
export async function countByRule(
  ctx: Ctx,
  vocabulary: Vocabulary,
  key: string | undefined,
  rule: Rule,
): Promise<Counted> {
  const context = await previewContext(ctx.database, ctx, [rule], vocabulary);
  const inReach = visibleCustomer(ctx);
  const judged = compileVerdicts([rule], vocabulary, context, { where: inReach });
  const present =
    key === undefined
      ? { column: sql`false`, join: sql`` }
      : {
          column: sql`m.customer_id is not null`,
          join: sql`left join memberships m on m.customer_id = j.customer_id and m.segment = ${key} and m.left_at is null`,
        };
  const first = (condition: string) => sql`array(
    select customer_id from moved where ${sql.raw(condition)} order by customer_id limit ${sampleSize})`;
  // whom it is not about are counted, not kept
  const [counted] = await ctx.database.rows<Counted>(sql`
    with judged as (${judged}),
    moved as materialized (
      select j.customer_id, j.verdicts[1] as belongs, ${present.column} as present
      from judged j ${present.join} where j.verdicts[1] or ${present.column}),
    counts as (
      select count(*) filter (where belongs) as count, count(*) filter (where belongs and not present) as enters,
        count(*) filter (where present and not belongs) as leaves from moved)
    select counts.*, (select count(*) from customers where ${inReach} and merged_into is null) as customers,
      ${first('belongs')} as sample, ${first('belongs and not present')} as sample_enters,
      ${first('present and not belongs')} as sample_leaves
    from counts`);
  if (counted === undefined) throw new Error('nothing was counted');
  return counted;
}

/** By a rule that has been checked, as of now. */
export async function forecastRule(
  ctx: Ctx,
  vocabulary: Vocabulary,
  segment: string,
  rule: Rule,
): Promise<Forecast> {
  const { enters, leaves } = await countByRule(ctx, vocabulary, segment, rule);
  return { enters, leaves };
}

/** When there is no rule any more. */
export async function forecastEnd(ctx: Ctx, segment: string): Promise<Forecast> {
  const [counted] = await ctx.database.rows<{ leaves: number }>(
    sql`select count(*) as leaves from memberships where segment = ${segment} and left_at is null`,
  );
  return { enters: 0, leaves: counted?.leaves ?? 0 };
}
