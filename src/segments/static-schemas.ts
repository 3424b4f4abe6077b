import { Type } from 'typebox';
import { CustomerReference } from '../customers/schemas.js';
import { Key, Ref, Strict } from '../platform/http/schemas.js';

export const SegmentMemberIn = Strict(
  {
    segment: Key('A static segment'),
    customer: Ref(CustomerReference),
    member: Type.Optional(
      Type.Boolean({
        description: 'false: the customer is not in it, or no longer. True where it is not said',
      }),
    ),
  },
  { $id: 'SegmentMemberIn', description: 'Whether a customer is in a static segment' },
);
