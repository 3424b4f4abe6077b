/**
 * Double entry: the postings of every entry sum to zero over the accounts of the member and of the programme (issued,
 * redeemed, expired, cancelled). So at any instant issued = redeemed + expired + cancelled + outstanding, of a member
 * and of a programme. What a member has is in lots; points that were taken back after they had been spent are a debt:
 * negative, and in no lot.
 *
 * A book is the working copy of a member's accounts in one programme while the customer is locked. Commands change it,
 * and what they have changed is written once they are done. An entry is never changed.
 */
import { grouped } from '../../platform/grouped.js';
import type { Lot, Share } from './lots.js';

export type Ledger = 'member' | 'issued' | 'redeemed' | 'expired' | 'cancelled';

/** `lot` is of the member's postings alone; there, null is the debt. */
export type Posting = { ledger: Ledger; lot: Lot | null; points: number };

export const entryKinds = [
  'accrual',
  'opening',
  'adjustment',
  'redemption',
  'refund',
  'expiry',
  'reversal',
  'transfer_out',
  'transfer_in',
  'closing',
] as const;
export type EntryKind = (typeof entryKinds)[number];

/** What entries are made for: one request, or what was due at once. */
export type Operation = {
  id: string;
  reason: string | null;
  /** what it was for, as the caller or an earn rule names it */
  reference: Record<string, unknown> | null;
  /** the operation that it takes back */
  reversesId: string | null;
};

export type Entry = {
  operation: Operation;
  accountId: string;
  number: number;
  kind: EntryKind;
  /** the change of what is outstanding */
  points: number;
  /** outstanding in the programme after it, over all accounts of the member */
  balanceAfter: number;
  bookedAt: number;
  /** the other accounts of the member, and the last number of each by then; null where there are none */
  beside: Record<string, number> | null;
  postings: readonly Posting[];
};

export type Account = {
  readonly id: string;
  lastNumber: number;
  outstanding: number;
  held: number;
  debt: number;
};

export type Hold = {
  readonly id: string;
  readonly points: number;
  captured: number;
  status: 'active' | 'captured' | 'voided' | 'timed_out';
  readonly createdAt: number;
  readonly expiresAt: number;
  resolvedAt: number | null;
  readonly shares: readonly Share[];
};

export type Book = {
  /** what is being done */
  operation: Operation;
  /** the first is the one that new points go to */
  accounts: Account[];
  /** those that are of interest to what is done */
  lots: Map<string, Lot>;
  holds: Hold[];
  entries: Entry[];
};

export const outstandingOf = ({ accounts }: Pick<Book, 'accounts'>): number =>
  accounts.reduce((sum, { outstanding }) => sum + outstanding, 0);

export const debtOf = ({ accounts }: Book): number => accounts.reduce((sum, { debt }) => sum + debt, 0);

/** A defect here, never of what was asked: nothing is written. */
function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`the ledger would be wrong: ${message}`);
}

export function accountOf<A extends Account>({ accounts }: { accounts: readonly A[] }, id: string): A {
  const account = accounts.find((one) => one.id === id);
  assert(account !== undefined, 'a lot of another book');
  return account;
}

/** Makes an entry. Throws where its postings do not sum to zero, or a lot would hold less than nothing or more than it was. */
export function post(
  book: Book,
  entry: { accountId: string; kind: EntryKind; at: number },
  postings: readonly Posting[],
): Entry {
  const account = accountOf(book, entry.accountId);
  let sum = 0;
  let change = 0;
  for (const { ledger, lot, points } of postings) {
    assert(Number.isSafeInteger(points) && points !== 0, 'a posting of no points');
    sum += points;
    if (ledger !== 'member') continue;
    change += points;
    if (lot === null) account.debt -= points;
    else {
      assert(lot.accountId === account.id, 'a lot of another account');
      lot.remaining += points;
      assert(lot.remaining >= lot.held && lot.remaining <= lot.amount, 'a lot beyond its bounds');
    }
  }
  assert(sum === 0, 'postings that do not sum to zero');
  assert(account.debt >= 0, 'a debt below zero');
  account.outstanding += change;
  account.lastNumber += 1;
  const made: Entry = {
    operation: book.operation,
    accountId: account.id,
    number: account.lastNumber,
    kind: entry.kind,
    points: change,
    balanceAfter: outstandingOf(book),
    bookedAt: entry.at,
    beside: besideOf(book, account),
    postings,
  };
  book.entries.push(made);
  return made;
}

/** By it, what the balance stands on can be added up again, wherever a merge or its revert has taken the accounts since. */
function besideOf({ accounts }: Book, { id: own }: Account): Entry['beside'] {
  const others = accounts.filter(({ id }) => id !== own);
  return others.length === 0
    ? null
    : Object.fromEntries(others.map(({ id, lastNumber }) => [id, lastNumber]));
}

/** The postings of the member's that take points out of lots. */
export const outOf = (shares: readonly Share[]): Posting[] =>
  shares.map(({ lot, points }) => ({ ledger: 'member', lot, points: -points }));

/** One entry for each account that the shares lie in. */
export const eachAccount = (shares: readonly Share[]): Iterable<[string, Share[]]> =>
  grouped(shares, ({ lot }) => lot.accountId);
