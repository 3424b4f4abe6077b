/**
 * The rule language: one JSON language says who belongs where. A rule is a condition; conditions are leaves
 * (facts, activities, balances, samples), combine others (all, any, not), or ask one of several periods. A new kind of
 * leaf is a new member of `Rule`, with a file of its own beside `fact-condition.ts` and `activity-condition.ts`.
 */
import { Type } from 'typebox';
import { Key, Ref, Strict, StringEnum } from '../platform/http/schemas.js';
import { type RankCondition, RankConditionSchema } from './rank-schema.js';
import {
  type CalendarUnit,
  CalendarWindowSchema,
  calendarUnits,
  RollingWindowSchema,
  RuleWindowSchema,
  type Window,
} from './window-schema.js';

export const limits = {
  depth: 8,
  leaves: 64,
  layers: 8,
  listValues: 1000,
  windowYears: 20,
  textLength: 1000,
  periods: 36,
  activityTypes: 50,
} as const;

/** Where a type of activity is told: any. Keys of types begin with a letter. */
export const anyType = '*';

export const operators = [
  'eq',
  'ne',
  'lt',
  'lte',
  'gt',
  'gte',
  'in',
  'not_in',
  'between',
  'exists',
  'missing',
  'contains',
  'starts_with',
  'before',
  'after',
] as const;
export type Operator = (typeof operators)[number];

export const measures = ['count', 'sum', 'average', 'min', 'max', 'first_at', 'last_at', 'distinct'] as const;
export type Measure = (typeof measures)[number];

export type Scalar = string | number | boolean;
export type Comparison = { op: Operator; value?: Scalar | Scalar[] };
/** What a condition holds against a value, or against another such of the same customer, times a factor. */
export type Measured = MeasuredFact | MeasuredActivity | MeasuredBalance;
export type OwnValue = { times?: string; of: Measured };
export type Comparing = { op: Operator; value?: Scalar | Scalar[] | OwnValue };

export type MeasuredFact = { fact: string };
export type FactCondition = MeasuredFact & Comparing;
export type ActivityFilter = { field: string } & Comparison;
export const balanceMeasures = ['average', 'end', 'min', 'max'] as const;
export type BalanceMeasure = (typeof balanceMeasures)[number];
/** Of one type, of several, or of any: no type is called `*`. */
export type ActivityTypes = string | string[];
export type MeasuredActivity = {
  activity: ActivityTypes;
  where?: ActivityFilter[];
  window?: Window;
  measure: Measure;
  of?: string;
};
export type ActivityCondition = MeasuredActivity & Comparing;

export type MeasuredBalance = { balance: string; measure: BalanceMeasure; window: Window };
export type BalanceCondition = MeasuredBalance & Comparing;
export type MeasuredCondition = FactCondition | ActivityCondition | BalanceCondition;
export type SegmentCondition = { segment: string };
export type SampleCondition = { sample: { percent: number; salt: string } };

export type Leaf = MeasuredCondition | SegmentCondition | SampleCondition | RankCondition;
export type HoldsForCondition = { holds_for: { periods: number; of: CalendarUnit; condition: Rule } };
export type Combining = { all: Rule[] } | { any: Rule[] } | { not: Rule };
export type Rule = Combining | HoldsForCondition | Leaf;

export const leafKinds = ['fact', 'activity', 'balance', 'segment', 'sample', 'rank'] as const;

export const isLeaf = (rule: Rule): rule is Leaf => leafKinds.some((word) => word in rule);

export const isMeasured = (leaf: Leaf): leaf is MeasuredCondition =>
  'fact' in leaf || 'activity' in leaf || 'balance' in leaf;

/** The customer's own value that a condition compares with, where it is not a constant. */
export const ownValueOf = ({ value }: Comparing): OwnValue | undefined =>
  typeof value === 'object' && !Array.isArray(value) ? value : undefined;

/** All that a condition measures: what it holds against something, and what it holds that against. */
export function measuredIn(leaf: Leaf): Measured[] {
  if (!isMeasured(leaf)) return [];
  const own = ownValueOf(leaf);
  return own === undefined ? [leaf] : [leaf, own.of];
}

type Parts<Word> = { word: Word; parts: { path: string; rule: Rule }[] };

