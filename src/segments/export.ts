/**
 * All members of a segment as one stream. It is read in pieces, each of them of the same instant with what was known at
 * the beginning, so that the whole is one answer however long it takes; nobody holds a snapshot open for a slow reader.
 */
import { Readable } from 'node:stream';
import { sql } from 'drizzle-orm';
import type { Ctx } from '../platform/context.js';
import { memberInReach } from './members.js';
import type { MemberRow } from './rows.js';

const rowsATime = 2000;
const names = ['customer_id', 'entered_at', 'left_at', 'rule_version'] as const;

/** Media types, and how a member and what stands before the first are written. Nothing of it is free text. */
const formats = {
  'application/x-ndjson': {
    head: '',
    write: (row: MemberRow) => JSON.stringify(Object.fromEntries(names.map((name) => [name, row[name]]))),
  },
  'text/csv': {
    head: `${names.join(',')}\n`,
    write: (row: MemberRow) => names.map((name) => row[name]).join(','),
  },
};

export type ExportType = keyof typeof formats;
export const exportTypes = Object.keys(formats) as ExportType[];
export const isExport = (mediaType: string): mediaType is ExportType => mediaType in formats;

/** In the order of the ids of customers. It ends when nobody reads it any more. */
export const exportMembers = (
  ctx: Ctx,
  segment: string,
  asOf: string | undefined,
  type: ExportType,
): Readable => Readable.from(pieces(ctx, segment, asOf ?? ctx.now, type), { objectMode: false });

async function* pieces(ctx: Ctx, segment: string, asOf: string, type: ExportType): AsyncGenerator<string> {
  const { head, write } = formats[type];
  if (head !== '') yield head;
  for (let after: string | undefined; ; ) {
    const rows: MemberRow[] = await readPiece(ctx, segment, asOf, after);
    if (rows.length > 0) yield `${rows.map(write).join('\n')}\n`;
    after = rows.at(-1)?.customer_id;
    if (rows.length < rowsATime) return;
  }
}

/** What is decided after the stream began is not in it, whatever instant it takes effect at. */
const readPiece = (ctx: Ctx, segment: string, asOf: string, after: string | undefined) =>
  ctx.database.rows<MemberRow>(sql`
    select m.customer_id, m.entered_at, case when m.left_decided_at <= ${ctx.now} then m.left_at end as left_at,
      m.rule_version
    from memberships m
    where m.segment = ${segment} and ${after === undefined ? sql`true` : sql`m.customer_id > ${after}::uuid`}
      and m.entered_at <= ${asOf} and m.decided_at <= ${ctx.now}
      and (m.left_at is null or m.left_at > ${asOf} or m.left_decided_at > ${ctx.now}) and ${memberInReach(ctx)}
    order by m.customer_id limit ${rowsATime}`);
