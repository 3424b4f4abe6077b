/**
 * Random sequences of commands against a simple model of a member: lots as lists of single facts, recomputed from all
 * that ever happened. After every step the books balance, and say what the model says.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Book, debtOf, type Hold, outstandingOf } from '../../src/loyalty/ledger/book.js';
import * as commands from '../../src/loyalty/ledger/commands.js';
import {
  allocate,
  byOrderOfUse,
  firstOf,
  type Lot,
  lastOf,
  type Share,
  totalOf,
} from '../../src/loyalty/ledger/lots.js';
import { runs } from '../support/runs.js';

const aBook = (accounts = 2): Book => ({
  operation: { id: 'o', reason: null, reference: null, reversesId: null },
  accounts: Array.from({ length: accounts }, (_, index) => ({
    ...{ id: `a${index}`, lastNumber: 0, outstanding: 0, held: 0, debt: 0 },
  })),
  lots: new Map(),
  holds: [],
  entries: [],
});
const aLot = (id: string, more: Partial<Lot> = {}): Lot => ({
  ...{ accountId: 'a0', id, earnedAt: 0, availableAt: 0, expiresAt: null },
  ...{ amount: 100, remaining: 0, held: 0, spent: 0, indebted: 0 },
  ...more,
});

/** Sums of all that was ever posted. */
const ledgerOf = (book: Book) => {
  const sums = { member: 0, issued: 0, redeemed: 0, expired: 0, cancelled: 0 };
  for (const entry of book.entries) for (const { ledger, points } of entry.postings) sums[ledger] += points;
  return sums;
};

function expectSound(book: Book): void {
  const sums = ledgerOf(book);
  const outstanding = outstandingOf(book);
  expect(sums.member).toBe(outstanding);
  expect(0 - sums.issued).toBe(sums.redeemed + sums.expired + sums.cancelled + outstanding);
  for (const lot of book.lots.values()) {
    expect(lot.held).toBeGreaterThanOrEqual(0);
    expect(lot.remaining).toBeGreaterThanOrEqual(lot.held);
    expect(lot.spent).toBeGreaterThanOrEqual(0);
    expect(lot.remaining + lot.spent).toBeLessThanOrEqual(lot.amount);
  }
  for (const account of book.accounts) {
    const lots = [...book.lots.values()].filter(({ accountId }) => accountId === account.id);
    expect(account.outstanding).toBe(lots.reduce((sum, { remaining }) => sum + remaining, 0) - account.debt);
    expect(account.held).toBe(lots.reduce((sum, { held }) => sum + held, 0));
    const entries = book.entries.filter(({ accountId }) => accountId === account.id);
    expect(entries.map(({ number }) => number)).toEqual(entries.map((_, index) => index + 1));
    const instants = entries.map(({ bookedAt }) => bookedAt);
    expect(instants).toEqual([...instants].sort((a, b) => a - b));
  }
  const last = book.entries.at(-1);
  if (last !== undefined) expect(last.balanceAfter).toBe(outstanding);
}

/** A member as a list of points, each with its own fate: nothing is summed up before it is asked for. */
class Naive {
  points: {
    lot: string;
    expiresAt: number | null;
    availableAt: number;
    earnedAt: number;
    state: 'here' | 'held' | 'spent' | 'gone';
    hold: string | null;
  }[] = [];
  debt = 0;

  accrue(lot: Lot): void {
    for (let count = 0; count < lot.amount; count += 1) {
      const state = this.debt > 0 ? 'spent' : 'here';
      this.debt -= Number(state === 'spent');
      const { id, expiresAt, availableAt, earnedAt } = lot;
      this.points.push({ lot: id, expiresAt, availableAt, earnedAt, state, hold: null });
    }
  }

  usable(at: number) {
    return this.points
      .filter((one) => one.state === 'here' && one.availableAt <= at && (one.expiresAt ?? at + 1) > at)
      .sort(
        (a, b) =>
          (a.expiresAt ?? Number.MAX_SAFE_INTEGER) - (b.expiresAt ?? Number.MAX_SAFE_INTEGER) ||
          a.earnedAt - b.earnedAt ||
          (a.lot < b.lot ? -1 : Number(a.lot > b.lot)),
      );
  }