/** What a rule combines, each with its place in it. */
export function partsOf(rule: Combining): Parts<'all' | 'any' | 'not'>;
export function partsOf(rule: Exclude<Rule, Leaf>): Parts<'all' | 'any' | 'not' | 'holds_for'>;
export function partsOf(rule: Exclude<Rule, Leaf>): Parts<'all' | 'any' | 'not' | 'holds_for'> {
  if ('not' in rule) return { word: 'not', parts: [{ path: 'not', rule: rule.not }] };
  if ('holds_for' in rule) {
    return { word: 'holds_for', parts: [{ path: 'holds_for/condition', rule: rule.holds_for.condition }] };
  }
  const word = 'all' in rule ? 'all' : 'any';
  const list = 'all' in rule ? rule.all : rule.any;
  return { word, parts: list.map((each, index) => ({ path: `${word}/${index}`, rule: each })) };
}

const number = { minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER };

/** Branches, since a list of types would be written as the first of them that takes the value as text. */
const scalars = [Type.String({ maxLength: limits.textLength }), Type.Number(number), Type.Boolean()];

const constants = [
  ...scalars,
  Type.Array(Type.Unsafe<Scalar>({ anyOf: scalars }), { minItems: 1, maxItems: limits.listValues }),
];
const against =
  'What it is held against: money as a decimal string; a list for in and not_in; [low, high], both included, for between; nothing for exists and missing';
const op = StringEnum(operators, { description: 'Each type allows its own set, see the list of facts' });
const comparison = {
  op,
  value: Type.Optional(Type.Unsafe<Scalar | Scalar[]>({ anyOf: constants, description: against })),
};

export const ActivityFilterSchema = Strict(
  {
    field: Type.String({
      minLength: 1,
      maxLength: 100,
      description:
        'type, channel, direction, initiated_by, own_transfer, currency, amount, source, holding_id, business_date, or attributes.<name>',
    }),
    ...comparison,
  },
  {
    $id: 'ActivityFilter',
    description: 'A condition on a field of an activity',
    examples: [{ field: 'channel', op: 'eq', value: 'app' }],
  },
);

const fact = {
  fact: Type.String({ minLength: 1, maxLength: 100, description: 'A name from the list of facts' }),
};
const activity = {
  activity: Type.Unsafe<ActivityTypes>({
    anyOf: [
      StringEnum([anyType], { title: 'Any', description: 'Of any type' }),
      Type.String({ minLength: 1, maxLength: 100, title: 'One' }),
      Type.Array(Key('A type of activity'), {
        minItems: 1,
        maxItems: limits.activityTypes,
        uniqueItems: true,
        title: 'Several',
      }),
    ],
    description: `The type of activity, a list of types, or ${anyType} for any type: no type is called so`,
  }),
  where: Type.Optional(Type.Array(Ref(ActivityFilterSchema), { minItems: 1, maxItems: 16 })),
  window: Type.Optional(Ref(RuleWindowSchema)),
  measure: StringEnum(measures, { description: "Amounts are in the bank's currency; a sum of nothing is 0" }),
  of: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'The field, for distinct' })),
};
const balance = {
  balance: Type.String({
    minLength: 1,
    maxLength: 100,
    description: 'aum, liabilities, net, or a category of holdings',
  }),
  measure: StringEnum(balanceMeasures, {
    description:
      'Of the balances at the end of each day of the window that is over: their sum by the number of days, the last, the least, the greatest. A day without a balance counts as zero; missing where no day has a value',
  }),
  window: Ref(RuleWindowSchema),
};

export const OwnValueSchema = Strict(
  {
    times: Type.Optional(
      Type.String({
        pattern: '^(0|[1-9][0-9]{0,5})(\\.[0-9]{1,6})?$',
        maxLength: 13,
        description: 'A decimal that it is multiplied by; 1 where it is not said',
        examples: ['0.2'],
      }),
    ),
    of: Type.Unsafe<Measured>({
      anyOf: [
        Strict(fact, { title: 'FactOfCustomer' }),
        Strict(activity, { title: 'ActivityOfCustomer' }),
        Strict(balance, { title: 'BalanceOfCustomer' }),
      ],
      description:
        'What is measured: money, where it is money that is held against it, and otherwise a number',
    }),
  },
  {
    $id: 'OwnValue',
    description:
      'Another value of the same customer, for lt, lte, gt and gte. Where either side is missing the comparison is false. Within holds_for its windows are counted from the period that is looked at, as those of the condition are',
    examples: [
      {
        times: '0.2',
        of: { balance: 'aum', measure: 'max', window: { calendar: 'month', offset: -1, periods: 6 } },
      },
    ],
  },
);

const comparing = {
  op,
  value: Type.Optional(
    Type.Unsafe<Scalar | Scalar[] | OwnValue>({
      anyOf: [...constants, Ref(OwnValueSchema)],
      description: `${against}; or another value of the customer's own`,
    }),
  ),
};

