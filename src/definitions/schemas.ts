/** The bank's own definitions as the API shows and takes them. */
import { type Static, type TOptional, Type } from 'typebox';
import { identifierNormalisers } from '../customers/identifier-schemes.js';
import { type FieldGroup, fieldGroups } from '../customers/sources.js';
import { Count, Instant, Key, Page, Ref, Strict, StringEnum, Text } from '../platform/http/schemas.js';

const attribute = {
  description: Type.String({ maxLength: 500, description: 'What it means, for those who use it' }),
  json_schema: Type.Record(Type.String(), Type.Unknown(), {
    description:
      'What a value may be, in a subset of JSON Schema 2020-12: type, enum, const, lengths, format, pattern, bounds, items, properties, required, additionalProperties',
  }),
  sensitivity: StringEnum(['internal', 'sensitive'], {
    description: 'Sensitive values are hidden without `customers:read_sensitive`',
  }),
  searchable: Type.Boolean({ description: 'Whether customers can be found by it' }),
};

export const AttributeIn = Strict(attribute, {
  $id: 'AttributeIn',
  description: 'A declaration of a custom attribute',
});
export const Attribute = Strict(
  {
    name: Key('Of the attribute'),
    ...attribute,
    version: Count('As in the ETag'),
    updated_at: Instant('Last changed'),
  },
  { $id: 'Attribute', description: 'A custom attribute of customers' },
);
export const AttributePage = Page(Ref(Attribute), 'AttributePage');

const scheme = {
  name: Text('What the identifier is', 200),
  normaliser: StringEnum(identifierNormalisers, {
    description: 'How two spellings of one identifier are made one; it never changes',
  }),
  sensitive: Type.Boolean({
    description: 'Encrypted at rest, masked without `customers:read_sensitive`; it never changes',
  }),
  path_safe: Type.Boolean({ description: 'Whether it may stand in a path; never a sensitive one' }),
};

export const IdentifierSchemeIn = Strict(scheme, {
  $id: 'IdentifierSchemeIn',
  description: 'A declaration of an identifier scheme',
});
export const IdentifierScheme = Strict(
  { key: Key('Of the scheme'), ...scheme, version: Count('As in the ETag') },
  { $id: 'IdentifierScheme', description: 'A kind of identifier that customers have' },
);
export const IdentifierSchemePage = Page(Ref(IdentifierScheme), 'IdentifierSchemePage');

const Priority = Type.Integer({
  minimum: 0,
  maximum: 1000,
  description: 'More is more; 500 is that of sources which are not declared',
});
const source = {
  name: Text('What the system is', 200),
  description: Type.String({ maxLength: 500, description: 'What it knows, for those who weigh it' }),
  priority: Priority,
  priorities: Strict(
    Object.fromEntries(fieldGroups.map((group) => [group, Type.Optional(Priority)])) as Record<
      FieldGroup,
      TOptional<typeof Priority>
    >,
    { description: 'Of single groups of fields, where it is another one' },
  ),
};

export const SourceIn = Strict(source, {
  $id: 'SourceIn',
  description: 'A system that tells us things, and how much its word weighs',
});
export const Source = Strict(
  {
    key: Key('As statements name it'),
    ...source,
    version: Count('As in the ETag'),
    updated_at: Instant('Last changed'),
  },
  { $id: 'Source', description: 'A system that tells us things' },
);
export const SourcePage = Page(Ref(Source), 'SourcePage');

export const definitionComponents = [
  AttributeIn,
  Attribute,
  AttributePage,
  IdentifierSchemeIn,
  IdentifierScheme,
  IdentifierSchemePage,
  SourceIn,
  Source,
  SourcePage,
];

export type AttributeStatement = Static<typeof AttributeIn>;
export type AttributeRow = Static<typeof Attribute>;
export type SchemeStatement = Static<typeof IdentifierSchemeIn>;
export type SchemeRow = Static<typeof IdentifierScheme>;
export type SourceStatement = Static<typeof SourceIn>;
export type SourceRow = Static<typeof Source>;
