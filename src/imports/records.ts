/** The records of a chunk: each with its line, its bytes as sent, and its value or what is wrong with it. */
import { isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';
import { DomainError } from '../platform/errors.js';
import { checkTexts, parseJson } from '../platform/http/body.js';
import { type Columns, rowValue } from './csv-columns.js';
import { type Format, isBlank, lineEnds, recordEnd } from './record-ends.js';
import type { Charset } from './rows.js';

export type ImportRecord = { line: number; sent: Buffer; value: unknown; error: DomainError | undefined };

export type Shape = {
  format: Format;
  charset: Charset;
  /** of CSV */
  columns: Columns;
};

export const readHeaderNames = (header: string): string[] =>
  (parse(header, { bom: true })[0] ?? []).map((name) => name.trim());

const malformed = (code: string, message: string) =>
  new DomainError('malformed_request', message, { errors: [{ in: 'body', pointer: '', code, message }] });

const decoders = {
  'utf-8': new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }),
  gb18030: new TextDecoder('gb18030', { fatal: true }),
};

/** Throws `malformed_request` for bytes that are no text in the charset. */
export function decode(charset: Charset, bytes: Buffer): string {
  try {
    return decoders[charset].decode(bytes);
  } catch {
    throw malformed('invalid_encoding', `The line is not valid ${charset.toUpperCase()}.`);
  }
}

/** The records between two offsets of a chunk, without blank ones. A header is passed over where the chunk begins with it. */
export function* readRecords(
  shape: Shape,
  bytes: Buffer,
  firstLine: number,
  isFirst: boolean,
): Generator<ImportRecord> {
  let line = firstLine;
  let from = isFirst && bytes.indexOf('\ufeff') === 0 ? 3 : 0;
  let skipsHeader = isFirst && shape.format === 'csv';
  const read = shape.format === 'ndjson' ? readJson : readCells;
  while (from < bytes.length) {
    const found = recordEnd(shape.format, bytes, from);
    const end = found < 0 ? bytes.length : found;
    if (!isBlank(bytes, from, end)) {
      if (skipsHeader) skipsHeader = false;
      else yield recordOf(shape, line, trimmed(bytes, from, end), read);
    }
    line += shape.format === 'csv' ? lineEnds(bytes, from, end) : 1;
    from = end;
  }
}

/** Without the line's end. */
function trimmed(bytes: Buffer, from: number, end: number): Buffer {
  let last = end;
  while (last > from && (bytes[last - 1] === 0x0a || bytes[last - 1] === 0x0d)) last -= 1;
  return bytes.subarray(from, last);
}

function recordOf(
  shape: Shape,
  line: number,
  sent: Buffer,
  read: (shape: Shape, sent: Buffer) => unknown,
): ImportRecord {
  try {
    return { line, sent, value: read(shape, sent), error: undefined };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return { line, sent, value: undefined, error };
  }
}

const readJson = ({ charset }: Shape, sent: Buffer): unknown =>
  parseJson(charset === 'utf-8' ? sent : Buffer.from(decode(charset, sent), 'utf8'));

function readCells({ charset, columns }: Shape, sent: Buffer): unknown {
  const text = charset === 'utf-8' && isUtf8(sent) ? sent.toString('utf8') : decode(charset, sent);
  const cells = splitCells(text);
  if (cells.length !== columns.length) {
    throw malformed('columns', `The line has ${cells.length} cells, the header ${columns.length}.`);
  }
  const value = rowValue(columns, cells);
  if (text.includes('\u0000')) checkTexts(value, '');
  return value;
}

/** Most lines hold no quote: then a comma is all that parts cells. */
function splitCells(text: string): string[] {
  if (!text.includes('"')) return text.split(',');
  try {
    return parse(text, { relax_column_count: true })[0] ?? [];
  } catch {
    throw malformed('quotes', 'The quotes of the line do not match.');
  }
}
