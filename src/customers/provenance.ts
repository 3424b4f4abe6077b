/**
 * Whose word counts, field by field. Each source's last statement is kept with the time at which the source knew
 * it. A value gives way to a statement of a higher priority, or to a later one of the same priority; what loses is
 * kept as an alternate. Null is a statement too: cleared by this source.
 */
import { isDeepStrictEqual } from 'node:util';
import { microsOf } from '../platform/instants.js';

export type Stated = { value: unknown; source_time: string; recorded_at: string };

/** Who speaks: a source, and which record of the customer it speaks of where several were merged; null: its own. */
export type Speaker = { source: string; origin: string | null };

/** What each speaker stated. */
export type Statements = readonly (Speaker & { fields: Record<string, Stated> })[];

export type Incoming = Speaker & {
  sourceTime: string;
  /** the source said itself when it knew this: then saying it again later confirms it */
  isTimed: boolean;
  recordedAt: string;
  fields: ReadonlyMap<string, unknown>;
};

/** How much a speaker's word weighs in a field: more is more. */
export type RankOf = (speaker: Speaker, field: string) => number;

export type IgnoredField = { field: string; reason: 'older' | 'lower_priority' };

export type Decision = {
  /** the fields that get another value */
  changes: Map<string, unknown>;
  ignored: IgnoredField[];
  /** the speaker's statements afterwards; undefined where they stay as they are */
  statements: Record<string, Stated> | undefined;
  /** nothing new was said, but some of it confirmed at a later time */
  confirms: boolean;
};

const isLater = (left: string, right: string) => Date.parse(left) > Date.parse(right);
/** Stored objects come back with their members in another order. */
export const sameValue = (left: unknown, right: unknown): boolean => isDeepStrictEqual(left, right);
export const isSameSpeaker = (left: Speaker, right: Speaker): boolean =>
  left.source === right.source && left.origin === right.origin;

/** Decides one statement against what is known. `current` gives the present value of a field. */
export function decideFields(
  statements: Statements,
  incoming: Incoming,
  current: (field: string) => unknown,
  rankOf: RankOf,
): Decision {
  const mine = statements.find((one) => isSameSpeaker(one, incoming))?.fields ?? {};
  const next = { ...mine };
  const decision: Decision = { changes: new Map(), ignored: [], statements: undefined, confirms: false };
  let isNews = false;
  for (const [field, value] of incoming.fields) {
    const before = Object.hasOwn(mine, field) ? mine[field] : undefined;
    if (before !== undefined && isLater(before.source_time, incoming.sourceTime)) {
      decision.ignored.push({ field, reason: 'older' });
      continue;
    }
    const differs = !sameValue(current(field) ?? null, value);
    const reason = differs ? outrankedBy(statements, incoming, field, rankOf) : undefined;
    const counts = differs && reason === undefined;
    if (reason !== undefined) decision.ignored.push({ field, reason });
    if (counts) decision.changes.set(field, value);
    // saying the same again is no news, and a repeated load must change nothing, unless another said otherwise
    if (before === undefined || !sameValue(before.value, value) || counts) {
      next[field] = { value, source_time: incoming.sourceTime, recorded_at: incoming.recordedAt };
      isNews = true;
    } else if (incoming.isTimed && isLater(incoming.sourceTime, before.source_time)) {
      next[field] = { ...before, source_time: incoming.sourceTime };
      decision.confirms = true;
    }
  }
  if (isNews || decision.confirms) decision.statements = next;
  return { ...decision, confirms: decision.confirms && !isNews };
}

/** Why what another speaker stated of the field stands: its word weighs more, or is later. */
function outrankedBy(
  statements: Statements,
  incoming: Incoming,
  field: string,
  rankOf: RankOf,
): IgnoredField['reason'] | undefined {
  const rank = rankOf(incoming, field);
  let reason: IgnoredField['reason'] | undefined;
  for (const one of statements) {
    const other = Object.hasOwn(one.fields, field) ? one.fields[field] : undefined;
    if (other === undefined || isSameSpeaker(one, incoming)) continue;
    const others = rankOf(one, field);
    if (others > rank) return 'lower_priority';
    if (others === rank && isLater(other.source_time, incoming.sourceTime)) reason = 'older';
  }
  return reason;
}

/** All that was stated of a field, the best first: by rank, then by the source's time, then by when it came. */
export const inOrder = <T extends Speaker & Stated>(list: readonly T[], rank: (one: T) => number): T[] =>
  [...list].sort(
    (left, right) =>
      rank(right) - rank(left) ||
      Date.parse(right.source_time) - Date.parse(left.source_time) ||
      microsOf(right.recorded_at) - microsOf(left.recorded_at),
  );
