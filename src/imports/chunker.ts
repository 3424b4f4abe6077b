/**
 * Cuts a body that arrives in pieces into chunks of whole records, bounded in records and bytes. What has arrived of
 * a record that is not complete is the tail: it belongs to no chunk until its end comes, or the body ends.
 */
import { type Dialect, isBlank, lineEnds, recordEnd } from './record-ends.js';

export type Chunk = {
  bytes: Buffer;
  /** without blank ones */
  records: number;
  /** line ends in it */
  lines: number;
};

export type Chunker = {
  /** Takes a piece, and gives the chunks that are full. Throws `RecordTooLong`. */
  take(piece: Buffer): Chunk[];
  /** What there is of a chunk; with the tail where the body is complete. */
  rest(isComplete: boolean): Chunk | undefined;
};

export class RecordTooLong extends Error {}

export const recordBytesMax = 1_048_576;

export function makeChunker(
  dialect: Dialect,
  bounds: { records: number; bytes: number },
  /** a header is counted as a line, not as a record */
  startsWithHeader: boolean,
): Chunker {
  let parts: Buffer[] = [];
  let bytes = 0;
  let records = 0;
  let lines = 0;
  let tail: Buffer = Buffer.alloc(0);
  let isHeader = startsWithHeader;

  const add = (data: Buffer, from: number, end: number) => {
    lines += dialect.format === 'csv' ? lineEnds(data, from, end) : data[end - 1] === 0x0a ? 1 : 0;
    if (isBlank(data, from, end)) return;
    if (isHeader) isHeader = false;
    else records += 1;
  };
  const cut = (): Chunk => {
    const chunk = { bytes: parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts), records, lines };
    parts = [];
    bytes = 0;
    records = 0;
    lines = 0;
    return chunk;
  };

  return {
    take(piece) {
      const data = tail.length === 0 ? piece : Buffer.concat([tail, piece]);
      const full: Chunk[] = [];
      let begin = 0;
      let from = 0;
      const keep = () => {
        if (from > begin) parts.push(data.subarray(begin, from));
        begin = from;
      };
      for (let end = recordEnd(dialect, data, from); end >= 0; end = recordEnd(dialect, data, from)) {
        add(data, from, end);
        bytes += end - from;
        from = end;
        if (records < bounds.records && bytes < bounds.bytes) continue;
        keep();
        full.push(cut());
      }
      keep();
      tail = data.subarray(from);
      if (tail.length > recordBytesMax) throw new RecordTooLong();
      return full;
    },
    rest(isComplete) {
      if (isComplete && tail.length > 0) {
        add(tail, 0, tail.length);
        parts.push(tail);
        tail = Buffer.alloc(0);
      }
      return parts.length === 0 ? undefined : cut();
    },
  };
}
