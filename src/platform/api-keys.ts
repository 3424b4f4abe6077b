/** API keys: 256 random bits after `ck_`, kept as SHA-256, so a stolen table opens nothing. */
import { createHash, randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { array, json, type Reader, type Tx } from '../db/client.js';
import { realNow } from './clock.js';
import type { DataScope } from './context.js';
import { newId } from './ids.js';
import type { Scope } from './scopes.js';

export type Principal = {
  actor: string;
  scopes: ReadonlySet<string>;
  dataScope: DataScope;
  /** requests in a window; null: as many as any key */
  rateLimit: number | null;
};

export const newSecret = (): string => `ck_${randomBytes(32).toString('base64url')}`;
const hashOf = (secret: string) => createHash('sha256').update(secret).digest();

/** For this long a key that was revoked may still be taken: the price of not asking the database each time. */
const cacheMilliseconds = 1000;
const cacheEntries = 10_000;

type KeyRow = { id: string; scopes: string[]; data_scope: DataScope; rate_limit: number | null };

/** Finds the principal of a key, undefined where there is none that is valid now. */
export function keyAuthenticator(reader: Reader): (secret: string) => Promise<Principal | undefined> {
  const cache = new Map<string, { principal: Principal; until: number }>();
  return async (secret) => {
    const hash = hashOf(secret);
    const cacheKey = hash.toString('base64');
    const cached = cache.get(cacheKey);
    if (cached !== undefined && cached.until > performance.now()) return cached.principal;
    const [row] = await reader.named<KeyRow>(
      'find_api_key',
      `select id, scopes, data_scope, rate_limit from api_keys
       where secret_hash = $1 and revoked_at is null and (expires_at is null or expires_at > $2)`,
      [hash, realNow()],
    );
    if (row === undefined) {
      cache.delete(cacheKey);
      return undefined;
    }
    const principal: Principal = {
      actor: `key:${row.id}`,
      scopes: new Set(row.scopes),
      dataScope: row.data_scope,
      rateLimit: row.rate_limit,
    };
    if (cache.size >= cacheEntries) cache.clear();
    cache.set(cacheKey, { principal, until: performance.now() + cacheMilliseconds });
    return principal;
  };
}

export type NewKey = {
  name: string;
  scopes: readonly Scope[];
  dataScope: DataScope;
  expiresAt: string | null;
  rateLimit?: number | null;
};

/** Inserts a key for a secret that only the caller knows. Returns its id. */
export async function insertKey(tx: Tx, secret: string, key: NewKey, createdAt: string): Promise<string> {
  const id = newId();
  await tx.run(sql`
    insert into api_keys (id, name, secret_hash, scopes, data_scope, created_at, expires_at, rate_limit)
    values (${id}, ${key.name}, ${hashOf(secret)}, ${array(key.scopes, 'text')},
      ${key.dataScope === null ? null : json(key.dataScope)}, ${createdAt}, ${key.expiresAt}, ${key.rateLimit ?? null})`);
  return id;
}

/**
 * Makes sure that somebody can get in. Without a wish, a key is made where there is none at all; a wished key is
 * made where it is not known. Returns the secret only when it was made and not wished for: it is shown once.
 */
export async function ensureBootstrapKey(tx: Tx, wished: string | undefined): Promise<string | undefined> {
  await tx.rows(sql`select pg_advisory_xact_lock(hashtextextended('bootstrap_key', 0))`);
  const [row] = await tx.rows<{ known: boolean }>(
    wished === undefined
      ? sql`select exists (select from api_keys) as known`
      : sql`select exists (select from api_keys where secret_hash = ${hashOf(wished)}) as known`,
  );
  if (row?.known === true) return undefined;
  const secret = wished ?? newSecret();
  await insertKey(
    tx,
    secret,
    { name: 'bootstrap', scopes: ['admin'], dataScope: null, expiresAt: null },
    realNow(),
  );
  return wished === undefined ? secret : undefined;
}
