/** The events of loyalty: programmes, and what happened to a customer's points. */
import { type TProperties, Type } from 'typebox';
import { customerId, defineEvents, eventData, version } from '../platform/event-types.js';
import { Count, Id, Key } from '../platform/http/schemas.js';
import { tierEvents } from './tiers/events.js';

const operationId = '0197f3c2-2b7e-7c31-9d52-3f6a1e2b4c5d';
const holdId = '0197f3c2-3b7e-7c31-9d52-3f6a1e2b4c5d';
const programme = Key('The programme');
const points = Type.Integer({ description: 'The change of what is outstanding; of a hold, what it keeps' });

const of = (properties: TProperties) => eventData({ programme, ...properties });
const moved = of({ operation_id: Id('The operation'), points, hold_id: Type.Optional(Id('The hold')) });

/** Points that moved. */
const movement = (
  summary: string,
  description: string,
  change: number,
  more: Record<string, unknown> = {},
) => ({
  summary,
  description,
  subject: 'The customer',
  data: moved,
  example: {
    subject: customerId,
    data: { programme: 'rewards', operation_id: operationId, points: change, ...more },
  },
});

const account = (summary: string, description: string) => ({
  summary,
  description,
  subject: 'The customer',
  data: of({}),
  example: { subject: customerId, data: { programme: 'rewards' } },
});

export const loyaltyEvents = defineEvents({
  ...tierEvents,
  'loyalty_programme.published': {
    summary: 'A programme was made or changed',
    description: 'The version is in force from now on.',
    subject: 'The key of the programme',
    data: eventData({ version }),
    example: { subject: 'rewards', data: { version: 2 } },
  },
  'loyalty.account_opened': account(
    'A customer takes part in a programme',
    'It can earn points from now on.',
  ),
  'loyalty.account_reopened': account('A customer takes part again', 'It had left the programme.'),
  'loyalty.account_closed': movement('A customer has left a programme', 'What was left is cancelled.', -120),
  'loyalty.points_accrued': movement(
    'Points were earned',
    'They may have to wait until they can be used.',
    100,
  ),
  'loyalty.points_redeemed': movement('Points were used', 'At once, or out of a hold.', -80),
  'loyalty.points_held': movement('Points are held', 'They cannot be used for anything else.', 80, {
    hold_id: holdId,
  }),
  'loyalty.hold_voided': movement('A hold was given up', 'Its points are free again.', 80, {
    hold_id: holdId,
  }),
  'loyalty.hold_timed_out': {
    summary: 'A hold has timed out',
    description: 'Its points are free again, or have expired meanwhile.',
    subject: 'The customer',
    data: of({ hold_id: Id('The hold'), points: Count('What it kept') }),
    example: { subject: customerId, data: { programme: 'rewards', hold_id: holdId, points: 80 } },
  },
  'loyalty.points_expired': {
    summary: 'Points have expired',
    description: 'Each lot at its own instant; one event tells of all that were posted together.',
    subject: 'The customer',
    data: of({ operation_id: Id('The operation that posted it'), points: Count('How many') }),
    example: { subject: customerId, data: { programme: 'rewards', operation_id: operationId, points: 40 } },
  },
  'loyalty.points_reversed': movement(
    'Points that were earned were taken back',
    'What was spent is a debt.',
    -100,
  ),
  'loyalty.points_refunded': movement(
    'Points that were used came back',
    'To the lots that they came from.',
    80,
  ),
  'loyalty.points_adjusted': movement('Points were corrected by hand', 'The statement says why.', 50),
  'loyalty.points_transferred': movement(
    'Points were given or received',
    'To or from another customer or programme: each side is told of its own.',
    -60,
  ),
});
