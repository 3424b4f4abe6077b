/**
 * What a list of contact points changes. A source's list replaces what the same source stated before; where
 * another source states the same number or address, it stays one contact point. At most one of a kind is primary, and
 * only a source whose word weighs as much can say that it is another one.
 */
import type { PreparedContactPoint } from './preparation.js';
import type { IgnoredField, Speaker } from './provenance.js';

export type KnownContactPoint = Speaker & {
  id: string;
  kind: string;
  value_index: string;
  label: string;
  is_primary: boolean;
};

export type ContactsDiff = {
  removed: string[];
  /** new ones, and known ones with another label or rank; `id` is undefined for new ones */
  written: { id: string | undefined; contact: PreparedContactPoint }[];
  /** known ones that are no longer the primary one */
  demoted: string[];
  /** what stays the primary one, since the word of who said so weighs more */
  ignored: IgnoredField[];
};

const key = (contact: { kind: string; index: string }) => `${contact.kind} ${contact.index}`;

/** `replaces` says which of the known ones the list stands for, `isFirst` which primary ones it cannot displace. */
export function diffContacts(
  known: readonly KnownContactPoint[],
  list: readonly PreparedContactPoint[],
  replaces: (contact: KnownContactPoint) => boolean,
  isFirst: (contact: KnownContactPoint) => boolean,
): ContactsDiff {
  const firsts = new Map(
    known
      .filter((contact) => contact.is_primary && isFirst(contact) && !replaces(contact))
      .map((contact) => [contact.kind, key({ kind: contact.kind, index: contact.value_index })]),
  );
  const isRefused = (contact: PreparedContactPoint) =>
    contact.primary && (firsts.get(contact.kind) ?? key(contact)) !== key(contact);
  const stated = list.map((contact) => (isRefused(contact) ? { ...contact, primary: false } : contact));
  const ignored: IgnoredField[] = list.some(isRefused)
    ? [{ field: 'contact_points', reason: 'lower_priority' }]
    : [];
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
    ignored,
  };
}
