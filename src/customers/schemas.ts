/** Customers as the API shows and takes them. */
import { type Static, type TOptional, type TProperties, Type } from 'typebox';
import {
  Count,
  DateOnly,
  Id,
  Instant,
  Key,
  keyPattern,
  Nullable,
  Page,
  Ref,
  Strict,
  StringEnum,
  Text,
} from '../platform/http/schemas.js';

export const customerKinds = ['person', 'organization'] as const;
export const customerStatuses = [
  'prospect',
  'active',
  'restricted',
  'closed',
  'deceased',
  'merged',
  'erased',
] as const;
/** merged and erased are outcomes of their own operations */
export const statableStatuses = ['prospect', 'active', 'restricted', 'closed', 'deceased'] as const;

export const SourceKey = Key('The system that tells us this');

type Optionals<T extends TProperties> = { [K in keyof T]: TOptional<T[K]> };

function optional<T extends TProperties>(properties: T): Optionals<T> {
  const entries = Object.entries(properties).map(([name, schema]) => [name, Type.Optional(schema)]);
  return Object.fromEntries(entries) as Optionals<T>;
}

/** All that a source can state; each may be null, which clears it. */
const statable = {
  full_name: Nullable(Text('Full name, as it is written on documents', 300)),
  given_name: Nullable(Text('Given name', 150)),
  family_name: Nullable(Text('Family name', 150)),
  legal_name: Nullable(Text('Registered name of an organization', 300)),
  short_name: Nullable(Text('Short name of an organization', 150)),
  birth_date: Nullable(DateOnly('Date of birth of a person')),
  founding_date: Nullable(DateOnly('Date on which an organization was founded')),
  gender: Nullable(StringEnum(['female', 'male', 'other'])),
  language: Nullable(
    Type.String({
      pattern: '^[a-zA-Z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$',
      maxLength: 30,
      description: 'BCP 47 language tag',
    }),
  ),
  city: Nullable(Text('City of residence or seat', 100)),
  branch: Nullable(Text('Code of the branch that keeps the customer', 40)),
  relationship_manager: Nullable(Text('Staff code of the relationship manager', 60)),
  customer_since: Nullable(DateOnly('Start of the relationship; else tenure runs from the first holding')),
  status: StringEnum(statableStatuses, {
    description: 'Life of the relationship; a new customer is a prospect',
  }),
};

const Attributes = Type.Record(Type.String({ pattern: keyPattern }), Type.Unknown(), {
  maxProperties: 64,
  description: 'Declared custom attributes by name, of 32 KiB each at most; null clears one',
});

export const IdentifierIn = Strict(
  { scheme: Key('A declared identifier scheme'), value: Text('The identifier itself', 128) },
  { $id: 'IdentifierIn', description: 'How another system names a customer' },
);

/** How other resources name a customer. */
export const CustomerReference = Type.Union(
  [
    Strict({ id: Id('Of the customer') }),
    Strict({ scheme: Key('A declared identifier scheme'), value: Text('The identifier itself', 128) }),
  ],
  { $id: 'CustomerReference', description: 'By its id here, or by any of its identifiers' },
);

const AddressFields = {
  lines: Type.Optional(Type.Array(Text('A line of the address'), { maxItems: 5 })),
  district: Type.Optional(Text('District or county', 100)),
  city: Type.Optional(Text('City', 100)),
  province: Type.Optional(Text('Province or state', 100)),
  postal_code: Type.Optional(Text('Postal code', 20)),
  country: Type.Optional(
    Type.String({ pattern: '^[A-Z]{2}$', maxLength: 2, description: 'ISO 3166-1 alpha-2' }),
  ),
};
export const AddressIn = Strict(AddressFields, { $id: 'Address', description: 'A postal address' });

export const ContactPointIn = Strict(
  {
    kind: StringEnum(['phone', 'email', 'address']),
    value: Type.Optional(Text('The phone number or e-mail address', 320)),
    address: Type.Optional(Ref(AddressIn)),
    label: Type.Optional(StringEnum(['mobile', 'home', 'work', 'registered', 'other'], { default: 'other' })),
    primary: Type.Optional(Type.Boolean({ description: 'The one to use first of its kind' })),
  },
  { $id: 'ContactPointIn', description: 'A way to reach a customer, as a source states it' },
);

const stated = optional(statable);

const statement = {
  ...stated,
  attributes: Type.Optional(Attributes),
  identifiers: Type.Optional(
    Type.Array(Ref(IdentifierIn), { maxItems: 20, description: 'Added to those that are known' }),
  ),
  contact_points: Type.Optional(
    Type.Array(Ref(ContactPointIn), {
      maxItems: 20,
      description: 'Replaces those that the same source stated',
    }),
  ),
  source: Type.Optional(SourceKey),
  source_time: Type.Optional(Instant('When the source knew this; now where it is not stated')),
};

