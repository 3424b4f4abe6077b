/**
 * What two customers are after a merge is taken back: as they were before it, and what was stated of each since. A
 * statement speaks of the record whose identifier it named; a value that came about otherwise since then, such as by
 * hand, stays with the survivor.
 */
import type { Known } from '../customers/changes.js';
import { type CustomerRow, currentValue, withField } from '../customers/fields.js';
import {
  decideFields,
  isSameSpeaker,
  type RankOf,
  type Statements,
  sameValue,
} from '../customers/provenance.js';
import { rankBy, type Sources } from '../customers/sources.js';
import { microsOf } from '../platform/instants.js';
import { fieldsOf } from './survivorship.js';

type Later = Statements[number];

/**
 * Of each speaker, what it did not state before. Times do not tell it: a request that waited for the merge to end is
 * older than the merge, and was written after it.
 */
const statedSince = (statements: Statements, before: Statements): Later[] =>
  statements.flatMap((one) => {
    const known = before.find((other) => isSameSpeaker(one, other))?.fields ?? {};
    const fields = Object.entries(one.fields).filter(
      ([field, stated]) => !Object.hasOwn(known, field) || !sameValue(known[field], stated),
    );
    return fields.length === 0 ? [] : [{ ...one, fields: Object.fromEntries(fields) }];
  });

const countFields = (later: readonly Later[]): number =>
  later.reduce((count, { fields }) => count + Object.keys(fields).length, 0);

/** The record with later statements taken into account, in the order in which they came. */
function replay(known: Known, later: readonly Later[], rankOf: RankOf): CustomerRow {
  let { row, statements } = known;
  const told = later.flatMap(({ fields, ...speaker }) =>
    Object.entries(fields).map(([field, stated]) => ({ speaker, field, stated })),
  );
  told.sort((left, right) => microsOf(left.stated.recorded_at) - microsOf(right.stated.recorded_at));
  for (const { speaker, field, stated } of told) {
    const incoming = {
      ...speaker,
      sourceTime: stated.source_time,
      isTimed: true,
      recordedAt: stated.recorded_at,
      fields: new Map([[field, stated.value]]),
    };
    const present = (name: string) => currentValue(row, name);
    const decision = decideFields(statements, incoming, present, rankOf);
    for (const [name, value] of decision.changes) row = withField(row, name, value);
    if (decision.statements !== undefined) {
      const others = statements.filter((one) => !isSameSpeaker(one, speaker));
      statements = [...others, { ...speaker, fields: decision.statements }];
    }
  }
  return told.length === 0 ? row : { ...row, stub: false };
}

export type Before = {
  survivor: Known;
  merged: Known /** the survivor as the merge left it */;
  after: CustomerRow;
};

export type Parted = {
  survivor: CustomerRow;
  merged: CustomerRow;
  /** how many fields were stated of each since */
  later: { survivor: number; merged: number };
};

/** `statements` are all of the survivor's of now; `origins` the merged customer and what was merged into it. */
export function partRecords(
  before: Before,
  now: { row: CustomerRow; statements: Statements },
  origins: readonly string[],
  sources: Sources,
): Parted {
  const { survivor, merged, after } = before;
  const isMerged = ({ origin }: Later) => origin !== null && origins.includes(origin);
  const asMerged = merged.statements.map((one) => ({ ...one, origin: one.origin ?? merged.row.id }));
  const later = statedSince(now.statements, [...survivor.statements, ...asMerged]);
  const ofMerged = later
    .filter(isMerged)
    .map((one) => ({ ...one, origin: one.origin === merged.row.id ? null : one.origin }));
  const ofSurvivor = later.filter((one) => !isMerged(one));
  let row: CustomerRow = { ...survivor.row };
  for (const field of fieldsOf(now.row, after, survivor.row)) {
    const value = currentValue(now.row, field) ?? null;
    const isAsMerged = sameValue(value, currentValue(after, field) ?? null);
    const cameFromMerged = ofMerged.some(
      ({ fields }) => Object.hasOwn(fields, field) && sameValue(fields[field]?.value, value),
    );
    if (!isAsMerged && !cameFromMerged) row = withField(row, field, value);
  }
  return {
    survivor: replay({ ...survivor, row }, ofSurvivor, rankBy(sources, survivor.preferred)),
    merged: replay(merged, ofMerged, rankBy(sources, merged.preferred)),
    later: { survivor: countFields(ofSurvivor), merged: countFields(ofMerged) },
  };
}
