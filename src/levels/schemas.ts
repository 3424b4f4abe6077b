/** Levels as the API takes and shows them. */
import { type Static, Type } from 'typebox';
import { Plan } from '../platform/http/approval-schemas.js';
import {
  Count,
  Currency,
  DateOnly,
  Id,
  Instant,
  Key,
  Money,
  Nullable,
  Ref,
  Strict,
  StringEnum,
  Text,
  Worth,
} from '../platform/http/schemas.js';
import { downTargets, measures, outcomes, presets, ups } from './grading.js';

const presetNames = Object.keys(presets) as (keyof typeof presets)[];

const movementFields = {
  up: StringEnum(ups, {
    description:
      '`next_month`: up with the close of the first month whose average meets the bound, so in the month after. `at_once`: already within the month, on the day on which what its days so far add up to, divided by all its days, meets the bound',
  }),
  months_below: Type.Integer({
    minimum: 1,
    maximum: 24,
    description: 'Months in a row whose averages do not reach the level, until it is watched or left',
  }),
  watch_months: Type.Integer({
    minimum: 0,
    maximum: 24,
    description: 'Further such months in which the customer keeps the level and is watched; 0: none',
  }),
  down_to: StringEnum(downTargets, {
    description:
      'Where it goes down to after all those months: the level that the last of them reached, or the best that any of them did',
  }),
};

const movementMeaning =
  'How a level is reached and left. `quarter`: up in the month after one that meets the bound; down in the fourth month after three below, to the level of the last. `half_year`: the same with six, down in the seventh. `watched`: up at once, three months below to watch, three more to go down to the best level of the six. A month that reaches the level begins the count anew, and so does a change of level';

export const LevelMovementPut = Strict(
  {
    preset: Type.Optional(StringEnum(presetNames, { description: 'Where it begins; `quarter` if not said' })),
    up: Type.Optional(movementFields.up),
    months_below: Type.Optional(movementFields.months_below),
    watch_months: Type.Optional(movementFields.watch_months),
    down_to: Type.Optional(movementFields.down_to),
  },
  { $id: 'LevelMovementPut', description: `${movementMeaning}. What is said beside the preset is changed` },
);
export const LevelMovement = Strict(
  {
    preset: Nullable(
      StringEnum(presetNames, { description: 'The preset that it is; null: one of the bank' }),
    ),
    ...movementFields,
  },
  { $id: 'LevelMovement', description: movementMeaning },
);

const level = {
  key: Key('Of the level, as rules name it'),
  name: Text('Name for people', 100),
  description: Type.String({
    maxLength: 1000,
    description: 'What it is for, and where its bound comes from',
  }),
  lower_bound: Nullable(
    Money("From which monthly average on, in the bank's currency; null for the lowest, and for it alone"),
  ),
};
const modelFields = {
  measure: StringEnum(measures, {
    description: 'What is averaged: assets under management, or those less liabilities',
  }),
  settle_days: Type.Integer({
    minimum: 0,
    maximum: 15,
    description:
      'Days after a month for which its close waits: what sources tell of its last days by then is in it',
  }),
};
const maxLevels = 20;

export const LevelModelPut = Strict(
  {
    ...modelFields,
    movement: Ref(LevelMovementPut),
    levels: Type.Array(
      Strict({
        ...level,
        movement: Type.Optional(Ref(LevelMovementPut)),
      }),
      { minItems: 1, maxItems: maxLevels, description: 'The lowest first, with ascending bounds' },
    ),
  },
  { $id: 'LevelModelPut', description: 'The next version of the levels' },
);
export const LevelModel = Strict(
  {
    version: Count('As in the ETag'),
    ...modelFields,
    currency: Currency('Of the bounds'),
    movement: Ref(LevelMovement),
    levels: Type.Array(
      Strict({
        ...level,
        movement: Nullable({
          ...Ref(LevelMovement),
          description: 'Its own, where it has one: how this level is reached, and how it is left',
        }),
      }),
    ),
    state: StringEnum(['grading', 'current'], {
      description: 'grading while customers still have the level of a former version',
    }),
    created_at: Instant('When this version was published'),
  },
  { $id: 'LevelModel', description: 'How the bank grades its customers by what they hold' },
);
export const LevelModelOrPlan = Type.Union([Ref(LevelModel), Ref(Plan)], {
  $id: 'LevelModelOrPlan',
  description: 'The levels, or with `dry_run` what would become of them',
});

