/** Exchange rates as the API takes and shows them. */
import { type Static, Type } from 'typebox';
import {
  Count,
  Currency,
  DateOnly,
  Id,
  Instant,
  keyPattern,
  Nullable,
  Page,
  Ref,
  Strict,
} from '../platform/http/schemas.js';

const meaning = "What one unit of the currency is worth in the bank's currency; more than zero";

export const ExchangeRateIn = Strict(
  {
    currency: Currency("ISO 4217 code, another one than the bank's own"),
    rate: Type.String({
      pattern: '^(0|[1-9][0-9]{0,5})(\\.[0-9]{1,10})?$',
      maxLength: 17,
      description: meaning,
    }),
    business_date: DateOnly('The day that it is the rate of: today at the bank, or before'),
    source: Type.String({ pattern: keyPattern, maxLength: 63, description: 'The system that tells it' }),
  },
  { $id: 'ExchangeRateIn', description: 'The rate of a currency on a business date' },
);

export const ExchangeRateBatch = Strict(
  { items: Type.Array(Ref(ExchangeRateIn), { minItems: 1, maxItems: 1000 }) },
  { $id: 'ExchangeRateBatch', description: 'Rates that are told together: all are recorded, or none' },
);

export const ExchangeRateBatchResult = Strict(
  {
    recorded: Count('Rates of days that had none, or had another'),
    unchanged: Count('Rates that are known already'),
  },
  { $id: 'ExchangeRateBatchResult', description: 'What became of a batch of rates' },
);

export const ExchangeRate = Strict(
  {
    id: Id('Of the rate: an activity that was valued with it keeps it'),
    currency: Currency(),
    rate: Type.String({ description: meaning }),
    business_date: DateOnly('The day that it is the rate of'),
    source: Type.String({ description: 'The system that told it' }),
    recorded_at: Instant('When it was recorded here'),
    superseded_at: Nullable(Instant('When another rate of its day took its place; null while it stands')),
  },
  { $id: 'ExchangeRate', description: 'The rate of a currency on a business date' },
);

export const ExchangeRatePage = Page(Ref(ExchangeRate), 'ExchangeRatePage');

export const CurrencyRate = Strict(
  {
    currency: Currency(),
    business_date: DateOnly('The day that was asked for'),
    rate: Ref(ExchangeRate),
    is_latest: Type.Boolean({ description: 'Whether balances are valued at it' }),
    holders_marked: Type.Boolean({
      description: 'Whether all who hold the currency have been marked for review since its latest rate',
    }),
  },
  { $id: 'CurrencyRate', description: 'The rate that holds for a currency on a day' },
);

export const moneyComponents = [
  ExchangeRateIn,
  ExchangeRateBatch,
  ExchangeRateBatchResult,
  ExchangeRate,
  ExchangeRatePage,
  CurrencyRate,
];

export type RateStatement = Static<typeof ExchangeRateIn>;
export type RateRow = Static<typeof ExchangeRate>;
