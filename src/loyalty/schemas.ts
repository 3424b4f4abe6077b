import { type Static, Type } from 'typebox';
import {
  Amount,
  Count,
  Duration,
  Id,
  Instant,
  Key,
  Nullable,
  Page,
  Ref,
  Strict,
  StringEnum,
  Text,
} from '../platform/http/schemas.js';
import { entryKinds } from './ledger/book.js';
import { mostPoints } from './ledger/lots.js';

export const Points = (description: string) => Type.Integer({ minimum: 1, maximum: mostPoints, description });
const Signed = (description: string) =>
  Type.Integer({ minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER, description });
const Share = (description: string) =>
  Type.String({ pattern: '^(0(\\.[0-9]{1,6})?|1(\\.0{1,6})?)$', maxLength: 8, description });

const Expiry = Type.Union(
  [
    Strict({ policy: StringEnum(['never']) }, { title: 'Never' }),
    Strict(
      {
        policy: StringEnum(['duration', 'end_of_day', 'end_of_month', 'end_of_year']),
        after: Duration('After they were earned', { examples: ['P12M'] }),
      },
      { title: 'After a duration, or at the end of the day, month or year that this falls into' },
    ),
  ],
  {
    description: 'When points expire, by the calendar of the programme’s time zone; month arithmetic clamps',
  },
);

const RefundOfExpired = Type.Union(
  [
    Strict({ policy: StringEnum(['forfeit']) }, { title: 'Forfeit' }),
    Strict(
      { policy: StringEnum(['restore']), for: Duration('How long they last then', { examples: ['P30D'] }) },
      { title: 'Restore with a grace date' },
    ),
  ],
  { description: 'What comes of points that are given back, where their lot has expired since' },
);

const programmeFields = {
  name: Text('Name for people', 100),
  description: Type.String({ maxLength: 1000, description: 'What it is for' }),
  unit: Text('What one of its points is called', 50),
  time_zone: Type.String({
    minLength: 1,
    maxLength: 64,
    description: 'IANA time zone whose calendar counts for expiry, caps and tiers',
  }),
  status: StringEnum(['open', 'closed'], {
    description: 'Whether customers can be enrolled and points earned; what is there can be used in any case',
  }),
  expiry: Expiry,
  pending_for: Duration('How long points wait until they can be used; PT0S: not at all', {
    examples: ['P14D'],
  }),
  cost_per_point: Amount('What a point costs the bank, in its currency: for the liability'),
  breakage: Share('Share of outstanding points that is expected never to be used'),
  debt: StringEnum(['allow', 'refuse'], {
    description:
      'What comes of taking back points that are spent already: a debt that new points pay first, or a refusal',
  }),
  refund_of_expired: RefundOfExpired,
  adjustment_limit: Nullable(
    Count('Adjustments of more points than this wait for a second person; null: by the bank’s policy alone'),
  ),
  hold_for: Duration('How long a hold lasts where it does not say', { examples: ['PT30M'] }),
  notice_before: Duration('How long before points expire an event tells of it', { examples: ['P30D'] }),
  transferable: Type.Boolean({ description: 'Whether customers can give points to others' }),
  conversions: Type.Array(
    Strict({
      to: Key('The programme whose points they become'),
      rate: Type.String({
        pattern: '^(0\\.[0-9]{0,5}[1-9]|[1-9][0-9]{0,5}(\\.[0-9]{1,6})?)$',
        maxLength: 13,
        description: 'How many points of it one point gives; the result is rounded down',
      }),
    }),
    { maxItems: 20, description: 'Into which programmes points can be converted' },
  ),
};

export const ProgrammeIn = Strict(programmeFields, { $id: 'LoyaltyProgrammeIn', description: 'A programme' });
export const ProgrammeCreate = Strict(
  { key: Key('Of the programme'), ...programmeFields },
  { $id: 'LoyaltyProgrammeCreate', description: 'A new programme' },
);
export const Programme = Strict(
  {
    key: Key('Of the programme'),
    version: Count('Its version: a change makes another'),
    ...programmeFields,
    created_at: Instant('When it was made'),
    updated_at: Instant('Since when this version is in force'),
  },
  { $id: 'LoyaltyProgramme', description: 'A programme by which customers earn points' },
);
export const ProgrammePage = Page(Ref(Programme), 'LoyaltyProgrammePage');

