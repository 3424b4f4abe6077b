/**
 * API keys: 256 random bits after `ck_`, kept as SHA-256, so a stolen table opens nothing. A key that was rotated is
 * known by its former secrets too, until their overlap is over.
 */
import { createHash, randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { array, json, type Reader, type Tx } from '../db/client.js';
import { realNow } from './clock.js';
import type { DataScope, Principal } from './context.js';
import { newId } from './ids.js';
import type { Scope } from './scopes.js';

export const newSecret = (): string => `ck_${randomBytes(32).toString('base64url')}`;
export const hashOfSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** For this long a key that was revoked may still be taken: the price of not asking the database each time. */
const cacheMilliseconds = 1000;
const cacheEntries = 10_000;

type Row = {
  id: string;
  scopes: string[];
  data_scope: DataScope;
  rate_limit: number | null;
  until: string | null;
};

/** `rateLimit`: requests in a window; null: as many as any key. `until`: when the key or its secret ends. */
export type KeyHolder = {
  keyId: string;
  principal: Principal;
  rateLimit: number | null;
  until: string | null;
};

type Find = (by: string) => Promise<KeyHolder | undefined>;

const shown = 'k.id, k.scopes, k.data_scope, k.rate_limit';
const isValid = 'k.revoked_at is null and (k.expires_at is null or k.expires_at > $2)';

/** Finds whose a secret is, and the key of an id: undefined where no key has it that is valid now. */
export function keyAuthenticator(reader: Reader): { bySecret: Find; byId: Find } {
  const bySecret = remembered((hash, now) =>
    reader.named<Row>(
      'find_api_key',
      `select ${shown}, least(k.expires_at, s.valid_until) as until
       from (
         select id, null::timestamptz as valid_until from api_keys where secret_hash = $1
         union all
         select key_id, valid_until from api_key_former_secrets where secret_hash = $1 and valid_until > $2
       ) s join api_keys k on k.id = s.id
       where ${isValid}`,
      [Buffer.from(hash, 'base64'), now],
    ),
  );
  const byId = remembered((id, now) =>
    reader.named<Row>(
      'find_api_key_by_id',
      `select ${shown}, k.expires_at as until from api_keys k where k.id = $1 and ${isValid}`,
      [id, now],
    ),
  );
  return { bySecret: (secret) => bySecret(hashOfSecret(secret).toString('base64')), byId };
}

/** A valid key is remembered for a moment; one that ends within it, until then. */
function remembered(find: (by: string, now: string) => Promise<Row[]>): Find {
  const cache = new Map<string, { holder: KeyHolder; until: number }>();
  return async (by) => {
    const cached = cache.get(by);
    if (cached !== undefined && cached.until > performance.now()) return cached.holder;
    const now = realNow();
    const [row] = await find(by, now);
    if (row === undefined) {
      cache.delete(by);
      return undefined;
    }
    const principal = { actor: `key:${row.id}`, scopes: new Set(row.scopes), dataScope: row.data_scope };
    const holder = { keyId: row.id, principal, rateLimit: row.rate_limit, until: row.until };
    const left = row.until === null ? cacheMilliseconds : Date.parse(row.until) - Date.parse(now);
    if (cache.size >= cacheEntries) cache.clear();
    cache.set(by, { holder, until: performance.now() + Math.min(left, cacheMilliseconds) });
    return holder;
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
  await insertHashedKey(tx, id, hashOfSecret(secret), key, createdAt);
  return id;
}

/** The same for a secret of which the hash is all that is known here. */
export async function insertHashedKey(
  tx: Tx,
  id: string,
  hash: Buffer,
  key: NewKey,
  createdAt: string,
): Promise<void> {
  await tx.run(sql`
    insert into api_keys (id, name, secret_hash, scopes, data_scope, created_at, expires_at, rate_limit)
    values (${id}, ${key.name}, ${hash}, ${array(key.scopes, 'text')},
      ${key.dataScope === null ? null : json(key.dataScope)}, ${createdAt}, ${key.expiresAt}, ${key.rateLimit ?? null})`);
}

/**
 * Makes sure that somebody can get in. Without a wish, a key is made where there is none at all; a wished key is
 * made where it is not known. Returns the secret only when it was made and not wished for: it is shown once.
 */
export async function ensureBootstrapKey(tx: Tx, wished: string | undefined): Promise<string | undefined> {
  await tx.rows(sql`select pg_advisory_xact_lock(hashtextextended('bootstrap_key', 0))`);
  // one that was revoked or rotated away must not come back with the next start
  const [row] = await tx.rows<{ known: boolean }>(
    wished === undefined
      ? sql`select exists (select from api_keys) as known`
      : sql`select exists (select from api_keys where secret_hash = ${hashOfSecret(wished)})
          or exists (select from api_key_former_secrets where secret_hash = ${hashOfSecret(wished)}) as known`,
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
