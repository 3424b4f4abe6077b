/**
 * Works through an import, chunk by chunk. What a chunk does, what of it was rejected, how far the import is, and that
 * the chunk is done commit together: after a crash the next worker goes on with the next chunk, and nothing is lost
 * or done twice. The next chunk is read and checked while the present one is written.
 */
import { sql } from 'drizzle-orm';
import type { Tx } from '../db/client.js';
import type { Clock } from '../platform/clock.js';
import type { Ctx, Services } from '../platform/context.js';
import { giveWay, isSomebodyWaiting } from '../platform/courtesy.js';
import type { Logger } from '../platform/log.js';
import type { Metrics } from '../platform/metrics/metrics.js';
import { reachAt } from '../platform/reach.js';
import { transact } from '../platform/transact.js';
import { checkImport, needsCheck } from './checking.js';
import { applyChunk, isPassing, type PreparedChunk, prepareChunk, writeRejections } from './chunk.js';
import { type Claim, ClaimLost, claimImport, leaseEnd, releaseImport } from './claims.js';
import { type Columns, readHeader } from './csv-columns.js';
import { lineSchema } from './deltas.js';
import { kinds } from './kinds.js';
import { readHeaderNames, type Shape } from './records.js';
import type { ImportRow } from './rows.js';
import { importEvent } from './service.js';
import { closeUnnamed } from './snapshots.js';
import { importKey, readChunk } from './staging.js';

type Deps = { services: Services; clock: Clock; log: Logger; metrics: Metrics };

/** An import is worked on for so long at a time: others have their turn, and a stop is not kept waiting. */
const turnMilliseconds = 3000;

/** Takes an import a good piece further. False where none waits. */
export async function workOnImport(deps: Deps): Promise<boolean> {
  const claim = await claimImport(deps.services, await deps.clock.now());
  if (claim === undefined) return false;
  try {
    await work(deps, claim);
  } catch (error) {
    if (!(error instanceof ClaimLost)) {
      await releaseImport(deps.services, claim).catch(() => undefined);
      throw error;
    }
  }
  return true;
}

/** Whoever sent it did what it does, within their reach. */
async function contextOf(
  { services, clock, log }: Deps,
  { id, created_by, data_scope }: ImportRow,
): Promise<Ctx> {
  const now = await clock.now();
  return {
    ...services,
    actor: created_by,
    scopes: new Set(),
    dataScope: data_scope,
    reach: await reachAt(services, data_scope, now),
    requestId: id,
    traceparent: undefined,
    now,
    log,
    idempotency: undefined,
    replayed: false,
  };
}

function columnsOf({ header, kind, mode, delimiter }: ImportRow): Columns {
  if (header === null || header === '') return [];
  return readHeader(readHeaderNames(delimiter, header), lineSchema(kind, mode), kinds[kind].components)
    .columns;
}

const shapeOf = (row: ImportRow): Shape => ({
  format: row.format,
  charset: row.charset,
  delimiter: row.delimiter,
  columns: columnsOf(row),
});

/**
 * Activities of one import may come in any order, so two chunks of them are applied at once: while one waits for the
 * database the other one is made ready. Where the order says what stands in the end, or where to stop, it is one.
 */
const lanesOf = ({ kind, on_error }: ImportRow) => (kind === 'activities' && on_error === 'continue' ? 2 : 1);

async function work(deps: Deps, claim: Claim): Promise<void> {
  const { row } = claim;
  const until = performance.now() + turnMilliseconds;
  const contextNow = () => contextOf(deps, row);
  if (needsCheck(row)) {
    const checked = await checkImport(contextNow, claim, shapeOf(row), until);
    if (checked === 'unfinished') await releaseImport(deps.services, claim);
    if (checked !== 'done') return;
  }
  const chunks = chunksOf(deps, claim);
  let isDone = false;
  let isStopped = false;
  const goThrough = async (lane: number) => {
    while (!isStopped && performance.now() < until) {
      const chunk = await chunks.next();
      if (chunk === undefined) {
        isDone = true;
        return;
      }
      if (isStopped) return;
      const begun = performance.now();
      const { goesOn, counts } = await applyAndCommit(await contextOf(deps, row), claim, chunk);
      isStopped = !goesOn;
      countRows(deps.metrics, row.kind, counts);
      await giveWay(performance.now() - begun);
      // whoever waits has the database's attention as well
      if (lane > 0 && isSomebodyWaiting()) return;
    }
  };
  const lanes = Array.from({ length: lanesOf(row) }, (_, lane) =>
    goThrough(lane).catch((error: unknown) => {
      isStopped = true;
      throw error;
    }),
  );
  // whatever happens in one, the other one ends before the import is given back
  const ended = await Promise.allSettled(lanes);
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
  if (isStopped) return;
  if (isDone && row.mode === 'snapshot' && !row.dry_run)
    isDone = await closeUnnamed(contextNow, claim, until);
  if (isDone) await complete(await contextNow(), claim);
  else await releaseImport(deps.services, claim);
}

