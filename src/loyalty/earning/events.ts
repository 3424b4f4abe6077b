/** The events of earning: rules, what they gave, and the notice before points expire. */
import { Type } from 'typebox';
import { customerId, defineEvents, eventData, version } from '../../platform/event-types.js';
import { Count, Instant, Key } from '../../platform/http/schemas.js';

const programme = Key('The programme');
const definition = (summary: string, description: string) => ({
  summary,
  description,
  subject: 'The key of the rule',
  data: eventData({ programme, version }),
  example: { subject: 'card_payments', data: { programme: 'rewards', version: 2 } },
});

export const earningEvents = defineEvents({
  'earn_rule.published': definition(
    'An earn rule was made or changed',
    'The version is in force from now on.',
  ),
  'earn_rule.deleted': definition('An earn rule was deleted', 'What it gave stays.'),
  'loyalty.points_earned': {
    summary: 'Earn rules gave points, or took some back',
    description:
      'One event tells of all that a customer’s activities came to at once: the statement has each.',
    subject: 'The customer',
    data: eventData({
      programme,
      points: Type.Integer({ description: 'The change of what is outstanding' }),
      operations: Count('How many operations of the statement it is made of'),
    }),
    example: { subject: customerId, data: { programme: 'rewards', points: 120, operations: 3 } },
  },
  'loyalty.points_expiring': {
    summary: 'Points are about to expire',
    description:
      'Told once for each instant at which points of an account expire, as long before as the programme says.',
    subject: 'The customer',
    data: eventData({
      programme,
      points: Count('How many, as of now'),
      expires_at: Instant('When'),
    }),
    example: {
      subject: customerId,
      data: { programme: 'rewards', points: 170, expires_at: '2027-03-31T16:00:00Z' },
    },
  },
});
