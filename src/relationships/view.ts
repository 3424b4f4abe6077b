/** A relationship as a caller may see it. */
import { type SQL, sql } from 'drizzle-orm';
import type { Static } from 'typebox';
import { displayName } from '../customers/fields.js';
import { maskName } from '../customers/masking.js';
import { type Ctx, mayReadSensitive } from '../platform/context.js';
import type { RelatedCustomer, Relationship } from './schemas.js';

export type RelatedRow = {
  id: string;
  kind: 'person' | 'organization';
  full_name: string | null;
  given_name: string | null;
  family_name: string | null;
  legal_name: string | null;
  short_name: string | null;
};

export type RelationshipRecord = Omit<Static<typeof Relationship>, 'related_customer'> & {
  related: RelatedRow;
};

/** Of the customer c that is related, as JSON. */
export const relatedColumns = `json_build_object('id', c.id, 'kind', c.kind, 'full_name', c.full_name,
  'given_name', c.given_name, 'family_name', c.family_name, 'legal_name', c.legal_name, 'short_name', c.short_name)`;

/** Of `relationships` as r and its related customer as c. */
export const relationshipColumns: SQL = sql.raw(
  `r.id, r.role, r.starts_on, r.ends_on, r.source, r.recorded_at, r.version, ${relatedColumns} as related`,
);

function toRelatedCustomer(ctx: Ctx, row: RelatedRow): Static<typeof RelatedCustomer> {
  const name = displayName(row);
  const shown = name === null || row.kind === 'organization' || mayReadSensitive(ctx, 'customers');
  return { id: row.id, kind: row.kind, display_name: shown ? name : maskName(name) };
}

export const toRelationship = (
  ctx: Ctx,
  { related, ...row }: RelationshipRecord,
): Static<typeof Relationship> => ({ ...row, related_customer: toRelatedCustomer(ctx, related) });
