/**
 * Corrections: what comes under a key that is known, and what reverses. They are seldom, so a source's corrections
 * wait for one another: what is read stays as it is until all that follows from it is written.
 */
import { sql } from 'drizzle-orm';
import { findCustomers } from '../customers/references.js';
import type { Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { changeFormerVersions, findFormerVersions } from './former-versions.js';
import { type ActivityKey, awaitActivityKeys, findActivityKeys, isAwaited } from './keys.js';
import { findLinked, type Linked, removeLinks, writeLinks } from './links.js';
import { keyOf, type PlacedActivity } from './preparation.js';
import { whatIsLeft } from './reversals.js';
import { changeKeys, findActivities, movedMeanwhile, type RowState, type StoredActivity } from './rows.js';
import { stateOf } from './states.js';
import { valueStored } from './valuation.js';
import { type Content, isSame, type Settled, type Stated, settle, standing } from './versions.js';

export type Correction = {
  settled: Map<PlacedActivity, Settled>;
  added: { one: PlacedActivity; after: RowState }[];
  changed: { before: StoredActivity; after: RowState }[];
};

/** A content is stored, or comes with one of the items. */
type Known = Content & { placed?: PlacedActivity };
type Keyed = {
  source: string;
  sourceId: string;
  /** what stood before; undefined: nothing, or what a reversal waits for */
  former: ActivityKey | undefined;
  contents: Known[];
  /** how many of them are stored */
  stored: number;
};

const statedOf = ({ activity, customerId }: PlacedActivity): Stated => ({
  activityId: activity.id,
  customerId,
  occurredAt: activity.occurredAt,
  contentHash: activity.contentHash,
  version: activity.sourceVersion,
  byHolding: activity.customer === undefined,
});

/** Whether it says nothing but what is known. */
const isRepeated = (known: Content, one: PlacedActivity): boolean =>
  one.activity.sourceVersion <= known.version && isSame(known, statedOf(one));

/** The items, by key, that are more than the first or the same of their key; `known` are the keys that stand. */
export function correcting(
  items: readonly PlacedActivity[],
  known: ReadonlyMap<string, ActivityKey>,
): Map<string, PlacedActivity[]> {
  const firsts = new Map<string, PlacedActivity>();
  const keys = new Set<string>();
  for (const one of items) {
    const { key, reverses } = one.activity;
    const before = known.get(key);
    const first = firsts.get(key);
    if (before !== undefined) {
      if (!isRepeated(before, one)) keys.add(key);
    } else if (first !== undefined) {
      if (!isRepeated(statedOf(first), one)) keys.add(key);
    } else {
      firsts.set(key, one);
      if (reverses !== null) keys.add(key);
    }
  }
  const corrections = new Map<string, PlacedActivity[]>();
  if (keys.size === 0) return corrections;
  for (const one of items) {
    const { key } = one.activity;
    if (keys.has(key) && corrections.get(key)?.push(one) === undefined) corrections.set(key, [one]);
  }
  return corrections;
}

/** Waits for whoever corrects activities of the same sources, but for those that are `locked`. Taken before keys. */
export async function lockCorrections(
  tx: Tx,
  corrections: ReadonlyMap<string, readonly PlacedActivity[]>,
  locked: Set<string>,
): Promise<void> {
  const sources = new Set([...corrections.values()].map(([one]) => one?.activity.source ?? ''));
  for (const source of [...sources].sort()) {
    if (locked.has(source)) continue;
    locked.add(source);
    await tx.rows(
      sql`select pg_advisory_xact_lock(hashtextextended(${`activity_corrections ${source}`}, 0))`,
    );
  }
}

/**
 * Works out what follows, and writes all but the activities themselves, whose customers are not locked yet. `fresh` are
 * those that come beside them: they are `added` where they are reversed at once.
 */
export async function correct(
  tx: Tx,
  ctx: Ctx,
  corrections: ReadonlyMap<string, readonly PlacedActivity[]>,
  known: ReadonlyMap<string, ActivityKey>,
  fresh: readonly PlacedActivity[],
): Promise<Correction> {
  const keyed = await readKeyed(tx, corrections, known);
  const hidden = await hiddenCustomers(tx, ctx, keyed);
  const settled = new Map<PlacedActivity, Settled>();
  for (const [key, items] of corrections) {
    const { contents, former } = keyed.get(key) as Keyed;
    for (const one of items) {
      const refused = former !== undefined && hidden.has(former.customerId);
      settled.set(
        one,
        refused ? { outcome: 'conflict' } : settle(contents, Object.assign(statedOf(one), { placed: one })),
      );
    }
  }
  const all = [...keyed.values()];
  const rows = await findActivities(
    tx,
    all.flatMap(({ contents }) => contents.filter(({ placed }) => placed === undefined)),
  );
  await writeKeyed(tx, ctx, all, rows);
  return { settled, ...(await consequences(tx, ctx, all, rows, fresh)) };
}

async function readKeyed(
  tx: Tx,
  corrections: ReadonlyMap<string, readonly PlacedActivity[]>,
  known: ReadonlyMap<string, ActivityKey>,
): Promise<Map<string, Keyed>> {
  const standingKeys = [...corrections].flatMap(([key, [one]]) =>
    one !== undefined && known.has(key) ? [one.activity] : [],
  );
  const formers = await findFormerVersions(tx, standingKeys);
  return new Map(
    [...corrections].flatMap(([key, [one]]) => {
      if (one === undefined) return [];
      const found = known.get(key);
      const former = found === undefined || isAwaited(found) ? undefined : found;
      const contents = former === undefined ? [] : [{ ...former }, ...(formers.get(key) ?? [])];
      const { source, sourceId } = one.activity;
      return [[key, { source, sourceId, former, contents, stored: contents.length }]];
    }),
  );
}

/** Whom the caller may not see: what is theirs is not corrected, whatever is said of it. */
async function hiddenCustomers(
  tx: Tx,
  ctx: Ctx,
  keyed: ReadonlyMap<string, Keyed>,
): Promise<ReadonlySet<string>> {
  if (ctx.dataScope === null) return new Set();
  const ids = new Set([...keyed.values()].flatMap(({ former }) => former?.customerId ?? []));
  const found = await findCustomers(
    tx,
    ctx,
    [...ids].map((id) => ({ id })),
  );
  for (const [id, customer] of found) if (customer.in_reach) ids.delete(id);
  return ids;
}

type Reverses = { sourceId: string; amount: string | null } | null;

function reversesOf({ placed, activityId }: Known, rows: ReadonlyMap<string, StoredActivity>): Reverses {
  if (placed !== undefined) return placed.activity.reverses;
  const row = rows.get(activityId);
  return row === undefined || row.reverses_source_id === null
    ? null
    : { sourceId: row.reverses_source_id, amount: row.reverses_amount };
}

/** Keys, former versions and links: what stands under each key from now on, and what it reverses. */
async function writeKeyed(
  tx: Tx,
  ctx: Ctx,
  keyed: readonly Keyed[],
  rows: ReadonlyMap<string, StoredActivity>,
): Promise<void> {
  const changed = keyed.map((one) => {
    const stands = standing(one.contents) as Known;
    return { ...one, stands, reverses: reversesOf(stands, rows) };
  });
  await changeKeys(
    tx,
    changed.map(({ stands, reverses, ...one }) => ({
      ...one,
      standing: stands,
      reverses: reverses?.sourceId ?? null,
    })),
  );
  const versions = changed.flatMap(({ source, sourceId, contents, stands }) =>
    contents.map((content) => ({ source, sourceId, content, isStanding: content === stands })),
  );
  await changeFormerVersions(
    tx,
    versions.filter(({ isStanding }) => !isStanding),
    versions.filter(({ isStanding, content }) => isStanding && content.placed === undefined),
  );
  // the link of what stands is the same where it is the same activity
  const relinked = changed.filter(({ former, stands }) => former?.activityId !== stands.activityId);
  await removeLinks(
    tx,
    relinked.flatMap(({ source, sourceId, former }) =>
      former === undefined || former.reverses === null
        ? []
        : [{ source, sourceId: former.reverses, reversalSourceId: sourceId }],
    ),
  );
  const links = relinked.flatMap(({ source, sourceId, reverses }) =>
    reverses === null
      ? []
      : [{ ...reverses, source, reversalSourceId: sourceId, sameCustomer: ctx.dataScope !== null }],
  );
  await awaitActivityKeys(tx, links);
  await writeLinks(tx, links);
}

/** How the activities stand that come, and those that stand otherwise than before. */
async function consequences(
  tx: Tx,
  ctx: Ctx,
  keyed: readonly Keyed[],
  rows: ReadonlyMap<string, StoredActivity>,
  fresh: readonly PlacedActivity[],
): Promise<Pick<Correction, 'added' | 'changed'>> {
  const linked = await findLinked(
    tx,
    keyed.flatMap(({ source, sourceId, former }) =>
      [sourceId, ...(former?.reverses == null ? [] : [former.reverses])].map((id) => ({
        source,
        sourceId: id,
      })),
    ),
  );
  const placed = new Map(fresh.map((one) => [one.activity.id, one]));
  for (const { contents } of keyed) {
    for (const one of contents) if (one.placed !== undefined) placed.set(one.activityId, one.placed);
  }
  const isKnown = ({ activityId }: ActivityKey) => placed.has(activityId) || rows.has(activityId);
  const others = [...linked.values()].map(({ key }) => key).filter((key) => !isKnown(key));
  const stored = new Map([...rows, ...(await findActivities(tx, others))]);
  await checkPlaces(tx, linked, (id) => placed.has(id) || stored.has(id));
  const valued = await valueStored(tx, ctx, stored);
  const left = leftOf(linked, (id) => placed.get(id)?.activity.amount ?? stored.get(id)?.amount ?? null);

  const added: Correction['added'] = [];
  const changed: Correction['changed'] = [];
  const add = (id: string, version: number, standsId: string, key: string) => {
    const supersededBy = id === standsId ? null : standsId;
    const [one, before] = [placed.get(id), stored.get(id)];
    const known = one ?? valued.get(id);
    if (known === undefined) return;
    const after = stateOf(known, version, supersededBy, left.get(key));
    if (one !== undefined) added.push({ one, after });
    else if (before !== undefined && isOther(before, after)) changed.push({ before, after });
  };
  for (const [key, { key: stands }] of linked) add(stands.activityId, stands.version, stands.activityId, key);
  for (const { contents } of keyed) {
    const { activityId } = standing(contents) as Known;
    for (const one of contents)
      if (one.activityId !== activityId) add(one.activityId, one.version, activityId, '');
  }
  return { added, changed };
}

/** What is not there is no longer kept, or has moved since its key was read: then all is to be read again. */
async function checkPlaces(
  tx: Tx,
  linked: ReadonlyMap<string, Linked>,
  isThere: (activityId: string) => boolean,
): Promise<void> {
  const missing = [...linked.values()].filter(({ key }) => !isThere(key.activityId));
  const keys = await findActivityKeys(tx, missing);
  for (const { source, sourceId, key } of missing) {
    if (keys.get(keyOf(source, sourceId))?.customerId !== key.customerId) throw movedMeanwhile();
  }
}

/** By key. Activities of different sources have nothing to do with one another. */
function leftOf(linked: ReadonlyMap<string, Linked>, amountOf: (activityId: string) => string | null) {
  return whatIsLeft(
    [...linked].map(([key, { source, key: stands, link }]) => ({
      key,
      customerId: stands.customerId,
      amount: amountOf(stands.activityId),
      reverses:
        link === null
          ? null
          : { key: keyOf(source, link.sourceId), amount: link.amount, sameCustomer: link.sameCustomer },
    })),
  );
}

const isOther = (before: StoredActivity, after: RowState): boolean =>
  (Object.keys(after) as (keyof RowState)[]).some((field) => before[field] !== after[field]);
