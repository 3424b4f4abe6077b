/** The event of activities: one a batch, since they come by the million. */
import { Type } from 'typebox';
import { defineEvents, eventData } from '../platform/event-types.js';
import { Count } from '../platform/http/schemas.js';

export const activityEvents = defineEvents({
  'activities.recorded': {
    summary: 'Activities came in',
    description:
      'A request, or a chunk of an import, brought activities that were not known. They are read at their customers; there is no event for each.',
    subject: 'The batch: it has no other meaning',
    data: eventData({
      count: Count('How many are new'),
      customers: Count('Of how many customers'),
      sources: Type.Array(Type.String(), { description: 'The systems that told of them' }),
    }),
    example: {
      subject: '0197f3c2-4d30-7b00-8000-000000000001',
      data: { count: 500, customers: 312, sources: ['cards'] },
    },
  },
});
