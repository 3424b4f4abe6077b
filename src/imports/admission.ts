/**
 * What an import of a feed must be: one file a business date. The same file again is the import that it was; another
 * file of a date that is loaded, or of an earlier one, is a correction, and has to say so, since the later word stands.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { Reader, Tx } from '../db/client.js';
import { type Ctx, today } from '../platform/context.js';
import { DomainError } from '../platform/errors.js';
import { checkMode, controlField, findFeed } from './feeds.js';
import type { Delimiter } from './record-ends.js';
import type { ImportKind, ImportMode, ImportRow } from './rows.js';

export type FileInput = {
  kind: ImportKind;
  source?: string | undefined;
  feed?: string | undefined;
  business_date?: string | undefined;
  mode?: ImportMode | undefined;
  delimiter?: Delimiter | undefined;
  correction: boolean;
  control_rows?: number | undefined;
  control_amount?: string | undefined;
};

export type FileSettings = {
  source: string | null;
  feed: string | null;
  business_date: string | null;
  mode: ImportMode;
  delimiter: Delimiter;
  is_correction: boolean;
  control_rows: number | null;
  control_amount: string | null;
  control_field: string | null;
};

const wrong = (parameter: string, code: string, message: string) =>
  new DomainError('rule_broken', message, {
    errors: [{ in: 'query', pointer: `/${parameter}`, code, message }],
  });

/** What the caller says, and what the feed says where the caller does not. Throws 403 and 422. */
export async function settle(ctx: Ctx, input: FileInput): Promise<FileSettings> {
  const { kind, feed: key, business_date, mode, source, correction } = input;
  const common = {
    is_correction: correction,
    control_rows: input.control_rows ?? null,
    control_amount: input.control_amount ?? null,
  };
  if (key === undefined) {
    if (business_date !== undefined || correction || (mode ?? 'upsert') !== 'upsert')
      throw wrong('feed', 'required', 'A business date, a correction, a delta and a snapshot are of a feed.');
    return {
      ...common,
      source: source ?? null,
      feed: null,
      business_date: null,
      mode: 'upsert',
      delimiter: input.delimiter ?? 'comma',
      control_field: common.control_amount === null ? null : controlField(kind, null, '/control_amount'),
    };
  }
  if (ctx.dataScope !== null)
    throw new DomainError('bank_wide', 'Feeds are not for callers that are bound to a data scope.');
  const feed = await findFeed(ctx.database, key);
  if (feed === undefined) throw wrong('feed', 'unknown_feed', 'No such feed.');
  if (feed.kind !== kind) throw wrong('kind', 'other_kind', `The feed is of ${feed.kind}.`);
  if (source !== undefined && source !== feed.source)
    throw wrong('source', 'other_source', `The feed is of the source ${feed.source}.`);
  if (business_date === undefined) throw wrong('business_date', 'required', 'A feed has a business date.');
  if (business_date > today(ctx))
    throw wrong('business_date', 'ahead', 'The business date has not come yet at the bank.');
  const settled = mode ?? feed.mode;
  checkMode(kind, settled);
  const { control_amount } = common;
  return {
    ...common,
    source: feed.source,
    feed: key,
    business_date,
    mode: settled,
    delimiter: input.delimiter ?? feed.delimiter,
    control_field: control_amount === null ? null : controlField(kind, feed.control_field, '/control_amount'),
  };
}

export const lockFeed = (tx: Tx, feed: string): Promise<unknown> =>
  tx.rows(sql`select pg_advisory_xact_lock(hashtextextended(${`feed ${feed}`}, 0))`);

type File = Pick<ImportRow, 'feed' | 'business_date' | 'is_correction' | 'dry_run'> & { id?: string };

/** The import that the file was before, or undefined where it is new. Throws 409 for what has to be called a correction. */
export async function findRepeated(reader: Reader, file: File, digest: string): Promise<string | undefined> {
  const { feed, business_date: date, is_correction, dry_run } = file;
  if (feed === null || date === null || dry_run) return undefined;
  const others: SQL = file.id === undefined ? sql`true` : sql`id <> ${file.id}::uuid`;
  const known = await reader.rows<{ id: string; date: string; digest: string | null }>(sql`
    select id, business_date as date, received_digest as digest from imports
    where feed = ${feed} and business_date >= ${date}::date and not dry_run and ${others}
      and state in ('queued', 'running', 'waiting', 'completed')
    order by business_date, id desc limit 1000`);
  const same = known.find((one) => one.date === date && one.digest === digest);
  if (same !== undefined || known[0] === undefined || is_correction) return same?.id;
  throw new DomainError(
    'correction_needed',
    known[0].date === date
      ? `Another file of ${date} has come.`
      : `The feed has gone on to ${known.at(-1)?.date}.`,
  );
}
