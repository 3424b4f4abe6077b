/** The events of levels: another model, and who has another level. */
import { Type } from 'typebox';
import { customerId, defineEvents, eventData, version } from '../platform/event-types.js';
import { Count, Instant, Nullable, StringEnum } from '../platform/http/schemas.js';

export const levelEvents = defineEvents({
  'level_model.published': {
    summary: 'The levels were defined anew',
    description: 'Everybody is graded by the new version: who moves by that has the cause `model`.',
    subject: 'Always the same: there is one model',
    data: eventData({ version }),
    example: { subject: 'level_model', data: { version: 2 } },
  },
  'level.changed': {
    summary: 'A customer has another level',
    description: 'It has it since `effective_at`.',
    subject: 'The customer',
    data: eventData({
      from: Nullable(Type.String({ description: 'The level it had; null: it had none' })),
      to: Type.String({ description: 'The level it has' }),
      direction: StringEnum(['first', 'up', 'down', 'same'], {
        description: 'same: the level has another key in another version of the model',
      }),
      cause: StringEnum(['month_close', 'at_once', 'correction', 'model', 'policy', 'merge'], {
        description: 'What decided it',
      }),
      model_version: Count('The version of the model that decided it'),
      effective_at: Instant('Since when it is so, however late it was found'),
    }),
    example: {
      subject: customerId,
      data: {
        from: 'gold',
        to: 'wealth',
        direction: 'up',
        cause: 'month_close',
        model_version: 1,
        effective_at: '2026-02-01T16:00:00.000000Z',
      },
    },
  },
});
