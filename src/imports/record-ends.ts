/**
 * Where records end in a body that arrives in pieces.
 *
 * NDJSON: at each line feed (a JSON text holds none but escaped). CSV (RFC 4180): at each line feed outside of
 * quotes, which open a field and are doubled within. Bytes are looked at, not characters: in UTF-8 and in GB 18030
 * no part of a longer character is a line feed or a quote. In GB 18030 it can be a pipe, which parts no fields then.
 */
export type Format = 'ndjson' | 'csv';
export type Charset = 'utf-8' | 'gb18030';

/** What parts the fields of CSV, by its name; `soh` is U+0001. */
export const delimiters = { comma: ',', semicolon: ';', tab: '\t', pipe: '|', soh: '\u0001' } as const;
export type Delimiter = keyof typeof delimiters;
export const delimiterNames = Object.keys(delimiters) as [Delimiter, ...Delimiter[]];

/** How a body is read. */
export type Dialect = { format: Format; charset: Charset; delimiter: Delimiter };

const lineFeed = 0x0a;
const quote = 0x22;

/** The offset after the record that begins at `from`, or -1 where its end is not among the bytes. */
export function recordEnd(dialect: Dialect, bytes: Buffer, from: number): number {
  const end = bytes.indexOf(lineFeed, from);
  if (dialect.format === 'ndjson' || end < 0 || !hasQuote(bytes, from, end)) return end + 1 || -1;
  return quotedRecordEnd(dialect, bytes, from);
}

function hasQuote(bytes: Buffer, from: number, end: number): boolean {
  const at = bytes.indexOf(quote, from);
  return at >= 0 && at < end;
}

/** The first byte of a character of two or four, whose second one is a digit, a letter or a sign, or above. */
const leads = (bytes: Buffer, index: number) => {
  const [lead = 0, next = 0] = [bytes[index], bytes[index + 1]];
  return lead >= 0x81 && lead <= 0xfe && next >= 0x30;
};

function quotedRecordEnd({ charset, delimiter }: Dialect, bytes: Buffer, from: number): number {
  const parting = delimiters[delimiter].charCodeAt(0);
  const isWide = charset === 'gb18030';
  let isQuoted = false;
  let atFieldStart = true;
  for (let index = from; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (isWide && leads(bytes, index)) {
      index += 1;
      atFieldStart = false;
      continue;
    }
    if (isQuoted) {
      if (byte !== quote) continue;
      if (bytes[index + 1] === quote) index += 1;
      else isQuoted = false;
    } else if (byte === lineFeed) return index + 1;
    else if (byte === quote && atFieldStart) isQuoted = true;
    atFieldStart = byte === parting;
  }
  return -1;
}

/** True where a record is nothing but white space: it is passed over, and not counted. */
export function isBlank(bytes: Buffer, from: number, end: number): boolean {
  for (let index = from; index < end; index += 1) {
    const byte = bytes[index];
    if (byte !== lineFeed && byte !== 0x0d && byte !== 0x20 && byte !== 0x09) return false;
  }
  return true;
}

/** How many lines a stretch of bytes ends. */
export function lineEnds(bytes: Buffer, from: number, end: number): number {
  let count = 0;
  for (let at = bytes.indexOf(lineFeed, from); at >= 0 && at < end; at = bytes.indexOf(lineFeed, at + 1))
    count += 1;
  return count;
}
