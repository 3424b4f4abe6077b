/** API keys as they are shown, and their end. */
import { sql } from 'drizzle-orm';
import type { Tx } from '../db/client.js';
import { realNow } from './clock.js';
import type { Ctx, DataScope } from './context.js';
import { notFound } from './errors.js';
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

/** What was refused by now is history: it is not shown as something that is taken still. */
const columns =
  () => sql`k.id, k.name, k.scopes, k.data_scope, k.rate_limit, k.created_at, k.expires_at, k.revoked_at, k.rotated_at,
  k.last_used_at, (select max(valid_until) from api_key_former_secrets f
    where f.key_id = k.id and f.valid_until > ${realNow()} and k.revoked_at is null) as former_secret_until`;

export async function readKey(reader: Pick<Tx, 'rows'>, id: string): Promise<KeyRow> {
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
