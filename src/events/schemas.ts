/** Events as they go out: CloudEvents 1.0 with the sequence extension. */
import { Type } from 'typebox';
import { Instant, Ref, Strict, StringEnum } from '../platform/http/schemas.js';

export const CloudEvent = Strict(
  {
    specversion: StringEnum(['1.0']),
    id: Type.String({ format: 'uuid' }),
    source: Type.String({ format: 'uri-reference' }),
    type: Type.String({ description: 'Such as clientele.customer.updated' }),
    subject: Type.String({ description: 'The customer, or the key of a definition' }),
    time: Instant('The effective instant'),
    sequence: Type.String({ pattern: '^[0-9]+$', description: 'Gap-free position in the feed' }),
    datacontenttype: StringEnum(['application/json']),
    traceparent: Type.Optional(
      Type.String({ description: 'W3C Trace Context of the request that changed it' }),
    ),
    data: Type.Record(Type.String(), Type.Unknown(), {
      description: 'Ids, versions and counts; never personal data',
    }),
  },
  { $id: 'CloudEvent', description: 'Something that changed, as CloudEvents 1.0 has it' },
);

export const EventPage = Strict(
  {
    data: Type.Array(Ref(CloudEvent)),
    next_after: Type.Integer({ minimum: 0, description: 'Send as `after` to go on' }),
  },
  { $id: 'EventPage', description: 'Events in their order, and where to go on' },
);
