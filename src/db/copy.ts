/** COPY of rows that are already text, within a transaction. */
import { finished } from 'node:stream/promises';
import { from } from 'pg-copy-streams';
import type { Tx } from './client.js';

const special = /[\\\n\r\t]/;
const escapes: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** A value of COPY's text format; null is `\N`. */
export const copyText = (value: string | null): string => {
  if (value === null) return '\\N';
  return special.test(value)
    ? value.replaceAll(/[\\\n\r\t]/g, (character) => escapes[character] ?? '')
    : value;
};

/** `into` is the table with its columns; `lines` hold values that `copyText` wrote, parted by tabs. */
export async function copyInto(tx: Tx, into: string, lines: Buffer): Promise<void> {
  const stream = tx.client.query(from(`copy ${into} from stdin`));
  stream.end(lines);
  await finished(stream);
}
