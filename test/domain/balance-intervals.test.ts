import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type BalanceWindow,
  intervalsOf,
  noBalances,
  type StatedDay,
  stateBalance,
  statedDays,
} from '../../src/holdings/balance-intervals.js';

const firstDay = Date.UTC(2024, 0, 20);
const dayOf = (number: number) => new Date(firstDay + number * 86_400_000).toISOString().slice(0, 10);

const statement: fc.Arbitrary<StatedDay> = fc
  .record({
    number: fc.integer({ min: 0, max: 60 }),
    amount: fc.option(fc.constantFrom('1', '1.00', '2', '-3.5'), { freq: 8 }),
    currency: fc.constantFrom('CNY', 'CNY', 'CNY', 'USD'),
  })
  .map(({ number, ...rest }) => ({ ...rest, day: dayOf(number), sourceMicros: 0, recordedMicros: 0 }));

/** No two are known to their source at the same instant. */
const statements = fc
  .array(statement, { maxLength: 25 })
  .map((list) => list.map((one, place) => ({ ...one, sourceMicros: place + 1, recordedMicros: 0 })));

const inAnyOrder = statements.chain((list) =>
  fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
);

function told(list: readonly StatedDay[]): BalanceWindow {
  let window = noBalances;
  for (const one of list) {
    const decision = stateBalance(window, one);
    if (decision.outcome === 'taken') window = decision.window;
  }
  return window;
}

/** By the definition: each day has what was known last of the last day that was stated. */
function dayByDay(list: readonly StatedDay[]): (string | undefined)[] {
  const days: (string | undefined)[] = [];
  for (let number = 0; number <= 70; number += 1) {
    const [of] = list
      .filter(({ day }) => day === dayOf(number))
      .sort((a, b) => b.sourceMicros - a.sourceMicros);
    days.push(of === undefined ? days.at(-1) : `${Number(of.amount)} ${of.amount === null} ${of.currency}`);
  }
  return days;
}

const read = ({ intervals }: BalanceWindow): (string | undefined)[] =>
  Array.from({ length: 71 }, (_, number) => {
    const day = dayOf(number);
    const at = intervals.filter(({ from, to }) => from <= day && (to === null || day < to));
    expect(at.length).toBeLessThan(2);
    return at[0] && `${Number(at[0].amount)} ${at[0].amount === null} ${at[0].currency}`;
  });

test('in whatever order days are told, each has its final amount, and the intervals are the same', () => {
  fc.assert(
    fc.property(inAnyOrder, ([list, shuffled]) => {
      const window = told(shuffled);
      expect(read(window)).toEqual(dayByDay(list));
      const known = (one: BalanceWindow) =>
        one.intervals.map(({ from, to, days, currency }) => [
          from,
          to,
          currency,
          days.map(({ day, sourceMicros }) => [day, sourceMicros]),
        ]);
      // of one amount told twice, the source time is the later one in any order
      expect(known(window).map((row) => row.slice(0, 3))).toEqual(
        known(told(list)).map((row) => row.slice(0, 3)),
      );
      expect(intervalsOf(statedDays(window.intervals), null)).toEqual(window.intervals);
    }),
  );
});

test('intervals follow one another without a gap, each of one month, and cut only where they must', () => {
  fc.assert(
    fc.property(statements, (list) => {
      const { intervals } = told(list);
      intervals.forEach((one, place) => {
        const next = intervals[place + 1];
        expect(one.to).toBe(next?.from ?? null);
        expect(one.days[0]?.day).toBe(one.from);
        expect(new Set(one.days.map(({ day }) => day.slice(0, 7))).size).toBe(1);
        const isOther =
          next === undefined ||
          next.from.slice(0, 7) !== one.from.slice(0, 7) ||
          next.currency !== one.currency ||
          (next.amount === null) !== (one.amount === null) ||
          Number(next.amount) !== Number(one.amount);
        expect(isOther).toBe(true);
      });
    }),
  );
});

test('what is told is a change where some day has another amount, and only there', () => {
  fc.assert(
    fc.property(statements, statement, (list, more) => {
      const before = told(list);
      const one = { ...more, sourceMicros: 1000 };
      const decision = stateBalance(before, one);
      if (decision.outcome !== 'taken') throw new Error('nothing is known later');
      const after = read(decision.window);
      expect(decision.isChange).toBe(JSON.stringify(after) !== JSON.stringify(read(before)));
      expect(decision.isLatest).toBe(list.every(({ day }) => day <= one.day));
      const known = statedDays(before.intervals).find(({ day }) => day === one.day);
      const corrects =
        known !== undefined &&
        (known.currency !== one.currency ||
          (known.amount === null) !== (one.amount === null) ||
          Number(known.amount) !== Number(one.amount));
      expect(decision.window.superseded.slice(before.superseded.length)).toEqual(corrects ? [known] : []);
      expect(stateBalance(decision.window, { ...one, amount: '99', sourceMicros: 999 }).outcome).toBe(
        'older',
      );
    }),
  );
});

test('a window ends where the next interval begins', () => {
  const first = { day: '2024-01-31', amount: '1', currency: 'CNY', sourceMicros: 1, recordedMicros: 1 };
  const decision = stateBalance({ ...noBalances, end: '2024-03-01' }, first);
  expect(decision).toMatchObject({ outcome: 'taken', isLatest: false, isChange: true });
  expect(decision.outcome === 'taken' && decision.window.intervals).toMatchObject([
    { from: '2024-01-31', to: '2024-03-01', amount: '1' },
  ]);
});
