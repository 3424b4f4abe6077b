/** The events of recency, frequency and monetary value. */
import { defineEvents, eventData, version } from '../platform/event-types.js';

export const rfmEvents = defineEvents({
  'rfm_model.updated': {
    summary: 'The model of recency, frequency and value changed',
    description:
      'Other activities count, or for another time. Everybody is scored anew; the new version answers when that is done.',
    subject: 'Always the same: there is one model',
    data: eventData({ version }),
    example: { subject: 'rfm_model', data: { version: 2 } },
  },
});
