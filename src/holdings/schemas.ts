/** Holdings as the API shows and takes them. */
import { type Static, Type } from 'typebox';
import { CustomerReference, SourceKey } from '../customers/schemas.js';
import {
  Count,
  Currency,
  DateOnly,
  Id,
  Instant,
  keyPattern,
  Money,
  Nullable,
  Page,
  Ref,
  Strict,
  StringEnum,
  Text,
} from '../platform/http/schemas.js';
import { categories, roles, statuses } from './vocabulary.js';

const Share = Type.String({
  pattern: '^(100(\\.0{1,4})?|(0|[1-9][0-9]?)(\\.[0-9]{1,4})?)$',
  maxLength: 8,
  description: 'Percent of the holding, for owners',
});
const startsOn = DateOnly('First day in this role');
const endsOn = DateOnly('The day from which it no longer stands');
const Attributes = Type.Record(Type.String({ pattern: keyPattern }), Type.Unknown(), {
  maxProperties: 64,
  description:
    'What else the source tells, merged member by member; null clears one. 64 members, 8 levels and 16 KiB at most in all',
});
export const NumberIn = Text('Number of the account, card or contract: encrypted at rest', 64);
export const balanceMeaning =
  'Signed, in `currency`, as the customer sees it: what is owed is negative. Null where no source has stated one';

export const sourceTime = Type.Optional(Instant('When the source knew this; now where it is not stated'));

const partyFields = {
  share: Type.Optional(Nullable(Share)),
  starts_on: Type.Optional(Nullable(startsOn)),
  ends_on: Type.Optional(Nullable(endsOn)),
};

export const HoldingPartyIn = Strict(
  { customer: Ref(CustomerReference), role: StringEnum(roles), ...partyFields },
  { $id: 'HoldingPartyIn', description: 'Who stands in which role to a holding, as a source states it' },
);
export const HoldingPartyPatch = Strict(partyFields, {
  $id: 'HoldingPartyPatch',
  description: 'What changes of a party',
  minProperties: 1,
});

const statable = {
  category: Type.Optional(StringEnum(categories, { description: 'Needed where the holding is new' })),
  product: Type.Optional(Nullable(Text('Code or name of the product', 100))),
  status: Type.Optional(StringEnum(statuses, { description: 'A new holding is active unless said' })),
  status_reason: Type.Optional(
    Nullable(Text('Why it is in this status; that of a former status goes with it', 200)),
  ),
  currency: Type.Optional(Currency("The bank's own where a new holding states none")),
  opened_on: Type.Optional(Nullable(DateOnly('Day on which it was opened'))),
  closed_on: Type.Optional(
    Nullable(
      DateOnly(
        'Day on which it was closed; that of `source_time` where a closure states none, taken back where the status leaves closed',
      ),
    ),
  ),
  balance: Type.Optional(Nullable(Money(balanceMeaning))),
  balance_date: Type.Optional(
    Nullable(DateOnly('Business date of the balance; that of `source_time` where a balance states none')),
  ),
  attributes: Type.Optional(Attributes),
  source_time: sourceTime,
};

export const HoldingUpsert = Strict(
  {
    source: SourceKey,
    number: NumberIn,
    ...statable,
    parties: Type.Optional(
      Type.Array(Ref(HoldingPartyIn), {
        maxItems: 50,
        description:
          'All who stand in a role now. Whoever is not named any more ends, except the primary owner, who stays until another is named',
      }),
    ),
    on_unknown: Type.Optional(
      StringEnum(['reject', 'create'], {
        default: 'reject',
        description: 'What to do with a party whose identifier nobody has: `create` makes a stub customer',
      }),
    ),
  },
  { $id: 'HoldingUpsert', description: 'What a source states of a holding, new or known' },
);
export const HoldingPatch = Strict(statable, {
  $id: 'HoldingPatch',
  description: 'What changes of a holding',
  minProperties: 1,
});
export const HoldingLookup = Strict(
  { source: SourceKey, number: NumberIn },
  { $id: 'HoldingLookup', description: 'How its source names a holding' },
);

