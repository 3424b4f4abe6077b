/** Which activities reverse which: `activity_reversals`, and all that hangs together by them. */
import { plainArray, textArray } from '../db/array-literals.js';
import type { Tx } from '../db/client.js';
import { type ActivityKey, findActivityKeys, isAwaited } from './keys.js';
import { keyOf } from './preparation.js';

type Named = { source: string; sourceId: string };

export type Link = Named & { reversalSourceId: string; amount: string | null; sameCustomer: boolean };

const named = (source: string, sourceId: string): Named => ({ source, sourceId });
const keysOf = (links: readonly Omit<Link, 'amount' | 'sameCustomer'>[]) => [
  plainArray(links.map((one) => one.source)),
  textArray(links.map((one) => one.sourceId)),
  textArray(links.map((one) => one.reversalSourceId)),
];

export async function removeLinks(
  tx: Tx,
  links: readonly Omit<Link, 'amount' | 'sameCustomer'>[],
): Promise<void> {
  if (links.length === 0) return;
  await tx.named(
    'remove_activity_reversals',
    `delete from activity_reversals r
     using unnest($1::text[], $2::text[], $3::text[]) as gone(source, source_id, reversal_source_id)
     where r.source = gone.source and r.source_id = gone.source_id and r.reversal_source_id = gone.reversal_source_id`,
    keysOf(links),
  );
}

export async function writeLinks(tx: Tx, links: readonly Link[]): Promise<void> {
  if (links.length === 0) return;
  await tx.named(
    'write_activity_reversals',
    `insert into activity_reversals (source, source_id, reversal_source_id, amount, same_customer)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::boolean[])
       as link(source, source_id, reversal_source_id, amount, same_customer)
     order by source, source_id, reversal_source_id`,
    [
      ...keysOf(links),
      plainArray(links.map((one) => one.amount)),
      plainArray(links.map((one) => one.sameCustomer)),
    ],
  );
}

async function findLinks(tx: Tx, originals: readonly Named[]): Promise<Link[]> {
  if (originals.length === 0) return [];
  const rows = await tx.named<{
    source: string;
    source_id: string;
    reversal_source_id: string;
    amount: string | null;
    same_customer: boolean;
  }>(
    'find_activity_reversals',
    `select r.source, r.source_id, r.reversal_source_id, r.amount, r.same_customer
     from unnest($1::text[], $2::text[]) as wanted(source, source_id) join activity_reversals r using (source, source_id)`,
    [plainArray(originals.map((one) => one.source)), textArray(originals.map((one) => one.sourceId))],
  );
  return rows.map(({ source, source_id, reversal_source_id, amount, same_customer }) => ({
    source,
    sourceId: source_id,
    reversalSourceId: reversal_source_id,
    amount,
    sameCustomer: same_customer,
  }));
}

/** An activity that stands under its key, and what it reverses. */
export type Linked = Named & { key: ActivityKey; link: Link | null };

/** Nobody takes back what takes back so many times over: what lies farther is not looked at. */
const farthest = 64;

/** All that hangs together with the activities by reversals, by key: up to what is reversed by all, and down to all that reverses. */
export async function findLinked(tx: Tx, from: readonly Named[]): Promise<Map<string, Linked>> {
  const seen = new Map<string, Named>();
  const linked = new Map<string, Linked>();
  const look = async (level: readonly Named[]): Promise<Map<string, ActivityKey>> => {
    for (const one of level) seen.set(keyOf(one.source, one.sourceId), one);
    const keys = await findActivityKeys(tx, level);
    for (const one of level) {
      const key = keys.get(keyOf(one.source, one.sourceId));
      if (key !== undefined && !isAwaited(key))
        linked.set(keyOf(one.source, one.sourceId), { ...one, key, link: null });
    }
    return keys;
  };
  const unseen = (level: readonly Named[]) =>
    [...new Map(level.map((one) => [keyOf(one.source, one.sourceId), one]))].flatMap(([key, one]) =>
      seen.has(key) ? [] : [one],
    );

  let level = unseen(from);
  for (let step = 0; level.length > 0 && step < farthest; step += 1) {
    const keys = await look(level);
    level = unseen(
      level.flatMap(({ source, sourceId }) => {
        const reverses = keys.get(keyOf(source, sourceId))?.reverses ?? null;
        return reverses === null ? [] : [named(source, reverses)];
      }),
    );
  }
  level = [...seen.values()];
  for (let step = 0; level.length > 0 && step < farthest; step += 1) {
    const links = await findLinks(tx, level);
    const next = unseen(links.map((one) => named(one.source, one.reversalSourceId)));
    await look(next);
    for (const link of links) {
      const reversal = linked.get(keyOf(link.source, link.reversalSourceId));
      if (reversal !== undefined) reversal.link = link;
    }
    level = next;
  }
  return linked;
}
