/** How a member's book is read under the customer's lock, and what was changed of it written. */
import { plainArray, textArray } from '../../db/array-literals.js';
import type { Tx } from '../../db/client.js';
import { instantOf, microsOf } from '../../platform/instants.js';
import { type Account, accountOf, type Book, type Hold, type Operation } from './book.js';
import type { Lot } from './lots.js';
import { accountOrder } from './order.js';

type StoredAccount = Account & {
  status: 'open' | 'closed';
  enrolledAt: string;
  closedAt: string | null;
  version: number;
  nextDueAt: number | null;
  /** the customer that it was first, where a merge has moved it: what is written to it goes back with it */
  origin: string | null;
};

/** A book with what is stored of it. */
export type StoredBook = Omit<Book, 'accounts'> & {
  customerId: string;
  programme: string;
  accounts: StoredAccount[];
  /** as it was read, to tell what has changed */
  read: Map<Lot, string>;
  newHolds: Hold[];
};

type AccountRow = {
  account_id: string;
  status: 'open' | 'closed';
  enrolled_at: string;
  closed_at: string | null;
  version: number;
  last_number: number;
  outstanding: number;
  held: number;
  debt: number;
  next_due_at: string | null;
  origin_customer_id: string | null;
};
export type LotRow = {
  account_id: string;
  lot_id: string;
  earned_at: string;
  available_at: string;
  expires_at: string | null;
  amount: number;
  remaining: number;
  held: number;
  spent: number;
  indebted: number;
};
type HoldRow = {
  hold_id: string;
  points: number;
  captured: number;
  status: Hold['status'];
  created_at: string;
  expires_at: string;
  resolved_at: string | null;
  lots: { account_id: string; lot_id: string; points: number }[];
};

/** What each lot is read with. */
export const lotColumns =
  'account_id, lot_id, earned_at, available_at, expires_at, amount, remaining, held, spent, indebted';

/** The customer's accounts in the programme, the one that new points go to first; without lots. */
export async function readBook(
  tx: Tx,
  customerId: string,
  programme: string,
  operation: Operation,
): Promise<StoredBook> {
  const rows = await tx.named<AccountRow>(
    'loyalty_accounts',
    `select account_id, status, enrolled_at, closed_at, version, last_number, outstanding, held, debt, next_due_at,
       origin_customer_id
     from loyalty_accounts a where customer_id = $1 and programme = $2 order by ${accountOrder}`,
    [customerId, programme],
  );
  const accounts = rows.map((row) => ({
    id: row.account_id,
    status: row.status,
    enrolledAt: row.enrolled_at,
    closedAt: row.closed_at,
    version: row.version,
    lastNumber: row.last_number,
    outstanding: row.outstanding,
    held: row.held,
    debt: row.debt,
    nextDueAt: microsOrNull(row.next_due_at),
    origin: row.origin_customer_id,
  }));
  return {
    customerId,
    programme,
    operation,
    accounts,
    lots: new Map(),
    holds: [],
    entries: [],
    read: new Map(),
    newHolds: [],
  };
}

const microsOrNull = (instant: string | null) => (instant === null ? null : microsOf(instant));

/** Takes lots that were read into the book; one that is there already stays as it was changed. */
export function takeIn(book: StoredBook, rows: readonly LotRow[]): Lot[] {
  return rows.map((row) => {
    const known = book.lots.get(row.lot_id);
    if (known !== undefined) return known;
    const lot: Lot = {
      accountId: row.account_id,
      id: row.lot_id,
      earnedAt: microsOf(row.earned_at),
      availableAt: microsOf(row.available_at),
      expiresAt: microsOrNull(row.expires_at),
      amount: row.amount,
      remaining: row.remaining,
      held: row.held,
      spent: row.spent,
      indebted: row.indebted,
    };
    book.lots.set(lot.id, lot);
    book.read.set(lot, stateOf(lot));
    return lot;
  });
}

const stateOf = ({ remaining, held, spent, indebted }: Lot) => `${remaining} ${held} ${spent} ${indebted}`;

/** All that is due up to an instant: lots that have expired, and holds whose time is over with the lots that they keep. */
export async function readDue(tx: Tx, book: StoredBook, at: string): Promise<void> {
  const lots = await tx.named<LotRow>(
    'loyalty_due_lots',
    `select ${lotColumns} from loyalty_lots
     where customer_id = $1 and programme = $2 and remaining > 0 and expires_at <= $3`,
    [book.customerId, book.programme, at],
  );
  takeIn(book, lots);
  await readHolds(tx, book, 'expires_at <= $3', at);
}

