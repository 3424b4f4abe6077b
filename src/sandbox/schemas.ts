import { Type } from 'typebox';
import { Duration, Instant, Strict } from '../platform/http/schemas.js';

export const SandboxClock = Strict(
  { now: Instant('Where the clock stood when it was read, or to where it was moved; it runs on from there') },
  { $id: 'SandboxClock', description: 'The time of a sandbox, the same in all its processes' },
);

export const SandboxClockMove = Strict(
  {
    now: Type.Optional(Instant('To this instant, which must not be past')),
    advance: Type.Optional(Duration("By this ISO 8601 duration, in the bank's calendar")),
  },
  {
    $id: 'SandboxClockMove',
    description: 'How to move the clock of a sandbox: to an instant, or by a duration',
    minProperties: 1,
    maxProperties: 1,
  },
);
