/** Relationships between customers as the API shows and takes them. */
import { type Static, Type } from 'typebox';
import { CustomerReference, customerKinds, SourceKey } from '../customers/schemas.js';
import {
  Count,
  DateOnly,
  Id,
  Instant,
  Key,
  Nullable,
  Page,
  Ref,
  Strict,
  StringEnum,
} from '../platform/http/schemas.js';

const roleMeaning = 'What the related customer is to this one';
const startsOn = DateOnly('First day of the relationship');
const endsOn = DateOnly('The day from which it no longer stands');
const dates = {
  starts_on: Type.Optional(Nullable(startsOn)),
  ends_on: Type.Optional(Nullable(endsOn)),
};

export const RelationshipCreate = Strict(
  {
    related_customer: Ref(CustomerReference),
    role: Key(`${roleMeaning}: one of the declared relationship types`),
    ...dates,
    source: Type.Optional(SourceKey),
  },
  { $id: 'RelationshipCreate', description: 'Whom a customer is related to, and how' },
);
export const RelationshipPatch = Strict(dates, {
  $id: 'RelationshipPatch',
  description: 'What changes of a relationship',
  minProperties: 1,
});

export const RelatedCustomer = Strict(
  {
    id: Id('Of the customer'),
    kind: StringEnum(customerKinds),
    display_name: Nullable(Type.String({ description: 'Masked without `customers:read_sensitive`' })),
  },
  {
    $id: 'RelatedCustomer',
    description: 'The other side of a relationship, as far as the caller may see it',
  },
);

export const Relationship = Strict(
  {
    id: Id('Of the relationship: the same from both sides'),
    role: Type.String({ description: roleMeaning }),
    related_customer: Ref(RelatedCustomer),
    starts_on: Nullable(startsOn),
    ends_on: Nullable(endsOn),
    source: SourceKey,
    recorded_at: Instant('Last changed here'),
    version: Count('As in the ETag'),
  },
  { $id: 'Relationship', description: 'A relationship from the side of one customer' },
);

export const RelationshipType = Strict(
  {
    role: Key('What the related customer is'),
    reciprocal_role: Key('What this customer is to the related one'),
    name: Type.String(),
  },
  { $id: 'RelationshipType', description: 'A role, and what it is called from the other side' },
);

export const RelationshipPage = Page(Ref(Relationship), 'RelationshipPage');
export const RelationshipTypePage = Page(Ref(RelationshipType), 'RelationshipTypePage');

export const relationshipComponents = [
  RelationshipCreate,
  RelationshipPatch,
  RelatedCustomer,
  Relationship,
  RelationshipType,
  RelationshipPage,
  RelationshipTypePage,
];

export type RelationshipIn = Static<typeof RelationshipCreate>;
export type RelationshipChange = Static<typeof RelationshipPatch>;
