import { Type } from 'typebox';
import { Instant, Strict } from '../platform/http/schemas.js';

export const SandboxClock = Strict(
  { now: Instant('Where the clock stood when it was read, or to where it was moved; it runs on from there') },
  { $id: 'SandboxClock', description: 'The time of a sandbox, the same in all its processes' },
);

export const SandboxClockMove = Strict(
  {
    now: Type.Optional(Instant('To this instant, which must not be past')),
    advance: Type.Optional(
      Type.String({
        pattern:
          '^P(?=[0-9T])([0-9]{1,4}Y)?([0-9]{1,4}M)?([0-9]{1,4}W)?([0-9]{1,5}D)?(T(?=[0-9])([0-9]{1,6}H)?([0-9]{1,6}M)?([0-9]{1,9}S)?)?$',
        description: "By this ISO 8601 duration, in the bank's calendar",
      }),
    ),
  },
  {
    $id: 'SandboxClockMove',
    description: 'How to move the clock of a sandbox: to an instant, or by a duration',
    minProperties: 1,
    maxProperties: 1,
  },
);