  available(at: number): number {
    return Math.max(0, this.usable(at).length - this.debt);
  }

  expire(at: number): void {
    for (const one of this.points)
      if (one.state === 'here' && one.expiresAt !== null && one.expiresAt <= at) one.state = 'gone';
  }

  outstanding(): number {
    return this.points.filter(({ state }) => state === 'here' || state === 'held').length - this.debt;
  }
}

type Command =
  | { do: 'accrue'; points: number; lasts: number | null; waits: number; account: number }
  | { do: 'redeem'; points: number }
  | { do: 'hold'; points: number; lasts: number }
  | { do: 'capture'; which: number; share: number }
  | { do: 'void'; which: number }
  | { do: 'refund'; which: number; share: number }
  | { do: 'takeBack'; which: number; share: number }
  | { do: 'pass'; time: number };

const points = fc.integer({ min: 1, max: 60 });
const share = fc.double({ min: 0.05, max: 1, noNaN: true });
const which = fc.nat(5);
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('accrue' as const),
      points,
      lasts: fc.option(fc.integer({ min: 1, max: 50 })),
      waits: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(8) }),
      account: fc.nat(1),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('redeem' as const), points }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('hold' as const),
      points,
      lasts: fc.integer({ min: 1, max: 30 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('capture' as const), which, share }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('void' as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('refund' as const), which, share }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('takeBack' as const), which, share }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('pass' as const), time: fc.integer({ min: 1, max: 20 }) }),
  },
);

/** Both, side by side, with what a caller remembers of the operations. */
class Run {
  book = aBook();
  naive = new Naive();
  now = 0;
  made = 0;
  issued: { lot: Lot; left: number }[] = [];
  redeemed: { shares: Share[]; left: number }[] = [];

  apply(one: Command): void {
    const at = { at: this.now };
    if (one.do === 'pass') this.pass(one.time);
    else if (one.do === 'accrue') this.accrue(one);
    else if (one.do === 'redeem')
      this.use(
        one.points,
        (shares) => {
          commands.spend(this.book, shares, { ...at, kind: 'redemption', to: 'redeemed' });
          this.redeemed.push({ shares, left: totalOf(shares) });
        },
        'spent',
        null,
      );
    else if (one.do === 'hold') this.hold(one);
    else if (one.do === 'capture' || one.do === 'void') this.resolve(one);
    else if (one.do === 'refund') this.refund(one);
    else this.takeBack(one);
  }

  private accrue({ points: amount, lasts, waits, account }: Extract<Command, { do: 'accrue' }>): void {
    this.made += 1;
    const id = `l${String(this.made).padStart(4, '0')}`;
    const expiresAt = lasts === null ? null : this.now + lasts;
    const lot = aLot(id, {
      ...{ amount, accountId: `a${account}`, earnedAt: this.now, availableAt: this.now + waits, expiresAt },
    });
    // the model has one debt: lots of an account pay that of their own
    const before = this.book.accounts[account]?.debt ?? 0;
    const others = this.naive.debt - before;
    commands.accrue(this.book, lot, { at: this.now, kind: 'accrual' });
    this.naive.debt = before;
    this.naive.accrue(lot);
    this.naive.debt += others;
    this.issued.push({ lot, left: amount });
  }

  private use(
    amount: number,
    done: (shares: Share[]) => void,
    state: 'spent' | 'held',
    hold: string | null,
  ): void {
    expect(commands.availableOf(this.book, this.now)).toBe(this.naive.available(this.now));
    if (this.naive.available(this.now) < amount) return;
    const shares = allocate(this.book.lots.values(), amount, this.now);
    const chosen = this.naive.usable(this.now).slice(0, amount);
    expect(countOf(chosen)).toEqual(
      Object.fromEntries(shares.map(({ lot, points: some }) => [lot.id, some])),
    );
    for (const one of chosen) Object.assign(one, { state, hold });
    done(shares);
  }

