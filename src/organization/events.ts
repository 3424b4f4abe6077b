/** The events of branches and staff. */
import { defineEvents, eventData, fields, version } from '../platform/event-types.js';

const data = eventData({ version, fields });
const branch = { subject: 'The code of the branch', data };
const staff = { subject: 'The code of the member of the staff', data };

export const organizationEvents = defineEvents({
  'branch.created': {
    summary: 'A branch was made',
    description: 'Whoever is bound to one above it reaches its customers from the day on which it opens.',
    ...branch,
    example: { subject: '0101', data: { version: 1, fields: ['name', 'kind', 'parent'] } },
  },
  'branch.updated': {
    summary: 'A branch changed',
    description: 'It can have moved in the tree, or close: from that day its successor has its customers.',
    ...branch,
    example: { subject: '0101', data: { version: 2, fields: ['closes_on', 'successor'] } },
  },
  'staff.created': {
    summary: 'A member of the staff was entered',
    description: 'Customers can be assigned to them.',
    ...staff,
    example: { subject: 'RM001', data: { version: 1, fields: ['name', 'branch'] } },
  },
  'staff.updated': {
    summary: 'A member of the staff changed',
    description: 'Another branch, another name, or a last day.',
    ...staff,
    example: { subject: 'RM001', data: { version: 2, fields: ['active_to'] } },
  },
});
