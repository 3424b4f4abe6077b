/** The event of exchange rates. */
import { Type } from 'typebox';
import { defineEvents, eventData } from '../platform/event-types.js';
import { Count } from '../platform/http/schemas.js';

export const moneyEvents = defineEvents({
  'exchange_rates.recorded': {
    summary: 'Exchange rates came in',
    description:
      'Rates that were not known, or corrected ones. Balances are valued at the latest ones from now on; memberships follow as their holders are reviewed.',
    subject: 'The batch: it has no other meaning',
    data: eventData({
      count: Count('How many were recorded'),
      currencies: Type.Array(Type.String(), { description: 'Whose rates they are' }),
    }),
    example: {
      subject: '0197f3c2-4d30-7b00-8000-000000000002',
      data: { count: 2, currencies: ['EUR', 'USD'] },
    },
  },
});
