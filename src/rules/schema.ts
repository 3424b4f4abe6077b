/**
 * The rule language: one JSON language says who belongs where. A rule is a condition; conditions are leaves
 * (facts, activities) or combine others (all, any, not). A new kind of leaf is a new member of `Rule`, with a
 * file of its own beside `fact-condition.ts` and `activity-condition.ts`.
 */
import { Type } from 'typebox';
import { Duration, Ref, Strict, StringEnum } from '../platform/http/schemas.js';

export const limits = { depth: 8, leaves: 64, listValues: 1000, windowYears: 20, textLength: 1000 } as const;

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

export type FactCondition = { fact: string } & Comparison;
export type ActivityFilter = { field: string } & Comparison;
export type Window = { last: string };
export type ActivityCondition = {
  activity: string;
  where?: ActivityFilter[];
  window?: Window;
  measure: Measure;
  of?: string;
} & Comparison;

export type Leaf = FactCondition | ActivityCondition;
export type Combining = { all: Rule[] } | { any: Rule[] } | { not: Rule };
export type Rule = Combining | Leaf;

export const isLeaf = (rule: Rule): rule is Leaf => 'fact' in rule || 'activity' in rule;

/** What a rule combines, each with its place in it. */
export function partsOf(rule: Combining): {
  word: 'all' | 'any' | 'not';
  parts: { path: string; rule: Rule }[];
} {
  if ('not' in rule) return { word: 'not', parts: [{ path: 'not', rule: rule.not }] };
  const word = 'all' in rule ? 'all' : 'any';
  const list = 'all' in rule ? rule.all : rule.any;
  return { word, parts: list.map((each, index) => ({ path: `${word}/${index}`, rule: each })) };
}

const number = { minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER };

/** Branches, since a list of types would be written as the first of them that takes the value as text. */
const scalars = [Type.String({ maxLength: limits.textLength }), Type.Number(number), Type.Boolean()];

const comparison = {
  op: StringEnum(operators, { description: 'Each type allows its own set, see the list of facts' }),
  value: Type.Optional(
    Type.Unsafe<Scalar | Scalar[]>({
      anyOf: [
        ...scalars,
        Type.Array(Type.Unsafe<Scalar>({ anyOf: scalars }), { minItems: 1, maxItems: limits.listValues }),
      ],
      description:
        'What it is held against: money as a decimal string; a list for in and not_in; [low, high], both included, for between; nothing for exists and missing',
    }),
  ),
};

export const FactConditionSchema = Strict(
  {
    fact: Type.String({ minLength: 1, maxLength: 100, description: 'A name from the list of facts' }),
    ...comparison,
  },
  {
    $id: 'FactCondition',
    description: 'Holds what is known of the customer against a value',
    examples: [{ fact: 'holdings.aum', op: 'gte', value: '1000000' }],
  },
);

export const ActivityFilterSchema = Strict(
  {
    field: Type.String({
      minLength: 1,
      maxLength: 100,
      description:
        'channel, direction, initiated_by, own_transfer, currency, amount, source, holding_id, business_date, or attributes.<name>',
    }),
    ...comparison,
  },
  {
    $id: 'ActivityFilter',
    description: 'A condition on a field of an activity',
    examples: [{ field: 'channel', op: 'eq', value: 'app' }],
  },
);

export const RuleWindowSchema = Strict(
  {
    last: Duration(
      "An activity is in while occurred_at <= now < occurred_at + last, in the bank's time zone",
      {
        examples: ['P30D'],
      },
    ),
  },
  { $id: 'RuleWindow', description: 'ISO 8601 duration, at most 20 years' },
);

export const ActivityConditionSchema = Strict(
  {
    activity: Type.String({ minLength: 1, maxLength: 100, description: 'The type of activity' }),
    where: Type.Optional(Type.Array(Ref(ActivityFilterSchema), { minItems: 1, maxItems: 16 })),
    window: Type.Optional(Ref(RuleWindowSchema)),
    measure: StringEnum(measures, {
      description: "Amounts are in the bank's currency; a sum of nothing is 0",
    }),
    of: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'The field, for distinct' })),
    ...comparison,
  },
  {
    $id: 'ActivityCondition',
    description: 'Measures the activities of a type, in a window or of all time',
    examples: [{ activity: 'card_payment', window: { last: 'P30D' }, measure: 'count', op: 'gte', value: 5 }],
  },
);

const self = Type.Unsafe<Rule>({ $ref: 'Rule#' });
const several = Type.Array(self, { minItems: 1, maxItems: limits.leaves });

export const RuleSchema = Type.Unsafe<Rule>({
  $id: 'Rule',
  description: `Who belongs: at most ${limits.depth} levels deep, at most ${limits.leaves} conditions. A comparison with a missing value is false, and not negates that false`,
  anyOf: [
    Strict({ all: several }, { title: 'All' }),
    Strict({ any: several }, { title: 'Any' }),
    Strict({ not: self }, { title: 'Not' }),
    Ref(FactConditionSchema),
    Ref(ActivityConditionSchema),
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
  RuleWindowSchema,
  FactConditionSchema,
  ActivityConditionSchema,
  RuleSchema,
];
