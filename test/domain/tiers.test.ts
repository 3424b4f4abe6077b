/** How members move between tiers: in words, and against the same rules told another way. */
import { Big } from 'big.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dayOf, firstCounted, periodAfter, periodFrom } from '../../src/loyalty/tiers/periods.js';
import {
  amountsOf,
  begin,
  type Credit,
  follow,
  rankAfter,
  rankOf,
  type TierRules,
} from '../../src/loyalty/tiers/standing.js';
import { startOfDay } from '../../src/rules/moment.js';
import { naiveMoves } from '../support/naive-tiers.js';

const zone = 'Asia/Shanghai';
const usual: TierRules = {
  zone,
  period: { kind: 'calendar', starts_month: 1 },
  grace: 'P30D',
  warnBefore: 'P60D',
  downgrade: 'one_step',
  bounds: ['0', '5000', '20000'],
};
const noon = (day: string) => startOfDay(day, zone) + 12 * 3_600_000_000;
const earned = (day: string, amount: number): Credit => ({ at: noon(day), day, amount: String(amount) });

function followed(rules: TierRules, first: string, credits: Credit[], until: string) {
  const amounts = amountsOf([]);
  const since = startOfDay(first, rules.zone);
  const { standing } = begin(rules, amounts, since);
  return follow(rules, standing, amounts, { credits, since, until: startOfDay(until, rules.zone) });
}
const told = ({ moves }: ReturnType<typeof followed>) => moves.map(({ at, rank }) => [dayOf(at, zone), rank]);

describe('a tier', () => {
  test('is reached at once, and lost by one step with the review of a period that was not enough', () => {
    const done = followed(
      usual,
      '2026-01-01',
      [earned('2026-03-01', 21_000), earned('2027-05-01', 3000)],
      '2029-12-31',
    );
    expect(told(done)).toEqual([
      ['2026-03-01', 2],
      ['2028-01-31', 1],
      ['2029-01-31', 0],
    ]);
    expect(done.moves[0]?.at).toBe(noon('2026-03-01'));
    expect(done.moves[1]?.at).toBe(startOfDay('2028-01-31', zone));
  });

  test('by balance goes down to what qualifies, and never does not', () => {
    const credits = [earned('2026-03-01', 21_000)];
    expect(
      told(followed({ ...usual, downgrade: 'by_balance' }, '2026-01-01', credits, '2029-12-31')),
    ).toEqual([
      ['2026-03-01', 2],
      ['2028-01-31', 0],
    ]);
    expect(
      told(followed({ ...usual, downgrade: 'never' }, '2026-01-01', credits, '2029-12-31')),
    ).toHaveLength(1);
  });

  test('is kept by what comes within the grace', () => {
    const saved = [earned('2026-03-01', 5000), earned('2028-01-30', 5000)];
    const late = [earned('2026-03-01', 5000), earned('2028-01-31', 5000)];
    expect(told(followed(usual, '2026-01-01', saved, '2028-12-31'))).toEqual([['2026-03-01', 1]]);
    expect(told(followed(usual, '2026-01-01', late, '2028-12-31'))).toEqual([
      ['2026-03-01', 1],
      ['2028-01-31', 0],
      ['2028-01-31', 1],
    ]);
  });

  test('by a rolling period is reviewed a length after it was reached, with month ends kept', () => {
    const rolling: TierRules = { ...usual, period: { kind: 'rolling', length: 'P1M' }, grace: 'P0D' };
    const done = followed(
      rolling,
      '2026-01-01',
      [earned('2026-01-31', 5000), earned('2026-02-28', 5000)],
      '2026-12-31',
    );
    expect(told(done)).toEqual([
      ['2026-01-31', 1],
      ['2026-04-30', 0],
    ]);
    const leap = followed(
      { ...rolling, period: { kind: 'rolling', length: 'P1Y' } },
      '2024-01-01',
      [earned('2024-02-29', 5000)],
      '2026-12-31',
    );
    expect(told(leap)).toEqual([
      ['2024-02-29', 1],
      ['2026-02-28', 0],
    ]);
  });

  test('gives back credit with a reversal, and is lost by it no sooner than with the review', () => {
    const credits = [earned('2026-03-01', 5000), { ...earned('2026-03-01', -1), at: noon('2026-11-20') }];
    const done = followed(usual, '2026-01-01', credits, '2027-06-01');
    expect(told(done)).toEqual([
      ['2026-03-01', 1],
      ['2027-01-31', 0],
    ]);
  });
});

describe('a warning', () => {
  const credits = [earned('2026-03-01', 5000), earned('2027-05-01', 3000)];
  test('is told once, before the review, with what is missing', () => {
    const { warnings, standing } = followed(usual, '2026-01-01', credits, '2028-01-30');
    expect(warnings).toEqual([
      {
        at: startOfDay('2027-12-02', zone),
        rank: 1,
        missing: '2000',
        reviewAt: startOfDay('2028-01-31', zone),
        goesTo: 0,
      },
    ]);
    expect(standing.warnedFor).toBe('2028-01-01');
  });

  test('is not told where there is enough, and comes later where a reversal takes it', () => {
    const enough = [...credits, earned('2027-06-01', 2000)];
    expect(followed(usual, '2026-01-01', enough, '2028-01-30').warnings).toEqual([]);
    const reversed = [...enough, { ...earned('2027-06-01', -500), at: noon('2027-12-20') }];
    const { warnings } = followed(usual, '2026-01-01', reversed, '2028-01-30');
    expect(warnings).toMatchObject([{ at: noon('2027-12-20'), missing: '500' }]);
  });

  test('of a review that is over by then is not told any more', () => {
    expect(followed(usual, '2026-01-01', credits, '2028-02-10').warnings).toEqual([]);
  });
});

