import { type Static, Type } from 'typebox';
import {
  Count,
  Id,
  Instant,
  Key,
  Nullable,
  Page,
  Ref,
  Strict,
  StringEnum,
  Text,
} from '../../platform/http/schemas.js';
import { RuleSchema } from '../../rules/schema.js';
import { LoyaltyOperation, Points } from '../schemas.js';

/** Of one request. */
export const mostCodes = 1000;

const rewardFields = {
  name: Text('Name for people', 100),
  description: Type.String({ maxLength: 2000, description: 'What it is' }),
  status: StringEnum(['active', 'retired'], {
    description: 'Whether it can be ordered; orders that there are go on in any case',
  }),
  points: Points('What one of it costs'),
  stock: Nullable(
    Type.Integer({
      minimum: 0,
      maximum: 1_000_000_000,
      description:
        'How many there are, those that were ordered too; null: as many as are asked for, and of a reward with codes, as many as it has codes',
    }),
  ),
  per_customer: Nullable(
    Type.Integer({
      minimum: 1,
      maximum: 1000,
      description: 'How many a customer can have at most, those that are reserved too; null: any number',
    }),
  ),
  valid_from: Nullable(Instant('From when on it can be ordered; null: since ever')),
  valid_to: Nullable(Instant('From when on it cannot be ordered any more; null: for ever')),
  eligibility: Nullable(Ref(RuleSchema)),
};

export const RewardIn = Strict(rewardFields, {
  $id: 'LoyaltyRewardIn',
  description: 'A reward; `eligibility` is the rule that a customer has to meet, null for everybody',
});
const delivery = StringEnum(['code', 'manual'], {
  description: 'How it reaches the customer: by one of its codes, or by hand. It stays as it is',
});
export const RewardCreate = Strict(
  { key: Key('Of the reward'), delivery, ...rewardFields },
  { $id: 'LoyaltyRewardCreate', description: 'A new reward' },
);
export const Reward = Strict(
  {
    programme: Key('Whose points it costs'),
    key: Key('Of the reward'),
    version: Count('Its version: a change makes another'),
    delivery,
    ...rewardFields,
    taken: Count('How many are ordered, or were'),
    available: Nullable(Count('How many can be ordered yet; null: as many as are asked for')),
    created_at: Instant('When it was made'),
    updated_at: Instant('Since when this version is in force'),
  },
  { $id: 'LoyaltyReward', description: 'What points can be used for' },
);
export const RewardPage = Page(Ref(Reward), 'LoyaltyRewardPage');

export const RewardCodesIn = Strict(
  {
    codes: Type.Array(Text('A code, as the customer gets it', 200), {
      minItems: 1,
      maxItems: mostCodes,
      description: 'Each is sealed, goes to one order, and is shown once',
    }),
  },
  { $id: 'LoyaltyRewardCodesIn', description: 'Codes of a reward' },
);
export const RewardCodesAdded = Strict(
  {
    added: Count('How many are new'),
    known: Count('How many were there already, or came twice'),
    available: Count('How many can be ordered now'),
  },
  { $id: 'LoyaltyRewardCodesAdded', description: 'What came of codes that were sent' },
);

export const orderStatuses = ['reserved', 'issued', 'cancelled', 'refunded'] as const;
export const OrderIn = Strict(
  { reward: Key('The reward') },
  { $id: 'LoyaltyOrderIn', description: 'A reward that a customer wants' },
);
const reason = Text('Why, for the statement and the audit', 200);
export const OrderCancelIn = Strict(
  { reason: Type.Optional(reason) },
  { $id: 'LoyaltyOrderCancelIn', description: 'Why an order is given up' },
);
export const OrderRefundIn = Strict(
  {
    reason,
    restock: Type.Optional(
      Type.Boolean({
        description: 'Whether it can be ordered again; never so of a code. False where it is not said',
      }),
    ),
  },
  { $id: 'LoyaltyOrderRefundIn', description: 'Why the points of an order are given back' },
);
export const Order = Strict(
  {
    order_id: Id('The order'),
    version: Count('Its version: each step makes another'),
    customer_id: Id('Whose it is'),
    programme: Key('Whose points it costs'),
    reward: Key('The reward'),
    reward_version: Count('The version of it that was ordered'),
    status: StringEnum(orderStatuses, { description: 'Where it is' }),
    points: Count('What it costs'),
    hold_id: Id('What keeps its points until it is issued'),
    operation_id: Nullable(Id('The redemption, once it is issued')),
    reserved_at: Instant('When it was ordered'),
    expires_at: Instant('When it is cancelled by itself, unless it is issued by then'),
    issued_at: Nullable(Instant('When it was issued')),
    ended_at: Nullable(Instant('When it was cancelled or refunded')),
    cause: Nullable(
      StringEnum(['asked', 'timed_out'], { description: 'What it was cancelled or refunded by' }),
    ),
    reason: Nullable(Type.String({ description: 'Why' })),
  },
  { $id: 'LoyaltyOrder', description: 'A reward that was ordered' },
);
export const OrderPage = Page(Ref(Order), 'LoyaltyOrderPage');
export const OrderDone = Strict(
  {
    order: Ref(Order),
    operation: Ref(LoyaltyOperation),
    code: Nullable(
      Type.String({ description: 'Of a reward with codes, in the reply that issues it and nowhere else' }),
    ),
  },
  { $id: 'LoyaltyOrderDone', description: 'What was done to an order, and to the points' },
);

export const rewardComponents = [
  RewardIn,
  RewardCreate,
  Reward,
  RewardPage,
  RewardCodesIn,
  RewardCodesAdded,
  OrderIn,
  OrderCancelIn,
  OrderRefundIn,
  Order,
  OrderPage,
  OrderDone,
];

export type RewardIn = Static<typeof RewardIn>;
export type RewardCreate = Static<typeof RewardCreate>;
export type RewardOut = Static<typeof Reward>;
export type RewardCodesAdded = Static<typeof RewardCodesAdded>;
export type OrderOut = Static<typeof Order>;
