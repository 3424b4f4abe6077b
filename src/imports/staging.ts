/** The staged bytes of an import: encrypted with a key of its own, which goes when the import is forgotten. */
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import type { Services } from '../platform/context.js';
import { seal, unseal } from '../platform/envelope.js';
import type { DataKey, Keyring } from '../platform/secrets.js';

const aadOf = (importId: string) => `imports:${importId}`;

export function newImportKey(keyring: Keyring, importId: string): { key: DataKey; wrapped: Buffer } {
  const key = keyring.newDataKey();
  return { key, wrapped: keyring.wrap(key, aadOf(importId)) };
}

export const importKey = (keyring: Keyring, importId: string, wrapped: Buffer): DataKey =>
  keyring.unwrap(wrapped, aadOf(importId));

export type Place = `import_chunks:${string}` | `import_rejections:${string}`;
export const chunkPlace = (importId: string, chunk: number): Place => `import_chunks:${importId}:${chunk}`;
export const rejectionPlace = (importId: string, line: number): Place =>
  `import_rejections:${importId}:${line}`;

export const sealBytes = (key: DataKey, bytes: Buffer, place: Place): Buffer =>
  seal('', key.key, bytes, place);
export const openBytes = (key: DataKey, sealed: Buffer, place: Place): Buffer =>
  unseal(key.key, sealed, place);

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** Lines say much the same: deflated they are a fifth to write and to read, and a fifth in the database meanwhile. */
export const sealChunk = async (key: DataKey, bytes: Buffer, place: Place): Promise<Buffer> =>
  sealBytes(key, await deflate(bytes, { level: 1 }), place);

export type StagedChunk = { chunk: number; firstLine: number; bytes: Buffer };

/** The first chunk from a number on. */
export async function readChunk(
  { database }: Services,
  key: DataKey,
  importId: string,
  from: number,
): Promise<StagedChunk | undefined> {
  const [row] = await database.named<{ chunk: number; first_line: number; body: Buffer }>(
    'read_import_chunk',
    `select chunk, first_line, body from import_chunks
     where import_id = $1 and chunk >= $2 order by chunk limit 1`,
    [importId, from],
  );
  if (row === undefined) return undefined;
  const { chunk, first_line: firstLine, body } = row;
  return { chunk, firstLine, bytes: await inflate(openBytes(key, body, chunkPlace(importId, chunk))) };
}