/** The active holds, all or those that time out up to an instant. */
export async function readHolds(
  tx: Tx,
  book: StoredBook,
  which: 'expires_at <= $3' | 'hold_id = $3',
  value: string,
): Promise<Hold[]> {
  const rows = await tx.named<HoldRow>(
    which === 'hold_id = $3' ? 'loyalty_hold' : 'loyalty_due_holds',
    `select hold_id, points, captured, status, created_at, expires_at, resolved_at,
       (select json_agg(json_build_object('account_id', s.account_id, 'lot_id', s.lot_id, 'points', s.points))
        from loyalty_hold_lots s where s.customer_id = h.customer_id and s.hold_id = h.hold_id) as lots
     from loyalty_holds h
     where customer_id = $1 and programme = $2 and ${which} and (status = 'active' or ${which === 'hold_id = $3'})`,
    [book.customerId, book.programme, value],
  );
  const kept = rows.flatMap((row) => row.lots.map(({ lot_id: id }) => id));
  if (kept.length > 0) await readLots(tx, book, kept);
  return rows.map((row) => {
    const known = book.holds.find(({ id }) => id === row.hold_id);
    if (known !== undefined) return known;
    const hold = toHold(book, row);
    book.holds.push(hold);
    return hold;
  });
}

const toHold = (book: StoredBook, row: HoldRow): Hold => ({
  id: row.hold_id,
  points: row.points,
  captured: row.captured,
  status: row.status,
  createdAt: microsOf(row.created_at),
  expiresAt: microsOf(row.expires_at),
  resolvedAt: microsOrNull(row.resolved_at),
  shares: row.lots.flatMap(({ lot_id: id, points }) => {
    const lot = book.lots.get(id);
    return lot === undefined ? [] : [{ lot, points }];
  }),
});

/** Lots by their ids. */
export async function readLots(tx: Tx, book: StoredBook, ids: readonly string[]): Promise<Lot[]> {
  const rows = await tx.named<LotRow>(
    'loyalty_lots_by_id',
    `select ${lotColumns} from loyalty_lots where customer_id = $1 and programme = $2 and lot_id = any($3::uuid[])`,
    [book.customerId, book.programme, plainArray([...new Set(ids)])],
  );
  return takeIn(book, rows);
}

/** Most points are covered by a few lots; an account of ten thousand is read to the end where it must be. */
const steps = [100, 5000, 1_000_000] as const;

/** Lots in the order of use, as many as it takes to cover the points: never all of an account's history. */
export async function readUsable(tx: Tx, book: StoredBook, points: number, at: string): Promise<void> {
  for (const limit of steps) {
    const rows = await tx.named<LotRow>(
      'loyalty_usable_lots',
      `select ${lotColumns} from loyalty_lots
       where customer_id = $1 and programme = $2 and remaining > 0 and available_at <= $3
         and (expires_at > $3 or expires_at is null)
       order by expires_at, earned_at, lot_id limit $4`,
      [book.customerId, book.programme, at, limit],
    );
    takeIn(book, rows);
    const free = rows.reduce((sum, { remaining, held }) => sum + remaining - held, 0);
    if (free >= points || rows.length < limit) return;
  }
}

