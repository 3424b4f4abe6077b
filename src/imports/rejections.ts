/** The rejected lines of an import, as they were sent, with what is wrong with each. */
import { Readable } from 'node:stream';
import { sql } from 'drizzle-orm';
import type { Ctx } from '../platform/context.js';
import { csvCell } from '../platform/csv.js';
import type { DataKey } from '../platform/secrets.js';
import { type Charset, type Delimiter, delimiters } from './record-ends.js';
import { decode } from './records.js';
import type { ImportRow } from './rows.js';
import { importKey, openBytes, rejectionPlace } from './staging.js';

type Row = { line: number; code: string; message: string; pointer: string | null; body: Buffer };

const rowsATime = 500;

/**
 * Streams them in the order of lines, in the format and the charset of the body. An object of NDJSON gets the members
 * `line`, `code`, `message` and `pointer` at its end; what is no object stands under `sent`. A record of CSV gets
 * four cells more, and the header four names.
 */
export function streamRejections(ctx: Ctx, row: ImportRow): Readable {
  return Readable.from(parts(ctx, row), { objectMode: false });
}

async function* parts(ctx: Ctx, row: ImportRow): AsyncGenerator<Buffer> {
  const write = row.format === 'csv' ? csvRecord : jsonRecord;
  if (row.format === 'csv') yield headerOf(row);
  if (row.wrapped_key === null) return;
  const key = importKey(ctx.keyring, row.id, row.wrapped_key);
  for (let after = 0; ; ) {
    const rows = await ctx.database.rows<Row>(sql`
      select line, code, message, pointer, body from import_rejections
      where import_id = ${row.id} and line > ${after} order by line limit ${rowsATime}`);
    if (rows.length > 0)
      yield Buffer.concat(
        rows.map((one) => write(one, sentOf(key, row.id, one), row.charset, row.delimiter)),
      );
    const last = rows.at(-1);
    if (last === undefined || rows.length < rowsATime) return;
    after = last.line;
  }
}

const sentOf = (key: DataKey, importId: string, { line, body }: Row) =>
  openBytes(key, body, rejectionPlace(importId, line));

const names = ['line', 'code', 'message', 'pointer'] as const;

/** The names are ASCII in every charset; the header is kept as text. */
function headerOf({ header, charset, delimiter }: ImportRow): Buffer {
  const line = `${[header ?? '', ...names].join(delimiters[delimiter])}\n`;
  // a name that is no field is refused, and those of fields are ASCII: both charsets write them alike
  return Buffer.from(line, charset === 'utf-8' ? 'utf8' : 'latin1');
}

function csvRecord(row: Row, sent: Buffer, _charset: Charset, delimiter: Delimiter): Buffer {
  const parting = delimiters[delimiter];
  const cells = names.map((name) => `${parting}${csvCell(row[name], parting)}`);
  return Buffer.concat([sent, Buffer.from(`${cells.join('')}\n`)]);
}

const closingBrace = 0x7d;

function jsonRecord(row: Row, sent: Buffer, charset: Charset): Buffer {
  const reason = JSON.stringify(Object.fromEntries(names.map((name) => [name, row[name]])));
  const members = membersOf(sent, charset);
  if (members === undefined) {
    const text = sent.toString(charset === 'utf-8' ? 'utf8' : 'latin1');
    return Buffer.from(`${reason.slice(0, -1)},"sent":${JSON.stringify(text)}}\n`);
  }
  // the text of the object stays as it was sent, up to its closing brace
  const open = sent.subarray(0, sent.lastIndexOf(closingBrace));
  return Buffer.concat([open, Buffer.from(`${members === 0 ? '' : ','}${reason.slice(1)}\n`)]);
}

/** How many members an object has; undefined for what is none. */
function membersOf(sent: Buffer, charset: Charset): number | undefined {
  try {
    const value: unknown = JSON.parse(decode(charset, sent));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? Object.keys(value).length : undefined;
  } catch {
    return undefined;
  }
}