  private hold({ points: amount, lasts }: Extract<Command, { do: 'hold' }>): void {
    const id = `h${this.made}-${this.book.holds.length}`;
    this.use(
      amount,
      (shares) => {
        const hold: Hold = {
          ...{ id, points: amount, captured: 0, status: 'active', resolvedAt: null, shares },
          ...{ createdAt: this.now, expiresAt: this.now + lasts },
        };
        commands.placeHold(this.book, hold);
      },
      'held',
      id,
    );
  }

  private resolve(one: Extract<Command, { do: 'capture' | 'void' }>): void {
    const active = this.book.holds.filter(({ status }) => status === 'active');
    const hold = active[one.which % Math.max(1, active.length)];
    if (hold === undefined) return;
    const captured = one.do === 'void' ? 0 : Math.max(1, Math.floor(hold.points * one.share));
    if (one.do === 'void') commands.releaseHold(this.book, hold, 'voided', { at: this.now });
    else {
      const shares = commands.captureHold(this.book, hold, captured, { at: this.now });
      this.redeemed.push({ shares, left: captured });
    }
    this.free(hold.id, captured);
  }

  private free(hold: string, captured: number): void {
    const kept = this.naive.points.filter((one) => one.hold === hold);
    const inOrder = kept.sort(
      (a, b) =>
        (a.expiresAt ?? Number.MAX_SAFE_INTEGER) - (b.expiresAt ?? Number.MAX_SAFE_INTEGER) ||
        a.earnedAt - b.earnedAt ||
        (a.lot < b.lot ? -1 : Number(a.lot > b.lot)),
    );
    for (const [place, one] of inOrder.entries())
      Object.assign(one, { state: place < captured ? 'spent' : 'here', hold: null });
    this.naive.expire(this.now);
  }

  private refund({ which: place, share: part }: Extract<Command, { do: 'refund' }>): void {
    const open = this.redeemed.filter(({ left }) => left > 0);
    const redemption = open[place % Math.max(1, open.length)];
    if (redemption === undefined) return;
    const amount = Math.max(1, Math.floor(redemption.left * part));
    const spent = firstOf(redemption.shares, redemption.left);
    const back = lastOf(spent, amount);
    const done = commands.giveBack(this.book, spent, amount, { at: this.now, graceLot: null });
    expect(done.returned + done.forfeited).toBe(amount);
    redemption.left -= amount;
    for (const { lot, points: some } of back) {
      const hasGone = lot.expiresAt !== null && lot.expiresAt <= this.now;
      const mine = this.naive.points.filter((one) => one.lot === lot.id && one.state === 'spent');
      for (const one of mine.slice(0, some)) one.state = hasGone ? 'gone' : 'here';
    }
  }

  private takeBack({ which: place, share: part }: Extract<Command, { do: 'takeBack' }>): void {
    const open = this.issued.filter(({ left }) => left > 0);
    const operation = open[place % Math.max(1, open.length)];
    if (operation === undefined) return;
    const amount = Math.max(1, Math.floor(operation.left * part));
    const mine = this.naive.points.filter((one) => one.lot === operation.lot.id);
    const here = mine.filter(({ state }) => state === 'here');
    const done = commands.takeBack(this.book, [operation.lot], amount, { at: this.now });
    expect(done.cancelled).toBe(Math.min(amount, here.length));
    for (const one of here.slice(0, done.cancelled)) one.state = 'gone';
    // of what is spent or held, never more than that
    expect(done.debt).toBeLessThanOrEqual(
      Math.min(
        amount - done.cancelled,
        mine.filter(({ state }) => state === 'spent' || state === 'held').length,
      ),
    );
    this.naive.debt += done.debt;
    operation.left -= amount;
  }

  private pass(time: number): void {
    this.now += time;
    const due = [
      ...this.book.holds.filter(({ status }) => status === 'active').map(({ expiresAt }) => expiresAt),
    ].filter((at) => at <= this.now);
    const timedOut = this.book.holds.filter(
      ({ status, expiresAt }) => status === 'active' && due.includes(expiresAt),
    );
    commands.settle(this.book, this.now);
    for (const { id } of timedOut) this.free(id, 0);
    this.naive.expire(this.now);
  }
}

