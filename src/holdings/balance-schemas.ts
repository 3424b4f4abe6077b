/** Balances over time as the API takes and shows them, and how the bank counts them. */
import { type Static, Type } from 'typebox';
import { CustomerReference, SourceKey } from '../customers/schemas.js';
import {
  Count,
  Currency,
  DateOnly,
  Id,
  Instant,
  Money,
  Nullable,
  Page,
  Ref,
  Strict,
  StringEnum,
  Worth,
} from '../platform/http/schemas.js';
import { attributions } from './attribution.js';
import { averageDays } from './months.js';
import { balanceMeaning, NumberIn, sourceTime } from './schemas.js';
import { categories } from './vocabulary.js';

export const BalanceIn = Strict(
  {
    source: SourceKey,
    number: NumberIn,
    business_date: DateOnly('The day at whose end it was so'),
    balance: Nullable(Money(`${balanceMeaning}; null takes back what was told of the day`)),
    source_time: sourceTime,
  },
  { $id: 'BalanceIn', description: 'What a known holding held at the end of a business day' },
);

/** Of one amount, from the first day to before the last. */
export const Balance = Strict(
  {
    from_date: DateOnly('The first business day at whose end it was so'),
    to_date: Nullable(DateOnly('The day from which it is another; null for the present one')),
    amount: Nullable(
      Type.String({ description: 'Signed; null where the source took back what it had told' }),
    ),
    currency: Currency(),
    recorded_at: Instant('When the first day of it was recorded here'),
  },
  { $id: 'Balance', description: 'What a holding held at the end of each day of an interval' },
);
export const BalancePage = Page(Ref(Balance), 'BalancePage');

const policy = {
  attribution: StringEnum(attributions, {
    description:
      "Whose a holding with several owners is: the primary owner's; each owner's by share, where the primary owner has what the others leave; or in full every owner's",
  }),
  average_days: StringEnum(averageDays, {
    description: "What a whole month's balances are divided by: its days, or always 30",
  }),
};
export const BalancePolicyPut = Strict(policy, {
  $id: 'BalancePolicyPut',
  description: 'How the bank counts what its customers hold',
});
export const BalancePolicy = Strict(
  {
    ...policy,
    version: Count('As in the ETag'),
    updated_at: Instant('Last changed'),
    customers_marked: Type.Boolean({
      description: 'Whether all customers have been marked for review since the attribution changed',
    }),
  },
  { $id: 'BalancePolicy', description: 'How the bank counts what its customers hold' },
);

const averaged = {
  month: Type.String({ pattern: '^[0-9]{4}-(0[1-9]|1[0-2])$', description: 'The month' }),
  until: DateOnly('The day after the last that counts: of a month that has not ended, today'),
  days: Count('What the sum of the balances is divided by'),
  currency: Currency("The bank's own"),
};
const positions = {
  aum: Nullable(Worth('Assets under management; null where nothing is valued')),
  liabilities: Nullable(Worth('What is owed on loans, mortgages and credit cards')),
  net: Nullable(Worth('Assets less liabilities')),
};

export const CustomerAverages = Strict(
  {
    ...averaged,
    attribution: policy.attribution,
    ...positions,
    unvalued: Count('Holdings that have days without a value: taken back, or without a rate'),
    holdings: Type.Array(
      Strict({
        holding_id: Id('Of the holding'),
        category: StringEnum(categories),
        average: Nullable(Worth("The customer's part; null where no day is valued")),
        unvalued_days: Count('Days without a value'),
      }),
      { description: 'Those that are behind it, at most 200' },
    ),
  },
  { $id: 'CustomerAverages', description: 'The average balances of a month' },
);

export const HoldingAverage = Strict(
  {
    ...averaged,
    average: Nullable(Worth('Of the whole holding; null where no day is valued')),
    unvalued_days: Count('Days without a value'),
  },
  { $id: 'HoldingAverage', description: 'The average balance of a month' },
);

export const GroupIn = Strict(
  {
    customers: Type.Array(Ref(CustomerReference), {
      minItems: 1,
      maxItems: 100,
      description: 'Who belongs together: a household, the companies of a group',
    }),
  },
  { $id: 'GroupIn', description: 'Customers whose holdings are counted together' },
);
export const GroupPosition = Strict(
  {
    currency: Currency("The bank's own"),
    customers: Count('How many they are'),
    ...positions,
    holdings: Count('Holdings that are not closed and that any of them owns'),
    unvalued: Count('Those of them that should be valued and are not'),
  },
  {
    $id: 'GroupPosition',
    description: 'What customers hold together: each holding counts once, and in full',
  },
);

export const balanceComponents = [
  Balance,
  BalancePage,
  BalancePolicyPut,
  BalancePolicy,
  CustomerAverages,
  HoldingAverage,
  GroupIn,
  GroupPosition,
];

export type BalanceStatement = Static<typeof BalanceIn>;
export type BalanceRow = Static<typeof Balance>;
export type BalancePolicyIn = Static<typeof BalancePolicyPut>;
export type BalancePolicyRow = Static<typeof BalancePolicy>;
export type CustomerAveragesOut = Static<typeof CustomerAverages>;
export type HoldingAverageOut = Static<typeof HoldingAverage>;
export type GroupPositionOut = Static<typeof GroupPosition>;
