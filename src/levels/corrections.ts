/**
 * Balances that came late or were corrected, of months that have closed: their averages are worked out again from the
 * first of them on, and the customer is graded anew, from now on. Merges do the same. What was recorded stays.
 */
import { sql } from 'drizzle-orm';
import { array, type Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import type { OutboxEvent } from '../platform/outbox.js';
import { transact } from '../platform/transact.js';
import { closedMonths } from './averages.js';
import { readModel } from './model.js';
import { gradeCustomers, lockUnmerged } from './regrading.js';
import { basisOf, lastRound, type Round } from './rounds.js';

const batchSize = 200;

/** Grades the next of those whose balances changed backward. False where there are none, or a round is under way. */
export function correctNext(ctx: Ctx): Promise<boolean> {
  return transact(ctx, async (tx) => {
    const round = await lastRound(tx);
    if (round === undefined || round.completed_at === null) return { value: false, audit: [] };
    const waiting = await tx.rows<{ id: string }>(
      sql`select customer_id as id from late_balances order by marked_at, customer_id limit ${batchSize}`,
    );
    if (waiting.length === 0) return { value: false, audit: [] };
    const ids = waiting.map(({ id }) => id);
    return { value: true, audit: [], events: await correct(tx, ctx, round, ids) };
  });
}

/** The same of one customer, where it waits: a reader wants to know it at this instant. */
export function correctOne(ctx: Ctx, customerId: string): Promise<void> {
  return transact(ctx, async (tx) => {
    const round = await lastRound(tx);
    if (round === undefined || round.completed_at === null) return { value: undefined, audit: [] };
    return { value: undefined, audit: [], events: await correct(tx, ctx, round, [customerId]) };
  });
}

type Late = { customer_id: string; since_date: string; cause: 'correction' | 'merge' };

async function correct(
  tx: Tx,
  ctx: Ctx,
  { until_date: until, model_version }: Round,
  ids: readonly string[],
): Promise<OutboxEvent[]> {
  const locked = new Set(await lockUnmerged(tx, ids));
  // whoever marks a customer holds its lock: what is taken here was marked before, by all of them
  const taken = await tx.rows<Late>(sql`
    delete from late_balances where customer_id = any(${array(ids, 'uuid')})
    returning customer_id, since_date, cause`);
  // what is of a month that is not closed yet is in its close
  const isClosed = ({ since_date: since }: Late) => since.slice(0, 7) < until.slice(0, 7);
  const late = taken.filter((one) => locked.has(one.customer_id) && isClosed(one));
  const [earliest] = late.map((one) => one.since_date).sort();
  if (earliest === undefined) return [];
  return gradeCustomers(
    tx,
    ctx,
    late.map((one) => one.customer_id),
    {
      model: await readModel(tx, model_version),
      basis: await basisOf(tx, ctx),
      until,
      at: ctx.now,
      months: closedMonths(until, earliest).map((month) => ({
        month,
        ids: late.filter((one) => one.since_date.slice(0, 7) <= month).map((one) => one.customer_id),
      })),
      cause: (id) => late.find((one) => one.customer_id === id)?.cause ?? 'correction',
    },
  );
}

const stepSize = 2000;

/** A rate that came late: marks the next holders of its currency. False where none did. */
export function markLateHolders(ctx: Ctx): Promise<boolean> {
  return transact(ctx, async (tx) => {
    const [rate] = await tx.rows<{ currency: string; since_date: string; marked_to: string | null }>(sql`
      select currency, since_date, marked_to from late_rates order by marked_at limit 1 for update skip locked`);
    if (rate === undefined) return { value: false, audit: [] };
    const after = rate.marked_to === null ? sql`true` : sql`h.customer_id > ${rate.marked_to}::uuid`;
    const owners = await tx.rows<{ id: string }>(sql`
      select h.customer_id as id from holdings h where h.currency = ${rate.currency} and ${after}
      group by h.customer_id order by h.customer_id limit ${stepSize}`);
    const ids = owners.map(({ id }) => id);
    await tx.run(sql`
      insert into late_balances as late (customer_id, since_date, cause, marked_at)
      select distinct p.customer_id, ${rate.since_date}::date, 'correction', ${ctx.now}::timestamptz
      from holdings h join holding_parties p on p.holding_id = h.id and p.role in ('primary_owner', 'joint_owner')
      where h.customer_id = any(${array(ids, 'uuid')}) and h.currency = ${rate.currency} order by 1
      on conflict (customer_id) do update set since_date = least(late.since_date, excluded.since_date)`);
    if (ids.length < stepSize) await tx.run(sql`delete from late_rates where currency = ${rate.currency}`);
    else await tx.run(sql`update late_rates set marked_to = ${ids.at(-1)} where currency = ${rate.currency}`);
    return { value: true, audit: [] };
  });
}
