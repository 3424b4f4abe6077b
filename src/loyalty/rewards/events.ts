/** The events of rewards, and of their orders. */
import type { TProperties } from 'typebox';
import { customerId, defineEvents, eventData, version } from '../../platform/event-types.js';
import { Count, Id, Key, StringEnum } from '../../platform/http/schemas.js';

const programme = Key('The programme');
const order_id = '0197f3c2-6b7e-7c31-9d52-3f6a1e2b4c5d';

const order = (summary: string, description: string, more: TProperties = {}, example: object = {}) => ({
  summary,
  description,
  subject: 'The customer',
  data: eventData({
    ...{ programme, reward: Key('The reward'), order_id: Id('The order'), points: Count('What it costs') },
    ...more,
  }),
  example: {
    subject: customerId,
    data: { programme: 'rewards', reward: 'coffee', order_id, points: 80, ...example },
  },
});

export const rewardEvents = defineEvents({
  'loyalty_reward.published': {
    summary: 'A reward was made or changed',
    description: 'The version is in force from now on.',
    subject: 'The key of the reward',
    data: eventData({ programme, version }),
    example: { subject: 'coffee', data: { programme: 'rewards', version: 2 } },
  },
  'loyalty_reward.codes_added': {
    summary: 'A reward has more codes',
    description: 'Those that are new.',
    subject: 'The key of the reward',
    data: eventData({ programme, count: Count('How many') }),
    example: { subject: 'coffee', data: { programme: 'rewards', count: 100 } },
  },
  'loyalty.order_reserved': order('A reward was ordered', 'Its points and one of the stock are kept.'),
  'loyalty.order_issued': order('A reward was issued', 'Its points are used.'),
  'loyalty.order_cancelled': order(
    'An order was cancelled',
    'Before it was issued: by somebody, or since its time was over. What it kept is free again.',
    { cause: StringEnum(['asked', 'timed_out'], { description: 'What it was cancelled by' }) },
    { cause: 'asked' },
  ),
  'loyalty.order_refunded': order('An order was refunded', 'Its points came back.'),
});
