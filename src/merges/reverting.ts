/**
 * Taking a merge back: both customers are as they were, with what was told of each since. The latest merge of a survivor
 * is taken back first, so that each finds what it left.
 */
import { sql } from 'drizzle-orm';
import { readKnown } from '../customers/changes.js';
import { loadSources } from '../customers/definitions.js';
import type { CustomerRow } from '../customers/fields.js';
import { writeRows } from '../customers/writes.js';
import { array, json, type Tx } from '../db/client.js';
import type { Guarded } from '../platform/approvals/guarded.js';
import type { Ctx } from '../platform/context.js';
import { DomainError, notFound } from '../platform/errors.js';
import { checkVersion } from '../platform/http/versions.js';
import { putBack, type Sides } from '../platform/reassignment.js';
import { countLater } from './later-writes.js';
import { changeManager, isMoving, type MergeValue, markSides, told } from './merging.js';
import { partRecords } from './parting.js';
import { reassignments } from './reassignments.js';
import { lockSides } from './sides.js';
import { getMerge, type MergeRow, readSnapshot, type Snapshot } from './stored.js';

export type RevertInput = { id: string; versions: number[] | undefined };

export const revertGuard: Guarded<RevertInput, MergeValue> = {
  operation: 'revertMerge',
  scope: 'merges:write',

  async plan(tx, ctx, input) {
    const { merge, survivor } = await locked(tx, ctx, input);
    return {
      subject: { type: 'customer', id: merge.survivor_id },
      customers: [merge.survivor_id, merge.merged_id],
      summary: `Take back the merge of customer ${merge.merged_id} into ${merge.survivor_id}`,
      content: {
        merge: { id: merge.id, version: merge.version },
        survivor: { id: merge.survivor_id, version: survivor.row.version },
        merged: { id: merge.merged_id },
      },
      weighty: true,
    };
  },

  async execute(tx, ctx, input) {
    return revert(tx, ctx, await locked(tx, ctx, input));
  },
};

async function locked(tx: Tx, ctx: Ctx, { id, versions }: RevertInput) {
  const seen = await getMerge(ctx, id, tx);
  const { affected } = await lockSides(tx, ctx, seen.survivor_id, seen.merged_id);
  const merge = await getMerge(ctx, id, tx, sql`for update of m`);
  checkVersion(versions, merge.version);
  if (merge.state === 'reverted') throw new DomainError('conflict', 'This merge was taken back already.');
  if (merge.state !== 'merged')
    throw new DomainError('conflict', 'Activities of this merge are still moving.');
  const later = await tx.rows<{ id: string }>(sql`
    select id from merges where state <> 'reverted' and id > ${merge.id}
      and (survivor_id = ${merge.survivor_id} or merged_id = ${merge.survivor_id}) order by id desc limit 1`);
  if (later[0] !== undefined) {
    throw new DomainError('conflict', `Take back the later merge ${later[0].id} of this customer first.`);
  }
  const survivor = (await readKnown(tx, ctx, [merge.survivor_id])).get(merge.survivor_id);
  if (survivor === undefined) throw notFound('customer');
  return { merge, survivor, affected };
}

type Locked = Awaited<ReturnType<typeof locked>>;

async function revert(tx: Tx, ctx: Ctx, { merge, survivor, affected }: Locked) {
  const { kept, ...before } = await readSnapshot(tx, ctx, merge.id);
  const sides: Sides = {
    survivorId: merge.survivor_id,
    mergedId: merge.merged_id,
    origins: [merge.merged_id, ...(before.merged.row.merged_from ?? [])],
  };
  const marks = await markSides(tx, ctx, [sides.survivorId, sides.mergedId], affected);
  const sources = await loadSources(tx);
  const parted = partRecords(before, survivor, sides.origins, sources);
  const later = await countLater(tx, sides, merge.merged_at, parted.later);
  const version = survivor.row.version + 1;
  const returned: Record<string, number> = {};
  for (const each of reassignments) Object.assign(returned, await each.revert(tx, ctx, sides, kept));
  await putBack(tx, kept);
  const at = (row: CustomerRow) => ({
    ...row,
    version,
    updated_at: marks.get(row.id)?.instant ?? ctx.now,
  });
  await writeRows(tx, [at(parted.survivor), at(parted.merged)]);
  await changeManager(tx, ctx, survivor.row, at(parted.survivor));
  await changeManager(tx, ctx, before.merged.row, at(parted.merged));
  await restoreLinks(tx, before, sides);
  const state = (await isMoving(tx, sides.mergedId)) ? 'reverting' : 'reverted';
  await tx.run(sql`
    update merges set state = ${state}, reverted_by = ${ctx.actor}, reverted_at = ${marks.get(sides.survivorId)?.instant ?? ctx.now},
      version = version + 1, report = ${json({ ...(merge.report as MergeRow['report']), returned, later })}
    where id = ${merge.id}`);
  const places = { survivor: parted.survivor, merged: parted.merged };
  return {
    value: { id: merge.id },
    ...told(ctx, 'merge_reverted', merge.id, sides, places, marks, version),
  };
}

/** Who is merged into whom, and whose record counts first, as it was. */
async function restoreLinks(
  tx: Tx,
  { survivor, merged }: Omit<Snapshot, 'kept'>,
  sides: Sides,
): Promise<void> {
  const earlier = sides.origins.filter((id) => id !== sides.mergedId);
  for (const { row, preferred } of [survivor, merged]) {
    await tx.run(sql`
      update customers set merged_into = null, preferred_origins = ${preferred === null ? null : json(preferred)},
        merged_from = ${row.merged_from === null ? null : array(row.merged_from, 'uuid')}
      where id = ${row.id}`);
  }
  await tx.run(
    sql`update customers set merged_into = ${sides.mergedId} where id = any(${array(earlier, 'uuid')})`,
  );
}
