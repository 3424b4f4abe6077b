/**
 * The second person decides. A yes carries the plan out in its own transaction, so it is there with all its effects or
 * not at all; of many who say it at once, one does. Whoever repeats a decision of its own, since the reply was lost,
 * is told what it came to.
 */
import { sql } from 'drizzle-orm';
import type { Tx } from '../../db/client.js';
import type { AuditEntry } from '../audit.js';
import type { Ctx } from '../context.js';
import { DomainError, insufficientScope } from '../errors.js';
import { type Effect, transact } from '../transact.js';
import { approvalEvent } from './events.js';
import { type AnyGuarded, planChanged, planHash } from './guarded.js';
import {
  type ApprovalRow,
  type ApprovalState,
  contentOf,
  holds,
  readApproval,
  sealReason,
  sealResult,
} from './stored.js';

/** `planHash` is the plan that whoever decides has seen. */
export type Decision = { reason?: string | undefined; planHash?: string | undefined };

export type GuardOf = (operation: string) => AnyGuarded | undefined;

/**
 * Throws 404, 403 where the caller is no second person for it or lacks the operation's own scope, and 409 where it is
 * decided or over, or `plan_changed`.
 */
export async function approve(ctx: Ctx, guardOf: GuardOf, id: string, decision: Decision): Promise<null> {
  let refusal: DomainError | undefined;
  try {
    return await transact(ctx, async (tx) => {
      refusal = undefined;
      const row = await readApproval(ctx, tx, id, true);
      checkSecondPerson(ctx, row);
      if (row.decided_by === ctx.actor && ['executed', 'failed'].includes(row.state)) return unchanged;
      checkPending(row);
      const { guard, input } = await samePlan(tx, ctx, guardOf, row, decision.planHash);
      const effect = await guard.execute(tx, ctx, input).catch((error: unknown) => {
        if (error instanceof DomainError) refusal = error;
        throw error;
      });
      return executed(tx, ctx, row, decision, effect);
    });
  } catch (error) {
    if (refusal === undefined) throw error;
    return recordFailure(ctx, id, decision, refusal);
  }
}

const unchanged = { value: null, audit: [] };

/** Only whoever can decide is told more than that it exists. */
function checkSecondPerson(ctx: Ctx, row: ApprovalRow): void {
  if (!holds(ctx, row.scope)) {
    throw insufficientScope(row.scope, `Deciding on ${row.operation} asks for its own scope, ${row.scope}.`);
  }
  if (row.requested_by === ctx.actor) {
    throw new DomainError(
      'second_person_required',
      'You have asked for it yourself: another one has to decide.',
    );
  }
}

function checkPending(row: ApprovalRow): void {
  if (row.state !== 'pending') throw new DomainError('conflict', `The approval is ${row.state} already.`);
}

/** Makes the plan anew and holds it against the one that was shown. The forecast is the one of then: it has moved since. */
async function samePlan(
  tx: Tx,
  ctx: Ctx,
  guardOf: GuardOf,
  row: ApprovalRow,
  seen: string | undefined,
): Promise<{ guard: AnyGuarded; input: unknown }> {
  const guard = guardOf(row.operation);
  if (guard === undefined)
    throw new DomainError('conflict', `There is no operation ${row.operation} any more.`);
  if (seen !== undefined && seen !== row.plan_hash)
    throw planChanged('This is not the plan that you have seen.');
  const { input, planned } = contentOf(ctx, row);
  const present = await guard.plan(tx, ctx, input).catch((error: unknown) => {
    throw error instanceof DomainError ? planChanged(error.message) : error;
  });
  if (planHash(row.operation, { ...present, forecast: planned.forecast }) !== row.plan_hash) {
    throw planChanged('What it was planned on has changed since.');
  }
  return { guard, input };
}

