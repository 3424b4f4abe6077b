import { Type } from 'typebox';
import { Plan } from '../platform/http/approval-schemas.js';
import {
  Count,
  Currency,
  Duration,
  Instant,
  Nullable,
  Ref,
  Strict,
  StringEnum,
  Text,
  Worth,
} from '../platform/http/schemas.js';

const model = {
  types: Nullable(
    Type.Array(Text('A type of activity', 100), {
      minItems: 1,
      maxItems: 200,
      description: 'The types of activities that count; null: every type',
    }),
  ),
  window: Strict({
    last: Duration('How long an activity counts, at most 20 years', { examples: ['P1Y'] }),
  }),
  refresh_every: Duration('How often scores are refreshed, from PT15M to P31D', { examples: ['PT1H'] }),
};

export const RfmModelPut = Strict(model, {
  $id: 'RfmModelPut',
  description:
    'Which activities count for recency, frequency and monetary value: of these types and in this window, those that the customer initiated, that are no own transfer and are not reversed',
});

export const RfmModel = Strict(
  {
    ...model,
    version: Count('Goes up with each change'),
    state: StringEnum(['refreshing', 'current'], {
      description: 'refreshing while everybody is scored by this version: until then the former one answers',
    }),
    updated_at: Instant('When this version was made'),
    ranks_as_of: Nullable(Instant('When scores were refreshed last; null: not yet')),
  },
  { $id: 'RfmModel', description: 'How recency, frequency and monetary value are counted' },
);
export const RfmModelOrPlan = Type.Union([Ref(RfmModel), Ref(Plan)], {
  $id: 'RfmModelOrPlan',
  description: 'The model, or with `dry_run` what would become of it',
});

const score = (description: string) => Type.Integer({ minimum: 1, maximum: 5, description });

export const RfmCell = Strict(
  {
    recency_score: score('5: active last'),
    frequency_score: score('5: active most'),
    customers: Count('How many customers have both'),
    mean_monetary: Nullable(
      Worth('The mean of their monetary values, of those who have one; null: of nobody'),
    ),
  },
  { $id: 'RfmCell', description: 'Customers of the same scores' },
);

export const RfmDistribution = Strict(
  {
    ranks_as_of: Nullable(Instant('When scores were refreshed last; null: not yet')),
    population: Count('Customers in reach who have scores'),
    currency: Currency('Of the means'),
    cells: Type.Array(Ref(RfmCell), { description: 'All 25, by recency and then by frequency' }),
  },
  { $id: 'RfmDistribution', description: 'How customers are spread over recency and frequency' },
);

export const rfmComponents = [RfmModelPut, RfmModel, RfmModelOrPlan, RfmCell, RfmDistribution];
