/**
 * Whose word weighs more. The bank gives each source a priority, for all that it states or for groups of fields apart:
 * the human-resources system may know the manager best, the core the name. A source that is not declared has the
 * standard one.
 */
import type { RankOf } from './provenance.js';

export const fieldGroups = [
  'names',
  'demographics',
  'residence',
  'relationship',
  'organisation',
  'attributes',
  'contact_points',
] as const;
export type FieldGroup = (typeof fieldGroups)[number];

const standardPriority = 500;

/** The priority of a source: its own, and those of groups that differ from it. */
export type SourcePriorities = { priority: number; priorities: Partial<Record<FieldGroup, number>> };
export type Sources = ReadonlyMap<string, SourcePriorities>;

const groups: Record<string, FieldGroup> = {
  full_name: 'names',
  given_name: 'names',
  family_name: 'names',
  legal_name: 'names',
  short_name: 'names',
  birth_date: 'demographics',
  founding_date: 'demographics',
  gender: 'demographics',
  language: 'residence',
  city: 'residence',
  branch: 'organisation',
  relationship_manager: 'organisation',
  customer_since: 'relationship',
  status: 'relationship',
  contact_points: 'contact_points',
};

const groupOf = (field: string): FieldGroup => groups[field] ?? 'attributes';

export function priorityOf(sources: Sources, source: string, field: string): number {
  const declared = sources.get(source);
  return declared?.priorities[groupOf(field)] ?? declared?.priority ?? standardPriority;
}

/** { field: customer }: the record whose statements count first, where a merge chose another than the customer's own. */
export type PreferredOrigins = Readonly<Record<string, string>> | null;

/**
 * How much a speaker's word weighs: by the priority of its source, and where that is the same, the record that the
 * merge chose for the field before others. So two records that go on being told of do not take turns.
 */
export const rankBy =
  (sources: Sources, preferred: PreferredOrigins): RankOf =>
  ({ source, origin }, field) =>
    priorityOf(sources, source, field) * 2 + (origin === (preferred?.[field] ?? null) ? 1 : 0);
