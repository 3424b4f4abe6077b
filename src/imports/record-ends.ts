/**
 * Where records end in a body that arrives in pieces.
 *
 * NDJSON: at each line feed (a JSON text holds none but escaped). CSV (RFC 4180): at each line feed outside of
 * quotes, which open a field and are doubled within. Bytes are looked at, not characters: in UTF-8 and in GB 18030
 * no part of a longer character is a line feed, a quote or a comma.
 */
export type Format = 'ndjson' | 'csv';

const lineFeed = 0x0a;
const quote = 0x22;
const comma = 0x2c;

/** The offset after the record that begins at `from`, or -1 where its end is not among the bytes. */
export function recordEnd(format: Format, bytes: Buffer, from: number): number {
  const end = bytes.indexOf(lineFeed, from);
  if (format === 'ndjson' || end < 0 || !hasQuote(bytes, from, end)) return end + 1 || -1;
  return quotedRecordEnd(bytes, from);
}

function hasQuote(bytes: Buffer, from: number, end: number): boolean {
  const at = bytes.indexOf(quote, from);
  return at >= 0 && at < end;
}

function quotedRecordEnd(bytes: Buffer, from: number): number {
  let isQuoted = false;
  let atFieldStart = true;
  for (let index = from; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (isQuoted) {
      if (byte !== quote) continue;
      if (bytes[index + 1] === quote) index += 1;
      else isQuoted = false;
    } else if (byte === lineFeed) return index + 1;
    else if (byte === quote && atFieldStart) isQuoted = true;
    atFieldStart = byte === comma;
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
