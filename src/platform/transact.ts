/**
 * The one way to change anything: a transaction in which the work, its audit entries, its events and its
 * idempotency key are committed together, or not at all.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Tx } from '../db/client.js';
import { type AuditEntry, writeAudit } from './audit.js';
import type { Ctx } from './context.js';
import { claimIdempotencyKey, keepIdempotentValue } from './idempotency.js';
import { type OutboxEvent, writeEvents } from './outbox.js';
import { within } from './tracing/tracer.js';

export type Effect<T> = {
  /** what the caller is told; must survive JSON, since it may be kept under an idempotency key */
  value: T;
  /** what was done; an empty list says that nothing was */
  audit: readonly AuditEntry[];
  events?: readonly OutboxEvent[];
};

const maximumAttempts = 6;

/** Serialization failure, deadlock: PostgreSQL asks for another try. */
export const isRetryable = (error: unknown): boolean =>
  ['40001', '40P01'].includes((error as { code?: string }).code ?? '');

/** What was read before a lock was had is not so any more: the work asks for another try, as PostgreSQL does. */
export class TryAgain extends Error {
  readonly code = '40001';
}

/**
 * Runs `work` in a transaction. It may run more than once, so it does no I/O but through `tx`. Never nest: compose
 * the inner functions that take `tx`.
 */
export function transact<T>(ctx: Ctx, work: (tx: Tx) => Promise<Effect<T>>): Promise<T> {
  return within(ctx.span?.begin('transaction'), () => attempts(ctx, work));
}

async function attempts<T>(ctx: Ctx, work: (tx: Tx) => Promise<Effect<T>>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ctx.database.begin((tx) => attemptOnce(tx, ctx, work));
    } catch (error) {
      if (!isRetryable(error) || attempt === maximumAttempts) throw error;
      await sleep(2 ** attempt * 5 * (0.5 + Math.random()));
    }
  }
}

async function attemptOnce<T>(tx: Tx, ctx: Ctx, work: (tx: Tx) => Promise<Effect<T>>): Promise<T> {
  const request = ctx.idempotency;
  if (request !== undefined) {
    const former = await claimIdempotencyKey(tx, ctx, request);
    ctx.replayed = former.replay;
    if (former.replay) return former.value as T;
  }
  const effect = await work(tx);
  await writeAudit(tx, ctx, effect.audit);
  await writeEvents(tx, ctx, effect.events ?? []);
  if (request !== undefined) await keepIdempotentValue(tx, ctx, request, effect.value);
  return effect.value;
}

class DryRun<T> extends Error {
  constructor(readonly value: T) {
    super('dry run');
  }
}

/** Runs `work` and takes it all back: what it would have answered, with nothing written. */
export async function rehearse<T>(ctx: Ctx, work: (tx: Tx) => Promise<Effect<T>>): Promise<T> {
  try {
    return await ctx.database.begin<T>(async (tx) => {
      throw new DryRun((await work(tx)).value);
    });
  } catch (error) {
    if (error instanceof DryRun) return error.value as T;
    throw error;
  }
}