/** The chunks that are left, in order; the next one is read and checked while the present one is applied. */
function chunksOf(deps: Deps, { row }: Claim): { next(): Promise<PreparedChunk | undefined> } {
  const shape = shapeOf(row);
  const key = importKey(deps.services.keyring, row.id, row.wrapped_key as Buffer);
  const read = async (from: number) => {
    const staged = await readChunk(deps.services, key, row.id, from);
    return staged && prepareChunk(await contextOf(deps, row), row, shape, staged);
  };
  let coming = read(0);
  return {
    next() {
      const present = coming;
      coming = present.then((chunk) => chunk && read(chunk.chunk + 1));
      coming.catch(() => undefined);
      return present;
    },
  };
}

type Applied = { goesOn: boolean; counts: Counts };

async function applyAndCommit(ctx: Ctx, claim: Claim, chunk: PreparedChunk): Promise<Applied> {
  try {
    return await commitChunk(ctx, claim, chunk, false);
  } catch (error) {
    if (error instanceof ClaimLost || isPassing(error)) throw error;
    return commitChunk(ctx, claim, chunk, true);
  }
}

function commitChunk(ctx: Ctx, claim: Claim, chunk: PreparedChunk, isCareful: boolean): Promise<Applied> {
  const { row } = claim;
  return transact(ctx, async (tx) => {
    const mayUndo = row.dry_run || row.on_error === 'abort';
    if (mayUndo) await tx.run(sql`savepoint effects`);
    const effect = await applyChunk(tx, ctx, chunk, isCareful);
    const isAborted = row.on_error === 'abort' && effect.rejections.length > 0;
    const isUndone = row.dry_run || isAborted;
    if (isUndone) await tx.run(sql`rollback to savepoint effects`);
    const [first] = effect.rejections.sort((left, right) => left.record.line - right.record.line);
    const key = importKey(ctx.keyring, row.id, row.wrapped_key as Buffer);
    await writeRejections(tx, key, row.id, chunk.bytes, effect.rejections);
    const rejected = effect.rejections.length;
    // of a chunk that is not applied only the rejected lines are judged
    const counts = isAborted
      ? { done: rejected, accepted: 0, duplicates: 0, rejected }
      : { done: chunk.records, accepted: effect.accepted, duplicates: effect.duplicates, rejected };
    await moveOn(tx, claim, chunk.chunk, counts);
    const ended = isAborted
      ? await abort(tx, ctx, row.id, first?.record.line ?? 1)
      : { audit: [], events: [] };
    return {
      value: { goesOn: !isAborted, counts },
      audit: isUndone ? ended.audit : effect.audit,
      events: isUndone ? ended.events : effect.events,
    };
  });
}

type Counts = { done: number; accepted: number; duplicates: number; rejected: number };

function countRows(
  { importRows }: Metrics,
  kind: ImportRow['kind'],
  { accepted, duplicates, rejected }: Counts,
) {
  for (const [outcome, count] of Object.entries({ accepted, duplicate: duplicates, rejected }))
    importRows.inc({ kind, outcome }, count);
}

/** Throws `ClaimLost`, and all that was done is undone. */
async function moveOn(tx: Tx, { row, token }: Claim, chunk: number, counts: Counts): Promise<void> {
  const moved = await tx.named<{ count: number }>(
    'finish_import_chunk',
    `with moved as (
       update imports set done_lines = done_lines + $4, accepted_rows = accepted_rows + $5,
         duplicate_rows = duplicate_rows + $6, rejected_rows = rejected_rows + $7, leased_until = $8,
         version = version + 1
       where id = $1 and lease_token = $2 and state = 'running'
       returning id
     ), used as (
       delete from import_chunks using moved where import_id = moved.id and chunk = $3
       returning chunk
     )
     select count(*)::int as count from used`,
    [row.id, token, chunk, counts.done, counts.accepted, counts.duplicates, counts.rejected, leaseEnd()],
  );
  if (moved[0]?.count !== 1) throw new ClaimLost();
}

async function abort(tx: Tx, ctx: Ctx, id: string, line: number) {
  const code = 'aborted';
  const message = `Line ${line} was rejected. Its chunk was not applied; what came before it was.`;
  await tx.run(sql`
    update imports set state = 'failed', finished_at = ${ctx.now}, leased_until = null,
      failure = ${JSON.stringify({ code, message, line })}::jsonb
    where id = ${id}`);
  return {
    audit: [{ action: 'import.failed', subjectType: 'import', subjectId: id, details: { code, line } }],
    events: [importEvent(ctx, id, 'failed', { code })],
  };
}

async function complete(ctx: Ctx, { row, token }: Claim): Promise<void> {
  await transact(ctx, async (tx) => {
    const [counts] = await tx.rows<Record<string, number>>(sql`
      update imports set state = 'completed', finished_at = ${ctx.now}, leased_until = null, version = version + 1
      where id = ${row.id} and lease_token = ${token} and state = 'running'
        and not exists (select from import_chunks where import_id = ${row.id})
      returning accepted_rows as accepted, duplicate_rows as duplicates, rejected_rows as rejected`);
    if (counts === undefined) throw new ClaimLost();
    const details = { kind: row.kind, dry_run: row.dry_run, ...counts };
    return {
      value: null,
      audit: [{ action: 'import.completed', subjectType: 'import', subjectId: row.id, details }],
      events: [importEvent(ctx, row.id, 'completed', details)],
    };
  });
}
