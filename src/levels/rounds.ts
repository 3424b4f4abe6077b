/**
 * Rounds over all customers: the close of each month, each day where a model raises at once, and a new version of the
 * model or of the balance policy. They come in the order of their instants, one begins when the one before is done, and
 * each goes over the customers in bounded batches, how far it is with each of them: so a worker that was down over
 * several closes does them one by one, each with the model of its time.
 */
import { sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import type { Reader, Tx } from '../db/client.js';
import { readBalancePolicy } from '../holdings/policy.js';
import { bankDays } from '../platform/bank-days.js';
import { type Ctx, today } from '../platform/context.js';
import { instantOf, microsOf } from '../platform/instants.js';
import { transact } from '../platform/transact.js';
import { type Basis, closedMonths } from './averages.js';
import { type ModelContent, movesAtOnce, readModel } from './model.js';
import { type Cause, gradeCustomers, lockUnmerged } from './regrading.js';

export type Round = {
  number: number;
  kind: 'first' | 'close' | 'day' | 'model' | 'policy';
  until_date: string;
  effective_at: string;
  model_version: number;
  policy_version: number;
  graded_to: string | null;
  completed_at: string | null;
};

const batchOf = 500;

const causes: Record<Round['kind'], Cause> = {
  first: 'month_close',
  close: 'month_close',
  day: 'at_once',
  model: 'model',
  policy: 'policy',
};

export async function lastRound(reader: Reader): Promise<Round | undefined> {
  const [round] = await reader.rows<Round>(sql`select * from level_rounds order by number desc limit 1`);
  return round;
}

const firstOfMonth = (day: string) => `${day.slice(0, 7)}-01`;
const plus = (day: string, days: number) => Temporal.PlainDate.from(day).add({ days }).toString();

/** The day after the end of the month of a day. */
export const monthEnd = (day: string): string =>
  Temporal.PlainDate.from(firstOfMonth(day)).add({ months: 1 }).toString();

/** The day up to which the next round counts, after one that counted up to `until`. */
const nextUntil = (content: ModelContent, until: string): string =>
  movesAtOnce(content) ? plus(until, 1) : monthEnd(until);

/** The instant of the bank's calendar at which a round up to a day is due. */
export const dueAt = ({ bank }: Pick<Ctx, 'bank'>, { settle_days }: ModelContent, until: string): string =>
  new Date(bankDays(bank.timeZone).startOf(plus(until, settle_days))).toISOString();

type Begun = Pick<
  Round,
  'number' | 'kind' | 'until_date' | 'effective_at' | 'model_version' | 'policy_version'
>;

/** Begins the next round that is due. False where none is, or one is under way. */
export function beginRound(ctx: Ctx): Promise<boolean> {
  return transact(ctx, async (tx) => {
    const last = await lastRound(tx);
    const next = last === undefined ? await theFirst(tx, ctx) : await nextDue(tx, ctx, last);
    if (next === null) return { value: false, audit: [] };
    // of two who find it due at once one begins it
    const begun = await tx.run(sql`
      insert into level_rounds (number, kind, until_date, effective_at, model_version, policy_version)
      values (${next.number}, ${next.kind}, ${next.until_date}, ${next.effective_at}, ${next.model_version},
        ${next.policy_version})
      on conflict do nothing`);
    return { value: begun === 1, audit: [] };
  });
}

/** Levels begin with it: it works out the months that have closed before. */
async function theFirst(tx: Tx, ctx: Ctx): Promise<Begun> {
  const { version, content } = await readModel(tx);
  const settled = plus(today(ctx), -content.settle_days);
  return {
    number: 1,
    kind: 'first',
    until_date: movesAtOnce(content) ? settled : firstOfMonth(settled),
    effective_at: ctx.now,
    model_version: version,
    policy_version: (await readBalancePolicy(tx)).version,
  };
}

/** Of what is due now, what was due first. */
async function nextDue(tx: Tx, ctx: Ctx, last: Round): Promise<Begun | null> {
  if (last.completed_at === null) return null;
  const { content } = await readModel(tx, last.model_version);
  const until = nextUntil(content, last.until_date);
  const policy = await readBalancePolicy(tx);
  const [model] = await tx.rows<{ version: number; created_at: string }>(sql`
    select version, created_at from level_models where version > ${last.model_version} order by version limit 1`);
  const same = { ...last, number: last.number + 1 };
  const candidates: Begun[] = [
    {
      ...same,
      kind: until.endsWith('-01') ? 'close' : 'day',
      until_date: until,
      effective_at: dueAt(ctx, content, until),
    },
    ...(model === undefined
      ? []
      : [{ ...same, kind: 'model' as const, effective_at: model.created_at, model_version: model.version }]),
    ...(policy.version === last.policy_version
      ? []
      : [
          {
            ...same,
            kind: 'policy' as const,
            effective_at: policy.updated_at,
            policy_version: policy.version,
          },
        ]),
  ];
  const [first] = candidates.sort((a, b) => microsOf(a.effective_at) - microsOf(b.effective_at));
  if (first === undefined || microsOf(first.effective_at) > microsOf(ctx.now)) return null;
  // another model can make a close due that lies before what was done already
  const notBefore = Math.max(microsOf(first.effective_at), microsOf(last.effective_at));
  return { ...first, effective_at: instantOf(notBefore) };
}

/** Grades the next customers of the round that is under way. False where there is none, or another does it. */
export function continueRound(ctx: Ctx, batchSize = batchOf): Promise<boolean> {
  return transact(ctx, async (tx) => {
    const [round] = await tx.rows<Round>(sql`
      select * from level_rounds where completed_at is null order by number limit 1 for update skip locked`);
    if (round === undefined) return { value: false, audit: [] };
    const after = round.graded_to === null ? sql`true` : sql`id > ${round.graded_to}::uuid`;
    const batch = await tx.rows<{ id: string }>(
      sql`select id from customers where ${after} order by id limit ${batchSize}`,
    );
    const ids = await lockUnmerged(
      tx,
      batch.map(({ id }) => id),
    );
    const events = await gradeCustomers(tx, ctx, ids, {
      model: await readModel(tx, round.model_version),
      basis: await basisOf(tx, ctx),
      until: round.until_date,
      at: round.effective_at,
      months: monthsOf(round).map((month) => ({ month, ids })),
      cause: () => causes[round.kind],
      onlyRaised: round.kind === 'day',
    });
    await tx.run(sql`
      update level_rounds set graded_to = ${batch.at(-1)?.id ?? round.graded_to},
        completed_at = ${batch.length < batchSize ? ctx.now : null}
      where number = ${round.number}`);
    return { value: true, audit: [], events };
  });
}

/** The months that a round works out. */
function monthsOf({ kind, until_date: until }: Round): string[] {
  if (kind === 'first' || kind === 'policy') return closedMonths(until, null);
  return kind === 'close' ? closedMonths(until, null).slice(-1) : [];
}

export async function basisOf(reader: Reader, { bank }: Pick<Ctx, 'bank'>): Promise<Basis> {
  return { policy: await readBalancePolicy(reader), bank };
}
