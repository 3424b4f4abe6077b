/**
 * The same key and the same request have one effect. The key is inserted in the transaction of the effect, so a
 * reply that was lost on its way can be asked for again, whatever broke in between.
 *
 * What is kept is the operation's value, encrypted, not the reply: the reply is made from it anew, and masking
 * and headers follow the caller of the repetition.
 */
import { sql } from 'drizzle-orm';
import type { Tx } from '../db/client.js';
import { realNow } from './clock.js';
import type { Ctx, IdempotentRequest } from './context.js';
import { DomainError } from './errors.js';

type Former = { replay: true; value: unknown } | { replay: false };

/** Sessions of several customers of one back end choose their keys apart. */
const principalOf = (ctx: Ctx) =>
  ctx.onBehalfOf === undefined ? ctx.actor : `${ctx.actor} for ${ctx.onBehalfOf}`;

const aad = (ctx: Ctx, request: IdempotentRequest) =>
  `idempotency|${principalOf(ctx)}|${request.operation}|${request.key}`;

/** Claims the key, or finds what it stood for. Throws 409 while the first request runs, 422 for another request. */
export async function claimIdempotencyKey(tx: Tx, ctx: Ctx, request: IdempotentRequest): Promise<Former> {
  const name = aad(ctx, request);
  // tried, not waited for: a repetition must not hold a connection while the first one works
  const [lock] = await tx.rows<{ taken: boolean }>(
    sql`select pg_try_advisory_xact_lock(hashtextextended(${name}, 0)) as taken`,
  );
  if (lock?.taken !== true) {
    throw new DomainError(
      'idempotency_in_progress',
      'A request with this Idempotency-Key is still running.',
      {
        retryAfterSeconds: 1,
      },
    );
  }
  const inserted = await tx.run(sql`
    insert into idempotency_keys (principal, operation, key, request_hash, created_at)
    values (${principalOf(ctx)}, ${request.operation}, ${request.key}, ${request.requestHash}, ${realNow()})
    on conflict do nothing`);
  if (inserted === 1) return { replay: false };
  const [row] = await tx.rows<{ request_hash: Buffer; value_sealed: Buffer }>(sql`
    select request_hash, value_sealed from idempotency_keys
    where principal = ${principalOf(ctx)} and operation = ${request.operation} and key = ${request.key}`);
  if (row === undefined) throw new Error('an idempotency key vanished under its lock');
  if (!row.request_hash.equals(request.requestHash)) {
    throw new DomainError('idempotency_key_reused', 'This Idempotency-Key came before with another request.');
  }
  return { replay: true, value: JSON.parse(ctx.keyring.decrypt(row.value_sealed, name)) };
}

/** Keeps the value beside the key, in the same transaction. */
export async function keepIdempotentValue(tx: Tx, ctx: Ctx, request: IdempotentRequest, value: unknown) {
  await tx.run(sql`
    update idempotency_keys set value_sealed = ${ctx.keyring.encrypt(JSON.stringify(value ?? null), aad(ctx, request))}
    where principal = ${principalOf(ctx)} and operation = ${request.operation} and key = ${request.key}`);
}

/** Deletes keys older than two days, a bounded number at a time. Returns how many. */
export async function forgetIdempotencyKeys(tx: Tx, before: string): Promise<number> {
  return tx.run(sql`
    delete from idempotency_keys where ctid = any(array(
      select ctid from idempotency_keys where created_at < ${before} order by created_at limit 5000))`);
}
