/** Periods of the calendar, held against the calendar day of each instant. */
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { expect, test } from 'vitest';
import { instantOf, microsOf } from '../../src/platform/instants.js';
import { calendarRange, countedDays, nameOfPeriod, periodOf } from '../../src/rules/calendar.js';
import { matches } from '../../src/rules/explain.js';
import { momentOf, startOfDay, zonedOf } from '../../src/rules/moment.js';
import { type CalendarUnit, calendarUnits } from '../../src/rules/window-schema.js';
import {
  calendarWindows,
  contexts,
  instantsAbout,
  pictures,
  vocabulary,
} from '../support/customer-pictures.js';
import { periodRules } from '../support/rule-worlds.js';
import { runs } from '../support/runs.js';

/** In which period a day is, by its own numbers. */
function keyOf(unit: CalendarUnit, day: Temporal.PlainDate): string {
  const { year, month } = day;
  return {
    day: day.toString(),
    week: `${day.yearOfWeek} ${day.weekOfYear}`,
    month: `${year} ${month}`,
    quarter: `${year} ${Math.ceil(month / 3)}`,
    year: `${year}`,
  }[unit];
}

const back: Record<CalendarUnit, (day: Temporal.PlainDate, periods: number) => Temporal.PlainDate> = {
  day: (day, days) => day.subtract({ days }),
  week: (day, weeks) => day.subtract({ weeks }),
  month: (day, months) => day.subtract({ months }),
  quarter: (day, quarters) => day.subtract({ months: 3 * quarters }),
  year: (day, years) => day.subtract({ years }),
};

test('an instant is in the period of its calendar day', () => {
  const worlds = contexts.chain((context) =>
    fc.record({ context: fc.constant(context), window: calendarWindows, instant: instantsAbout(context) }),
  );
  fc.assert(
    fc.property(worlds, ({ context, window, instant }) => {
      const moment = momentOf(context);
      const at = microsOf(instant);
      const { from, until, turn } = calendarRange(window, moment);
      const { calendar, offset = 0, periods = 1 } = window;
      const day = zonedOf(at, moment.timeZone).toPlainDate();
      const today = Temporal.PlainDate.from(moment.today);
      const asked = Array.from({ length: periods }, (_, ago) =>
        keyOf(calendar, back[calendar](today, ago - offset)),
      );
      expect(at >= from && at < until).toBe(asked.includes(keyOf(calendar, day)));
      expect(until).toBe(calendarRange({ calendar, offset: offset + 1 }, moment).from);
      expect(turn).toBe(calendarRange({ calendar, offset: 1 }, moment).from);
      expect(turn).toBeGreaterThan(moment.nowMicros);
    }),
    { numRuns: runs(500) },
  );
});

test('a day of a balance is in while it is over and has not lasted as long as the window', () => {
  const durations = ['P1D', 'P7D', 'P2W', 'P30D', 'P1M', 'P1M1D', 'P2M', 'P1Y'];
  fc.assert(
    fc.property(contexts, fc.constantFrom(...durations), (context, last) => {
      const today = Temporal.PlainDate.from(momentOf(context).today);
      const { first, until } = countedDays({ last }, today.toString());
      for (let days = 0; days < 380; days += 1) {
        const day = today.subtract({ days });
        const isIn = days > 0 && Temporal.PlainDate.compare(day.add(last), today) >= 0;
        expect(day.toString() >= first && day.toString() < until, day.toString()).toBe(isIn);
      }
    }),
    { numRuns: runs(60) },
  );
});

test('a period held where it held when it was the last one', () => {
  const worlds = contexts.chain((context) =>
    fc.record({ context: fc.constant(context), picture: pictures(context), rule: periodRules(context) }),
  );
  fc.assert(
    fc.property(worlds, ({ context, picture, rule }) => {
      if (!('holds_for' in rule)) throw new Error('no periods');
      const { periods, of, condition } = rule.holds_for;
      const { today, timeZone } = momentOf(context);
      const each = Array.from({ length: periods }, (_, ago) => {
        const now = instantOf(startOfDay(periodOf(of, -ago, today).first, timeZone));
        const last = { holds_for: { periods: 1, of, condition } };
        return matches(last, vocabulary, picture, { ...context, now });
      });
      expect(matches(rule, vocabulary, picture, context)).toBe(each.every(Boolean));
    }),
    { numRuns: runs(150) },
  );
});

test('an average over months divides by what each of them counts', () => {
  const days = countedDays({ calendar: 'month', offset: -1, periods: 3 }, '2025-04-15');
  expect(days).toEqual({
    first: '2025-01-01',
    until: '2025-04-01',
    months: ['2025-03', '2025-02', '2025-01'],
    renewed: '2025-05-01',
  });
  expect(countedDays({ calendar: 'quarter', periods: 2 }, '2025-04-15')).toEqual({
    first: '2025-01-01',
    until: '2025-04-15',
    months: [],
    renewed: '2025-04-16',
  });
});

const hours = (unit: CalendarUnit, offset: number, now: string, timeZone: string) => {
  const { from, until } = calendarRange(
    { calendar: unit, offset },
    momentOf({ now, timeZone, currency: 'CNY' }),
  );
  return [instantOf(from), (until - from) / 3_600_000_000];
};

test('days are as long as the clocks make them', () => {
  expect(hours('day', 0, '2025-03-30T12:00:00Z', 'Europe/Prague')).toEqual(['2025-03-29T23:00:00.000Z', 23]);
  expect(hours('day', -1, '2025-10-27T12:00:00Z', 'Europe/Prague')).toEqual(['2025-10-25T22:00:00.000Z', 25]);
  // midnight is skipped, and is there twice
  expect(hours('day', 0, '2025-03-09T12:00:00Z', 'America/Havana')).toEqual(['2025-03-09T05:00:00.000Z', 23]);
  expect(hours('day', 0, '2025-11-02T12:00:00Z', 'America/Havana')).toEqual(['2025-11-02T04:00:00.000Z', 25]);
  expect(hours('month', -1, '2024-03-31T15:59:59Z', 'Asia/Shanghai')).toEqual([
    '2024-01-31T16:00:00.000Z',
    29 * 24,
  ]);
});

test.each<[CalendarUnit, string, number, string]>([
  ['day', '2024-02-29', -366, '2023-02-28'],
  ['week', '2025-01-01', 0, '2025-W01'],
  ['week', '2027-01-03', 0, '2026-W53'],
  ['month', '2025-03-31', -1, '2025-02'],
  ['quarter', '2025-02-28', -1, '2024-Q4'],
  ['year', '2024-02-29', -1, '2023'],
])('the %s of %s, and %i from it, is %s', (unit, today, offset, name) => {
  expect(nameOfPeriod(unit, periodOf(unit, offset, today))).toBe(name);
});

test.each(calendarUnits)('a window of the last %s has all its days', (unit) => {
  const days = countedDays({ calendar: unit, offset: -1 }, '2025-03-31');
  const { first, next } = periodOf(unit, -1, '2025-03-31');
  expect([days.first, days.until]).toEqual([first, next]);
  expect(days.renewed).toBe(periodOf(unit, 1, '2025-03-31').first);
});
