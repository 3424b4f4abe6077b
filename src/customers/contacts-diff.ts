/**
 * What a list of contact points changes. A source's list replaces what the same source stated before; where
 * another source states the same number or address, it stays one contact point. At most one of a kind is primary.
 */
import type { PreparedContactPoint } from './preparation.js';

export type KnownContactPoint = {
  id: string;
  kind: string;
  value_index: string;
  label: string;
  is_primary: boolean;
  source: string;
};

export type ContactsDiff = {
  removed: string[];
  /** new ones, and known ones with another label or rank; `id` is undefined for new ones */
  written: { id: string | undefined; contact: PreparedContactPoint }[];
  /** known ones that are no longer the primary one */
  demoted: string[];
};

const key = (contact: { kind: string; index: string }) => `${contact.kind} ${contact.index}`;

/** `replaces` says which of the known ones the list stands for. */
export function diffContacts(
  known: readonly KnownContactPoint[],
  stated: readonly PreparedContactPoint[],
  replaces: (contact: KnownContactPoint) => boolean,
): ContactsDiff {
  const knownByKey = new Map(
    known.map((contact) => [key({ kind: contact.kind, index: contact.value_index }), contact]),
  );
  const statedKeys = new Set(stated.map(key));
  const removed = known.filter(
    (contact) =>
      replaces(contact) && !statedKeys.has(key({ kind: contact.kind, index: contact.value_index })),
  );
  const written = stated.flatMap((contact): ContactsDiff['written'] => {
    const before = knownByKey.get(key(contact));
    if (before === undefined) return [{ id: undefined, contact }];
    const same = before.label === contact.label && before.is_primary === contact.primary;
    return same ? [] : [{ id: before.id, contact }];
  });
  const primaryKinds = new Map(
    stated.filter((contact) => contact.primary).map((contact) => [contact.kind as string, key(contact)]),
  );
  const demoted = known.filter((contact) => {
    const primary = primaryKinds.get(contact.kind);
    return (
      contact.is_primary &&
      primary !== undefined &&
      primary !== key({ kind: contact.kind, index: contact.value_index })
    );
  });
  const gone = new Set(removed.map((contact) => contact.id));
  return {
    removed: [...gone],
    written,
    demoted: demoted.map((contact) => contact.id).filter((id) => !gone.has(id)),
  };
}