export const FactConditionSchema = Strict(
  { ...fact, ...comparing },
  {
    $id: 'FactCondition',
    description: 'Holds what is known of the customer against a value',
    examples: [{ fact: 'holdings.aum', op: 'gte', value: '1000000' }],
  },
);

export const ActivityConditionSchema = Strict(
  { ...activity, ...comparing },
  {
    $id: 'ActivityCondition',
    description: 'Measures the activities of a type, of several or of any, in a window or of all time',
    examples: [
      { activity: 'card_payment', window: { last: 'P30D' }, measure: 'count', op: 'gte', value: 5 },
      { activity: ['login', 'branch_visit'], window: { last: 'P90D' }, measure: 'count', op: 'eq', value: 0 },
      { activity: anyType, window: { last: 'P1Y' }, measure: 'distinct', of: 'type', op: 'gte', value: 3 },
    ],
  },
);

export const BalanceConditionSchema = Strict(
  { ...balance, ...comparing },
  {
    $id: 'BalanceCondition',
    description:
      "Measures balances by day, in the bank's currency at the rate of each day, and as the balance policy says whose they are",
    examples: [
      {
        balance: 'aum',
        measure: 'average',
        window: { calendar: 'month', offset: -1 },
        op: 'gte',
        value: '500000',
      },
    ],
  },
);

export const SegmentConditionSchema = Strict(
  { segment: Key('Of another segment') },
  {
    $id: 'SegmentCondition',
    description: 'Whether the customer is in another segment: segments that name one another form no circle',
    examples: [{ segment: 'high_net_worth' }],
  },
);

export const SampleConditionSchema = Strict(
  {
    sample: Strict({
      percent: Type.Number({
        minimum: 0.0001,
        maximum: 100,
        description: 'Of all customers, with at most four decimals. A larger one holds all of a smaller one',
      }),
      salt: Type.String({
        minLength: 1,
        maxLength: 100,
        description: 'Names the draw: each draws anew',
      }),
    }),
  },
  {
    $id: 'SampleCondition',
    description:
      'A stable share of customers, by a hash of salt and id. Who is not in it is the holdout: put it under not',
    examples: [{ sample: { percent: 10, salt: 'spring' } }],
  },
);

const self = Type.Unsafe<Rule>({ $ref: 'Rule#' });
const several = Type.Array(self, { minItems: 1, maxItems: limits.leaves });

export const HoldsForConditionSchema = Strict(
  {
    holds_for: Strict({
      periods: Type.Integer({
        minimum: 1,
        maximum: limits.periods,
        description: 'How many of the last closed periods',
      }),
      of: StringEnum(calendarUnits),
      condition: self,
    }),
  },
  {
    $id: 'HoldsForCondition',
    description:
      'Whether a condition held in each of the last closed periods. Each window in it is a calendar one of the same period, with its offset counted from the period that is looked at: 0, or none, is that period itself. So is each window of a value of the customer\'s own: three months up to it are `"periods": 3`',
    examples: [
      {
        holds_for: {
          periods: 3,
          of: 'month',
          condition: {
            balance: 'aum',
            measure: 'average',
            window: { calendar: 'month' },
            op: 'gte',
            value: '500000',
          },
        },
      },
    ],
  },
);

export const RuleSchema = Type.Unsafe<Rule>({
  $id: 'Rule',
  description: `Who belongs: at most ${limits.depth} levels deep, at most ${limits.leaves} conditions. A comparison with a missing value is false, and not negates that false`,
  anyOf: [
    Strict({ all: several }, { title: 'All' }),
    Strict({ any: several }, { title: 'Any' }),
    Strict({ not: self }, { title: 'Not' }),
    Ref(FactConditionSchema),
    Ref(ActivityConditionSchema),
    Ref(BalanceConditionSchema),
    Ref(SegmentConditionSchema),
    Ref(HoldsForConditionSchema),
    Ref(SampleConditionSchema),
    Ref(RankConditionSchema),
  ],
  examples: [
    {
      all: [
        { fact: 'tenure_days', op: 'gte', value: 90 },
        { fact: 'kind', op: 'eq', value: 'person' },
      ],
    },
  ],
});

/** To be added to the application, in this order. */
export const ruleComponents = [
  ActivityFilterSchema,
  RollingWindowSchema,
  CalendarWindowSchema,
  RuleWindowSchema,
  OwnValueSchema,
  FactConditionSchema,
  ActivityConditionSchema,
  BalanceConditionSchema,
  HoldsForConditionSchema,
  SegmentConditionSchema,
  SampleConditionSchema,
  RankConditionSchema,
  RuleSchema,
];