async function executed(
  tx: Tx,
  ctx: Ctx,
  row: ApprovalRow,
  { reason }: Decision,
  effect: Effect<unknown>,
): Promise<Effect<null>> {
  await settle(tx, ctx, row, 'executed', reason, effect.value);
  const { requested_by } = row;
  // both who asked and who agreed stand beside everything that was done
  const both = { approval: row.id, requested_by };
  return {
    value: null,
    audit: [
      entryOf(row, 'approved'),
      ...effect.audit.map((entry) => ({ ...entry, details: { ...entry.details, ...both } })),
    ],
    events: [
      await approvalEvent(tx, ctx, 'approved', row, { requested_by, decided_by: ctx.actor }),
      ...(effect.events ?? []),
      await approvalEvent(
        tx,
        ctx,
        'executed',
        { ...row, version: row.version + 1 },
        { requested_by, decided_by: ctx.actor },
      ),
    ],
  };
}

const entryOf = (row: ApprovalRow, told: string, details: Record<string, unknown> = {}): AuditEntry => ({
  action: `approval.${told}`,
  subjectType: 'approval',
  subjectId: row.id,
  details: { operation: row.operation, plan_hash: row.plan_hash, requested_by: row.requested_by, ...details },
});

async function settle(
  tx: Tx,
  ctx: Ctx,
  row: ApprovalRow,
  state: ApprovalState,
  reason: string | undefined,
  result?: unknown,
): Promise<void> {
  await tx.run(sql`
    update approvals set state = ${state}, decided_by = ${ctx.actor}, decided_at = ${ctx.now},
      reason_sealed = ${sealReason(ctx, row.id, reason)},
      result_sealed = ${result === undefined ? null : sealResult(ctx, row.id, result)}, version = version + 1
    where id = ${row.id}`);
}

/** The yes was given, and the operation itself says no: that is how it ends. */
function recordFailure(ctx: Ctx, id: string, { reason }: Decision, refusal: DomainError): Promise<null> {
  // the key of this request was not kept: nothing is told under it but what is read anew
  return transact({ ...ctx, idempotency: undefined }, async (tx) => {
    const row = await readApproval(ctx, tx, id, true);
    checkPending(row);
    const { code, message } = refusal;
    await settle(tx, ctx, row, 'failed', reason, { code, detail: message });
    const { requested_by } = row;
    const both = { requested_by, decided_by: ctx.actor };
    return {
      value: null,
      audit: [entryOf(row, 'approved'), entryOf(row, 'failed', { code })],
      events: [
        await approvalEvent(tx, ctx, 'approved', row, both),
        await approvalEvent(tx, ctx, 'failed', { ...row, version: row.version + 1 }, { ...both, code }),
      ],
    };
  });
}

/** A no of the second person. Throws as `approve` does. */
export function reject(ctx: Ctx, id: string, reason: string): Promise<null> {
  return transact(ctx, async (tx) => {
    const row = await readApproval(ctx, tx, id, true);
    checkSecondPerson(ctx, row);
    return end(tx, ctx, row, 'rejected', reason);
  });
}

/** Whoever asked takes it back. Throws 404, 403 where somebody else asked, 409 where it is decided or over. */
export function withdraw(ctx: Ctx, id: string, reason: string | undefined): Promise<null> {
  return transact(ctx, async (tx) => {
    const row = await readApproval(ctx, tx, id, true);
    if (row.state === 'pending' && row.requested_by !== ctx.actor) {
      throw new DomainError('requester_only', 'Only whoever has asked for it takes it back.');
    }
    return end(tx, ctx, row, 'withdrawn', reason);
  });
}

async function end(
  tx: Tx,
  ctx: Ctx,
  row: ApprovalRow,
  state: 'rejected' | 'withdrawn',
  reason: string | undefined,
): Promise<Effect<null>> {
  if (row.state === state && row.decided_by === ctx.actor) return unchanged;
  checkPending(row);
  await settle(tx, ctx, row, state, reason);
  const { requested_by } = row;
  const event = await approvalEvent(
    tx,
    ctx,
    state,
    { ...row, version: row.version + 1 },
    { requested_by, decided_by: ctx.actor },
  );
  return { value: null, audit: [entryOf(row, state)], events: [event] };
}
