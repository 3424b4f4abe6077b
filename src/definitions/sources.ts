/**
 * The systems that tell us things, and how much the word of each weighs. What was decided stays: priorities hold for
 * what is stated from now on, against all that was stated before.
 */
import { isDeepStrictEqual } from 'node:util';
import { sql } from 'drizzle-orm';
import { json, type Reader } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { notFound } from '../platform/errors.js';
import type { PageRequest } from '../platform/pagination.js';
import type { SourceRow, SourceStatement } from './schemas.js';
import { type Put, pageAfter, put, refuseReserved } from './service.js';

const columns = sql.raw('key, name, description, priority, priorities, version, updated_at');

export const listSources = (ctx: Ctx, page: PageRequest): Promise<SourceRow[]> =>
  ctx.database.rows(sql`select ${columns} from sources where ${pageAfter('key', page)}
    order by key limit ${page.limit + 1}`);

export async function getSource(ctx: Ctx, key: string): Promise<SourceRow> {
  const row = await findSource(ctx.database, key);
  if (row === undefined) throw notFound('source');
  return row;
}

const findSource = async (reader: Reader, key: string, lock = sql``) =>
  (await reader.rows<SourceRow>(sql`select ${columns} from sources where key = ${key} ${lock}`))[0];

/** Declares a source, or changes how much its word weighs. Throws 412 and 428. */
export async function putSource(
  ctx: Ctx,
  key: string,
  ifMatch: string | undefined,
  input: SourceStatement,
): Promise<Put<SourceRow>> {
  refuseReserved(key, '/key');
  const { name, description, priority, priorities } = input;
  return put<SourceRow>(ctx, ifMatch, {
    name: key,
    subject: 'source',
    find: (tx) => findSource(tx, key, sql`for update`),
    refuse: () => [],
    isSame: ({ key: _key, version: _version, updated_at: _updated, ...known }) =>
      isDeepStrictEqual(known, input),
    insert: async (tx) => {
      const [row] = await tx.rows<SourceRow>(sql`
        insert into sources (key, name, description, priority, priorities, version, updated_at)
        values (${key}, ${name}, ${description}, ${priority}, ${json(priorities)}, 1, ${ctx.now})
        on conflict do nothing returning ${columns}`);
      return row;
    },
    update: async (tx, version) => {
      const [row] = await tx.rows<SourceRow>(sql`
        update sources set name = ${name}, description = ${description}, priority = ${priority},
          priorities = ${json(priorities)}, version = ${version}, updated_at = ${ctx.now}
        where key = ${key} returning ${columns}`);
      return row;
    },
  });
}
