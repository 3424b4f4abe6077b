/** The events of merges. */
import { customerId, defineEvents, eventData, version } from '../platform/event-types.js';
import { Id } from '../platform/http/schemas.js';

const data = eventData({
  merge_id: Id('Of the merge'),
  survivor_id: Id('The customer that is both by now, or was'),
  merged_id: Id('The customer that was merged into it'),
  version,
});
const exampleData = {
  merge_id: '0197f3c2-1b7f-7c11-8d3e-5f6a7b8c9d0e',
  survivor_id: customerId,
  merged_id: '0197f3c2-1b7f-7b02-9c2d-4e5f6a7b8c9d',
  version: 4,
};

export const mergeEvents = defineEvents({
  'customer.merged': {
    summary: 'Two customers became one',
    description:
      'Told of each of the two. From now on the ids and identifiers of the merged one answer with the survivor.',
    subject: 'The survivor, or the merged customer',
    data,
    example: { subject: customerId, data: exampleData },
  },
  'customer.merge_reverted': {
    summary: 'A merge was taken back',
    description: 'Told of each of the two: both are customers of their own again.',
    subject: 'The survivor, or the merged customer',
    data,
    example: { subject: customerId, data: { ...exampleData, version: 5 } },
  },
});
