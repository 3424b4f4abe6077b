/** Tiers, their benefits and VIP service as the API takes and shows them. */
import { type Static, Type } from 'typebox';
import {
  Amount,
  Count,
  DateOnly,
  Id,
  Instant,
  Key,
  Nullable,
  Page,
  Ref,
  Strict,
  StringEnum,
  Text,
  Worth,
} from '../../platform/http/schemas.js';
import { downgrades } from './standing.js';

const Days = (description: string, example: string) =>
  Type.String({
    pattern: '^P(?=[0-9])([0-9]{1,3}Y)?([0-9]{1,4}M)?([0-9]{1,4}W)?([0-9]{1,5}D)?$',
    maxLength: 30,
    description: `${description}; whole days, months or years`,
    examples: [example],
  });

export const casePriorities = ['normal', 'high', 'urgent'] as const;
export const quotaPeriods = ['tier_period', 'month', 'quarter', 'year'] as const;

const Benefit = Strict(
  {
    key: Key('Of the benefit: the same key in several tiers is one benefit, and uses of it count together'),
    name: Text('Name for people', 100),
    description: Type.String({ maxLength: 1000, description: 'What it is' }),
    kind: Text('What sort of thing it is, in the words of the bank', 50),
    quota: Nullable(
      Type.Integer({
        minimum: 1,
        maximum: 100_000,
        description: 'How often in its period; null: without end',
      }),
    ),
    per: StringEnum(quotaPeriods, {
      description:
        'The period in which uses are counted: that of the tier, or by the calendar of the programme’s time zone',
    }),
  },
  { $id: 'LoyaltyBenefit', description: 'What a tier gives its members' },
);

const Vip = Strict(
  {
    description: Type.String({ maxLength: 1000, description: 'What the service is' }),
    manager_role: Nullable(
      StringEnum(['primary', 'assistant', 'cover'], {
        description: 'Who is assigned to a member in this role is its dedicated manager; null: it has none',
      }),
    ),
    case_priority: StringEnum(casePriorities, { description: 'At least this priority have its cases' }),
  },
  {
    $id: 'LoyaltyVipService',
    description: 'Service that follows from the tier; it is apart from the bank’s own level',
  },
);

const Period = Type.Union(
  [
    Strict(
      {
        kind: StringEnum(['calendar']),
        starts_month: Type.Integer({
          minimum: 1,
          maximum: 12,
          description: 'The month that the year begins with',
        }),
      },
      { title: 'Years' },
    ),
    Strict(
      {
        kind: StringEnum(['rolling']),
        length: Days(
          'From the day on which a tier was reached, and from its end again; at least 28 days',
          'P12M',
        ),
      },
      { title: 'A length' },
    ),
  ],
  { description: 'In which periods amounts qualify, by the calendar of the programme’s time zone' },
);

const Qualify = Type.Union(
  [
    Strict(
      { by: StringEnum(['points']) },
      {
        title:
          'Points that were earned or brought, by the day on which they were earned, less what was taken back',
      },
    ),
    Strict(
      {
        by: StringEnum(['spend']),
        types: Type.Array(Text('A type of activity', 63), {
          minItems: 1,
          maxItems: 50,
          uniqueItems: true,
          description: 'Which activities',
        }),
      },
      {
        title:
          'What the customer has spent, in the bank’s currency: activities by its own initiative, less what was reversed',
      },
    ),
  ],
  { description: 'What qualifies' },
);

const Tier = Strict(
  {
    key: Key('Of the tier, as rules name it'),
    name: Text('Name for people', 100),
    lower_bound: Amount('From which amount on; whole where points qualify. 0: every member has it'),
    benefits: Type.Array(Ref(Benefit), { maxItems: 50, description: 'What it gives' }),
    vip: Nullable(Ref(Vip)),
  },
  { $id: 'LoyaltyTier', description: 'A tier' },
);

const modelFields = {
  qualify: Qualify,
  period: Period,
  grace: Days(
    'How long after a period its review waits: what comes by then still helps; P0D: not at all',
    'P30D',
  ),
  downgrade: StringEnum(downgrades, {
    description:
      'What becomes of who falls short. `one_step`: one tier a period at most, a soft landing. `by_balance`: what the amounts qualify for. `never`: nothing',
  }),
  warn_before: Days('How long before the review a member that would go down is told of', 'P60D'),
  tiers: Type.Array(Ref(Tier), {
    minItems: 1,
    maxItems: 20,
    description: 'The lowest first, with ascending bounds',
  }),
};
export const TierModelPut = Strict(modelFields, {
  $id: 'LoyaltyTiersPut',
  description: 'The next version of the tiers of a programme',
});
export const TierModel = Strict(
  {
    programme: Key('Of the programme'),
    version: Count('As in the ETag'),
    ...modelFields,
    state: StringEnum(['evaluating', 'current'], {
      description: 'evaluating while members are still being looked at by this version',
    }),
    created_at: Instant('Since when this version is in force'),
  },
  { $id: 'LoyaltyTiers', description: 'The tiers of a programme' },
);