const countOf = (chosen: readonly { lot: string }[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { lot } of chosen) counts[lot] = (counts[lot] ?? 0) + 1;
  return counts;
};

test('after every command the books balance, and say what a naive model says', () => {
  fc.assert(
    fc.property(fc.array(command, { minLength: 1, maxLength: 40 }), (all) => {
      const run = new Run();
      for (const one of all) {
        run.apply(one);
        expectSound(run.book);
        expect(outstandingOf(run.book)).toBe(run.naive.outstanding());
        expect(debtOf(run.book)).toBe(run.naive.debt);
        expect(commands.availableOf(run.book, run.now)).toBe(run.naive.available(run.now));
      }
    }),
    { numRuns: runs(600) },
  );
});

describe('settling', () => {
  test('in one go or instant by instant ends in the same books', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 20 }), fc.integer({ min: 1, max: 60 }), (all, time) => {
        const [once, often] = [new Run(), new Run()];
        for (const one of all) for (const run of [once, often]) run.apply(one);
        once.apply({ do: 'pass', time });
        for (let step = 0; step < time; step += 1) often.apply({ do: 'pass', time: 1 });
        const shown = ({ book }: Run) =>
          book.entries.map(({ kind, points: some, bookedAt }) => [kind, some, bookedAt]);
        expect(shown(often)).toEqual(shown(once));
      }),
      { numRuns: runs(200) },
    );
  });

  test('again does nothing', () => {
    const book = aBook(1);
    commands.accrue(book, aLot('l', { expiresAt: 5 }), { at: 0, kind: 'accrual' });
    commands.settle(book, 5);
    commands.settle(book, 9);
    expect(book.entries.map(({ kind, points: some, bookedAt }) => [kind, some, bookedAt])).toEqual([
      ['accrual', 100, 0],
      ['expiry', -100, 5],
    ]);
  });
});

describe('the order of use', () => {
  test('is total, and does not depend on the order in which lots are given', () => {
    const lot = fc.record({
      id: fc.uuid(),
      earnedAt: fc.nat(5),
      expiresAt: fc.option(fc.integer({ min: 1, max: 5 })),
      remaining: fc.nat(20),
    });
    fc.assert(
      fc.property(fc.uniqueArray(lot, { selector: ({ id }) => id }), fc.nat(100), (drawn, amount) => {
        const lots = drawn.map((one) => aLot(one.id, one));
        const shares = allocate(lots, amount, 0);
        expect(allocate([...lots].reverse(), amount, 0)).toEqual(shares);
        expect(totalOf(shares)).toBe(
          Math.min(
            amount,
            lots.reduce((sum, { remaining }) => sum + remaining, 0),
          ),
        );
        const places = shares.map((one) => one.lot);
        expect(places).toEqual([...places].sort(byOrderOfUse));
        // all but the last are used up
        for (const one of shares.slice(0, -1)) expect(one.points).toBe(one.lot.remaining);
      }),
      { numRuns: runs(300) },
    );
  });
});

describe('an entry that would be wrong', () => {
  const lot = () => aLot('l', { remaining: 10 });
  test.each([
    ['points that the lot has not', () => [{ lot: lot(), points: 11 }]],
    ['a lot of another account', () => [{ lot: aLot('x', { accountId: 'other', remaining: 5 }), points: 1 }]],
  ])('throws: %s', (_name, shares) => {
    const spend = () => commands.spend(aBook(), shares(), { at: 0, kind: 'redemption', to: 'redeemed' });
    expect(spend).toThrow('the ledger would be wrong');
  });

  test('as does a hold that is resolved twice', () => {
    const book = aBook();
    const kept = lot();
    book.lots.set(kept.id, kept);
    const hold: Hold = {
      ...{ id: 'h', points: 5, captured: 0, status: 'active', createdAt: 0, expiresAt: 9, resolvedAt: null },
      shares: [{ lot: kept, points: 5 }],
    };
    commands.placeHold(book, hold);
    commands.releaseHold(book, hold, 'voided', { at: 1 });
    expect(() => commands.captureHold(book, hold, 5, { at: 1 })).toThrow('resolved once');
  });
});
