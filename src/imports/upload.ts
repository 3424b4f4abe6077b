/**
 * Takes the body of an import as it streams in. Each chunk is encrypted and committed with what was received so far,
 * so a cut upload goes on from the end of its last whole record; memory holds a chunk or two, however long the body.
 */
import { createHash, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { sql } from 'drizzle-orm';
import type { Ctx } from '../platform/context.js';
import { giveWay } from '../platform/courtesy.js';
import { DomainError } from '../platform/errors.js';
import { transact } from '../platform/transact.js';
import { findRepeated, lockFeed } from './admission.js';
import { type Chunk, makeChunker, RecordTooLong, recordBytesMax } from './chunker.js';
import { readHeader } from './csv-columns.js';
import { lineSchema } from './deltas.js';
import { kinds } from './kinds.js';
import { type Dialect, isBlank, recordEnd } from './record-ends.js';
import { decode, readHeaderNames } from './records.js';
import { findImport, type ImportFailure, type ImportRow } from './rows.js';
import { failUpload, importEvent } from './service.js';
import { chunkPlace, importKey, readChunk, sealChunk } from './staging.js';

/** Of a chunk. More at once is quicker, and keeps the customers of a chunk locked for longer: some tenths of a second. */
const recordsOfChunk = {
  activities: 5000,
  customers: 1000,
  holdings: 1000,
  balances: 2000,
  exchange_rates: 1000,
  segment_members: 2000,
  points: 500,
} as const;
const bytesOfChunk = 4_194_304;

export type Upload = {
  body: Readable;
  /** whether the body's end is the import's end */
  isComplete: boolean;
  bytesMax: number;
};

type Staging = {
  row: ImportRow;
  /** number of the next chunk, and its first line */
  chunk: number;
  line: number;
  /** bytes that are staged */
  offset: number;
  digest: Hash;
};

/**
 * Stages the body, and queues the import when it is complete. Throws 409 where another request goes on with it or it
 * was cancelled, 413, and 422 where the header or a control total is wrong: then the import has failed. Where a feed has
 * brought the same file before, that import is returned.
 */
export async function receiveUpload(ctx: Ctx, row: ImportRow, upload: Upload): Promise<ImportRow> {
  const staging = await openStaging(ctx, row);
  try {
    await stageBody(ctx, staging, upload);
  } catch (error) {
    if (error instanceof DomainError && ['too_large', 'rule_broken'].includes(error.code)) {
      await failUpload(ctx, row.id, { code: error.code, message: error.message });
    }
    upload.body.resume();
    throw error;
  }
  const id = upload.isComplete ? await endUpload(ctx, staging) : row.id;
  return findImport(ctx, id);
}

async function openStaging(ctx: Ctx, row: ImportRow): Promise<Staging> {
  const staging: Staging = {
    row,
    chunk: 0,
    line: 1,
    offset: row.received_bytes,
    digest: createHash('sha256'),
  };
  if (row.received_bytes === 0) return staging;
  // the digest is of the whole body: what was received before is read once more
  const key = importKey(ctx.keyring, row.id, row.wrapped_key as Buffer);
  for (;;) {
    const former = await readChunk(ctx, key, row.id, staging.chunk);
    if (former === undefined) break;
    staging.digest.update(former.bytes);
    staging.chunk = former.chunk + 1;
  }
  const [last] = await ctx.database.rows<{ line: number }>(sql`
    select first_line + line_count as line from import_chunks
    where import_id = ${row.id} order by chunk desc limit 1`);
  staging.line = last?.line ?? 1;
  return staging;
}

async function stageBody(ctx: Ctx, staging: Staging, { body, isComplete, bytesMax }: Upload): Promise<void> {
  const { row } = staging;
  const bounds = { records: recordsOfChunk[row.kind], bytes: bytesOfChunk };
  const chunker = makeChunker(row, bounds, row.format === 'csv' && staging.offset === 0);
  // one chunk is committed while the next one arrives
  let committing: Promise<void> = Promise.resolve();
  const stage = async (chunk: Chunk) => {
    await committing;
    committing = stageChunk(ctx, staging, chunk);
    committing.catch(() => undefined);
  };
  let received = staging.offset;
  try {
    // left open where it is not read to its end: the reply goes out on the same connection
    for await (const piece of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      received += piece.length;
      if (received > bytesMax)
        throw new DomainError('too_large', `An import takes ${bytesMax} bytes at most.`);
      const begun = performance.now();
      const full = chunker.take(piece);
      for (const chunk of full) await stage(chunk);
      if (full.length > 0) await giveWay(performance.now() - begun);
    }
  } catch (error) {
    if (error instanceof RecordTooLong) {
      throw new DomainError('too_large', `A line takes ${recordBytesMax} bytes at most.`);
    }
    if (body.errored === null) throw error;
    // cut: whole records that have arrived are kept
    const rest = chunker.rest(false);
    if (rest !== undefined) await stage(rest);
    await committing;
    throw new DomainError('request_timeout', 'The body ended early. Go on from `received_bytes`.');
  }
  const rest = chunker.rest(isComplete);
  if (rest !== undefined) await stage(rest);
  await committing;
}

/** One statement: the chunk is there exactly when the import says that it was received. */
async function stageChunk(ctx: Ctx, staging: Staging, { bytes, records, lines }: Chunk): Promise<void> {
  const { row, chunk, line, offset } = staging;
  const header = chunk === 0 && row.format === 'csv' ? headerOf(row, bytes) : null;
  const key = importKey(ctx.keyring, row.id, row.wrapped_key as Buffer);
  staging.digest.update(bytes);
  staging.chunk += 1;
  staging.line += lines;
  staging.offset += bytes.length;
  const [moved] = await ctx.database.named<{ count: number }>(
    'stage_import_chunk',
    `with moved as (
       update imports set received_bytes = $2, received_lines = received_lines + $3, received_at = $4,
         header = coalesce(header, $5)
       where id = $1 and state = 'receiving' and received_bytes = $6
       returning id
     ), staged as (
       insert into import_chunks (import_id, chunk, first_line, line_count, body)
       select id, $7, $8, $9, $10 from moved
     )
     select count(*)::int as count from moved`,
    [
      row.id,
      staging.offset,
      records,
      ctx.now,
      header,
      offset,
      chunk,
      line,
      lines,
      await sealChunk(key, bytes, chunkPlace(row.id, chunk)),
    ],
  );
  if (moved?.count !== 1) await refuseMoved(ctx, row.id);
}

async function refuseMoved(ctx: Ctx, id: string): Promise<never> {
  const present = await findImport(ctx, id);
  throw notAt(present);
}

/** Why an upload cannot go on from where it wants to. */
export const notAt = (present: ImportRow): DomainError =>
  present.state === 'receiving'
    ? new DomainError('upload_offset_mismatch', `The upload goes on from ${present.received_bytes}.`, {
        extra: { received_bytes: present.received_bytes },
      })
    : new DomainError('conflict', `The import is ${present.state}: it takes no more bytes.`);

/** The names of the columns. Throws 422 where one of them is no field: better now than once a line. */
function headerOf(row: ImportRow, bytes: Buffer): string {
  const { header, names } = readNames(row, firstRecord(row, bytes));
  const { faults } = readHeader(names, lineSchema(row.kind, row.mode), kinds[row.kind].components);
  if (faults.length === 0) return header;
  const errors = faults.slice(0, 20).map(({ column, code, message }) => ({
    in: 'body' as const,
    pointer: `/${column.replaceAll('~', '~0').replaceAll('/', '~1').slice(0, 100)}`,
    code,
    message,
  }));
  throw new DomainError('rule_broken', 'The header names columns that are no fields.', { errors });
}

/** Throws 422: an import whose header cannot be read has failed, as one with unknown columns has. */
function readNames({ charset, delimiter }: Dialect, bytes: Buffer): { header: string; names: string[] } {
  try {
    const header = decode(charset, bytes)
      .replace(/^\ufeff/, '')
      .replace(/[\r\n]+$/, '');
    return { header, names: readHeaderNames(delimiter, header) };
  } catch (error) {
    if (error instanceof DomainError) throw new DomainError('rule_broken', error.message, error.details);
    throw error;
  }
}

function firstRecord(dialect: Dialect, bytes: Buffer): Buffer {
  let from = 0;
  for (let end = recordEnd(dialect, bytes, from); end >= 0; end = recordEnd(dialect, bytes, from)) {
    if (!isBlank(bytes, from, end)) return bytes.subarray(from, end);
    from = end;
  }
  return bytes.subarray(from);
}

async function endUpload(ctx: Ctx, { row, digest, offset }: Staging): Promise<string> {
  const received = digest.digest('base64');
  const announced = { ...(await findImport(ctx, row.id)), received };
  const mismatch = mismatchOf(announced);
  if (mismatch !== undefined) {
    await failUpload(ctx, row.id, mismatch);
    throw new DomainError(mismatch.code, mismatch.message);
  }
  try {
    return await queueOrRepeat(ctx, row, received, offset);
  } catch (error) {
    if (error instanceof DomainError && error.code === 'correction_needed')
      await failUpload(ctx, row.id, { code: error.code, message: error.message });
    throw error;
  }
}

type Mismatch = ImportFailure & { code: 'digest_mismatch' | 'control_mismatch' };

/** What arrived in all, against what was announced. */
function mismatchOf(row: ImportRow & { received: string }): Mismatch | undefined {
  const { announced_digest, received, control_rows, received_lines } = row;
  if (announced_digest !== null && announced_digest !== received) {
    const message = 'What arrived does not have the SHA-256 that was announced.';
    return { code: 'digest_mismatch', message };
  }
  if (control_rows === null || control_rows === received_lines) return undefined;
  return {
    code: 'control_mismatch',
    message: `${received_lines} lines arrived, not ${control_rows}.`,
    expected: String(control_rows),
    found: String(received_lines),
  };
}

/** The import that the file is: this one, or the former one that brought it already. */
function queueOrRepeat(ctx: Ctx, row: ImportRow, received: string, offset: number): Promise<string> {
  return transact<string>(ctx, async (tx) => {
    if (row.feed !== null) await lockFeed(tx, row.feed);
    const former = await findRepeated(tx, row, received);
    const failure =
      former === undefined
        ? null
        : JSON.stringify({ code: 'repeated', message: `The file is import ${former}.` });
    const changed = await tx.run(sql`
      update imports set state = ${former === undefined ? 'queued' : 'cancelled'}, received_digest = ${received},
        failure = ${failure}::jsonb, finished_at = ${former === undefined ? null : ctx.now}, version = version + 1
      where id = ${row.id} and state = 'receiving' and received_bytes = ${offset}`);
    if (changed === 0) throw notAt(await findImport(ctx, row.id, tx));
    const about = { subjectType: 'import', subjectId: row.id };
    const details = { kind: row.kind, bytes: offset };
    const [action, what] = former === undefined ? ['received', 'queued'] : ['cancelled', 'cancelled'];
    return {
      value: former ?? row.id,
      audit: [{ action: `import.${action}`, ...about, details }],
      events: [importEvent(ctx, row.id, what, { kind: row.kind })],
    };
  });
}
