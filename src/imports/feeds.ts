/** The regular files of sources: what they hold, how they are read, and how far each of them is. */
import { isDeepStrictEqual } from 'node:util';
import { sql } from 'drizzle-orm';
import type { Reader } from '../db/client.js';
import { type Put, pageAfter, put, refuseReserved } from '../definitions/service.js';
import type { Ctx } from '../platform/context.js';
import { DomainError, fieldError, notFound } from '../platform/errors.js';
import type { PageRequest } from '../platform/pagination.js';
import { readHeader } from './csv-columns.js';
import type { FeedRow, FeedStatement, WatermarkRow } from './feed-schemas.js';
import { kinds } from './kinds.js';
import type { ImportKind } from './rows.js';

const columns = sql.raw(
  'key, description, source, kind, mode, delimiter, control_field, categories, max_close_percent, version, updated_at',
);

export const listFeeds = (ctx: Ctx, page: PageRequest): Promise<FeedRow[]> =>
  ctx.database.rows(sql`select ${columns} from feeds where ${pageAfter('key', page)}
    order by key limit ${page.limit + 1}`);

export const findFeed = async (reader: Reader, key: string, lock = sql``): Promise<FeedRow | undefined> =>
  (await reader.rows<FeedRow>(sql`select ${columns} from feeds where key = ${key} ${lock}`))[0];

export async function getFeed(ctx: Ctx, key: string): Promise<FeedRow> {
  const row = await findFeed(ctx.database, key);
  if (row === undefined) throw notFound('feed');
  return row;
}

const amountOf: Partial<Record<ImportKind, string>> = { activities: 'amount', holdings: 'balance' };

/** The field whose sum a control amount is. Throws 422 where there is none. */
export function controlField(kind: ImportKind, stated: string | null, pointer: string): string {
  const field = stated ?? amountOf[kind];
  if (field === undefined)
    throw fieldError(pointer, 'required', `Lines of ${kind} have no amount of their own.`);
  const { faults } = readHeader([field], kinds[kind].schema, kinds[kind].components);
  if (faults.length > 0) throw fieldError(pointer, 'unknown_field', `${field} is no field of ${kind}.`);
  return field;
}

/** Declares a feed, or changes it: what has begun goes on as it was. Throws 412, 422 and 428. */
export async function putFeed(
  ctx: Ctx,
  key: string,
  ifMatch: string | undefined,
  input: FeedStatement,
): Promise<Put<FeedRow>> {
  refuseReserved(key, '/key');
  const { description, source, kind, mode, delimiter, control_field, categories, max_close_percent } = input;
  if (control_field !== null) controlField(kind, control_field, '/control_field');
  checkMode(kind, mode);
  const listed = categories === null ? sql`null` : sql`${sql.param(categories)}::text[]`;
  return put<FeedRow>(ctx, ifMatch, {
    name: key,
    subject: 'feed',
    find: (tx) => findFeed(tx, key, sql`for update`),
    refuse: () => [],
    isSame: ({ key: _key, version: _version, updated_at: _updated, ...known }) =>
      isDeepStrictEqual(known, input),
    insert: async (tx) =>
      (
        await tx.rows<FeedRow>(sql`
          insert into feeds (key, description, source, kind, mode, delimiter, control_field, categories,
            max_close_percent, version, updated_at)
          values (${key}, ${description}, ${source}, ${kind}, ${mode}, ${delimiter}, ${control_field}, ${listed},
            ${max_close_percent}, 1, ${ctx.now})
          on conflict do nothing returning ${columns}`)
      )[0],
    update: async (tx, version) =>
      (
        await tx.rows<FeedRow>(sql`
          update feeds set description = ${description}, source = ${source}, kind = ${kind}, mode = ${mode},
            delimiter = ${delimiter}, control_field = ${control_field}, categories = ${listed},
            max_close_percent = ${max_close_percent}, version = ${version}, updated_at = ${ctx.now}
          where key = ${key} returning ${columns}`)
      )[0],
  });
}

/** Throws 422: only of holdings it is known what it means that one is no longer named. */
export function checkMode(kind: ImportKind, mode: FeedStatement['mode']): void {
  if (mode === 'snapshot' && kind !== 'holdings')
    throw fieldError('/mode', 'not_of_this_kind', `A snapshot is of holdings, not of ${kind}.`);
  if (mode === 'delta' && kind === 'exchange_rates')
    throw new DomainError(
      'rule_broken',
      'Exchange rates are recorded, not changed: there is no delta of them.',
    );
}

const open = sql.raw(`('receiving', 'queued', 'running', 'waiting')`);

/** How far each feed is: what is under way holds back its own date and all after it. */
export const listWatermarks = (ctx: Ctx, page: PageRequest): Promise<WatermarkRow[]> =>
  ctx.database.rows(sql`
    select f.key as feed, f.source, f.kind, loaded.through as loaded_through, loaded.at as loaded_at,
      evaluated.through as evaluated_through, evaluated.at as evaluated_at,
      coalesce(o.open, 0)::int as open, coalesce(o.waiting, 0)::int as waiting
    from feeds f
    cross join lateral (
      select count(*) as open, count(*) filter (where i.state = 'waiting') as waiting, min(i.business_date) as first
      from imports i where i.feed = f.key and not i.dry_run and i.state in ${open}) o
    cross join lateral (
      select min(i.business_date) as first from imports i
      where i.feed = f.key and not i.dry_run and i.state = 'completed' and i.evaluated_at is null) u
    left join lateral (
      select i.business_date as through, i.finished_at as at from imports i
      where i.feed = f.key and not i.dry_run and i.state = 'completed'
        and (o.first is null or i.business_date < o.first)
      order by i.business_date desc, i.finished_at desc limit 1) loaded on true
    left join lateral (
      select i.business_date as through, i.evaluated_at as at from imports i
      where i.feed = f.key and not i.dry_run and i.evaluated_at is not null
        and (o.first is null or i.business_date < o.first) and (u.first is null or i.business_date < u.first)
      order by i.business_date desc, i.evaluated_at desc limit 1) evaluated on true
    where ${pageAfter('f.key', page)} order by f.key limit ${page.limit + 1}`);
