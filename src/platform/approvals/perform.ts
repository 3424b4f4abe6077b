/** Does what is asked for, or asks a second person, as the policy of the operation says. */
import { sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import { array, type Tx } from '../../db/client.js';
import type { Ctx } from '../context.js';
import { newId } from '../ids.js';
import { type Effect, rehearse, transact } from '../transact.js';
import { approvalEvent } from './events.js';
import { type Content, type Guarded, type Planned, planChanged, planHash } from './guarded.js';
import { asksForApproval, holdPolicy, type Policy, readPolicy } from './policies.js';
import { sealContent } from './stored.js';

/** What an operation came to: its value, or the id of the approval that it waits for. */
export type Outcome<Value> = { done: Value } | { approval: string };

/**
 * Does it, or writes down that it waits. Throws `plan_changed` where the caller names a plan that is not the present
 * one, forecast included.
 */
export async function perform<Input, Value>(
  ctx: Ctx,
  guard: Guarded<Input, Value>,
  input: Input,
  named?: string,
): Promise<Outcome<Value>> {
  // counting takes its time: it is done where somebody wants to know
  const counts = named !== undefined || (await readPolicy(ctx.database, guard.operation)).required;
  const forecast = counts ? await forecastOf(ctx, guard, input) : null;
  return transact<Outcome<Value>>(ctx, async (tx) => {
    const policy = await holdPolicy(tx, guard.operation);
    const planned = { ...(await guard.plan(tx, ctx, input)), forecast };
    if (named !== undefined && named !== planHash(guard.operation, planned)) {
      throw planChanged('What was planned is not what would be done now.');
    }
    if (asksForApproval(policy, guard.threshold, planned)) {
      return requestApproval(tx, ctx, guard, policy, input, planned);
    }
    const effect = await guard.execute(tx, ctx, input);
    return { ...effect, value: { done: effect.value } };
  });
}

/** The plan of a request, with what it would move, and whether it would wait. Nothing is written. */
export async function planOnly<Input>(ctx: Ctx, guard: Guarded<Input, unknown>, input: Input) {
  const forecast = await forecastOf(ctx, guard, input);
  const policy = await readPolicy(ctx.database, guard.operation);
  const plan = await rehearse(ctx, async (tx) => ({ value: await guard.plan(tx, ctx, input), audit: [] }));
  const planned = { ...plan, forecast };
  return {
    planned,
    hash: planHash(guard.operation, planned),
    asksForApproval: asksForApproval(policy, guard.threshold, planned),
  };
}

/** PostgreSQL ended the statement, or its client gave it up. */
const tookTooLong = (error: unknown) =>
  (error as { code?: string }).code === '57014' || /Query read timeout/.test((error as Error).message);

/** null where nothing is counted, or it could not be done in time. */
async function forecastOf<Input>(
  ctx: Ctx,
  guard: Guarded<Input, unknown>,
  input: Input,
): Promise<Content | null> {
  try {
    return (await guard.forecast?.(ctx, input)) ?? null;
  } catch (error) {
    if (tookTooLong(error)) return null;
    throw error;
  }
}

async function requestApproval<Input, Value>(
  tx: Tx,
  ctx: Ctx,
  guard: Guarded<Input, Value>,
  policy: Policy,
  input: Input,
  planned: Planned,
): Promise<Effect<Outcome<Value>>> {
  const hash = planHash(guard.operation, planned);
  // the reply was lost, or it is asked for twice: one waits already
  const [waiting] = await tx.rows<{ id: string }>(sql`
    select id from approvals
    where state = 'pending' and expires_at > ${ctx.now} and operation = ${guard.operation}
      and plan_hash = ${hash} and requested_by = ${ctx.actor} limit 1`);
  if (waiting !== undefined) return { value: { approval: waiting.id }, audit: [] };
  const id = newId();
  const { subject, customers } = planned;
  const expiresAt = endOf(policy.expires_after, ctx);
  await tx.run(sql`
    insert into approvals (id, operation, scope, subject_type, subject_id, customers, content_sealed, plan_hash, state,
      requested_by, requested_at, expires_at, version)
    values (${id}, ${guard.operation}, ${guard.scope}, ${subject.type}, ${subject.id}, ${array(customers, 'uuid')},
      ${sealContent(ctx, id, { input, planned })}, ${hash}, 'pending', ${ctx.actor}, ${ctx.now}, ${expiresAt}, 1)`);
  const row = { id, operation: guard.operation, customers, version: 1 };
  const details = { operation: guard.operation, subject: subject.id, plan_hash: hash, expires_at: expiresAt };
  return {
    value: { approval: id },
    audit: [{ action: 'approval.requested', subjectType: 'approval', subjectId: id, details }],
    events: [
      await approvalEvent(tx, ctx, 'requested', row, { requested_by: ctx.actor, expires_at: expiresAt }),
    ],
  };
}

/** In the bank's calendar. */
const endOf = (duration: string, ctx: Ctx): string =>
  Temporal.Instant.from(ctx.now)
    .toZonedDateTimeISO(ctx.bank.timeZone)
    .add(Temporal.Duration.from(duration))
    .toInstant()
    .toString();