export const Balance = Strict(
  {
    outstanding: Signed('What remains in lots, less the debt; below zero where only a debt is left'),
    available: Count('What can be used now'),
    pending: Count('Of what remains, what cannot be used yet'),
    held: Count('Of what remains, what holds keep'),
    debt: Count('What was taken back after it had been spent: new points pay it first'),
    next_expiry: Nullable(
      Strict({ at: Instant('When'), points: Count('How many') }, { description: 'What expires next' }),
    ),
  },
  { $id: 'LoyaltyBalance', description: 'What a customer has in a programme' },
);

export const LoyaltyAccount = Strict(
  {
    customer_id: Id('The customer'),
    programme: Key('The programme'),
    unit: Type.String({ description: 'What one of its points is called' }),
    status: StringEnum(['open', 'closed'], { description: 'Closed: nothing is earned or used any more' }),
    enrolled_at: Instant('Since when'),
    closed_at: Nullable(Instant('When it was closed')),
    version: Count('Its version'),
    balance: Ref(Balance),
  },
  { $id: 'LoyaltyAccount', description: 'A customer in a programme' },
);
export const LoyaltyAccountPut = Strict(
  {
    status: StringEnum(['open', 'closed'], {
      description: 'open: enrol. closed: leave; what is left is cancelled',
    }),
  },
  { $id: 'LoyaltyAccountPut', description: 'Whether the customer takes part' },
);
export const LoyaltyOverview = Strict(
  { data: Type.Array(Ref(LoyaltyAccount)) },
  { $id: 'LoyaltyOverview', description: 'A customer in all programmes' },
);

const reference = Type.Optional(
  Strict(
    {
      source: Text('The system that it comes from', 100),
      source_id: Text('Its id there', 200),
    },
    { description: 'What it is for, as another system names it' },
  ),
);
const reason = Text('Why, for the statement and the audit', 200);

export const AccrualIn = Strict(
  {
    points: Points('How many'),
    reason,
    reference,
    earned_at: Type.Optional(Instant('When they were earned, where that was before: they expire by it')),
  },
  { $id: 'LoyaltyAccrualIn', description: 'Points that are earned' },
);
export const RedemptionIn = Strict(
  { points: Points('How many'), reason, reference },
  { $id: 'LoyaltyRedemptionIn', description: 'Points that are used' },
);
export const HoldIn = Strict(
  {
    points: Points('How many'),
    reason,
    expires_after: Type.Optional(
      Duration('How long it lasts, at most a year; by the programme where it is not said', {
        examples: ['PT15M'],
      }),
    ),
  },
  { $id: 'LoyaltyHoldIn', description: 'Points to keep until it is certain that they are used' },
);
export const CaptureIn = Strict(
  { points: Type.Optional(Points('How many of those that are held; all where it is not said')), reference },
  { $id: 'LoyaltyCaptureIn', description: 'What of a hold is used' },
);
export const ReversalIn = Strict(
  {
    operation_id: Id('The accrual or redemption that it takes back'),
    points: Type.Optional(Points('How many of it; all that is left of it where it is not said')),
    reason,
  },
  { $id: 'LoyaltyReversalIn', description: 'An operation to take back' },
);
export const AdjustmentIn = Strict(
  {
    points: Type.Integer({
      minimum: -mostPoints,
      maximum: mostPoints,
      description: 'How many more, or fewer where it is negative; not zero',
    }),
    reason,
    reference,
  },
  { $id: 'LoyaltyAdjustmentIn', description: 'A correction by hand' },
);
export const TransferIn = Strict(
  {
    points: Points('How many'),
    to_customer: Type.Optional(Id('Another customer, who takes part in the same programme')),
    to_programme: Type.Optional(Key('Another programme in which the same customer takes part')),
    reason,
  },
  {
    $id: 'LoyaltyTransferIn',
    description: 'Points that go to another customer, or into another programme: one of the two is said',
  },
);

const lotFields = {
  lot_id: Id('The lot'),
  earned_at: Instant('When it was earned'),
  available_at: Instant('From when on it can be used'),
  expires_at: Nullable(Instant('From when on it cannot be used any more; null: never')),
};