export const CustomerCreate = Strict(
  { kind: StringEnum(customerKinds), ...statement },
  { $id: 'CustomerCreate', description: 'A customer who is new, as a source states it' },
);
export const CustomerUpsert = Strict(
  {
    kind: Type.Optional(StringEnum(customerKinds, { description: 'Needed where the customer is new' })),
    ...statement,
    identifiers: Type.Array(Ref(IdentifierIn), {
      minItems: 1,
      maxItems: 20,
      description: 'Any of them finds the customer; all of them are kept',
    }),
  },
  { $id: 'CustomerUpsert', description: 'What a source states of a customer, new or known' },
);
export const CustomerUpsertByIdentifier = Strict(
  { kind: Type.Optional(StringEnum(customerKinds)), ...statement },
  {
    $id: 'CustomerUpsertByIdentifier',
    description: 'What a source states of the customer whom the path names',
  },
);
const { identifiers: _identifiers, ...patchable } = statement;
export const CustomerPatch = Strict(patchable, {
  $id: 'CustomerPatch',
  description: 'What changes of a customer',
  minProperties: 1,
});

export const Identifier = Strict(
  {
    id: Id('For removing it'),
    scheme: Key('Identifier scheme'),
    value: Type.String({
      description: 'Masked without `customers:read_sensitive` where the scheme is sensitive',
    }),
    status: StringEnum(['active', 'superseded', 'removed']),
    source: SourceKey,
    recorded_at: Instant('When it was recorded here'),
  },
  { $id: 'Identifier', description: 'How another system names the customer' },
);

export const ContactPoint = Strict(
  {
    id: Id('Of this contact point'),
    kind: StringEnum(['phone', 'email', 'address']),
    value: Type.Optional(
      Type.String({ description: 'E.164 or e-mail; masked without `customers:read_sensitive`' }),
    ),
    address: Type.Optional(Ref(AddressIn)),
    label: Type.String(),
    primary: Type.Boolean(),
    source: SourceKey,
    recorded_at: Instant('When it was recorded here'),
  },
  { $id: 'ContactPoint', description: 'A way to reach the customer' },
);

const masked = (description: string) => Nullable(Type.String({ description }));

export const Customer = Strict(
  {
    id: Id('Of the customer'),
    kind: StringEnum(customerKinds),
    status: StringEnum(customerStatuses),
    stub: Type.Boolean({ description: 'Known only because something named it' }),
    display_name: masked('The best name that is known'),
    full_name: masked('Full name'),
    given_name: masked('Given name'),
    family_name: masked('Family name'),
    legal_name: masked('Registered name'),
    short_name: masked('Short name'),
    birth_date: masked('Date of birth, or only its year where masked: 1990-**-**'),
    founding_date: Nullable(DateOnly('Founding date')),
    gender: Nullable(StringEnum(['female', 'male', 'other'])),
    language: Nullable(Type.String()),
    city: Nullable(Type.String()),
    branch: Nullable(Type.String()),
    relationship_manager: Nullable(Type.String()),
    customer_since: Nullable(DateOnly('Stated start of the relationship')),
    attributes: Type.Record(Type.String(), Type.Unknown()),
    identifiers: Type.Array(Ref(Identifier)),
    contact_points: Type.Array(Ref(ContactPoint)),
    merged_from: Type.Array(Id('Of a customer'), {
      description: 'All that were merged into it: their ids and identifiers answer with it',
    }),
    version: Count('As in the ETag'),
    created_at: Instant('First recorded here'),
    updated_at: Instant('Last changed here'),
  },
  { $id: 'Customer', description: 'A person or an organization' },
);

export const IgnoredField = Strict(
  {
    field: Type.String(),
    reason: StringEnum(['older', 'lower_priority'], {
      description:
        'older: it was stated later already. lower_priority: by a source whose word weighs more. Either is kept as an alternate',
    }),
  },
  { $id: 'IgnoredField', description: 'A field that was stated and not taken' },
);

export const CustomerUpsertResult = Strict(
  {
    outcome: StringEnum(['created', 'updated', 'unchanged']),
    ignored_fields: Type.Array(Ref(IgnoredField)),
    customer: Ref(Customer),
  },
  { $id: 'CustomerUpsertResult', description: 'What became of a statement, and the customer as it is now' },
);

export const CustomerPatchResult = Strict(
  { ...Customer.properties, ignored_fields: Type.Array(Ref(IgnoredField)) },
  {
    $id: 'CustomerPatchResult',
    description: 'The customer as it is now, and what of the change was not taken',
  },
);

export const CustomerPage = Page(Ref(Customer), 'CustomerPage');

export type CustomerStatement = Static<typeof CustomerPatch> & {
  kind?: (typeof customerKinds)[number];
  identifiers?: Static<typeof IdentifierIn>[];
};
