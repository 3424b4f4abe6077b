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
  'activities.valued': {
    summary: 'Activities got their value',
    description:
      'Activities that had come before the exchange rate of their business date have their amount in the bank’s currency now.',
    subject: 'The batch: it has no other meaning',
    data: eventData({
      count: Count('How many'),
      customers: Count('Of how many customers'),
      currency: Type.String({ description: 'In which they were' }),
    }),
    example: {
      subject: '0197f3c2-4d30-7b00-8000-000000000003',
      data: { count: 20, customers: 18, currency: 'USD' },
    },
  },
  'activities.corrected': {
    summary: 'Known activities count otherwise',
    description:
      'Of activities that were known some have given way to a higher version, were reversed wholly or in part, or count again. What is measured of their customers has changed.',
    subject: 'The batch that did it: it has no other meaning',
    data: eventData({
      count: Count('How many stand otherwise than before'),
      customers: Count('Of how many customers'),
    }),
    example: {
      subject: '0197f3c2-4d30-7b00-8000-000000000001',
      data: { count: 3, customers: 2 },
    },
  },
});
