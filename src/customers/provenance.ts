/**
 * Whose word counts, field by field. Each source's last statement is kept with the time at which the source knew
 * it; the latest statement of all sources is the value. An earlier one that arrives late changes nothing and is
 * kept as an alternate. Null is a statement too: cleared by this source.
 */
import { isDeepStrictEqual } from 'node:util';

export type Stated = { value: unknown; source_time: string; recorded_at: string };

/** What each source stated, by source and field. */
export type Statements = Map<string, Record<string, Stated>>;

export type Incoming = {
  source: string;
  sourceTime: string;
  recordedAt: string;
  fields: ReadonlyMap<string, unknown>;
};

export type Decision = {
  /** the fields that get another value */
  changes: Map<string, unknown>;
  ignored: { field: string; reason: 'older' }[];
  /** the source's statements afterwards; undefined where they stay as they are */
  statements: Record<string, Stated> | undefined;
};

const isLater = (left: string, right: string) => Date.parse(left) > Date.parse(right);
/** Stored objects come back with their members in another order. */
export const sameValue = (left: unknown, right: unknown): boolean => isDeepStrictEqual(left, right);

/** Decides one statement against what is known. `current` gives the present value of a field. */
export function decideFields(
  statements: Statements,
  incoming: Incoming,
  current: (field: string) => unknown,
): Decision {
  const mine = statements.get(incoming.source) ?? {};
  const next = { ...mine };
  const decision: Decision = { changes: new Map(), ignored: [], statements: undefined };
  for (const [field, value] of incoming.fields) {
    const before = mine[field];
    if (before !== undefined && isLater(before.source_time, incoming.sourceTime)) {
      decision.ignored.push({ field, reason: 'older' });
      continue;
    }
    const differs = !sameValue(current(field) ?? null, value);
    const older = outranked(statements, incoming, field);
    if (differs && older) decision.ignored.push({ field, reason: 'older' });
    if (differs && !older) decision.changes.set(field, value);
    // saying the same again adds no knowledge, and a repeated load must change nothing, unless another said otherwise
    if (before === undefined || !sameValue(before.value, value) || (differs && !older)) {
      next[field] = { value, source_time: incoming.sourceTime, recorded_at: incoming.recordedAt };
      decision.statements = next;
    }
  }
  return decision;
}

/** Another source stated the field later. */
function outranked(statements: Statements, incoming: Incoming, field: string): boolean {
  for (const [source, fields] of statements) {
    if (source === incoming.source) continue;
    const other = fields[field];
    if (other !== undefined && isLater(other.source_time, incoming.sourceTime)) return true;
  }
  return false;
}
