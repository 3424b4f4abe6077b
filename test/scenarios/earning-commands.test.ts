/** The pure cores of earning, held against plain arithmetic. */
import { Big } from 'big.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chosen } from '../../src/loyalty/earning/choice.js';
import { extraOf, pointsFor, type Rounding } from '../../src/loyalty/earning/formula.js';
import { roomFor, spanOf } from '../../src/loyalty/earning/limits.js';
import { occasionSubject, originsOf } from '../../src/loyalty/earning/occasions.js';
import { capPeriods, roundings } from '../../src/loyalty/earning/schemas.js';
import { microsOf } from '../../src/platform/instants.js';
import { runs } from '../support/runs.js';

const cents = (most: number) =>
  fc.integer({ min: 1, max: most }).map((value) => new Big(value).div(10_000).toFixed());

describe('points by amount', () => {
  test('are the exact share, rounded once', () => {
    fc.assert(
      fc.property(
        cents(10 ** 12),
        cents(10 ** 8),
        fc.integer({ min: 1, max: 10_000 }),
        fc.constantFrom<Rounding>(...roundings),
        (amount, per, points, rounding) => {
          const got = pointsFor({ per, points, rounding }, amount);
          if (got === 1_000_000_000_000) return;
          const exact = new Big(amount).times(points);
          const [low, high] = [new Big(per).times(got), new Big(per).times(got + 1)];
          if (rounding === 'down') expect(low.lte(exact) && high.gt(exact)).toBe(true);
          if (rounding === 'up') expect(new Big(per).times(got - 1).lt(exact) && low.gte(exact)).toBe(true);
          if (rounding === 'nearest') {
            const half = new Big(per).div(2);
            expect(low.minus(half).lte(exact) && low.plus(half).gt(exact)).toBe(true);
          }
        },
      ),
      { numRuns: runs(500) },
    );
  });

  test('never fall when the amount rises, and are none without an amount', () => {
    const formula = fc.record({
      per: cents(10 ** 7),
      points: fc.integer({ min: 1, max: 100 }),
      rounding: fc.constantFrom<Rounding>(...roundings),
    });
    fc.assert(
      fc.property(formula, cents(10 ** 9), cents(10 ** 9), (one, a, b) => {
        const [less, more] = new Big(a).lt(b) ? [a, b] : [b, a];
        expect(pointsFor(one, less)).toBeLessThanOrEqual(pointsFor(one, more));
        expect(pointsFor(one, null)).toBe(0);
      }),
      { numRuns: runs(200) },
    );
  });

  test('as examples say', () => {
    const at = (amount: string, rounding: Rounding) => pointsFor({ per: '10', points: 1, rounding }, amount);
    expect(roundings.map((rounding) => at('95', rounding))).toEqual([9, 10, 10]);
    expect(roundings.map((rounding) => at('94.99', rounding))).toEqual([9, 9, 10]);
    expect(roundings.map((rounding) => at('90', rounding))).toEqual([9, 9, 9]);
    expect(extraOf('2', 21)).toBe(21);
    expect(extraOf('1.5', 21)).toBe(10);
    expect(extraOf('1.0001', 9_999)).toBe(0);
  });
});