const writing = `with account as (
    select account_id, origin from unnest($33::uuid[], $41::uuid[]) as a(account_id, origin)
  ), entry as (
    insert into loyalty_entries (customer_id, account_id, number, programme, operation_id, kind, points, balance_after,
      booked_at, recorded_at, actor, reason, reference, reverses_id, beside, origin_customer_id)
    select $1, account_id, number, $2, operation_id, kind, points, balance_after, booked_at, $3, $4, reason, reference::jsonb,
      reverses_id, beside::jsonb, origin
    from unnest($5::uuid[], $6::integer[], $7::uuid[], $8::text[], $9::bigint[], $10::bigint[], $11::timestamptz[], $12::text[],
      $13::text[], $14::uuid[], $42::text[])
      as e(account_id, number, operation_id, kind, points, balance_after, booked_at, reason, reference, reverses_id, beside)
    join account using (account_id)
  ), posting as (
    insert into loyalty_postings (customer_id, account_id, number, leg, programme, ledger, lot_id, points, booked_at,
      origin_customer_id)
    select $1, account_id, number, leg, $2, ledger, lot_id, points, booked_at, origin
    from unnest($15::uuid[], $16::integer[], $17::smallint[], $18::text[], $19::uuid[], $20::bigint[], $21::timestamptz[])
      as p(account_id, number, leg, ledger, lot_id, points, booked_at)
    join account using (account_id)
  ), tier as (
    insert into loyalty_tier_due (customer_id, programme, marked_at, cause)
    select $1, $2, $3, 'booked'
    where $8::text[] && '{accrual,opening,reversal}' and exists (select from loyalty_tier_models where programme = $2)
    on conflict do nothing
  ), lot as (
    insert into loyalty_lots as l (customer_id, account_id, lot_id, programme, operation_id, earned_at, available_at,
      expires_at, amount, remaining, held, spent, indebted, origin_customer_id)
    select $1, account_id, lot_id, $2, operation_id, earned_at, available_at, expires_at, amount, remaining, held, spent, indebted,
      origin
    from unnest($23::uuid[], $24::uuid[], $25::timestamptz[], $26::timestamptz[], $27::timestamptz[], $28::bigint[],
      $29::bigint[], $30::bigint[], $31::bigint[], $32::bigint[], $22::uuid[])
      as n(account_id, lot_id, earned_at, available_at, expires_at, amount, remaining, held, spent, indebted, operation_id)
    join account using (account_id)
    on conflict (customer_id, account_id, lot_id) do update set remaining = excluded.remaining, held = excluded.held,
      spent = excluded.spent, indebted = excluded.indebted
  )
  update loyalty_accounts a set last_number = n.last_number, outstanding = n.outstanding, held = n.held, debt = n.debt,
    next_due_at = n.next_due_at, status = n.status, closed_at = n.closed_at, version = a.version + 1
  from unnest($33::uuid[], $34::integer[], $35::bigint[], $36::bigint[], $37::bigint[], $38::timestamptz[], $39::text[],
      $40::timestamptz[])
    as n(account_id, last_number, outstanding, held, debt, next_due_at, status, closed_at)
  where a.customer_id = $1 and a.account_id = n.account_id`;

const instants = (micros: readonly (number | null)[]) =>
  plainArray(micros.map((one) => (one === null ? null : instantOf(one))));

/** Writes what has changed in one statement, and the holds that were placed or resolved. */
export async function writeBook(
  tx: Tx,
  book: StoredBook,
  { now, actor }: { now: string; actor: string },
): Promise<void> {
  const { entries, accounts, operation } = book;
  const postings = entries.flatMap((entry) =>
    entry.postings.map((posting, leg) => ({ ...posting, entry, leg })),
  );
  const lots = [...book.lots.values()].filter((lot) => book.read.get(lot) !== stateOf(lot));
  // the first posting of a new lot is that of what issued it
  const issuedBy = new Map<Lot, string>();
  for (const { lot, entry } of postings)
    if (lot !== null && !issuedBy.has(lot)) issuedBy.set(lot, entry.operation.id);
  await tx.named('loyalty_write', writing, [
    book.customerId,
    book.programme,
    now,
    actor,
    plainArray(entries.map(({ accountId }) => accountId)),
    plainArray(entries.map(({ number }) => number)),
    plainArray(entries.map((entry) => entry.operation.id)),
    plainArray(entries.map(({ kind }) => kind)),
    plainArray(entries.map(({ points }) => points)),
    plainArray(entries.map(({ balanceAfter }) => balanceAfter)),
    instants(entries.map(({ bookedAt }) => bookedAt)),
    textArray(entries.map((entry) => entry.operation.reason)),
    textArray(
      entries.map(({ operation: { reference } }) => (reference === null ? null : JSON.stringify(reference))),
    ),
    plainArray(entries.map((entry) => entry.operation.reversesId)),
    plainArray(postings.map(({ entry }) => entry.accountId)),
    plainArray(postings.map(({ entry }) => entry.number)),
    plainArray(postings.map(({ leg }) => leg)),
    plainArray(postings.map(({ ledger }) => ledger)),
    plainArray(postings.map(({ lot }) => lot?.id ?? null)),
    plainArray(postings.map(({ points }) => points)),
    instants(postings.map(({ entry }) => entry.bookedAt)),
    plainArray(lots.map((lot) => issuedBy.get(lot) ?? operation.id)),
    plainArray(lots.map(({ accountId }) => accountId)),
    plainArray(lots.map(({ id }) => id)),
    instants(lots.map(({ earnedAt }) => earnedAt)),
    instants(lots.map(({ availableAt }) => availableAt)),
    instants(lots.map(({ expiresAt }) => expiresAt)),
    plainArray(lots.map(({ amount }) => amount)),
    plainArray(lots.map(({ remaining }) => remaining)),
    plainArray(lots.map(({ held }) => held)),
    plainArray(lots.map(({ spent }) => spent)),
    plainArray(lots.map(({ indebted }) => indebted)),
    plainArray(accounts.map(({ id }) => id)),
    plainArray(accounts.map(({ lastNumber }) => lastNumber)),
    plainArray(accounts.map(({ outstanding }) => outstanding)),
    plainArray(accounts.map(({ held }) => held)),
    plainArray(accounts.map(({ debt }) => debt)),
    instants(accounts.map(({ nextDueAt }) => nextDueAt)),
    plainArray(accounts.map(({ status }) => status)),
    plainArray(accounts.map(({ closedAt }) => closedAt)),
    plainArray(accounts.map(({ origin }) => origin)),
    textArray(entries.map(({ beside }) => (beside === null ? null : JSON.stringify(beside)))),
  ]);
  await writeHolds(tx, book);
  for (const lot of lots) book.read.set(lot, stateOf(lot));
  book.entries = [];
}

