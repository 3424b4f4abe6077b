/** What can be done to a book. All points are whole and positive; instants are microseconds. */
import {
  accountOf,
  type Book,
  debtOf,
  type EntryKind,
  eachAccount,
  type Hold,
  outOf,
  type Posting,
  post,
} from './book.js';
import { firstOf, freeOf, hasExpired, isUsable, type Lot, lastOf, type Share, totalOf } from './lots.js';

type At = { at: number };

/** Issues points in a lot that holds nothing yet. A debt of its account is paid from it first. */
export function accrue(book: Book, lot: Lot, { at, kind }: At & { kind: EntryKind }): { paid: number } {
  book.lots.set(lot.id, lot);
  // a debt of another of the member's accounts is set off against it where it is asked for what is available
  const paid = Math.min(accountOf(book, lot.accountId).debt, lot.amount);
  const postings: Posting[] = [
    { ledger: 'issued', lot: null, points: -lot.amount },
    { ledger: 'member', lot, points: lot.amount },
  ];
  if (paid > 0) {
    postings.push({ ledger: 'member', lot, points: -paid }, { ledger: 'member', lot: null, points: paid });
  }
  post(book, { accountId: lot.accountId, kind, at }, postings);
  lot.spent += paid;
  return { paid };
}

/** What can be spent: what is free in usable lots, less all debt. */
export const availableOf = (book: Book, at: number): number =>
  Math.max(
    0,
    [...book.lots.values()].reduce((sum, lot) => sum + (isUsable(lot, at) ? freeOf(lot) : 0), 0) -
      debtOf(book),
  );

/** Spends what was allocated. */
export function spend(
  book: Book,
  shares: readonly Share[],
  { at, kind, to }: At & { kind: EntryKind; to: 'redeemed' | 'cancelled' },
): void {
  for (const [accountId, some] of eachAccount(shares)) {
    post(book, { accountId, kind, at }, [...outOf(some), { ledger: to, lot: null, points: totalOf(some) }]);
    for (const { lot, points } of some) lot.spent += points;
  }
}

/** Keeps points of lots until the hold is resolved. */
export function placeHold(book: Book, hold: Hold): void {
  changeHeld(book, hold.shares, 1);
  book.holds.push(hold);
}

/** Captures points of a hold, and frees the rest: it is resolved. */
export function captureHold(book: Book, hold: Hold, points: number, { at }: At): Share[] {
  resolve(book, hold, 'captured', at);
  hold.captured = points;
  const shares = firstOf(hold.shares, points);
  spend(book, shares, { at, kind: 'redemption', to: 'redeemed' });
  // what it has kept beyond its time, and did not need
  expire(book, at);
  return shares;
}

/** Frees what a hold keeps. What has expired meanwhile expires now. */
export function releaseHold(book: Book, hold: Hold, status: 'voided' | 'timed_out', { at }: At): void {
  resolve(book, hold, status, at);
  expire(book, at);
}

function resolve(book: Book, hold: Hold, status: Hold['status'], at: number): void {
  if (hold.status !== 'active') throw new Error('a hold is resolved once');
  hold.status = status;
  hold.resolvedAt = at;
  changeHeld(book, hold.shares, -1);
}

function changeHeld(book: Book, shares: readonly Share[], sign: 1 | -1): void {
  for (const { lot, points } of shares) {
    lot.held += sign * points;
    if (lot.held < 0 || lot.held > lot.remaining)
      throw new Error('the ledger would be wrong: a lot holds what it has not');
    accountOf(book, lot.accountId).held += sign * points;
  }
}

/** Posts the expiry of what is free in lots whose time is over. Keyed by what remains: a second run finds nothing. */
export function expire(book: Book, at: number): void {
  const over = [...book.lots.values()].filter((lot) => hasExpired(lot, at) && freeOf(lot) > 0);
  for (const [accountId, shares] of eachAccount(over.map((lot) => ({ lot, points: freeOf(lot) }))))
    post(book, { accountId, kind: 'expiry', at }, [
      ...outOf(shares),
      { ledger: 'expired', lot: null, points: totalOf(shares) },
    ]);
}

