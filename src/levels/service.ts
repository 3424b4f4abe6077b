/** What is asked of levels: the model that is published, and the level of a customer at an instant, with its reasons. */
import { Big } from 'big.js';
import { sql } from 'drizzle-orm';
import type { Ctx } from '../platform/context.js';
import { minorUnits } from '../platform/currencies.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { notFound } from '../platform/errors.js';
import { monthsBack, monthsSql } from './averages.js';
import { correctOne } from './corrections.js';
import { type Grade, gradeMonths, type Level, type MonthSeen } from './grading.js';
import { levelsOf, type ModelContent, readModel, type StoredModel, toModel } from './model.js';
import type { Cause, Evidence } from './regrading.js';
import { dueAt, lastRound, monthEnd } from './rounds.js';
import type { CustomerLevelOut, LevelModelOut } from './schemas.js';

export async function getLevelModel(ctx: Ctx): Promise<LevelModelOut> {
  const model = await readModel(ctx.database);
  const round = await lastRound(ctx.database);
  const isCurrent =
    round === undefined || (round.model_version === model.version && round.completed_at !== null);
  return toModel(model, ctx.bank.currency, isCurrent);
}

type Held = {
  level: string;
  rank: number;
  model_version: number;
  since_at: string;
  cause: Cause;
  decided_at: string;
  evidence: Evidence;
};

/** At an instant, as it was decided then. Throws the one 404. */
export async function getCustomerLevel(
  ctx: Ctx,
  id: string,
  { as_of: asOf = ctx.now, fresh = false }: { as_of?: string | undefined; fresh?: boolean },
): Promise<CustomerLevelOut> {
  if (fresh) await refuseUnseen(ctx, id).then(() => correctOne(ctx, id));
  const { late, at } = await refuseUnseen(ctx, id, asOf);
  const [held] = await ctx.database.rows<Held>(sql`
    select level, rank, model_version, since_at, cause, decided_at, evidence from customer_levels
    where customer_id = ${id} and from_at <= ${at} and (to_at is null or to_at > ${at})`);
  const model = await readModel(ctx.database, held?.model_version);
  const { content } = model;
  const [known] = await ctx.database.rows<{ months: MonthSeen[] }>(sql`
    select ${monthsSql(
      content.measure,
      sql`a.customer_id = ${id} and a.known_from <= ${at} and (a.known_to is null or a.known_to > ${at})`,
    )} as months`);
  const months = known?.months ?? [];
  const levels = levelsOf(content);
  const grade = gradeMonths(levels, months, runningOf(held, months));
  const round = await lastRound(ctx.database);
  const isBehind = round === undefined || round.completed_at === null;
  return {
    customer_id: id,
    as_of: at,
    basis: 'recorded',
    ...shownHeld(held, model),
    measure: content.measure,
    currency: ctx.bank.currency,
    ...shownGrade(grade, levels, content, {
      isGraded: held !== undefined,
      digits: minorUnits(ctx.bank.currency),
    }),
    next_review: isBehind ? null : dueAt(ctx, content, monthEnd(round.until_date)),
    pending: late || isBehind,
  };
}

async function refuseUnseen(ctx: Ctx, id: string, at = ctx.now): Promise<{ late: boolean; at: string }> {
  const [found] = await ctx.database.rows<{ late: boolean; at: string }>(sql`
    select exists (select from late_balances l where l.customer_id = c.id) as late,
      least(${at}::timestamptz, ${ctx.now}) as at
    from customers c where c.id = ${id} and c.merged_into is null and ${visibleCustomer(ctx, 'c')}`);
  if (found === undefined) throw notFound('customer');
  return found;
}

/** What has raised it within a month counts until that month is known. */
function runningOf(held: Held | undefined, months: readonly MonthSeen[]) {
  const running = held?.evidence.running ?? null;
  return running === null || months.some(({ month }) => month >= running.month) ? null : running;
}

const shownHeld = (held: Held | undefined, { version, content }: StoredModel) => ({
  level: held?.level ?? null,
  name: content.levels.find(({ key }) => key === held?.level)?.name ?? null,
  rank: held?.rank ?? null,
  since: held?.since_at ?? null,
  cause: held?.cause ?? null,
  decided_at: held?.decided_at ?? null,
  model_version: held === undefined ? null : version,
});

type Shown = Pick<
  CustomerLevelOut,
  'state' | 'months_below' | 'keep' | 'next' | 'raised' | 'months' | 'bounds'
>;

function shownGrade(
  grade: Grade,
  levels: readonly Level[],
  content: ModelContent,
  { isGraded, digits }: { isGraded: boolean; digits: number },
): Shown {
  const missing = (bound: string | null) => {
    const lack = new Big(bound ?? 0).minus(average ?? 0);
    return bound === null || lack.lte(0) ? new Big(0).toFixed(digits) : lack.toFixed(digits);
  };
  const keyOf = (rank: number) => levels[rank]?.key ?? '';
  const rank = grade.rank ?? 0;
  const held = levels[rank];
  const above = content.levels[rank + 1];
  const average = (grade.raised ?? grade.steps.at(-1))?.average ?? null;
  const patience = held === undefined ? 0 : held.movement.months_below + held.movement.watch_months;
  return {
    state: !isGraded ? 'ungraded' : grade.watched ? 'watched' : grade.monthsBelow > 0 ? 'below' : 'kept',
    months_below: grade.monthsBelow,
    keep: !isGraded
      ? null
      : {
          lower_bound: held?.lower_bound ?? null,
          missing: missing(held?.lower_bound ?? null),
          months_left: rank === 0 ? null : patience - grade.monthsBelow,
        },
    next:
      above === undefined
        ? null
        : {
            level: above.key,
            name: above.name,
            lower_bound: above.lower_bound,
            missing: missing(above.lower_bound),
          },
    raised:
      grade.raised === null || grade.raised.average === null
        ? null
        : { month: grade.raised.month, until: grade.raised.until, average: grade.raised.average },
    months: grade.steps.slice(-monthsBack).map(({ rank: at, reached, monthsBelow, ...step }) => ({
      ...step,
      reached: keyOf(reached),
      level: keyOf(at),
      months_below: monthsBelow,
    })),
    bounds: levels.map(({ key, lower_bound }) => ({ level: key, lower_bound })),
  };
}
