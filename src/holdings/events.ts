/** The events of holdings. They are told to the primary owner, since a holding lives with it. */
import { customerId, defineEvents, eventData, fields, version } from '../platform/event-types.js';
import { Id } from '../platform/http/schemas.js';

const subject = 'The customer who is, or was, the primary owner';
const policyData = eventData({ version });
const data = eventData({ holding_id: Id('The holding'), version, fields });
const holding_id = '0197f3c2-2a10-7b00-8000-000000000001';

export const holdingEvents = defineEvents({
  'balance_policy.updated': {
    summary: 'Balances are counted in another way',
    description: 'Whose holdings with several owners are, or what averages are divided by, was changed.',
    subject: 'Always the same: there is one policy',
    data: policyData,
    example: { subject: 'balance_policy', data: { version: 2 } },
  },
  'holding.created': {
    summary: 'A holding became known',
    description: 'A product that the customer holds came in.',
    subject,
    data,
    example: { subject: customerId, data: { holding_id, version: 1, fields: ['status', 'balance'] } },
  },
  'holding.updated': {
    summary: 'A holding changed',
    description: 'Its fields or its parties. When its primary owner changes, the former one is told too.',
    subject,
    data,
    example: { subject: customerId, data: { holding_id, version: 2, fields: ['balance'] } },
  },
});