describe('limits', () => {
  const zones = ['Asia/Shanghai', 'America/New_York', 'Europe/Berlin', 'America/Sao_Paulo', 'UTC'];
  const instant = fc
    .date({ min: new Date('1990-01-01'), max: new Date('2040-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString());

  test('a period holds its instant, and the next begins where it ends', () => {
    fc.assert(
      fc.property(instant, fc.constantFrom(...zones), fc.constantFrom(...capPeriods), (at, zone, period) => {
        const span = spanOf(period, at, zone);
        if (span.from === null || span.until === null) {
          expect(period).toBe('total');
          return;
        }
        expect(span.from).toBeLessThanOrEqual(microsOf(at));
        expect(span.until).toBeGreaterThan(microsOf(at));
        const next = spanOf(period, new Date(span.until / 1000).toISOString(), zone);
        expect(next.from).toBe(span.until);
      }),
      { numRuns: runs(300) },
    );
  });

  test('whatever comes, no cap is passed, and once is once', () => {
    const limits = fc.record({
      repeat: fc.constantFrom('each' as const, 'once' as const, 'month' as const),
      caps: fc.uniqueArray(
        fc.record({ period: fc.constantFrom(...capPeriods), points: fc.integer({ min: 1, max: 300 }) }),
        { selector: ({ period }) => period, maxLength: 3 },
      ),
    });
    const things = fc.array(
      fc.record({ day: fc.integer({ min: 0, max: 800 }), wanted: fc.integer({ min: 0, max: 200 }) }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(limits, things, (rule, all) => {
        const zone = 'Asia/Shanghai';
        const given: { at: string; points: number }[] = [];
        const within = (period: (typeof capPeriods)[number], at: string) => {
          const { from, until } = spanOf(period, at, zone);
          return given.filter(
            (one) =>
              (from === null || microsOf(one.at) >= from) && (until === null || microsOf(one.at) < until),
          );
        };
        const usageIn = (at: string) => (period: (typeof capPeriods)[number]) => {
          const some = within(period, at).filter(({ points }) => points > 0);
          return { points: some.reduce((sum, { points }) => sum + points, 0), times: some.length };
        };
        for (const { day, wanted } of all) {
          const at = new Date(Date.parse('2023-11-05T13:00:00Z') + day * 86_400_000).toISOString();
          const points = roomFor(rule, wanted, usageIn(at));
          expect(points).toBeGreaterThanOrEqual(0);
          expect(points).toBeLessThanOrEqual(wanted);
          given.push({ at, points });
          for (const { period, points: most } of rule.caps)
            expect(usageIn(at)(period).points).toBeLessThanOrEqual(most);
          if (rule.repeat !== 'each') {
            const once = rule.repeat === 'once' ? 'total' : rule.repeat;
            expect(usageIn(at)(once).times).toBeLessThanOrEqual(1);
          }
        }
      }),
      { numRuns: runs(100) },
    );
  });
});

describe('the choice among rules', () => {
  const rule = fc.record({
    priority: fc.integer({ min: 0, max: 3 }),
    stacks: fc.boolean(),
    group: fc.constantFrom(null, 'a', 'b'),
    campaign: fc.boolean(),
  });
  test('is that of the highest priority in each group, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 12 }), fc.infiniteStream(fc.nat()), (all, random) => {
        const rules = all.map(({ campaign, stacks, group, priority }, place) => ({
          key: `r${place}`,
          content: {
            ...{ priority, stacks, group: stacks ? null : group },
            points: campaign ? { times: '2', of: null } : { fixed: 1 },
          },
        }));
        const keys = chosen(rules).map(({ key }) => key);
        const shuffled = rules
          .map((one) => ({ one, by: random.next().value ?? 0 }))
          .sort((a, b) => a.by - b.by)
          .map(({ one }) => one);
        expect(chosen(shuffled).map(({ key }) => key)).toEqual(keys);
        for (const { key, content } of rules) {
          const rivals = rules.filter(
            (other) =>
              !other.content.stacks &&
              other.content.group === content.group &&
              'times' in other.content.points === 'times' in content.points &&
              (other.content.priority > content.priority ||
                (other.content.priority === content.priority && other.key < key)),
          );
          expect(keys.includes(key)).toBe(content.stacks || rivals.length === 0);
        }
      }),
      { numRuns: runs(300) },
    );
  });
});

describe('occasions', () => {
  test('of 29 February are on 28 February in common years: once each year', () => {
    for (const year of [2023, 2024, 2025, 2100, 2000]) {
      const days = Array.from({ length: 366 }, (_, day) =>
        new Date(Date.UTC(year, 0, 1 + day)).toISOString().slice(0, 10),
      ).filter((day) => day.startsWith(`${year}`));
      const leap = days.filter((day) => originsOf(day).includes('02-29'));
      expect(leap).toEqual([`${year}-02-${year === 2024 || year === 2000 ? '29' : '28'}`]);
      const origins = days.flatMap(originsOf);
      expect(new Set(origins).size).toBe(origins.length);
      expect(origins).toEqual(expect.arrayContaining(days.map((day) => day.slice(5))));
    }
    expect(occasionSubject('birthday', '2025-02-28')).toBe('birthday 2025');
  });
});