export const HoldingParty = Strict(
  {
    id: Id('For changing or ending it'),
    customer_id: Id('Of the customer'),
    role: StringEnum(roles),
    share: Nullable(Share),
    starts_on: Nullable(startsOn),
    ends_on: Nullable(endsOn),
    recorded_at: Instant('When it was recorded here'),
  },
  { $id: 'HoldingParty', description: 'Who stands in which role to a holding' },
);

const holdingFields = {
  id: Id('Of the holding'),
  source: SourceKey,
  number: Type.String({ description: 'Masked without `customers:read_sensitive`' }),
  category: StringEnum(categories),
  product: Nullable(Type.String()),
  status: StringEnum(statuses),
  status_reason: Nullable(Type.String({ description: 'Why, as the source words it' })),
  currency: Currency(),
  opened_on: Nullable(DateOnly('Day on which it was opened')),
  closed_on: Nullable(DateOnly('Day on which it was closed')),
  balance: Nullable(Type.String({ description: balanceMeaning })),
  balance_date: Nullable(DateOnly('Business date of the balance')),
  attributes: Type.Record(Type.String(), Type.Unknown()),
  source_time: Nullable(Instant('When the source knew this')),
  recorded_at: Instant('Last changed here'),
  version: Count('As in the ETag'),
};

export const Holding = Strict(
  {
    ...holdingFields,
    primary_owner_id: Nullable(
      Id('The customer whose holding it is; null where outside the data scope of the key'),
    ),
    parties: Type.Array(Ref(HoldingParty), { description: 'Present ones within the data scope of the key' }),
  },
  { $id: 'Holding', description: 'A product that customers hold' },
);

export const HoldingUpsertResult = Strict(
  {
    outcome: StringEnum(['created', 'updated', 'unchanged']),
    ignored_fields: Type.Array(
      Strict({
        field: Type.String(),
        reason: StringEnum(['older'], { description: 'The source has told something later already' }),
      }),
    ),
    holding: Ref(Holding),
  },
  { $id: 'HoldingUpsertResult', description: 'What became of a statement, and the holding as it is now' },
);

/** A holding from the side of one of its parties. */
export const CustomerHolding = Strict(
  {
    party_id: Id('Of the role'),
    role: StringEnum(roles),
    share: Nullable(Share),
    starts_on: Nullable(startsOn),
    ends_on: Nullable(endsOn),
    holding: Strict(holdingFields),
  },
  { $id: 'CustomerHolding', description: 'A holding, and the role in which the customer stands to it' },
);

export const HoldingStatusEntry = Strict(
  {
    id: Id('Of the entry'),
    status: StringEnum(statuses),
    reason: Nullable(Type.String({ description: 'Why, as the source words it' })),
    source_time: Nullable(Instant('When the source knew it')),
    recorded_at: Instant('When it was recorded here'),
  },
  { $id: 'HoldingStatusEntry', description: 'A status that a holding came into' },
);
export const HoldingStatusPage = Page(Ref(HoldingStatusEntry), 'HoldingStatusPage');
export const HoldingPartyPage = Page(Ref(HoldingParty), 'HoldingPartyPage');
export const CustomerHoldingPage = Page(Ref(CustomerHolding), 'CustomerHoldingPage');

export const holdingComponents = [
  HoldingPartyIn,
  HoldingPartyPatch,
  HoldingUpsert,
  HoldingPatch,
  HoldingLookup,
  HoldingParty,
  Holding,
  HoldingUpsertResult,
  CustomerHolding,
  HoldingPartyPage,
  CustomerHoldingPage,
  HoldingStatusEntry,
  HoldingStatusPage,
];

export type HoldingStatement = Static<typeof HoldingPatch> & {
  parties?: Static<typeof HoldingPartyIn>[];
  on_unknown?: 'reject' | 'create';
};
export type HoldingUpsertIn = Static<typeof HoldingUpsert>;