export const LoyaltyOperation = Strict(
  {
    operation_id: Id('The operation: name it to take it back'),
    kind: StringEnum([...entryKinds, 'hold', 'void'], { description: 'What was done' }),
    customer_id: Id('The customer'),
    programme: Key('The programme'),
    booked_at: Instant('From when on it counts'),
    points: Signed('The change of what is outstanding'),
    lots: Type.Array(
      Strict({ ...lotFields, points: Signed('What it changed of this lot, or keeps of it') }),
      {
        description: 'Which lots, in the order of use',
      },
    ),
    paid_debt: Count('Of points that were issued, what paid a debt'),
    new_debt: Count('Of points that were taken back, what was spent already and is a debt now'),
    forfeited: Count('Of points that were to come back, those whose lot has expired'),
    restored: Count('Of points that came back, those in a new lot with a grace date'),
    hold_id: Nullable(Id('The hold that was made or resolved')),
    hold_expires_at: Nullable(Instant('When the hold that was made times out')),
    reverses_id: Nullable(Id('The operation that it takes back')),
    related_operation_id: Nullable(Id('Of a transfer: the operation on the other side')),
    balance: Ref(Balance),
  },
  { $id: 'LoyaltyOperation', description: 'What was done to points, and what there is after it' },
);

export const LoyaltyEntry = Strict(
  {
    account_id: Id('The account: a customer with whom another was merged has several'),
    number: Count('Of the entry in its account, from 1 without gaps'),
    operation_id: Id('The operation that made it'),
    kind: StringEnum(entryKinds, { description: 'What it is' }),
    points: Signed('The change of what is outstanding'),
    balance_after: Signed('What was outstanding after it'),
    booked_at: Instant('From when on it counts'),
    recorded_at: Instant('When it was written'),
    reason: Nullable(Type.String({ description: 'Why' })),
    reference: Nullable(
      Type.Object(
        {},
        { additionalProperties: true, description: 'What it was for, as another system or a rule names it' },
      ),
    ),
    reverses_id: Nullable(Id('The operation that it takes back')),
    postings: Type.Array(
      Strict({
        ledger: StringEnum(['member', 'issued', 'redeemed', 'expired', 'cancelled'], {
          description: 'Of which account',
        }),
        lot_id: Nullable(Id('The lot, of the member’s; null there is the debt')),
        points: Signed('Their sum is zero'),
      }),
      { description: 'The two sides of it' },
    ),
  },
  { $id: 'LoyaltyEntry', description: 'An entry of the statement' },
);
export const LoyaltyEntryPage = Page(Ref(LoyaltyEntry), 'LoyaltyEntryPage');

export const LoyaltyLot = Strict(
  {
    account_id: Id('The account that it lies in'),
    ...lotFields,
    operation_id: Id('The operation that issued it'),
    amount: Count('What it was'),
    remaining: Count('What is left of it'),
    held: Count('Of what is left, what holds keep'),
    state: StringEnum(['pending', 'usable', 'expired', 'used'], {
      description: 'What can be done with it now',
    }),
  },
  { $id: 'LoyaltyLot', description: 'Points that were issued together and go together' },
);
export const LoyaltyLotPage = Page(Ref(LoyaltyLot), 'LoyaltyLotPage');

export const loyaltyComponents = [
  ProgrammeIn,
  ProgrammeCreate,
  Programme,
  ProgrammePage,
  Balance,
  LoyaltyAccount,
  LoyaltyAccountPut,
  LoyaltyOverview,
  AccrualIn,
  RedemptionIn,
  HoldIn,
  CaptureIn,
  ReversalIn,
  AdjustmentIn,
  TransferIn,
  LoyaltyOperation,
  LoyaltyEntry,
  LoyaltyEntryPage,
  LoyaltyLot,
  LoyaltyLotPage,
];

export type ProgrammeIn = Static<typeof ProgrammeIn>;
export type ProgrammeCreate = Static<typeof ProgrammeCreate>;
export type BalanceOut = Static<typeof Balance>;
export type LoyaltyAccountOut = Static<typeof LoyaltyAccount>;
export type LoyaltyOperationOut = Static<typeof LoyaltyOperation>;
export type AccrualIn = Static<typeof AccrualIn>;
export type RedemptionIn = Static<typeof RedemptionIn>;
export type HoldIn = Static<typeof HoldIn>;
export type CaptureIn = Static<typeof CaptureIn>;
export type ReversalIn = Static<typeof ReversalIn>;
export type AdjustmentIn = Static<typeof AdjustmentIn>;
export type TransferIn = Static<typeof TransferIn>;
export type LoyaltyEntryOut = Static<typeof LoyaltyEntry>;
export type LoyaltyLotOut = Static<typeof LoyaltyLot>;
