/** Searches and duplicate checks as the API takes and answers them. */
import { type Static, Type } from 'typebox';
import { DateOnly, keyPattern, Nullable, Ref, Strict, StringEnum, Text } from '../platform/http/schemas.js';
import type { DuplicateReason } from './duplicates.js';
import { Customer, customerKinds, IdentifierIn } from './schemas.js';

const limit = {
  minimum: 1,
  maximum: 100,
  default: 20,
  description: 'How many at most, the likeliest first',
};

export const CustomerSearch = Strict(
  {
    name: Type.Optional(
      Text('A name or part of one: in Chinese, in pinyin, by its initials, in Latin letters, misspelt', 300),
    ),
    phone: Type.Optional(Text('A phone number, however it is written', 64)),
    email: Type.Optional(Text('A mail address', 320)),
    identifier: Type.Optional(Ref(IdentifierIn)),
    birth_date: Type.Optional(DateOnly('Date of birth')),
    kind: Type.Optional(StringEnum(customerKinds, { description: 'Only customers of this kind' })),
    attributes: Type.Optional(
      Type.Record(Type.String({ pattern: keyPattern }), Type.Unknown(), {
        minProperties: 1,
        maxProperties: 20,
        description: 'Only customers with these values of attributes that are declared as searchable',
      }),
    ),
    limit: Type.Optional(Type.Integer(limit)),
  },
  { $id: 'CustomerSearch', description: 'What is known of whoever is looked for' },
);

const reasonCodes: Record<DuplicateReason['code'], string> = {
  identifier_same: 'the same identifier: decisive',
  resident_id_upgraded: 'the same resident id, of 15 digits here and 18 characters there',
  identifier_differs: 'another identifier of a kind of which a customer has one',
  phone_same: 'the same phone',
  email_same: 'the same mail address',
  birth_date_same: 'the same date of birth or foundation',
  birth_date_near: 'day and month exchanged, or one digit other',
  birth_date_differs: 'another date',
  name_same: 'the same name',
  name_reordered: 'the same words in another order',
  name_contained: 'one name holds the other',
  name_homophone: 'other characters that sound the same',
  name_romanised: 'characters and their reading in Latin letters',
  name_similar: 'written almost alike',
  name_part: 'what was searched for is a part of the name',
  name_part_sound: 'it sounds like a part of the name',
  name_part_similar: 'it is written almost like a part of the name',
  name_initials: 'the initials of the reading',
  family_name_same: 'the same family name with another given name',
  name_differs: 'another name',
  kind_differs: 'a person and an organization',
};

export const MatchReason = Strict(
  {
    code: StringEnum(Object.keys(reasonCodes), {
      description: Object.entries(reasonCodes)
        .map(([code, meaning]) => `\`${code}\`: ${meaning}`)
        .join('; '),
    }),
    weight: Type.Number({ description: 'Evidence in bits; negative where it speaks against' }),
  },
  { $id: 'MatchReason', description: 'What was compared, and how it came out' },
);

export const CustomerMatch = Strict(
  {
    customer: Ref(Customer),
    score: Type.Number({
      minimum: 0,
      maximum: 1,
      description: 'Probability that it is the same customer. A name alone, which many share, scores low',
    }),
    weight: Type.Number({ description: 'All evidence in bits: the order of the matches' }),
    reasons: Type.Array(Ref(MatchReason), { description: 'The heaviest first' }),
  },
  { $id: 'CustomerMatch', description: 'A customer who may be meant, with score and reasons' },
);

const matches = {
  data: Type.Array(Ref(CustomerMatch)),
  truncated: Type.Boolean({ description: 'Others match as well: state more to see them' }),
};

export const CustomerMatches = Strict(matches, {
  $id: 'CustomerMatches',
  description: 'Those who may be meant, the likeliest first',
});

export const DuplicateCheckResult = Strict(
  {
    ...matches,
    elsewhere: Type.Array(
      Strict({ branch: Nullable(Type.String({ description: 'Who to ask; null where no branch is known' })) }),
      {
        description:
          'Branches outside the data scope of the key that have a likely duplicate; no more is told',
      },
    ),
  },
  { $id: 'DuplicateCheckResult', description: 'Whether the customer is known already' },
);

export const duplicatesQuery = Strict({ limit: Type.Integer(limit) });

export type SearchRequest = Static<typeof CustomerSearch>;
