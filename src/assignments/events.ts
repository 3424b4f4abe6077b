/** The events of who looks after whom. */
import { Type } from 'typebox';
import { customerId, defineEvents, eventData } from '../platform/event-types.js';
import { Count, Id, Instant, StringEnum } from '../platform/http/schemas.js';

export const assignmentRoles = ['primary', 'assistant', 'cover'] as const;

const data = eventData({
  assignment_id: Id('The assignment'),
  staff: Type.String({ description: 'The code of whoever it is' }),
  role: StringEnum(assignmentRoles, { description: 'As what' }),
  effective_at: Instant('Since when'),
});
const example = {
  subject: customerId,
  data: {
    assignment_id: '0197f3c2-1b7f-7a10-8c3d-5e6f7a8b9c0d',
    staff: 'RM001',
    role: 'primary',
    effective_at: '2026-01-05T08:00:01.000000Z',
  },
};
const subject = 'The customer';
const transfer = { subject: 'The transfer', data: eventData({ customers: Count('How many it is about') }) };
const transferred = { subject: '0197f3c2-1b7f-7a10-8c3d-5e6f7a8b9c0d', data: { customers: 240 } };

export const assignmentEvents = defineEvents({
  'assignment.started': {
    summary: 'Somebody looks after a customer from now on',
    description:
      'It was assigned here, for now or for this instant. Whom sources name as manager is told by the customer, whose field changes.',
    subject,
    data,
    example,
  },
  'assignment.ended': {
    summary: 'Somebody looks after a customer no longer',
    description:
      'It came to its end, or another one began. Whoever loses the customer is told so, and no more of it.',
    subject,
    data,
    example,
  },
  'assignment_transfer.created': {
    summary: 'A book is being handed over',
    description: 'It is worked through customer by customer; each is told of.',
    ...transfer,
    example: transferred,
  },
  'assignment_transfer.completed': {
    summary: 'A book was handed over',
    description: 'All customers that it is about have been assigned.',
    ...transfer,
    example: transferred,
  },
});
