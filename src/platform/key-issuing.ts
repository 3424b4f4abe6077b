/**
 * What issues secrets of API keys. They leave here once, in what makes them, and are kept nowhere. Where a policy asks a
 * second person, the requester has the secret at once, and it opens nothing before the yes: whoever says yes never
 * sees it.
 */
import { sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import type { Tx } from '../db/client.js';
import { hashOfSecret, insertHashedKey, type NewKey, newSecret } from './api-keys.js';
import type { Guarded } from './approvals/guarded.js';
import { type Outcome, perform } from './approvals/perform.js';
import { realNow } from './clock.js';
import type { Ctx, DataScope } from './context.js';
import { DomainError, fieldError, notFound } from './errors.js';
import { newId } from './ids.js';
import { type KeyRow, readKey } from './key-administration.js';

/** What it came to, and the secret for whoever asked. */
export type Issued = { outcome: Outcome<KeyRow>; secret: string };

/** Whoever holds such a key may do everything, or be the second person to somebody: that is what policies speak of. */
const isMighty = (scopes: readonly string[]) =>
  scopes.some((scope) => scope === 'admin' || scope === 'approvals:decide');

const about = (id: string) => ({ subject: { type: 'api_key', id }, customers: [] });

type Creation = NewKey & { id: string; secretHash: string };

export const createKeyGuard: Guarded<Creation, KeyRow> = {
  operation: 'createApiKey',
  scope: 'admin',

  plan: async (_tx, _ctx, { id, name, scopes, dataScope, expiresAt, rateLimit = null }) => ({
    ...about(id),
    summary: `Make an API key that may ${scopes.join(', ')}`,
    content: { name, scopes, data_scope: dataScope, expires_at: expiresAt, rate_limit: rateLimit },
    weighty: isMighty(scopes),
  }),

  async execute(tx, ctx, { id, secretHash, ...key }) {
    await insertHashedKey(tx, id, Buffer.from(secretHash, 'base64'), key, ctx.now);
    const details = { scopes: key.scopes };
    return {
      value: await readKey(tx, id),
      audit: [{ action: 'api_key.created', subjectType: 'api_key', subjectId: id, details }],
    };
  },
};

/** Makes a key. Whoever may do this may do everything, so no key has more than its maker. */
export async function createKey(ctx: Ctx, input: NewKey): Promise<Issued> {
  const secret = newSecret();
  const key = { ...input, dataScope: normalScope(input.dataScope) };
  const creation = { ...key, id: newId(), secretHash: hashOfSecret(secret).toString('base64') };
  return { outcome: await perform(ctx, createKeyGuard, creation), secret };
}

/** Ids are compared as text in places: they have one spelling. */
const normalScope = (scope: DataScope): DataScope =>
  scope !== null && 'customer' in scope ? { customer: scope.customer.toLowerCase() } : scope;

const overlapDaysMax = 30;

/** Until when former secrets are taken. Throws 422. */
function overlapEnd(overlap: string, now: string): string {
  const start = Temporal.Instant.from(now).toZonedDateTimeISO('UTC');
  const end = endOf(start, overlap);
  if (end !== undefined && Temporal.ZonedDateTime.compare(end, start.add({ days: overlapDaysMax })) <= 0) {
    return end.toInstant().toString();
  }
  const message = `must be from PT0S to P${overlapDaysMax}D, in weeks, days and parts of a day`;
  throw fieldError('/overlap', 'out_of_bounds', message);
}

/** Months and years are of no certain length. Numbers that are too large for a calendar throw. */
function endOf(start: Temporal.ZonedDateTime, text: string): Temporal.ZonedDateTime | undefined {
  try {
    const duration = Temporal.Duration.from(text);
    return duration.years === 0 && duration.months === 0 ? start.add(duration) : undefined;
  } catch {
    return undefined;
  }
}

/** `expires_at` is not stated where it stays as it is. */
export type Rotation = { overlap: string; expires_at?: string | null };

type Replacement = Rotation & { id: string; secretHash: string };

type Known = { secret_hash: Buffer; scopes: string[]; version: number; is_valid: boolean };

/** The key, which nobody else changes until the transaction ends. Throws 404, and 409 where it is not valid any more. */
async function validKey(tx: Tx, id: string): Promise<Known> {
  const now = realNow();
  const [known] = await tx.rows<Known>(sql`
    select secret_hash, scopes, version, revoked_at is null and (expires_at is null or expires_at > ${now}) as is_valid
    from api_keys where id = ${id} for update`);
  if (known === undefined) throw notFound('key');
  if (!known.is_valid) {
    throw new DomainError('conflict', 'The key was revoked or has expired. Make another one.');
  }
  return known;
}

export const rotateKeyGuard: Guarded<Replacement, KeyRow> = {
  operation: 'rotateApiKey',
  scope: 'admin',

  async plan(tx, ctx, { id, overlap, expires_at }) {
    overlapEnd(overlap, realNow());
    const { scopes, version } = await validKey(tx, id);
    return {
      ...about(id),
      summary: `Give an API key that may ${scopes.join(', ')} a new secret`,
      content: { base_version: version, overlap, ...(expires_at === undefined ? {} : { expires_at }) },
      // with the secret of another one's key somebody would be that other one
      weighty: isMighty(scopes) && ctx.actor !== `key:${id}`,
    };
  },

  async execute(tx, _ctx, { id, secretHash, overlap, expires_at }) {
    const { secret_hash } = await validKey(tx, id);
    const now = realNow();
    const until = overlapEnd(overlap, now);
    await tx.run(sql`
      update api_key_former_secrets set valid_until = least(valid_until, ${until}) where key_id = ${id}`);
    await tx.run(sql`
      insert into api_key_former_secrets (secret_hash, key_id, valid_until) values (${secret_hash}, ${id}, ${until})`);
    const expiry = expires_at === undefined ? sql`expires_at` : sql`${expires_at}`;
    await tx.run(sql`
      update api_keys set secret_hash = ${Buffer.from(secretHash, 'base64')}, rotated_at = ${now}, expires_at = ${expiry},
        version = version + 1
      where id = ${id}`);
    const details = { former_secret_until: until };
    return {
      value: await readKey(tx, id),
      audit: [{ action: 'api_key.rotated', subjectType: 'api_key', subjectId: id, details }],
    };
  },
};

/**
 * Gives the key a new secret; it stays the same caller. The secret that it had, and those before, are taken for no
 * longer than the overlap. Throws 404, and 409 where the key was revoked or has expired.
 */
export async function rotateKey(ctx: Ctx, id: string, rotation: Rotation): Promise<Issued> {
  const secret = newSecret();
  const secretHash = hashOfSecret(secret).toString('base64');
  return { outcome: await perform(ctx, rotateKeyGuard, { ...rotation, id, secretHash }), secret };
}