/** Everything that is due up to an instant, in the order in which it was: lots expire, holds time out. */
export function settle(book: Book, now: number): void {
  for (;;) {
    const due = [
      ...book.holds.filter(({ status }) => status === 'active').map(({ expiresAt }) => expiresAt),
      ...[...book.lots.values()].flatMap((lot) =>
        freeOf(lot) > 0 && lot.expiresAt !== null ? [lot.expiresAt] : [],
      ),
    ].filter((at) => at <= now);
    if (due.length === 0) return;
    const at = due.reduce((first, one) => Math.min(first, one));
    for (const hold of book.holds)
      if (hold.status === 'active' && hold.expiresAt <= at) releaseHold(book, hold, 'timed_out', { at });
    expire(book, at);
  }
}

/**
 * Takes back points that an operation has issued, `issued` being its lots. What is unspent is cancelled, from the lots
 * that expire last; what was spent becomes a debt; what has expired is gone already. Returns how much of each.
 */
export function takeBack(
  book: Book,
  issued: readonly Lot[],
  points: number,
  { at }: At,
): { cancelled: number; debt: number } {
  const unspent = lastOf(
    issued.map((lot) => ({ lot, points: freeOf(lot) })),
    points,
  );
  const spent = lastOf(
    issued.map((lot) => ({ lot, points: Math.max(0, lot.spent + lot.held - lot.indebted) })),
    points - totalOf(unspent),
  );
  for (const [accountId, shares] of eachAccount([...unspent, ...spent])) {
    const cancelled = shares.filter((share) => unspent.includes(share));
    const debt = totalOf(shares.filter((share) => spent.includes(share)));
    post(book, { accountId, kind: 'reversal', at }, [
      ...outOf(cancelled),
      ...(debt > 0 ? [{ ledger: 'member', lot: null, points: -debt } as const] : []),
      { ledger: 'cancelled', lot: null, points: totalOf(shares) },
    ]);
  }
  for (const { lot, points: some } of spent) lot.indebted += some;
  return { cancelled: totalOf(unspent), debt: totalOf(spent) };
}

/**
 * Gives back points that were spent, to the lots that they came from, those last that were spent first. Where a lot has
 * expired since, `graceLot` makes one for them, or they are forfeited. Returns how many are.
 */
export function giveBack(
  book: Book,
  spent: readonly Share[],
  points: number,
  { at, graceLot }: At & { graceLot: ((of: Share) => Lot) | null },
): { returned: number; restored: number; forfeited: number } {
  const sums = { returned: 0, restored: 0, forfeited: 0 };
  for (const [accountId, shares] of eachAccount(lastOf(spent, points))) {
    const postings: Posting[] = [{ ledger: 'redeemed', lot: null, points: -totalOf(shares) }];
    let forfeited = 0;
    for (const share of shares) {
      share.lot.spent -= share.points;
      if (!hasExpired(share.lot, at)) {
        postings.push({ ledger: 'member', lot: share.lot, points: share.points });
        sums.returned += share.points;
      } else if (graceLot === null) forfeited += share.points;
      else {
        const lot = graceLot(share);
        book.lots.set(lot.id, lot);
        postings.push({ ledger: 'member', lot, points: share.points });
        sums.restored += share.points;
      }
    }
    if (forfeited > 0) postings.push({ ledger: 'expired', lot: null, points: forfeited });
    sums.forfeited += forfeited;
    post(book, { accountId, kind: 'refund', at }, postings);
  }
  return sums;
}

/** Cancels all that is left, for a member who leaves. A debt is forgiven: issued less cancelled comes to nothing. */
export function closeAccounts(book: Book, { at }: At): void {
  for (const account of book.accounts) {
    const shares = [...book.lots.values()]
      .filter((lot) => lot.accountId === account.id && lot.remaining > 0)
      .map((lot) => ({ lot, points: lot.remaining }));
    const { debt } = account;
    const left = totalOf(shares) - debt;
    const postings: Posting[] = [
      ...outOf(shares),
      ...(debt > 0 ? [{ ledger: 'member', lot: null, points: debt } as const] : []),
      ...(left === 0 ? [] : [{ ledger: 'cancelled', lot: null, points: left } as const]),
    ];
    if (postings.length > 0) post(book, { accountId: account.id, kind: 'closing', at }, postings);
  }
}
