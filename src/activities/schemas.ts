/** Activities as the API takes and shows them. */
import { type Static, Type } from 'typebox';
import { CustomerReference, SourceKey } from '../customers/schemas.js';
import { channels } from '../platform/channels.js';
import {
  Amount,
  Count,
  Currency,
  DateOnly,
  Id,
  Instant,
  Key,
  Nullable,
  Page,
  Problem,
  Ref,
  Strict,
  StringEnum,
  Text,
  Worth,
} from '../platform/http/schemas.js';

export const directions = ['in', 'out', 'none'] as const;
export const initiators = ['customer', 'bank', 'third_party'] as const;
export const onUnknownChoices = ['reject', 'create'] as const;
export type OnUnknown = (typeof onUnknownChoices)[number];

/** An instant, or a date of the bank. */
export const When = (description: string) =>
  Type.Unsafe<string>({
    type: 'string',
    maxLength: 40,
    anyOf: [{ format: 'date-time' }, { format: 'date' }],
    description,
  });

export const HoldingReference = Strict(
  { source: SourceKey, number: Text('The number of the holding, such as the account number', 64) },
  { $id: 'HoldingReference', description: 'A holding as its source names it' },
);

const version = Type.Integer({
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Of what the source says under this id: the highest stands, in whatever order they come',
});

export const ReversesIn = Strict(
  {
    source_id: Text('The source’s own id of what is reversed: of the same source, come or to come'),
    amount: Type.Optional(Amount('How much of it, in its currency; all of it where not said')),
  },
  {
    $id: 'ActivityReversal',
    description: 'Takes an activity back, wholly or in part; of several parts no more than there is',
  },
);

const attributeName = '^[A-Za-z][A-Za-z0-9_.-]{0,62}$';

const stated = {
  type: Key('What was done: `card_payment`, `login`, `branch_visit`'),
  amount: Amount('Never negative: `direction` says which way it went'),
  currency: Currency(),
  direction: StringEnum(directions, {
    description: 'Into or out of the customer’s hands; none where not said',
  }),
  initiated_by: StringEnum(initiators, {
    description: 'Interest, fees and penalties are the bank’s; the customer’s where not said',
  }),
  own_transfer: Type.Boolean({ description: 'Between accounts of the same customer' }),
  channel: StringEnum(channels, { description: 'Where it happened' }),
  business_date: DateOnly('The bank’s book date; the date of `occurred_at` at the bank where not said'),
};

export const ActivityIn = Strict(
  {
    source: SourceKey,
    source_id: Text('The source’s own id: together with `source` it makes the activity count once'),
    source_version: Type.Optional(version),
    reverses: Type.Optional(Ref(ReversesIn)),
    customer: Type.Optional(Ref(CustomerReference)),
    holding: Type.Optional(Ref(HoldingReference)),
    type: stated.type,
    occurred_at: When('When it happened; a date alone means 00:00 at the bank, with precision day'),
    business_date: Type.Optional(stated.business_date),
    amount: Type.Optional(stated.amount),
    currency: Type.Optional(stated.currency),
    direction: Type.Optional(stated.direction),
    initiated_by: Type.Optional(stated.initiated_by),
    own_transfer: Type.Optional(stated.own_transfer),
    channel: Type.Optional(stated.channel),
    attributes: Type.Optional(
      Type.Record(Type.String({ pattern: attributeName }), Type.Unknown(), {
        maxProperties: 64,
        description: 'Anything else worth keeping, 8 levels and 16 KiB at most',
      }),
    ),
  },
  {
    $id: 'ActivityIn',
    description:
      'Names its customer, or its holding and thereby the primary owner, or both: then the customer did it.',
    anyOf: [{ required: ['customer'] }, { required: ['holding'] }],
    dependentRequired: { amount: ['currency'], currency: ['amount'] },
  },
);

export const ActivityBatch = Strict(
  { items: Type.Array(Ref(ActivityIn), { minItems: 1, maxItems: 1000 }) },
  { $id: 'ActivityBatch', description: 'Activities that are reported together' },
);
/** The same without a look at the items, which are judged one by one. */
export const ActivityEnvelope = Strict({
  items: Type.Array(Type.Unknown(), { minItems: 1, maxItems: 1000 }),
});

export const ActivityBatchResult = Strict(
  {
    accepted: Count('Recorded now'),
    duplicates: Count('Known already, with the same content'),
    superseded: Count('Recorded beside other content under the same id, of which the higher version stands'),
    rejected: Type.Array(
      Strict({
        index: Type.Integer({ minimum: 0, maximum: 999, description: 'Place in `items`' }),
        problem: Ref(Problem),
      }),
      { description: 'Items that could not be recorded, and why; the others were' },
    ),
  },
  { $id: 'ActivityBatchResult', description: 'What became of each activity of a batch' },
);

export const Activity = Strict(
  {
    id: Id('Of the activity'),
    customer_id: Id('Whose it is'),
    type: stated.type,
    occurred_at: Instant('When it happened'),
    precision: StringEnum(['instant', 'day'], { description: 'day: the source told a date only' }),
    business_date: stated.business_date,
    amount: Nullable(stated.amount),
    currency: Nullable(stated.currency),
    direction: stated.direction,
    reporting_amount: Nullable(
      Worth(
        'In the bank’s currency by the rate of its business date, fixed, less what is reversed; null where there is no amount or no rate yet',
      ),
    ),
    rate_id: Nullable(Id('Of the exchange rate that it was valued with')),
    reversed_amount: Nullable(Amount('How much of the amount is reversed; null where nothing is')),
    channel: Nullable(stated.channel),
    initiated_by: stated.initiated_by,
    own_transfer: stated.own_transfer,
    holding_id: Nullable(Id('The holding that it happened on')),
    source: SourceKey,
    source_id: Type.String(),
    source_version: version,
    reverses: Nullable(Ref(ReversesIn)),
    superseded_by: Nullable(Id('The activity that stands under the same source id')),
    attributes: Type.Record(Type.String(), Type.Unknown()),
    state: StringEnum(['current', 'superseded', 'reversed', 'reversal'], {
      description:
        'Only current ones are measured: not what gave way to a higher version, what is reversed in full, or what reverses another',
    }),
    recorded_at: Instant('When it was recorded here'),
  },
  { $id: 'Activity', description: 'Something a customer did, reported to us' },
);

export const ActivityPage = Page(Ref(Activity), 'ActivityPage');

export type ActivityStatement = Static<typeof ActivityIn>;
export const activityComponents = [
  HoldingReference,
  ReversesIn,
  ActivityIn,
  ActivityBatch,
  ActivityBatchResult,
  Activity,
  ActivityPage,
];
