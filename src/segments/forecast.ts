/** Who would enter and who would leave, counted over all customers in one statement that the time-out bounds. */
import { sql } from 'drizzle-orm';
import type { Ctx } from '../platform/context.js';
import { compileRules } from '../rules/compile.js';
import type { FactTable } from '../rules/facts.js';
import type { Rule } from '../rules/schema.js';

export type Forecast = { enters: number; leaves: number };

/** By a rule that has been checked, as of now. */
export async function forecastRule(
  ctx: Ctx,
  facts: FactTable,
  segment: string,
  rule: Rule,
): Promise<Forecast> {
  const context = { now: ctx.now, timeZone: ctx.bank.timeZone, currency: ctx.bank.currency };
  const judged = compileRules([rule], facts, context, { where: sql`true` });
  const [counted] = await ctx.database.rows<Forecast>(sql`
    select count(*) filter (where j.verdicts[1] and m.customer_id is null) as enters,
      count(*) filter (where not j.verdicts[1] and m.customer_id is not null) as leaves
    from (${judged}) j left join memberships m
      on m.customer_id = j.customer_id and m.segment = ${segment} and m.left_at is null`);
  return counted ?? { enters: 0, leaves: 0 };
}

/** When there is no rule any more. */
export async function forecastEnd(ctx: Ctx, segment: string): Promise<Forecast> {
  const [counted] = await ctx.database.rows<{ leaves: number }>(
    sql`select count(*) as leaves from memberships where segment = ${segment} and left_at is null`,
  );
  return { enters: 0, leaves: counted?.leaves ?? 0 };
}
