/** The event of a sandbox: its clock was moved. */
import { clockMoved } from '../platform/clock.js';
import { defineEvents, eventData } from '../platform/event-types.js';
import { Instant } from '../platform/http/schemas.js';

export const sandboxEvents = defineEvents({
  [clockMoved]: {
    summary: 'The clock of a sandbox was moved',
    description: 'What follows from the time that passed is told by events of its own, within moments.',
    subject: 'Always sandbox_clock',
    data: eventData({ from: Instant('Where it stood'), to: Instant('Where it was set') }),
    example: {
      subject: 'sandbox_clock',
      data: { from: '2026-03-01T00:00:00.000000Z', to: '2026-04-01T00:00:00.000000Z' },
    },
  },
});
