/**
 * Which of two records' values stand after a merge, field by field. Where only one has a value it stands. Where both
 * do, the one stands whose source has the higher priority for the field, and else the survivor's; whoever merges can
 * choose otherwise. The status is the strictest of both (deceased, restricted) or else the liveliest (active, closed,
 * prospect), the relationship began with the earlier one. The value that does not stand is kept as an alternate.
 */
import type { Known } from '../customers/changes.js';
import { type CustomerRow, currentValue, scalarFields, withField } from '../customers/fields.js';
import { sameValue } from '../customers/provenance.js';
import { type PreferredOrigins, priorityOf, type Sources } from '../customers/sources.js';

export type Side = 'survivor' | 'merged';
export type Choices = Readonly<Record<string, Side>>;

export type FieldDecision = {
  field: string;
  take: Side;
  /** same: both say so. rule: of the status and of the start of the relationship */
  reason: 'chosen' | 'same' | 'only_one' | 'priority' | 'survivor' | 'rule';
};

const statusOrder = ['deceased', 'restricted', 'active', 'closed', 'prospect'];

/** Fields of which either has a value, in a stable order. */
export function fieldsOf(...records: readonly CustomerRow[]): string[] {
  const attributes = new Set(records.flatMap(({ attributes: all }) => Object.keys(all)));
  const scalars = scalarFields.filter((field) =>
    records.some((record) => (currentValue(record, field) ?? null) !== null),
  );
  return [...scalars, ...[...attributes].sort().map((name) => `attributes.${name}`)];
}

function byRule(field: string, survivor: CustomerRow, merged: CustomerRow): Side | undefined {
  if (field === 'status') {
    const place = ({ status }: CustomerRow) => statusOrder.indexOf(status);
    return place(merged) < place(survivor) ? 'merged' : 'survivor';
  }
  if (field !== 'customer_since') return undefined;
  if (survivor.customer_since === null || merged.customer_since === null) return undefined;
  return merged.customer_since < survivor.customer_since ? 'merged' : 'survivor';
}

/** The highest priority of a source that states the value. */
function priority(known: Known, sources: Sources, field: string): number {
  const value = currentValue(known.row, field) ?? null;
  const said = known.statements.filter(
    ({ fields }) => Object.hasOwn(fields, field) && sameValue(fields[field]?.value, value),
  );
  return Math.max(-1, ...said.map(({ source }) => priorityOf(sources, source, field)));
}

function decideField(
  field: string,
  survivor: Known,
  merged: Known,
  sources: Sources,
  chosen: Side | undefined,
): FieldDecision {
  const mine = currentValue(survivor.row, field) ?? null;
  const other = currentValue(merged.row, field) ?? null;
  if (sameValue(mine, other)) return { field, take: 'survivor', reason: 'same' };
  if (chosen !== undefined) return { field, take: chosen, reason: 'chosen' };
  const ruled = byRule(field, survivor.row, merged.row);
  if (ruled !== undefined) return { field, take: ruled, reason: 'rule' };
  if (other === null) return { field, take: 'survivor', reason: 'only_one' };
  if (mine === null) return { field, take: 'merged', reason: 'only_one' };
  return priority(merged, sources, field) > priority(survivor, sources, field)
    ? { field, take: 'merged', reason: 'priority' }
    : { field, take: 'survivor', reason: 'survivor' };
}

export type Survivorship = {
  decisions: FieldDecision[];
  /** the survivor as it is to be, but for its version and times */
  row: CustomerRow;
  preferred: PreferredOrigins;
};

export function decideSurvivorship(
  survivor: Known,
  merged: Known,
  sources: Sources,
  choices: Choices,
): Survivorship {
  const decisions = fieldsOf(survivor.row, merged.row).map((field) =>
    decideField(field, survivor, merged, sources, choices[field]),
  );
  const bothStubs = survivor.row.stub && merged.row.stub;
  const kind = survivor.row.stub && !merged.row.stub ? merged.row.kind : survivor.row.kind;
  let row: CustomerRow = { ...survivor.row, kind, stub: bothStubs };
  const preferred: Record<string, string> = { ...survivor.preferred };
  for (const { field, take } of decisions) {
    if (take === 'survivor') continue;
    row = withField(row, field, currentValue(merged.row, field) ?? null);
    preferred[field] = merged.preferred?.[field] ?? merged.row.id;
  }
  return { decisions, row, preferred: Object.keys(preferred).length === 0 ? null : preferred };
}
