/** The range of a window, computed by pieces, is exactly what adding the duration to each instant says. */
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { expect, test } from 'vitest';
import { instantOf, microsOf } from '../../src/platform/instants.js';
import { momentOf, startOfDay } from '../../src/rules/moment.js';
import { endOf, piecesOf, rangeOf } from '../../src/rules/windows.js';
import { contexts, instantsAbout, windows } from '../support/customer-pictures.js';
import { runs } from '../support/runs.js';

const worlds = contexts.chain((context) =>
  fc.record({
    context: fc.constant(context),
    last: fc.constantFrom(...windows),
    instants: fc.array(instantsAbout(context), { minLength: 1, maxLength: 10 }),
  }),
);

test('an instant is in a window while it has happened and has not ended', () => {
  fc.assert(
    fc.property(worlds, ({ context, last, instants }) => {
      const moment = momentOf(context);
      const { nowMicros: now, timeZone } = moment;
      const range = rangeOf(last, moment);
      const duration = Temporal.Duration.from(last);
      for (const at of instants.map(microsOf).filter((each) => each <= now)) {
        const end = endOf(at, duration, timeZone);
        if (at >= range.sure) expect(end).toBeGreaterThan(now);
        if (at < range.lowest) expect(end).toBeLessThanOrEqual(now);
        if (at >= range.lowest) {
          const piece = range.pieces.findLast((each) => each.from <= at);
          expect(at + (piece?.shift ?? Number.NaN)).toBe(end);
        }
      }
      expect(endOf(range.lowest, duration, timeZone)).toBeGreaterThan(now);
      expect(endOf(range.sure - 1, duration, timeZone)).toBeLessThanOrEqual(now);
    }),
    { numRuns: runs(300) },
  );
});

test('a monotone range lets what occurred first end first', () => {
  fc.assert(
    fc.property(worlds, ({ context, last, instants }) => {
      const moment = momentOf(context);
      const range = rangeOf(last, moment);
      if (!range.monotone) return;
      const inside = instants.map(microsOf).filter((at) => at >= range.lowest && at <= moment.nowMicros);
      const duration = Temporal.Duration.from(last);
      const ends = inside.sort((a, b) => a - b).map((at) => endOf(at, duration, moment.timeZone));
      expect(ends).toEqual([...ends].sort((a, b) => a - b));
    }),
    { numRuns: runs(200) },
  );
});

const range = (last: string, now: string, timeZone = 'Asia/Shanghai') => {
  const { lowest, sure } = rangeOf(last, momentOf({ now, timeZone, currency: 'CNY' }));
  return [instantOf(lowest), instantOf(sure)];
};

test('what is left on 28 March does not come back on the 29th', () => {
  // 28 February 10:00 leaves on 28 March 10:00
  expect(range('P1M', '2025-03-28T02:00:00Z')).toEqual([
    '2025-02-28T02:00:00.000001Z',
    '2025-02-28T02:00:00.000001Z',
  ]);
  // nothing ends on 29 March: what is in begins with 1 March
  const march = '2025-02-28T16:00:00.000Z';
  expect(range('P1M', '2025-03-29T02:00:00Z')).toEqual([march, march]);
});

test('ends of months that clamp onto one day overlap: each activity leaves at its own time of that day', () => {
  expect(range('P1M', '2025-02-28T03:00:00Z')).toEqual([
    '2025-01-28T03:00:00.000001Z',
    '2025-01-31T03:00:00.000001Z',
  ]);
});

test('a leap day is a year old on 28 February', () => {
  const duration = Temporal.Duration.from('P1Y');
  const end = endOf(microsOf('2024-02-29T04:00:00Z'), duration, 'Asia/Shanghai');
  expect(instantOf(end)).toBe('2025-02-28T04:00:00.000Z');
});

test('days are those of the calendar where the clocks change, hours are hours', () => {
  const at = microsOf('2025-03-29T11:00:00Z');
  expect(instantOf(endOf(at, Temporal.Duration.from('P1D'), 'Europe/Prague'))).toBe(
    '2025-03-30T10:00:00.000Z',
  );
  expect(instantOf(endOf(at, Temporal.Duration.from('PT24H'), 'Europe/Prague'))).toBe(
    '2025-03-30T11:00:00.000Z',
  );
});

test('a day that the clocks begin twice begins the first time', () => {
  // Havana sets its clocks from 01:00 back to 00:00
  expect(instantOf(startOfDay('2025-11-02', 'America/Havana'))).toBe('2025-11-02T04:00:00.000Z');
});

test('pieces cover the whole time asked for', () => {
  const start = microsOf('2023-01-01T00:00:00Z');
  const pieces = piecesOf(
    Temporal.Duration.from('P3M'),
    'Europe/Prague',
    start,
    microsOf('2025-01-01T00:00:00Z'),
  );
  expect(pieces[0]?.from).toBe(start);
});
