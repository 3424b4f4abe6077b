/**
 * Which customer each item of a batch is about. Identifiers are looked up, new ones are claimed by inserting them,
 * and whoever loses a race learns from the index which customer won: fifty upserts at once make one customer.
 */
import type { Tx } from '../db/client.js';
import { DomainError } from '../platform/errors.js';
import { newId } from '../platform/ids.js';
import { claimKeys, findKeys, keyText, moveKeys } from './keys.js';
import type { PreparedCustomer, PreparedIdentifier } from './preparation.js';

export type Item = {
  prepared: PreparedCustomer;
  /** create: must be new. upsert: any identifier finds it. patch: `target` is given */
  mode: 'create' | 'upsert' | 'patch';
  target?: string;
  /** for patch: the versions that If-Match names; undefined for any */
  versions?: number[] | undefined;
};

export type Work = Item & {
  position: number;
  customerId: string;
  isNew: boolean;
  /** claimed in this transaction */
  claimed: PreparedIdentifier[];
  error: DomainError | undefined;
};

/** Splits a batch so that no wave holds two items that could be the same customer; the order is kept. */
export function waves(items: readonly Item[]): { position: number; item: Item }[][] {
  const result: { position: number; item: Item }[][] = [];
  const lastWaveOf = new Map<string, number>();
  items.forEach((item, position) => {
    const keys = [
      ...item.prepared.identifiers.map(keyText),
      ...(item.target === undefined ? [] : [item.target]),
    ];
    const wave = Math.max(-1, ...keys.map((key) => lastWaveOf.get(key) ?? -1)) + 1;
    for (const key of keys) lastWaveOf.set(key, wave);
    result[wave] ??= [];
    result[wave].push({ position, item });
  });
  return result;
}

const conflict = () =>
  new DomainError('identifier_conflict', 'An identifier of this request belongs to another customer.', {
    errors: [
      {
        in: 'body',
        pointer: '/identifiers',
        code: 'identifier_conflict',
        message: 'belongs to another customer',
      },
    ],
  });

/** The one customer that the holders of an item's identifiers come to, or why there is none. */
function settle(work: Work, holders: ReadonlySet<string>): void {
  const others = [...holders].filter((holder) => holder !== work.target);
  if (work.mode === 'upsert' && work.target === undefined && others.length === 1) {
    work.customerId = others[0] ?? work.customerId;
    work.isNew = false;
  } else if (others.length > 0) work.error = conflict();
}

const holdersOf = (work: Work, found: ReadonlyMap<string, string>) =>
  new Set(work.prepared.identifiers.flatMap((identifier) => found.get(keyText(identifier)) ?? []));

/** Finds the customer of each item, or gives it a new id. Nothing is claimed yet. */
export async function resolveCustomers(tx: Tx, wave: { position: number; item: Item }[]): Promise<Work[]> {
  const found = await findKeys(
    tx,
    wave.flatMap(({ item }) => item.prepared.identifiers),
  );
  return wave.map(({ position, item }) => {
    const work: Work = {
      ...item,
      position,
      customerId: item.target ?? newId(),
      isNew: item.target === undefined,
      claimed: [],
      error: undefined,
    };
    settle(work, holdersOf(work, found));
    return work;
  });
}

/** Claims the identifiers that nobody holds, and settles what was lost to somebody who was quicker. */
export async function claimIdentifiers(tx: Tx, works: readonly Work[]): Promise<void> {
  const open = works.filter((work) => work.error === undefined);
  const known = await findKeys(
    tx,
    open.flatMap((work) => work.prepared.identifiers),
  );
  const claims = open.flatMap((work) =>
    work.prepared.identifiers
      .filter((identifier) => !known.has(keyText(identifier)))
      .map((key) => ({ key, customerId: work.customerId, work })),
  );
  const claimed = await claimKeys(tx, claims);
  for (const { key, work } of claims) if (claimed.has(keyText(key))) work.claimed.push(key);
  const lost = claims.filter(({ key }) => !claimed.has(keyText(key)));
  const found =
    lost.length === 0
      ? known
      : await findKeys(
          tx,
          open.flatMap((work) => work.prepared.identifiers),
        );
  const moves: { key: PreparedIdentifier; customerId: string | null }[] = [];
  for (const work of open) {
    const before = work.customerId;
    const holders = holdersOf(work, found);
    holders.delete(before);
    const settled = work.isNew ? work : { ...work, target: work.customerId };
    settle(settled, holders);
    Object.assign(work, { customerId: settled.customerId, isNew: settled.isNew, error: settled.error });
    if (work.error !== undefined) moves.push(...work.claimed.map((key) => ({ key, customerId: null })));
    else if (work.customerId !== before)
      moves.push(...work.claimed.map((key) => ({ key, customerId: work.customerId })));
  }
  await moveKeys(tx, moves);
}
