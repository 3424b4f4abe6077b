/** Operations on API keys. Secrets leave here once, in what makes them, and are kept nowhere. */
import { sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import type { Tx } from '../db/client.js';
import { hashOfSecret, insertKey, type NewKey, newSecret } from './api-keys.js';
import { realNow } from './clock.js';
import type { Ctx, DataScope } from './context.js';
import { DomainError, fieldError, notFound } from './errors.js';
import type { PageRequest } from './pagination.js';
import type { Scope } from './scopes.js';
import { transact } from './transact.js';

export type KeyRow = {
  id: string;
  name: string;
  scopes: Scope[];
  data_scope: DataScope;
  rate_limit: number | null;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  rotated_at: string | null;
  former_secret_until: string | null;
  last_used_at: string | null;
};

export type KeyWithSecret = KeyRow & { secret: string };

/** What was refused by now is history: it is not shown as something that is taken still. */
const columns =
  () => sql`k.id, k.name, k.scopes, k.data_scope, k.rate_limit, k.created_at, k.expires_at, k.revoked_at, k.rotated_at,
  k.last_used_at, (select max(valid_until) from api_key_former_secrets f
    where f.key_id = k.id and f.valid_until > ${realNow()} and k.revoked_at is null) as former_secret_until`;

async function readKey(reader: Pick<Tx, 'rows'>, id: string): Promise<KeyRow> {
  const [row] = await reader.rows<KeyRow>(sql`select ${columns()} from api_keys k where k.id = ${id}`);
  if (row === undefined) throw notFound('key');
  return row;
}

export const getKey = (ctx: Ctx, id: string): Promise<KeyRow> => readKey(ctx.database, id);

/** A page of keys in the order of their making. */
export async function listKeys(ctx: Ctx, { after, limit }: PageRequest): Promise<KeyRow[]> {
  const condition = after === undefined ? sql`true` : sql`k.id > ${after[0]}::uuid`;
  return ctx.database.rows<KeyRow>(
    sql`select ${columns()} from api_keys k where ${condition} order by k.id limit ${limit + 1}`,
  );
}

/** Makes a key. Whoever may do this may do everything, so no key has more than its maker. */
export async function createKey(ctx: Ctx, input: NewKey): Promise<KeyWithSecret> {
  const secret = newSecret();
  const row = await transact(ctx, async (tx) => {
    const id = await insertKey(tx, secret, { ...input, dataScope: normalScope(input.dataScope) }, ctx.now);
    const details = { scopes: input.scopes };
    return {
      value: await readKey(tx, id),
      audit: [{ action: 'api_key.created', subjectType: 'api_key', subjectId: id, details }],
    };
  });
  return { ...row, secret };
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

/**
 * Gives the key a new secret; it stays the same caller. The secret that it had, and those before, are taken for no
 * longer than the overlap. Throws 404, and 409 where the key was revoked or has expired.
 */
export async function rotateKey(ctx: Ctx, id: string, rotation: Rotation): Promise<KeyWithSecret> {
  const secret = newSecret();
  const now = realNow();
  const until = overlapEnd(rotation.overlap, now);
  const row = await transact(ctx, async (tx) => {
    const [known] = await tx.rows<{ secret_hash: Buffer; is_valid: boolean }>(sql`
      select secret_hash, revoked_at is null and (expires_at is null or expires_at > ${now}) as is_valid
      from api_keys where id = ${id} for update`);
    if (known === undefined) throw notFound('key');
    if (!known.is_valid) {
      throw new DomainError('conflict', 'The key was revoked or has expired. Make another one.');
    }
    await tx.run(sql`
      update api_key_former_secrets set valid_until = least(valid_until, ${until}) where key_id = ${id}`);
    await tx.run(sql`
      insert into api_key_former_secrets (secret_hash, key_id, valid_until)
      values (${known.secret_hash}, ${id}, ${until})`);
    const expiry = rotation.expires_at === undefined ? sql`expires_at` : sql`${rotation.expires_at}`;
    await tx.run(sql`
      update api_keys set secret_hash = ${hashOfSecret(secret)}, rotated_at = ${now}, expires_at = ${expiry},
        version = version + 1
      where id = ${id}`);
    const details = { former_secret_until: until };
    return {
      value: await readKey(tx, id),
      audit: [{ action: 'api_key.rotated', subjectType: 'api_key', subjectId: id, details }],
    };
  });
  return { ...row, secret };
}

/** All its secrets are refused from now on. Throws 404 where it is unknown, or revoked already. */
export async function revokeKey(ctx: Ctx, id: string): Promise<null> {
  return transact(ctx, async (tx) => {
    const changed = await tx.run(
      sql`update api_keys set revoked_at = ${ctx.now}, version = version + 1 where id = ${id} and revoked_at is null`,
    );
    if (changed === 0) throw notFound('key');
    return { value: null, audit: [{ action: 'api_key.revoked', subjectType: 'api_key', subjectId: id }] };
  });
}
