/** The events of relationships: one for each side, with the role that the other has for it. */
import { customerId, defineEvents, eventData, version } from '../platform/event-types.js';
import { Id, Key } from '../platform/http/schemas.js';

const subject = 'The customer whose relationship it is: each side has an event of its own';
const data = eventData({
  relationship_id: Id('The relationship'),
  role: Key('What the related customer is to the subject'),
  version,
});
const example = (number: number) => ({
  subject: customerId,
  data: { relationship_id: '0197f3c2-3c20-7b00-8000-000000000001', role: 'spouse', version: number },
});

export const relationshipEvents = defineEvents({
  'relationship.created': {
    summary: 'Two customers are related',
    description: 'From the first day of the relationship on, which may lie ahead.',
    subject,
    data,
    example: example(1),
  },
  'relationship.updated': {
    summary: 'The dates of a relationship changed',
    description: 'Its first or its last day.',
    subject,
    data,
    example: example(2),
  },
  'relationship.ended': {
    summary: 'A relationship has an end',
    description: 'It was given the day from which it no longer stands.',
    subject,
    data,
    example: example(3),
  },
});