const month = Type.String({ pattern: '^[0-9]{4}-(0[1-9]|1[0-2])$', description: 'The month' });
const levelKey = Type.String({ description: 'The key of a level' });

export const LevelMonth = Strict(
  {
    month,
    average: Nullable(Worth('Of its days; null where nothing was held or valued')),
    unvalued: Count('Holdings that had days without a value'),
    reached: levelKey,
    outcome: StringEnum(outcomes, {
      description:
        'up, down: another level from its close on. below, watched: short of the level that was held, which is kept. unknown: it falls short, but something had no value, so it does not count',
    }),
    level: levelKey,
    months_below: Count('Months in a row short of the level, this one among them'),
  },
  { $id: 'LevelMonth', description: 'A month that has closed, and what it made of the level' },
);

const bound = Nullable(Worth('The average that it asks for; null for the lowest'));

export const CustomerLevel = Strict(
  {
    customer_id: Id('Of the customer'),
    as_of: Instant('The instant that is spoken of'),
    basis: StringEnum(['recorded'], { description: 'As it was decided then, with what was known then' }),
    level: Nullable(
      Type.String({ description: 'Its key; null before the close of the first month with a balance' }),
    ),
    name: Nullable(Type.String({ description: 'As the model called it' })),
    rank: Nullable(Count('0 is the lowest')),
    since: Nullable(Instant('Since when the customer has this level')),
    cause: Nullable(
      StringEnum(['month_close', 'at_once', 'correction', 'model', 'policy', 'merge'], {
        description:
          'What decided it: the close of a month, a month that met the bound before its end, balances that came late, another version of the model or of the balance policy, a merge',
      }),
    ),
    decided_at: Nullable(Instant('When it was decided; it counts from its own instant on')),
    model_version: Nullable(Count('The version that decided it')),
    measure: StringEnum(measures),
    currency: Currency('Of all amounts'),
    state: StringEnum(['ungraded', 'kept', 'below', 'watched'], {
      description: 'Whether the last months are short of the level',
    }),
    months_below: Count('Months in a row that are'),
    keep: Nullable(
      Strict({
        lower_bound: bound,
        missing: Worth('By how much the average of the last month falls short'),
        months_left: Nullable(
          Count(
            'Months that may be short before it goes down with the close of the last; null for the lowest',
          ),
        ),
      }),
    ),
    next: Nullable(
      Strict({
        level: levelKey,
        name: Type.String(),
        lower_bound: bound,
        missing: Worth('What the average of the last month lacks'),
      }),
    ),
    raised: Nullable(
      Strict({
        month,
        until: DateOnly('The day up to which its days were added up, exclusive'),
        average: Worth('What they add up to, divided by all days of the month'),
      }),
    ),
    next_review: Nullable(Instant('When the month that runs is closed')),
    months: Type.Array(Ref(LevelMonth), { description: 'Those that are known, the latest last, at most 24' }),
    bounds: Type.Array(Strict({ level: levelKey, lower_bound: bound }), {
      description: 'What the months were held to, the lowest first',
    }),
    pending: Type.Boolean({
      description:
        'Whether something is known by now that is not graded yet: balances that came late, or a close',
    }),
  },
  { $id: 'CustomerLevel', description: 'The level of a customer, and why' },
);

export const levelComponents = [
  LevelMovementPut,
  LevelMovement,
  LevelModelPut,
  LevelModel,
  LevelModelOrPlan,
  LevelMonth,
  CustomerLevel,
];

export type MovementIn = Static<typeof LevelMovementPut>;
export type LevelModelIn = Static<typeof LevelModelPut>;
export type LevelModelOut = Static<typeof LevelModel>;
export type CustomerLevelOut = Static<typeof CustomerLevel>;
