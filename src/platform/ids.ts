/** Ids are UUIDv7 (RFC 9562): made here, ordered by time, so that indexes grow at their end. */
import { randomFillSync } from 'node:crypto';
import { v7, validate } from 'uuid';

/** One call of the random generator serves many ids: it costs far more than the rest of an id. */
const pool = new Uint8Array(16 * 256);
let used = pool.length;

function random16(): Uint8Array {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += 16;
  return pool.subarray(used - 16, used);
}

/** Of one millisecond, or of a clock that was put back: ids go on counting. */
const last = { milliseconds: 0, sequence: 0 };

export function newId(): string {
  const random = random16();
  const milliseconds = Date.now();
  if (milliseconds > last.milliseconds) {
    last.milliseconds = milliseconds;
    // half of the range is left to count in
    last.sequence =
      (((random[6] ?? 0) << 23) | ((random[7] ?? 0) << 15) | ((random[8] ?? 0) << 7)) & 0x7fffffff;
  } else last.sequence += 1;
  return v7({ random, msecs: last.milliseconds, seq: last.sequence });
}

export const isId = (text: string): boolean => validate(text);

/** When an id was made, by the real clock, in milliseconds since 1970. */
export const madeAtMilliseconds = (id: string): number =>
  Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

/** How long ago an id was made, by the real clock: never negative, though another machine's may go before. */
export const secondsSinceMade = (id: string): number =>
  Math.max(0, Date.now() - madeAtMilliseconds(id)) / 1000;
