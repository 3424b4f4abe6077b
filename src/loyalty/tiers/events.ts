/** What is told of tiers. */
import { Type } from 'typebox';
import { customerId, defineEvents, eventData, version } from '../../platform/event-types.js';
import { Id, Instant, Key, Nullable, StringEnum, Worth } from '../../platform/http/schemas.js';

const programme = Key('The programme');
const useId = '0197f3c2-6b7e-7c31-9d52-3f6a1e2b4c5d';
const tier = (description: string) => Nullable(Type.String({ description }));
const use = (summary: string, description: string) => ({
  summary,
  description,
  subject: 'The customer',
  data: eventData({ programme, use_id: Id('The use'), benefit: Key('The benefit') }),
  example: { subject: customerId, data: { programme: 'rewards', use_id: useId, benefit: 'lounge' } },
});

export const tierEvents = defineEvents({
  'loyalty_tiers.published': {
    summary: 'The tiers of a programme were made or changed',
    description: 'All members are looked at by this version; `state` of the tiers says when that is done.',
    subject: 'The key of the programme',
    data: eventData({ version }),
    example: { subject: 'rewards', data: { version: 2 } },
  },
  'loyalty.tier_changed': {
    summary: 'A customer has another tier',
    description:
      'Up at once, down with the review of a period. It counts from `effective_at` on, however late it was decided.',
    subject: 'The customer',
    data: eventData({
      programme,
      from: tier('The tier before; null: none'),
      to: tier('The tier since then; null: none'),
      direction: StringEnum(['first', 'up', 'down', 'same'], { description: 'Which way' }),
      cause: StringEnum(['enrolled', 'reached', 'review', 'model', 'merge', 'left'], {
        description: 'What decided it',
      }),
      model_version: version,
      effective_at: Instant('From when on it counts'),
    }),
    example: {
      subject: customerId,
      data: {
        ...{ programme: 'rewards', from: 'silver', to: 'gold', direction: 'up', cause: 'reached' },
        ...{ model_version: 2, effective_at: '2026-03-01T04:00:00Z' },
      },
    },
  },
  'loyalty.tier_at_risk': {
    summary: 'A customer will lose its tier unless something comes',
    description:
      'Once a period, `warn_before` its review: what is missing, and which tier it would go down to. A reversal can lead to it later.',
    subject: 'The customer',
    data: eventData({
      programme,
      tier: Type.String({ description: 'The tier' }),
      goes_to: tier('The tier after the review, as things stand; null: none'),
      missing: Worth('What is missing to keep it'),
      review_at: Instant('When it would be lost'),
      effective_at: Instant('When it was due to be told'),
    }),
    example: {
      subject: customerId,
      data: {
        ...{ programme: 'rewards', tier: 'gold', goes_to: 'silver', missing: '1200' },
        ...{ review_at: '2027-01-30T16:00:00Z', effective_at: '2026-12-01T16:00:00Z' },
      },
    },
  },
  'loyalty.benefit_used': use('A benefit of a tier was used', 'It counts towards its quota.'),
  'loyalty.benefit_use_taken_back': use('A use of a benefit was taken back', 'It counts no more.'),
});
