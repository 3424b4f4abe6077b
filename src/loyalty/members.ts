/**
 * A customer in a programme, opened under the customer's lock: whatever is due by then is done first, so that the entries
 * of an account are in the order of their instants. What was done is written at once.
 */
import { sql } from 'drizzle-orm';
import type { Reader, Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { DomainError, notFound } from '../platform/errors.js';
import { newId } from '../platform/ids.js';
import { instantOf, microsOf } from '../platform/instants.js';
import type { OutboxEvent } from '../platform/outbox.js';
import { type Mark, markCustomers } from '../reviews/service.js';
import { type EntryKind, type Operation, outstandingOf } from './ledger/book.js';
import { settle } from './ledger/commands.js';
import { readBook, readDue, renewDue, type StoredBook, writeBook } from './ledger/store.js';
import { readProgramme, type StoredProgramme } from './programme.js';
import type { BalanceOut } from './schemas.js';

export type Place = { branch: string | null; manager: string | null };

export type Member = {
  customerId: string;
  programme: StoredProgramme;
  book: StoredBook;
  /** the instant of what is done now, and the customer's version since then */
  at: string;
  atMicros: number;
  version: number;
  place: Place;
  /** of what was due */
  events: OutboxEvent[];
};

/** Throws the one 404 for a customer out of reach. */
export async function readPlace(reader: Reader, ctx: Ctx, customerId: string): Promise<Place> {
  const [place] = await reader.rows<Place>(sql`
    select c.branch, c.manager from customers c
    where c.id = ${customerId} and c.merged_into is null and ${visibleCustomer(ctx, 'c')}`);
  if (place === undefined) throw notFound('customer');
  return place;
}

export const takesPart = async (reader: Reader, customerId: string, programme: string): Promise<boolean> =>
  (
    await reader.rows(sql`
      select 1 from loyalty_accounts where customer_id = ${customerId} and programme = ${programme} limit 1`)
  ).length > 0;

/** Throws 404 where the customer takes no part in the programme. */
export async function refuseOthers(reader: Reader, customerId: string, programme: string): Promise<void> {
  if (!(await takesPart(reader, customerId, programme))) throw notFound('loyalty account');
}

export const newOperation = (more: Partial<Operation> = {}): Operation => ({
  ...{ id: newId(), reason: null, reference: null, reversesId: null },
  ...more,
});

/** Locks the customer and opens its book in the programme. Throws 404 where it takes no part in it. */
export async function openMember(
  tx: Tx,
  ctx: Ctx,
  customerId: string,
  key: string,
  operation: Operation,
): Promise<Member> {
  const place = await readPlace(tx, ctx, customerId);
  const marks = await markCustomers(tx, ctx, [customerId], ['loyalty']);
  return openMarked(tx, ctx, { customerId, key, operation, place, mark: marks.get(customerId) });
}

type Opening = {
  customerId: string;
  key: string;
  operation: Operation;
  place: Place;
  mark: Mark | undefined;
};

/** The same of a customer that is locked already. */
export async function openMarked(tx: Tx, ctx: Ctx, opening: Opening): Promise<Member> {
  const { customerId, key, operation, place, mark } = opening;
  if (mark === undefined) throw new Error('the customer is not locked');
  const programme = await readProgramme(tx, key);
  const book = await readBook(tx, customerId, key, operation);
  if (book.accounts.length === 0) throw notFound('loyalty account');
  const member: Member = {
    ...{ customerId, programme, book, place },
    ...{ at: mark.instant, atMicros: microsOf(mark.instant), version: mark.version, events: [] },
  };
  const isDue = book.accounts.some(({ nextDueAt }) => nextDueAt !== null && nextDueAt <= member.atMicros);
  if (isDue) await settleMember(tx, ctx, member);
  return member;
}

/** Does what is due by now, as operations of their own. */
async function settleMember(tx: Tx, ctx: Ctx, member: Member): Promise<void> {
  const { book } = member;
  const asked = book.operation;
  book.operation = newOperation();
  await readDue(tx, book, member.at);
  settle(book, member.atMicros);
  const expired = book.entries.reduce((sum, { points }) => sum - points, 0);
  if (expired > 0)
    member.events.push(
      tellOf(member, 'loyalty.points_expired', { points: expired, operation_id: book.operation.id }),
    );
  for (const hold of book.holds.filter(({ status }) => status === 'timed_out'))
    member.events.push(tellOf(member, 'loyalty.hold_timed_out', { hold_id: hold.id, points: hold.points }));
  await writeBook(tx, book, ctx);
  await renewDue(tx, book);
  book.holds = [];
  book.operation = asked;
}

/** Something falls due at an instant: the account remembers the earliest. */
export function remindAt(member: Member, accountId: string, at: number | null): void {
  const account = member.book.accounts.find(({ id }) => id === accountId);
  if (at === null || account === undefined) return;
  account.nextDueAt = Math.min(account.nextDueAt ?? at, at);
}

export const tellOf = (
  { customerId, at, version, place, programme }: Member,
  type: string,
  data: Record<string, unknown>,
): OutboxEvent => ({
  type,
  subject: customerId,
  subjectVersion: version,
  occurredAt: at,
  scope: { customer: customerId, ...place },
  data: { programme: programme.key, ...data },
});

/** Throws 409 where the member has left, or nothing is earned in the programme any more. */
export function refuseClosed(member: Member, what: 'earn' | 'use'): void {
  if (member.book.accounts[0]?.status === 'closed')
    throw new DomainError('conflict', 'The customer has left the programme.');
  if (what === 'earn' && member.programme.content.status === 'closed')
    throw new DomainError('conflict', 'The programme is closed: no points are earned in it.');
}

/** What the member has at an instant at which nothing is due. */
export async function balanceOf(
  reader: Reader,
  { customerId, programme, accounts }: Pick<StoredBook, 'customerId' | 'programme' | 'accounts'>,
  at: string,
): Promise<BalanceOut> {
  const [row] = await reader.named<{ pending: number; next_at: string | null; next_points: number | null }>(
    'loyalty_balance',
    `select
       (select coalesce(sum(remaining), 0)::bigint from loyalty_lots
        where customer_id = $1 and programme = $2 and remaining > 0 and available_at > $3) as pending,
       n.expires_at as next_at, n.points as next_points
     from (values (1)) as one(row) left join lateral (
       select expires_at, sum(remaining)::bigint as points from loyalty_lots
       where customer_id = $1 and programme = $2 and remaining > 0 and expires_at = (
         select min(expires_at) from loyalty_lots
         where customer_id = $1 and programme = $2 and remaining > 0 and expires_at > $3)
       group by expires_at) n on true`,
    [customerId, programme, at],
  );
  const sum = (of: (account: StoredBook['accounts'][number]) => number) =>
    accounts.reduce((total, account) => total + of(account), 0);
  const outstanding = outstandingOf({ accounts });
  const held = sum((account) => account.held);
  const pending = row?.pending ?? 0;
  return {
    outstanding,
    available: Math.max(0, outstanding - held - pending),
    pending,
    held,
    debt: sum((account) => account.debt),
    next_expiry: row?.next_at == null ? null : { at: row.next_at, points: row.next_points ?? 0 },
  };
}

/** What of lots the operation that is being done has changed, in the order in which it did. */
export function changedLots({ book }: Member) {
  const changed = new Map<string, { lot_id: string; points: number } & ReturnType<typeof lotTimes>>();
  for (const entry of book.entries)
    for (const { lot, points } of entry.postings) {
      if (lot === null) continue;
      const known = changed.get(lot.id)?.points ?? 0;
      changed.set(lot.id, { lot_id: lot.id, ...lotTimes(lot), points: known + points });
    }
  return [...changed.values()];
}

/** As PostgreSQL prints it: without zeros at the end of the fraction. */
export const printed = (micros: number): string =>
  instantOf(micros).replace(/\.(\d*?)0*Z$/, (_all, digits: string) => (digits === '' ? 'Z' : `.${digits}Z`));

export const lotTimes = (lot: { earnedAt: number; availableAt: number; expiresAt: number | null }) => ({
  earned_at: printed(lot.earnedAt),
  available_at: printed(lot.availableAt),
  expires_at: lot.expiresAt === null ? null : printed(lot.expiresAt),
});

export const pointsOf = ({ book }: Member): number =>
  book.entries.reduce((sum, { points }) => sum + points, 0);

export type DoneKind = EntryKind | 'hold' | 'void';
