import { type Static, Type } from 'typebox';
import { Plan } from '../../platform/http/approval-schemas.js';
import {
  Amount,
  Count,
  Instant,
  Key,
  Nullable,
  Page,
  Ref,
  Strict,
  StringEnum,
  Text,
} from '../../platform/http/schemas.js';
import { ActivityFilterSchema, RuleSchema } from '../../rules/schema.js';
import { Points } from '../schemas.js';

export const occasions = ['birthday', 'customer_anniversary', 'programme_anniversary'] as const;
export const repeats = ['each', 'once', 'day', 'week', 'month', 'quarter', 'year'] as const;
export const capPeriods = ['day', 'week', 'month', 'quarter', 'year', 'total'] as const;
export const roundings = ['down', 'nearest', 'up'] as const;

const Earns = Type.Union(
  [
    Strict(
      {
        activities: Type.Array(Key('A type of activity'), {
          minItems: 1,
          maxItems: 50,
          description: 'Any of these types',
        }),
        where: Type.Optional(
          Type.Array(Ref(ActivityFilterSchema), {
            minItems: 1,
            maxItems: 16,
            description:
              'What else is asked of it. Only what the customer initiated counts, and no transfer between its own accounts, unless a filter speaks of initiated_by or of own_transfer',
          }),
        ),
      },
      { title: 'Activities' },
    ),
    Strict(
      {
        occasion: StringEnum(occasions, {
          description:
            'Once a year, at the beginning of the day in the programme’s time zone. What falls on 29 February is on 28 February in common years',
        }),
      },
      { title: 'An occasion' },
    ),
  ],
  { description: 'For what' },
);

const Formula = Type.Union(
  [
    Strict({ fixed: Points('So many each time') }, { title: 'Fixed' }),
    Strict(
      {
        per: Amount(
          'For each of this amount of what was paid, in the bank’s currency, less what was reversed of it',
        ),
        points: Points('So many points'),
        rounding: StringEnum(roundings, {
          description: 'How a fraction of a point is rounded, once, at the end; nearest: halves up',
        }),
      },
      { title: 'By amount' },
    ),
    Strict(
      {
        times: Type.String({
          pattern: '^[1-9][0-9]{0,2}(\\.[0-9]{1,4})?$',
          maxLength: 8,
          description:
            'How many times in all: 2 doubles. Beside what the other rules gave for the same activity or occasion, after their caps, this rule gives (times - 1) of it, rounded down',
        }),
        of: Nullable(
          Type.Array(Key('Of a rule of the programme'), {
            minItems: 1,
            maxItems: 50,
            description:
              'What these rules gave; null: what all rules gave that are no campaigns of this kind',
          }),
        ),
      },
      { title: 'A campaign that multiplies' },
    ),
  ],
  { description: 'How many points' },
);

const Keys = (description: string) =>
  Nullable(Type.Array(Key('A key'), { minItems: 1, maxItems: 50, description }));

const fields = {
  name: Text('Name for people', 100),
  description: Type.String({ maxLength: 1000, description: 'What it is for' }),
  status: StringEnum(['active', 'paused'], { description: 'Paused: nothing is earned by it' }),
  valid_from: Nullable(Instant('For what occurred then or later')),
  valid_to: Nullable(Instant('For what occurred before')),
  earns: Earns,
  condition: Nullable(Ref(RuleSchema)),
  levels: Keys('Levels of the bank, one of which the customer had when it occurred; null: any, or none'),
  tiers: Keys('Tiers of the programme, one of which the customer had when it occurred; null: any, or none'),
  points: Formula,
  repeat: StringEnum(repeats, {
    description:
      'How often a customer earns by it: each time, once for ever, or once in each period of the calendar of the programme’s time zone',
  }),
  caps: Type.Array(
    Strict({
      period: StringEnum(capPeriods, {
        description: 'By the calendar of the programme’s time zone; total: for ever',
      }),
      points: Points('How many at most'),
    }),
    { maxItems: 6, description: 'How many points a customer can have by it' },
  ),
  budget: Nullable(Points('How many points it gives to all customers together at most')),
  priority: Type.Integer({ minimum: 0, maximum: 1000, description: 'The higher one goes first' }),
  stacks: Type.Boolean({
    description:
      'Whether it gives beside whatever others give. Of those that do not, in one group, the one with the highest priority gives; of equal ones the first by key',
  }),
  group: Nullable(
    Key('Of rules that exclude one another; null is a group too. Of those alone that do not stack'),
  ),
};

export const EarnRuleIn = Strict(fields, {
  $id: 'EarnRuleIn',
  description: 'What customers earn points for',
});
export const EarnRuleCreate = Strict(
  { key: Key('Of the rule'), ...fields },
  { $id: 'EarnRuleCreate', description: 'A new earn rule' },
);
const Warning = Strict({
  pointer: Type.String({ description: 'RFC 6901 pointer into the rule' }),
  code: StringEnum(['deposit_balance'], { description: 'What it is about' }),
  message: Type.String({ description: 'What to consider' }),
});
export const EarnRule = Strict(
  {
    key: Key('Of the rule'),
    programme: Key('The programme'),
    version: Count('Its version: a change makes another'),
    ...fields,
    warnings: Type.Array(Warning, {
      description: 'What to consider: a rule with a warning needs the approval of a second person',
    }),
    used: Count('How many points it has given to all customers, less what was taken back'),
    created_at: Instant('When it was made'),
    updated_at: Instant('Since when this version is in force'),
  },
  { $id: 'EarnRule', description: 'What customers earn points for' },
);
export const EarnRulePage = Page(Ref(EarnRule), 'EarnRulePage');
export const EarnRuleOrPlan = Type.Union([Ref(EarnRule), Ref(Plan)], {
  $id: 'EarnRuleOrPlan',
  description: 'The rule, or with `dry_run` what would become of it',
});

export const earningComponents = [EarnRuleIn, EarnRuleCreate, EarnRule, EarnRulePage, EarnRuleOrPlan];

export type EarnRuleIn = Static<typeof EarnRuleIn>;
export type EarnRuleCreate = Static<typeof EarnRuleCreate>;
export type EarnRuleOut = Static<typeof EarnRule>;
