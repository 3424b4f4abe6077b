/** Ids of merged customers answer for ever: with the survivor. */
import type { Ctx } from '../context.js';
import { DomainError } from '../errors.js';
import { survivorOf } from '../reach.js';

/**
 * Runs an operation on a customer's path, and once more on the survivor where there is none of the id because it was
 * merged. So only who asks for a merged one pays for it; what the first run did was rolled back when it threw.
 */
export async function onSurvivor<P, Answer>(
  path: string,
  ctx: Ctx,
  params: P,
  run: (params: P) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await run(params);
  } catch (error) {
    const isMissing = error instanceof DomainError && error.code === 'not_found';
    if (!isMissing || !/^\/v1\/customers\/\{id\}(\/|$)/.test(path)) throw error;
    const survivor = await survivorOf(ctx.database, (params as { id: string }).id);
    if (survivor === undefined) throw error;
    return run({ ...params, id: survivor });
  }
}
