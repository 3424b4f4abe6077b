/** One chunk of an import: read and checked, then applied. */
import { sql } from 'drizzle-orm';
import { hexArray, plainArray, textArray } from '../db/array-literals.js';
import type { Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { newStretch } from '../platform/courtesy.js';
import { DomainError } from '../platform/errors.js';
import { toDomainError } from '../platform/http/problems.js';
import type { DataKey } from '../platform/secrets.js';
import { isRetryable } from '../platform/transact.js';
import { statementOf } from './deltas.js';
import type { Applied, Batch } from './kinds.js';
import { kinds } from './kinds.js';
import { type Place, readRecords, type Shape } from './records.js';
import type { ImportRow } from './rows.js';
import { rejectionPlace, type StagedChunk, sealBytes } from './staging.js';

export type Rejection = { record: Place; error: DomainError };

export type PreparedChunk = {
  chunk: number;
  bytes: Buffer;
  records: number;
  /** those that could be read, in the order of `batch` */
  good: Place[];
  refused: Rejection[];
  batch: Batch;
};

/** Reads and checks the records of a chunk; this needs no transaction, so it is done while another chunk is applied. */
export async function prepareChunk(
  ctx: Ctx,
  row: ImportRow,
  shape: Shape,
  staged: StagedChunk,
): Promise<PreparedChunk> {
  const batch = await kinds[row.kind].open(ctx, row);
  const { chunk, bytes, firstLine } = staged;
  const prepared: PreparedChunk = { chunk, bytes, records: 0, good: [], refused: [], batch };
  const stretch = newStretch();
  for (const { value, error: fault, ...record } of readRecords(shape, bytes, firstLine, chunk === 0)) {
    prepared.records += 1;
    const error = fault ?? addTo(batch, statementOf(row, value));
    if (error === undefined) prepared.good.push(record);
    else prepared.refused.push({ record, error });
    if (stretch.isDue()) await stretch.rest();
  }
  await batch.prepare();
  return prepared;
}

const addTo = (batch: Batch, statement: unknown) =>
  statement instanceof DomainError ? statement : batch.add(statement);

export type Effect = Omit<Applied, 'outcomes'> & {
  accepted: number;
  duplicates: number;
  rejections: Rejection[];
};

/**
 * Applies what could be read. `isCareful`: what the database refuses is cut in halves until the record that it
 * refuses stands alone, and is rejected; the others are applied.
 */
export async function applyChunk(
  tx: Tx,
  ctx: Ctx,
  chunk: PreparedChunk,
  isCareful: boolean,
): Promise<Effect> {
  const { batch, good } = chunk;
  const applied = isCareful
    ? await applyByHalves(tx, ctx, batch, 0, good.length)
    : await batch.apply(tx, ctx, 0, good.length);
  const effect: Effect = {
    audit: applied.audit,
    events: applied.events,
    accepted: 0,
    duplicates: 0,
    rejections: [...chunk.refused],
  };
  applied.outcomes.forEach((outcome, place) => {
    const record = good[place];
    if (outcome === 'accepted') effect.accepted += 1;
    else if (outcome === 'duplicate') effect.duplicates += 1;
    else if (record !== undefined) effect.rejections.push({ record, error: outcome });
  });
  return effect;
}

/** The database is away, or asks for another try: no record is to blame. */
export const isPassing = (error: unknown): boolean =>
  toDomainError(error).code === 'unavailable' || isRetryable(error);

async function applyByHalves(tx: Tx, ctx: Ctx, batch: Batch, from: number, to: number): Promise<Applied> {
  await tx.run(sql`savepoint half`);
  try {
    const applied = await batch.apply(tx, ctx, from, to);
    await tx.run(sql`release savepoint half`);
    return applied;
  } catch (error) {
    if (isPassing(error)) throw error;
    await tx.run(sql`rollback to savepoint half`);
    await tx.run(sql`release savepoint half`);
    if (to - from === 1) {
      ctx.log.error({ err: error }, 'a line of an import was refused by the database');
      return { outcomes: [toDomainError(error)], audit: [], events: [] };
    }
  }
  const middle = Math.floor((from + to) / 2);
  const first = await applyByHalves(tx, ctx, batch, from, middle);
  const second = await applyByHalves(tx, ctx, batch, middle, to);
  return {
    outcomes: [...first.outcomes, ...second.outcomes],
    audit: [...first.audit, ...second.audit],
    events: [...first.events, ...second.events],
  };
}

/** Keeps what was sent beside the reason, encrypted with the import's key. */
export async function writeRejections(
  tx: Tx,
  key: DataKey,
  importId: string,
  bytes: Buffer,
  rejections: readonly Rejection[],
): Promise<void> {
  if (rejections.length === 0) return;
  const sealed = ({ record: { line, from, end } }: Rejection) =>
    sealBytes(key, bytes.subarray(from, end), rejectionPlace(importId, line)).toString('hex');
  await tx.named(
    'write_import_rejections',
    `insert into import_rejections (import_id, line, code, message, pointer, body)
     select $1, line, code, message, pointer, body
     from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::bytea[])
       as rejection(line, code, message, pointer, body)`,
    [
      importId,
      plainArray(rejections.map(({ record }) => record.line)),
      plainArray(rejections.map(({ error }) => error.code)),
      textArray(rejections.map(({ error }) => error.message)),
      textArray(rejections.map(({ error }) => error.details.errors?.[0]?.pointer ?? null)),
      hexArray(rejections.map(sealed)),
    ],
  );
}