const use = {
  used: Count('How often in the period that runs'),
  left: Nullable(Count('How often it can still be used; null: without end')),
  period_from: Nullable(DateOnly('The first day of the period; null where nothing is counted')),
};
export const MemberTier = Strict(
  {
    customer_id: Id('The customer'),
    programme: Key('The programme'),
    as_of: Instant('The instant that is spoken of'),
    tier: Nullable(Type.String({ description: 'Its key; null for none' })),
    name: Nullable(Type.String({ description: 'As the model called it' })),
    rank: Nullable(Count('0 is the lowest')),
    since: Nullable(Instant('Since when')),
    cause: Nullable(
      StringEnum(['enrolled', 'reached', 'review', 'model', 'merge'], {
        description:
          'What decided it: the beginning of the membership, an amount that met the bound, the review of a period, another version of the tiers, a merge',
      }),
    ),
    decided_at: Nullable(Instant('When it was decided; it counts from its own instant on')),
    model_version: Nullable(Count('The version of the tiers that it is by')),
    qualify: StringEnum(['points', 'spend'], { description: 'What qualifies' }),
    amount: Nullable(Worth('What counts towards a higher tier; null where it is not worked out yet')),
    counted_from: Nullable(DateOnly('The first day that counts')),
    period: Nullable(
      Strict(
        { from: DateOnly('Its first day'), to: DateOnly('The day after its last') },
        { description: 'The period that is to keep the tier' },
      ),
    ),
    keep: Nullable(
      Strict(
        {
          lower_bound: Worth('What it asks for'),
          amount: Worth('What counts for it'),
          missing: Worth('What is missing'),
          review_at: Instant('When the period is reviewed: its end and the grace'),
          until: Instant('The earliest instant at which the tier can be lost, as things stand'),
        },
        { description: 'What keeps it; null where nothing can be lost' },
      ),
    ),
    next: Nullable(
      Strict(
        {
          tier: Type.String({ description: 'Its key' }),
          name: Type.String({ description: 'Its name' }),
          lower_bound: Worth('What it asks for'),
          missing: Worth('What is missing'),
        },
        { description: 'The next higher one' },
      ),
    ),
    benefits: Type.Array(
      Strict({
        key: Type.String({ description: 'Of the benefit' }),
        name: Type.String({ description: 'Name for people' }),
        description: Type.String({ description: 'What it is' }),
        kind: Type.String({ description: 'What sort of thing it is' }),
        quota: Nullable(Count('How often in its period; null: without end')),
        per: StringEnum(quotaPeriods, { description: 'The period in which uses are counted' }),
        ...use,
      }),
      { description: 'What the tier gives, and what is left of it' },
    ),
    vip: Nullable(
      Strict(
        {
          description: Type.String({ description: 'What the service is' }),
          case_priority: StringEnum(casePriorities, { description: 'At least this priority have its cases' }),
          manager_role: Nullable(Type.String({ description: 'The role of its dedicated manager' })),
          manager: Nullable(
            Type.String({ description: 'Who is assigned in that role: a code of the staff' }),
          ),
          lacks: Type.Array(StringEnum(['manager']), {
            description: 'What it should have and has not',
          }),
        },
        { description: 'The service that the tier gives; null: none' },
      ),
    ),
    pending: Type.Boolean({ description: 'Whether something is known that is not evaluated yet' }),
  },
  { $id: 'LoyaltyMemberTier', description: 'The tier of a customer, and why' },
);

export const BenefitUseIn = Strict(
  {
    benefit: Key('Which benefit of the tier'),
    reason: Text('What for', 200),
    reference: Type.Optional(
      Strict(
        { source: Text('The system that it comes from', 100), source_id: Text('Its id there', 200) },
        { description: 'What it is, as another system names it' },
      ),
    ),
  },
  { $id: 'LoyaltyBenefitUseIn', description: 'A use of a benefit' },
);
export const BenefitTakeBack = Strict(
  { reason: Text('Why', 200) },
  { $id: 'LoyaltyBenefitTakeBack', description: 'Why a use is taken back' },
);
export const BenefitUse = Strict(
  {
    use_id: Id('The use'),
    customer_id: Id('The customer'),
    programme: Key('The programme'),
    benefit: Key('The benefit'),
    tier: Type.String({ description: 'The tier that gave it' }),
    used_at: Instant('When'),
    reason: Type.String({ description: 'What for' }),
    reference: Nullable(
      Type.Object({}, { additionalProperties: true, description: 'What it is, as another system names it' }),
    ),
    taken_back_at: Nullable(Instant('When it was taken back: it counts no more')),
    taken_back_reason: Nullable(Type.String({ description: 'Why' })),
  },
  { $id: 'LoyaltyBenefitUse', description: 'A use of a benefit' },
);
export const BenefitUseDone = Strict(
  {
    use: Ref(BenefitUse),
    ...use,
  },
  { $id: 'LoyaltyBenefitUseDone', description: 'A use, and what is left after it' },
);
export const BenefitUsePage = Page(Ref(BenefitUse), 'LoyaltyBenefitUsePage');

export const tierComponents = [
  Benefit,
  Vip,
  Tier,
  TierModelPut,
  TierModel,
  MemberTier,
  BenefitUseIn,
  BenefitTakeBack,
  BenefitUse,
  BenefitUseDone,
  BenefitUsePage,
];

export type TierModelIn = Static<typeof TierModelPut>;
export type TierModelOut = Static<typeof TierModel>;
export type TierIn = Static<typeof Tier>;
export type BenefitIn = Static<typeof Benefit>;
export type MemberTierOut = Static<typeof MemberTier>;
export type BenefitUseIn = Static<typeof BenefitUseIn>;
export type BenefitUseOut = Static<typeof BenefitUse>;
export type BenefitUseDoneOut = Static<typeof BenefitUseDone>;
