/** Grades a batch of customers by what is known of their months, and writes the differences. */
import { sql } from 'drizzle-orm';
import { array, json, type Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import type { OutboxEvent } from '../platform/outbox.js';
import { markCustomers } from '../reviews/service.js';
import { type Basis, type Known, keepAverages, monthsSql, runningMonths } from './averages.js';
import { type Grade, gradeMonths, type MonthSeen, placeAmong, type RunningMonth } from './grading.js';
import { heldBound, levelsOf, movesAtOnce, type StoredModel } from './model.js';

export type Cause = 'month_close' | 'at_once' | 'correction' | 'model' | 'policy' | 'merge';

export type Grading = {
  model: StoredModel;
  basis: Basis;
  /** the day up to which balances count, exclusive */
  until: string;
  /** from when on it counts, at the earliest */
  at: string;
  /** the closed months whose averages are worked out first, and of whom */
  months: readonly { month: string; ids: readonly string[] }[];
  cause: (customerId: string) => Cause;
  /** nothing but the running month has gone on: who is not raised by it stays as it is */
  onlyRaised?: boolean;
};

type Held = {
  level: string;
  rank: number;
  lower_bound: string | null;
  model_version: number;
  since_at: string;
};

type State = {
  customer_id: string;
  months: MonthSeen[];
  held: Held | null;
  branch: string | null;
  manager: string | null;
};

export type Evidence = {
  measure: string;
  bounds: { level: string; lower_bound: string | null }[];
  months: (MonthSeen & { reached: string; outcome: string })[];
  running: RunningMonth | null;
};

type Change = { state: State; level: string; rank: number; from: string; since: string; evidence: Evidence };

/** Locks customers in the order of their ids; those that were merged into others are left out. */
export async function lockUnmerged(tx: Tx, ids: readonly string[]): Promise<string[]> {
  const rows = await tx.rows<{ id: string }>(sql`
    select customer_id as id from review_state where customer_id = any(${array(ids, 'uuid')}) and merged_into is null
    order by customer_id for update`);
  return rows.map(({ id }) => id);
}

/** The customers are locked. */
export async function gradeCustomers(
  tx: Tx,
  ctx: Ctx,
  ids: readonly string[],
  grading: Grading,
): Promise<OutboxEvent[]> {
  const known = await instantsOf(tx, ids, grading.at);
  for (const { month, ids: some } of grading.months) {
    const concerned = new Map(some.flatMap((id) => pairOf(known, id)));
    await keepAverages(tx, grading.basis, month, concerned, ctx.now);
  }
  const { model, basis, until } = grading;
  const running = movesAtOnce(model.content)
    ? await runningMonths(tx, basis, model.content.measure, until, ids)
    : new Map<string, RunningMonth>();
  const levels = levelsOf(model.content);
  const isRaised = (id: string) => gradeMonths(levels, [], running.get(id) ?? null).raised !== null;
  const states = await readStates(tx, model, grading.onlyRaised === true ? ids.filter(isRaised) : ids);
  const changes = states.flatMap((state) => {
    const change = changeOf(state, model, running.get(state.customer_id) ?? null);
    const from = known.get(state.customer_id);
    if (change === null || from === undefined) return [];
    const since = state.held?.level === change.level ? state.held.since_at : from;
    return [{ ...change, state, from, since }];
  });
  await writeChanges(tx, ctx, changes, grading);
  return tellChanges(tx, ctx, changes, grading);
}

const pairOf = (known: Known, id: string): [string, string][] => {
  const at = known.get(id);
  return at === undefined ? [] : [[id, at]];
};

/** Later than all that is recorded of the customer so far: the past stays as it was told. */
async function instantsOf(tx: Tx, ids: readonly string[], at: string): Promise<Map<string, string>> {
  const rows = await tx.rows<{ id: string; at: string }>(sql`
    select c.id, greatest(${at}::timestamptz, c.created_at,
      (select max(a.known_from) from monthly_averages a where a.customer_id = c.id) + interval '1 microsecond',
      (select max(greatest(l.from_at, l.to_at)) from customer_levels l where l.customer_id = c.id) + interval '1 microsecond') as at
    from customers c where c.id = any(${array(ids, 'uuid')})`);
  return new Map(rows.map((row) => [row.id, row.at]));
}

const readStates = (tx: Tx, { content }: StoredModel, ids: readonly string[]): Promise<State[]> =>
  tx.rows<State>(sql`
    select c.id as customer_id, c.branch, c.manager,
      ${monthsSql(content.measure, sql`a.customer_id = c.id and a.known_to is null`)} as months,
      (select json_build_object('level', l.level, 'rank', l.rank, 'lower_bound', ${heldBound}, 'model_version', l.model_version,
          'since_at', to_char(l.since_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
        from customer_levels l where l.customer_id = c.id and l.to_at is null) as held
    from customers c where c.id = any(${array(ids, 'uuid')}) order by c.id`);

function changeOf({ months, held }: State, model: StoredModel, running: RunningMonth | null) {
  const levels = levelsOf(model.content);
  const grade = gradeMonths(levels, months, running);
  if (grade.rank === null) return null;
  const level = levels[grade.rank]?.key ?? '';
  const isSame = held?.level === level && held.rank === grade.rank && held.model_version === model.version;
  return isSame ? null : { level, rank: grade.rank, evidence: evidenceOf(grade, model, running) };
}

/** The months that the model can look back on when it decides. */
function evidenceOf(
  { steps, raised }: Grade,
  { content }: StoredModel,
  running: RunningMonth | null,
): Evidence {
  const levels = levelsOf(content);
  const most = Math.max(...levels.map(({ movement }) => movement.months_below + movement.watch_months));
  return {
    measure: content.measure,
    bounds: levels.map(({ key, lower_bound }) => ({ level: key, lower_bound })),
    months: steps.slice(-most).map(({ month, average, unvalued, reached, outcome }) => {
      return { month, average, unvalued, reached: levels[reached]?.key ?? '', outcome };
    }),
    running: raised === null ? null : running,
  };
}

async function writeChanges(tx: Tx, ctx: Ctx, changes: readonly Change[], { model, cause }: Grading) {
  if (changes.length === 0) return;
  const rows = changes.map(({ state, level, rank, from, since, evidence }) => ({
    ...{ customer_id: state.customer_id, from_at: from, level, rank, since_at: since, evidence },
    cause: cause(state.customer_id),
  }));
  const written = sql`jsonb_to_recordset(${json(rows)}) as r(customer_id uuid, from_at timestamptz, level text,
    rank integer, since_at timestamptz, cause text, evidence jsonb)`;
  await tx.run(sql`
    update customer_levels l set to_at = r.from_at from ${written}
    where l.customer_id = r.customer_id and l.to_at is null`);
  await tx.run(sql`
    insert into customer_levels (customer_id, from_at, level, rank, model_version, since_at, cause, decided_at, evidence)
    select r.customer_id, r.from_at, r.level, r.rank, ${model.version}::integer, r.since_at, r.cause, ${ctx.now},
      r.evidence from ${written} order by r.customer_id`);
}

/** Rules that speak of levels are looked at again, and whoever listens is told. */
async function tellChanges(
  tx: Tx,
  ctx: Ctx,
  changes: readonly Change[],
  { model, cause }: Grading,
): Promise<OutboxEvent[]> {
  const moved = changes.filter(
    ({ state: { held }, level, rank }) => held?.level !== level || held.rank !== rank,
  );
  const marks = await markCustomers(
    tx,
    ctx,
    moved.map(({ state }) => state.customer_id),
    ['level'],
  );
  const levels = levelsOf(model.content);
  const former = ({ level: key, lower_bound }: Held) => placeAmong(levels, { key, lower_bound });
  return moved
    .filter(({ state: { held }, level }) => held?.level !== level)
    .map(({ state: { customer_id: id, held, branch, manager }, level, rank, from }) => ({
      type: 'level.changed',
      subject: id,
      subjectVersion: marks.get(id)?.version ?? 0,
      occurredAt: marks.get(id)?.instant ?? ctx.now,
      scope: { customer: id, branch, manager },
      data: {
        from: held?.level ?? null,
        to: level,
        direction: directionOf(held === null ? null : former(held), rank),
        cause: cause(id),
        model_version: model.version,
        effective_at: from,
      },
    }));
}

/** @param former where the level that was held stands in the model */
function directionOf(former: number | null, rank: number): 'first' | 'up' | 'down' | 'same' {
  if (former === null) return 'first';
  return rank > former ? 'up' : rank < former ? 'down' : 'same';
}