async function writeHolds(tx: Tx, book: StoredBook): Promise<void> {
  for (const hold of book.newHolds) await insertHold(tx, book, hold);
  const resolved = book.holds.filter(({ status, resolvedAt }) => status !== 'active' && resolvedAt !== null);
  if (resolved.length > 0) {
    await tx.named(
      'loyalty_resolve_holds',
      `update loyalty_holds h set status = n.status, captured = n.captured, resolved_at = n.resolved_at,
         operation_id = case when n.status = 'captured' then $2::uuid end
       from unnest($3::uuid[], $4::text[], $5::bigint[], $6::timestamptz[]) as n(hold_id, status, captured, resolved_at)
       where h.customer_id = $1 and h.hold_id = n.hold_id and h.status = 'active'`,
      [
        book.customerId,
        book.operation.id,
        plainArray(resolved.map(({ id }) => id)),
        plainArray(resolved.map(({ status }) => status)),
        plainArray(resolved.map(({ captured }) => captured)),
        instants(resolved.map(({ resolvedAt }) => resolvedAt)),
      ],
    );
  }
  book.newHolds = [];
}

async function insertHold(tx: Tx, book: StoredBook, hold: Hold): Promise<void> {
  await tx.named(
    'loyalty_insert_hold',
    `with hold as (
       insert into loyalty_holds (customer_id, hold_id, programme, points, captured, status, created_at, expires_at, reason)
       values ($1, $2, $3, $4, 0, 'active', $5, $6, $7))
     insert into loyalty_hold_lots (customer_id, hold_id, account_id, lot_id, points)
     select $1, $2, account_id, lot_id, points
     from unnest($8::uuid[], $9::uuid[], $10::bigint[]) as s(account_id, lot_id, points)`,
    [
      book.customerId,
      hold.id,
      book.programme,
      hold.points,
      instantOf(hold.createdAt),
      instantOf(hold.expiresAt),
      book.operation.reason,
      plainArray(hold.shares.map(({ lot }) => lot.accountId)),
      plainArray(hold.shares.map(({ lot }) => lot.id)),
      plainArray(hold.shares.map(({ points }) => points)),
    ],
  );
}

/** The earliest instant at which something is due of each account, read anew once what was due is done. */
export async function renewDue(tx: Tx, book: StoredBook): Promise<void> {
  const rows = await tx.named<Pick<AccountRow, 'account_id' | 'next_due_at'>>(
    'loyalty_renew_due',
    `update loyalty_accounts a set next_due_at = least(
       (select min(l.expires_at) from loyalty_lots l where l.customer_id = a.customer_id and l.programme = a.programme
          and l.account_id = a.account_id and l.remaining > 0 and l.remaining > l.held),
       case when a.account_id = $3 then (select min(h.expires_at) from loyalty_holds h
          where h.customer_id = a.customer_id and h.programme = a.programme and h.status = 'active') end)
     where a.customer_id = $1 and a.programme = $2 returning a.account_id, a.next_due_at`,
    [book.customerId, book.programme, book.accounts[0]?.id ?? null],
  );
  for (const { account_id: id, next_due_at: at } of rows) accountOf(book, id).nextDueAt = microsOrNull(at);
}
