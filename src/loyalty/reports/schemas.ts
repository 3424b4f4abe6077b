import { type Static, Type } from 'typebox';
import {
  Amount,
  Count,
  Currency,
  Id,
  Instant,
  Key,
  Nullable,
  Strict,
  StringEnum,
  Worth,
} from '../../platform/http/schemas.js';

const Points = (description: string) =>
  Type.Integer({ minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER, description });
const Share = (description: string) =>
  Type.String({ pattern: '^-?[0-9]+(\\.[0-9]{1,6})?$', maxLength: 30, description });
const Month = (description: string) =>
  Type.String({ pattern: '^[0-9]{4}-(0[1-9]|1[0-2])$', maxLength: 7, description });

const programme = Key('The programme');
const asOf = Instant('Of which instant it speaks, with all that counts at it');

export const TrialBalance = Strict(
  {
    programme,
    as_of: asOf,
    ledgers: Type.Array(
      Strict({
        ledger: StringEnum(['member', 'issued', 'redeemed', 'expired', 'cancelled'], {
          description: 'The account: what all members have, and where it came from and went',
        }),
        points: Points('Its sum; what was issued is negative'),
      }),
      { description: 'Each account of the programme' },
    ),
    total: Points('The sum of them: zero'),
    debt: Count('Of the members, what was taken back after it had been spent: already taken off'),
  },
  { $id: 'LoyaltyTrialBalance', description: 'The books of a programme, whose sum is zero' },
);

export const Liability = Strict(
  {
    programme,
    as_of: asOf,
    programme_version: Count('The version that was in force then'),
    outstanding: Points('What the members had'),
    cost_per_point: Amount('By that version, in the currency'),
    breakage: Share('By that version: the share that is expected never to be used'),
    currency: Currency(),
    liability: Worth('Outstanding times the cost of a point times one less the breakage; not rounded'),
  },
  { $id: 'LoyaltyLiability', description: 'What the points of a programme are expected to cost the bank' },
);

export const ExpiryForecast = Strict(
  {
    programme,
    as_of: Instant('Of which instant it is'),
    time_zone: Type.String({ description: 'Whose calendar the months are of' }),
    months: Type.Array(
      Strict({ month: Month('The month'), points: Count('What expires in it if nothing more is done') }),
      { description: 'The present month first' },
    ),
    later: Count('What expires after these months'),
    never: Count('What does not expire'),
    kept_by_holds: Count('What has expired but is held: it goes when its hold ends, unless it is used'),
    debt: Count('What members owe, which new points pay first; it is not taken off the others'),
  },
  { $id: 'LoyaltyExpiryForecast', description: 'When the points that are there expire' },
);

export const Reconciliation = Strict(
  {
    programme,
    from: Nullable(Instant('Booked at this instant or later; null: since the beginning')),
    to: Instant('Booked before this instant'),
    outstanding_before: Points('What was outstanding before'),
    issued: Points('What was issued'),
    redeemed: Points('What was redeemed, less what came back'),
    expired: Points('What has expired, or was forfeited'),
    cancelled: Points('What was taken back, given to others, or left behind'),
    outstanding_after: Points('What was outstanding after it'),
    difference: Points('What was issued less all of that and the growth of what is outstanding: zero'),
  },
  { $id: 'LoyaltyReconciliation', description: 'What became of the points of a programme' },
);

export const Breakage = Strict(
  {
    programme,
    as_of: asOf,
    issued: Count('What was issued by then'),
    expired: Count('Of it, what had expired or was forfeited'),
    rate: Nullable(Share('The one by the other, rounded to six places; null where nothing was issued')),
    expected: Share('What the programme expected then'),
  },
  { $id: 'LoyaltyBreakage', description: 'How much of the points was never used' },
);

export const LoyaltyStatistics = Strict(
  {
    programme,
    time_zone: Type.String({ description: 'Whose calendar the months are of' }),
    outstanding_before: Points('What was outstanding before the first month'),
    months: Type.Array(
      Strict({
        month: Month('The month'),
        issued: Points('What was issued in it'),
        redeemed: Points('What was redeemed in it, less what came back'),
        expired: Points('What has expired in it'),
        cancelled: Points('What was cancelled in it'),
        outstanding: Points('What was outstanding at its end; of the present month, now'),
      }),
      { description: 'A month after the other' },
    ),
  },
  { $id: 'LoyaltyStatistics', description: 'A programme through time' },
);

export const findingTypes = [
  'entry_unbalanced',
  'entry_points',
  'posting_without_entry',
  'number_gap',
  'time_order',
  'balance_chain',
  'account_outstanding',
  'account_debt',
  'account_held',
  'lot_remaining',
  'lot_bounds',
  'lot_spent',
  'lot_held',
  'hold_lots',
  'trial_balance',
  'closing',
] as const;

export const Verification = Strict(
  {
    programme,
    as_of: Instant('Of which instant what was read is'),
    accounts: Count('How many accounts were checked'),
    closings: Count('How many hours that are closed were added up anew'),
    findings: Type.Array(
      Strict({
        type: StringEnum(findingTypes, { description: 'What is not as it must be' }),
        customer_id: Nullable(Id('Whose it is; null: the programme’s')),
        account_id: Nullable(Id('The account')),
        lot_id: Nullable(Id('The lot')),
        hold_id: Nullable(Id('The hold')),
        number: Nullable(Type.Integer({ description: 'Of the entry in its account' })),
        at: Nullable(Instant('The end of the hour that was closed')),
        expected: Nullable(Points('What it should be')),
        found: Nullable(Points('What it is')),
      }),
      { description: 'What is wrong, of each type at most 100' },
    ),
    next_cursor: Nullable(Type.String({ description: 'Send as `cursor` to go on; null: all is checked' })),
  },
  { $id: 'LoyaltyVerification', description: 'What of the books of a programme was checked, and is wrong' },
);

export const MonthQuery = Month('A month of the programme’s calendar');
export const reportComponents = [
  TrialBalance,
  Liability,
  ExpiryForecast,
  Reconciliation,
  Breakage,
  LoyaltyStatistics,
  Verification,
];

export type TrialBalance = Static<typeof TrialBalance>;
export type Liability = Static<typeof Liability>;
export type ExpiryForecast = Static<typeof ExpiryForecast>;
export type Reconciliation = Static<typeof Reconciliation>;
export type Breakage = Static<typeof Breakage>;
export type LoyaltyStatistics = Static<typeof LoyaltyStatistics>;
export type Verification = Static<typeof Verification>;
export type Finding = Verification['findings'][number];
