/**
 * Which customer each item of a batch is about. Identifiers are looked up, new ones are claimed by inserting them,
 * and whoever loses a race learns from the index which customer won: fifty upserts at once make one customer.
 */
import type { Tx } from '../db/client.js';
import { DomainError } from '../platform/errors.js';
import { newId } from '../platform/ids.js';
import { mergedMeanwhile } from '../reviews/service.js';
import { claimKeys, findHolders, type Holder, keyText, moveKeys } from './keys.js';
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
  /** of which record it speaks, where that was merged into the customer; null: of the customer's own */
  origin: string | null;
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
function settle(work: Work, holders: readonly Holder[]): void {
  const others = new Set(holders.map((holder) => holder.customerId));
  if (work.target !== undefined) others.delete(work.target);
  const [other] = others;
  if (work.mode === 'upsert' && work.target === undefined && other !== undefined && others.size === 1) {
    work.customerId = other;
    work.origin = originOf(holders);
    work.isNew = false;
  } else if (others.size > 0) work.error = conflict();
}

/** An identifier of the customer's own speaks of its own record, whatever else is named with it. */
const originOf = (holders: readonly Holder[]): string | null =>
  holders.some(({ origin }) => origin === null) ? null : (holders[0]?.origin ?? null);

const holdersOf = (work: Work, found: ReadonlyMap<string, Holder>) =>
  work.prepared.identifiers.flatMap((identifier) => found.get(keyText(identifier)) ?? []);

/** Finds the customer of each item, or gives it a new id. Nothing is claimed yet. */
export async function resolveCustomers(tx: Tx, wave: { position: number; item: Item }[]): Promise<Work[]> {
  const found = await findHolders(
    tx,
    wave.flatMap(({ item }) => item.prepared.identifiers),
  );
  return wave.map(({ position, item }) => {
    const work: Work = {
      ...item,
      position,
      customerId: item.target ?? newId(),
      origin: null,
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
  const known = await findHolders(
    tx,
    open.flatMap((work) => work.prepared.identifiers),
  );
  const claims = open.flatMap((work) =>
    work.prepared.identifiers
      .filter((identifier) => !known.has(keyText(identifier)))
      .map((key) => ({ key, customerId: work.customerId, origin: work.origin, work })),
  );
  const claimed = await claimKeys(tx, claims);
  for (const { key, work } of claims) if (claimed.has(keyText(key))) work.claimed.push(key);
  const lost = claims.filter(({ key }) => !claimed.has(keyText(key)));
  const found =
    lost.length === 0
      ? known
      : await findHolders(
          tx,
          open.flatMap((work) => work.prepared.identifiers),
        );
  const moves: { key: PreparedIdentifier; customerId: string | null; origin: string | null }[] = [];
  for (const work of open) {
    const before = work.customerId;
    const holders = holdersOf(work, found).filter(({ customerId }) => customerId !== before);
    const settled = work.isNew ? work : { ...work, target: work.customerId };
    settle(settled, holders);
    const { customerId, origin, isNew, error } = settled;
    Object.assign(work, { customerId, origin, isNew, error });
    if (work.error !== undefined)
      moves.push(...work.claimed.map((key) => ({ key, customerId: null, origin: null })));
    else if (work.customerId !== before)
      moves.push(...work.claimed.map((key) => ({ key, customerId, origin })));
  }
  await moveKeys(tx, moves);
}

/**
 * Of customers that are locked by now: an identifier that spoke of a merged record still does. Asks for another try
 * where that merge was taken back meanwhile.
 */
export async function checkOrigins(tx: Tx, works: readonly Work[]): Promise<void> {
  const told = works.filter(({ origin }) => origin !== null);
  if (told.length === 0) return;
  const found = await findHolders(
    tx,
    told.flatMap((work) => work.prepared.identifiers),
  );
  for (const work of told) {
    const holders = holdersOf(work, found).filter(({ customerId }) => customerId === work.customerId);
    if (holders.length === 0 || originOf(holders) !== work.origin) throw mergedMeanwhile();
  }
}
