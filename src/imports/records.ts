/** The records of a chunk: each with its place, and its value or what is wrong with it. */
import { isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';
import { DomainError } from '../platform/errors.js';
import { checkTexts, parseJsonText } from '../platform/http/body.js';
import { type Columns, rowValue } from './csv-columns.js';
import {
  type Charset,
  type Delimiter,
  type Dialect,
  delimiters,
  isBlank,
  lineEnds,
  recordEnd,
} from './record-ends.js';

/** Where a record stands among the bytes of its chunk, without the line's end, and in which line of the body it begins. */
export type Place = { line: number; from: number; end: number };
export type ImportRecord = Place & { value: unknown; error: DomainError | undefined };

export type Shape = Dialect & {
  /** of CSV */
  columns: Columns;
};

const malformed = (code: string, message: string) =>
  new DomainError('malformed_request', message, { errors: [{ in: 'body', pointer: '', code, message }] });

const decoders = {
  'utf-8': new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }),
  gb18030: new TextDecoder('gb18030', { fatal: true }),
};

/** Throws `malformed_request` where its quotes do not match. */
export function readHeaderNames(delimiter: Delimiter, header: string): string[] {
  try {
    return (parse(header, { bom: true, delimiter: delimiters[delimiter] })[0] ?? []).map((name) =>
      name.trim(),
    );
  } catch {
    throw malformed('quotes', 'The quotes of the header do not match.');
  }
}

/** Throws `malformed_request` for bytes that are no text in the charset. */
export function decode(charset: Charset, bytes: Buffer): string {
  try {
    return decoders[charset].decode(bytes);
  } catch {
    throw malformed('invalid_encoding', `The line is not valid ${charset.toUpperCase()}.`);
  }
}

/** The records of a chunk, without blank ones; the first chunk of CSV begins with the header. */
export function* readRecords(
  shape: Shape,
  bytes: Buffer,
  firstLine: number,
  isFirst: boolean,
): Generator<ImportRecord> {
  let line = firstLine;
  let from = isFirst && bytes.indexOf('\ufeff') === 0 ? 3 : 0;
  let skipsHeader = isFirst && shape.format === 'csv';
  const textOf = decoder(shape.charset, bytes);
  const read = shape.format === 'ndjson' ? parseJsonText : (text: string) => readCells(shape, text);
  while (from < bytes.length) {
    const found = recordEnd(shape, bytes, from);
    const end = found < 0 ? bytes.length : found;
    if (!isBlank(bytes, from, end)) {
      if (skipsHeader) skipsHeader = false;
      else yield recordOf({ line, from, end: lastOf(bytes, from, end) }, textOf, read);
    }
    line += shape.format === 'csv' ? lineEnds(bytes, from, end) : 1;
    from = end;
  }
}

/** Without the line's end. */
function lastOf(bytes: Buffer, from: number, end: number): number {
  let last = end;
  while (last > from && (bytes[last - 1] === 0x0a || bytes[last - 1] === 0x0d)) last -= 1;
  return last;
}

/** Where a chunk is UTF-8 as a whole, so is each of its records. */
function decoder(charset: Charset, bytes: Buffer): (from: number, end: number) => string {
  if (charset === 'utf-8' && isUtf8(bytes)) return (from, end) => bytes.toString('utf8', from, end);
  return (from, end) => decode(charset, bytes.subarray(from, end));
}

function recordOf(
  place: Place,
  textOf: (from: number, end: number) => string,
  read: (text: string) => unknown,
): ImportRecord {
  try {
    return { ...place, value: read(textOf(place.from, place.end)), error: undefined };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return { ...place, value: undefined, error };
  }
}

function readCells({ columns, delimiter }: Shape, text: string): unknown {
  const cells = splitCells(delimiters[delimiter], text);
  if (cells.length !== columns.length) {
    throw malformed('columns', `The line has ${cells.length} cells, the header ${columns.length}.`);
  }
  const value = rowValue(columns, cells);
  if (text.includes('\u0000')) checkTexts(value, '');
  return value;
}

/** Most lines hold no quote: then the delimiter is all that parts cells. */
function splitCells(delimiter: string, text: string): string[] {
  if (!text.includes('"')) return text.split(delimiter);
  try {
    return parse(text, { relax_column_count: true, delimiter })[0] ?? [];
  } catch {
    throw malformed('quotes', 'The quotes of the line do not match.');
  }
}