const days = fc.integer({ min: 0, max: 900 }).map((n) => {
  const day = new Date(Date.UTC(2024, 0, 20) + n * 86_400_000);
  return day.toISOString().slice(0, 10);
});
const rules: fc.Arbitrary<TierRules> = fc.record({
  zone: fc.constantFrom('Asia/Shanghai', 'America/New_York', 'Australia/Lord_Howe'),
  period: fc.oneof(
    fc.record({ kind: fc.constant('calendar' as const), starts_month: fc.integer({ min: 1, max: 12 }) }),
    fc.record({
      kind: fc.constant('rolling' as const),
      length: fc.constantFrom('P1M', 'P28D', 'P3M', 'P6M', 'P12M', 'P1Y1M'),
    }),
  ),
  grace: fc.constantFrom('P0D', 'P1D', 'P5D', 'P27D'),
  warnBefore: fc.constantFrom('P0D', 'P7D', 'P27D'),
  downgrade: fc.constantFrom('one_step', 'by_balance', 'never'),
  bounds: fc.constantFrom(['0', '100', '300', '600'], ['50', '200'], ['0'], ['100', '150.5', '400']),
});
const histories = rules.chain((rule) =>
  fc
    .array(
      fc.record({
        day: days,
        late: fc.oneof(
          { arbitrary: fc.constant(0), weight: 3 },
          { arbitrary: fc.integer({ min: 0, max: 40 }), weight: 1 },
        ),
        hour: fc.integer({ min: 0, max: 22 }),
        amount: fc.oneof(
          { arbitrary: fc.integer({ min: 1, max: 400 }), weight: 4 },
          { arbitrary: fc.integer({ min: -300, max: -1 }), weight: 1 },
        ),
      }),
      { maxLength: 25 },
    )
    .map((all) => {
      const credits = all.map(({ day, late, hour, amount }, place) => ({
        // no two at once, as the lock of a customer has it
        at: startOfDay(day, rule.zone) + (late * 24 + hour) * 3_600_000_000 + 1 + place,
        day,
        amount: String(amount),
      }));
      return { rule, credits: credits.sort((a, b) => a.at - b.at) };
    }),
);
const first = '2024-01-20';
const runs = Number(process.env.PROPERTY_RUNS ?? 40);

describe('of random histories', () => {
  const end = '2027-06-01';
  test('members are moved as the rules say, told another way', () => {
    fc.assert(
      fc.property(histories, ({ rule, credits }) => {
        const until = startOfDay(end, rule.zone);
        const start = startOfDay(first, rule.zone);
        const amounts = amountsOf([]);
        const { standing } = begin(rule, amounts, start);
        const { moves } = follow(rule, standing, amounts, { credits, since: start, until });
        const all = [...(standing.rank >= 0 ? [{ at: start, rank: standing.rank }] : []), ...moves];
        expect(all.map(({ at, rank }) => ({ at, rank }))).toEqual(naiveMoves(rule, first, credits, until));
      }),
      { numRuns: runs },
    );
  });

  test('it is the same whether they are followed at once or in steps', () => {
    fc.assert(
      fc.property(histories, fc.array(days, { maxLength: 6 }), ({ rule, credits }, stops) => {
        const start = startOfDay(first, rule.zone);
        const begun = () => begin(rule, amountsOf([]), start).standing;
        const once = follow(rule, begun(), amountsOf([]), {
          credits,
          since: start,
          until: startOfDay(end, rule.zone),
        });
        let standing = begun();
        let since = start;
        const amounts = amountsOf([]);
        const moves = [];
        const told: number[] = [];
        for (const stop of [...stops.sort(), end]) {
          const until = Math.max(since, startOfDay(stop, rule.zone));
          const some = credits.filter(({ at }) => at > since && at <= until);
          const done = follow(rule, standing, amounts, { credits: some, since, until });
          ({ standing } = done);
          moves.push(...done.moves);
          told.push(...done.warnings.map(({ reviewAt }) => reviewAt));
          since = until;
        }
        expect(moves).toEqual(once.moves);
        expect(standing).toMatchObject({ rank: once.standing.rank, period: once.standing.period });
        expect(new Set(told).size).toBe(told.length);
      }),
      { numRuns: runs },
    );
  });

  test('periods follow one another without gap, and the first day that counts is the first that does', () => {
    fc.assert(
      fc.property(rules, days, fc.integer({ min: 1, max: 30 }), ({ period: rule }, day, count) => {
        let period = periodFrom(rule, day);
        expect(period.from <= day && day < period.to).toBe(true);
        for (let turn = 0; turn < count; turn += 1) {
          const next = periodAfter(rule, period, day);
          expect(next.from).toBe(period.to);
          expect(next.to > next.from).toBe(true);
          period = next;
        }
        expect(firstCounted(rule, day) <= day).toBe(true);
      }),
      { numRuns: runs },
    );
  });

  test('nobody is moved by a review to less than what qualifies, nor by more than one step where that is so', () => {
    fc.assert(
      fc.property(
        rules,
        fc.integer({ min: -1, max: 3 }),
        fc.integer({ min: 0, max: 700 }),
        (rule, rank, amount) => {
          const qualifies = rankOf(rule, new Big(amount));
          const after = rankAfter(rule, rank, qualifies);
          expect(after).toBeLessThanOrEqual(Math.max(rank, qualifies));
          expect(after).toBeGreaterThanOrEqual(Math.min(rank, qualifies));
          if (rule.downgrade === 'one_step') expect(after).toBeGreaterThanOrEqual(rank - 1);
        },
      ),
      { numRuns: runs },
    );
  });
});
