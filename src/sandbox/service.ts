/**
 * The clock of a sandbox is moved by those who integrate with it, for API and workers at once, so that windows slide
 * and deadlines pass while they watch. What runs in real time is not moved: leases, keys, replay records, delays.
 */
import { Temporal } from 'temporal-polyfill';
import { clockMoved, moveSandboxClock } from '../platform/clock.js';
import type { Ctx } from '../platform/context.js';
import { DomainError, fieldError } from '../platform/errors.js';
import { instantOf, microsOf } from '../platform/instants.js';
import { transact } from '../platform/transact.js';

/** One of the two. */
export type Move = { now?: string; advance?: string };

/** Instants are counted in microseconds, exactly up to 2255; windows and terms still have to fit before it. */
const latest = '2200-01-01T00:00:00Z';

/** Moves the clock forward. Throws `conflict` for an instant that is past, `rule_broken` for one out of reach. */
export async function moveClock(ctx: Ctx, move: Move): Promise<{ now: string }> {
  return transact(ctx, async (tx) => {
    const { from, to } = await moveSandboxClock(tx, (present) => targetOf(move, present, ctx.bank.timeZone));
    const details = { from, to };
    return {
      value: { now: to },
      audit: [{ action: clockMoved, subjectType: 'sandbox_clock', details }],
      events: [
        { type: clockMoved, subject: 'sandbox_clock', subjectVersion: 0, occurredAt: to, data: details },
      ],
    };
  });
}

function targetOf({ now, advance = 'PT0S' }: Move, present: string, timeZone: string): string {
  const to = now === undefined ? microsAfter(present, advance, timeZone) : microsOf(now);
  const field = now === undefined ? '/advance' : '/now';
  // a leap second, or a duration that no calendar holds
  if (Number.isNaN(to)) throw fieldError(field, 'no_instant', 'This names no instant.');
  if (to > microsOf(latest)) {
    throw fieldError(field, 'too_late', `The clock of a sandbox goes no further than ${latest}.`);
  }
  if (to < microsOf(present)) {
    throw new DomainError('conflict', `The clock never goes back: it stands at ${present} already.`);
  }
  return instantOf(to);
}

function microsAfter(present: string, duration: string, timeZone: string): number {
  const zoned = new Temporal.ZonedDateTime(BigInt(microsOf(present)) * 1000n, timeZone);
  try {
    return Number(zoned.add(Temporal.Duration.from(duration)).epochNanoseconds / 1000n);
  } catch (error) {
    if (error instanceof RangeError) return Number.NaN;
    throw error;
  }
}
