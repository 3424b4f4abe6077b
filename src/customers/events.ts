/** The events of customers. */
import { customerId, defineEvents, eventData, fields, version } from '../platform/event-types.js';

const subject = 'The customer';
const data = eventData({ version, fields });

export const customerEvents = defineEvents({
  'customer.created': {
    summary: 'A customer became known',
    description: 'Read the customer for what it is; the fields are those that were stated.',
    subject,
    data,
    example: { subject: customerId, data: { version: 1, fields: ['kind', 'full_name', 'identifiers'] } },
  },
  'customer.updated': {
    summary: 'A customer changed',
    description:
      'Fields, identifiers, contact points or attributes have other values. What changed nothing tells nothing.',
    subject,
    data,
    example: { subject: customerId, data: { version: 2, fields: ['city', 'attributes.hobby'] } },
  },
});
