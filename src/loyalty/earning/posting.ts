/**
 * Posts what has changed of what rules gave a member: more is issued in lots of their own, earned when it occurred; less
 * is taken back from the lots that were issued for it, the last first. What a programme without debts cannot take back,
 * and what has expired, is kept: should more be given for the same thing again, it counts first.
 */
import { plainArray } from '../../db/array-literals.js';
import type { Tx } from '../../db/client.js';
import type { Ctx } from '../../platform/context.js';
import { grouped } from '../../platform/grouped.js';
import type { Effect } from '../../platform/transact.js';
import { issue, newLot } from '../accruals.js';
import { accountOf } from '../ledger/book.js';
import { takeBack } from '../ledger/commands.js';
import { freeOf, type Lot, totalOf } from '../ledger/lots.js';
import { type LotRow, lotColumns, takeIn, writeBook } from '../ledger/store.js';
import { type Member, newOperation, pointsOf, tellOf } from '../members.js';
import type { Change, Earning } from './fold.js';
import type { Spent } from './store.js';

type Posted = Omit<Effect<unknown>, 'value'> & { earnings: Earning[]; spent: Spent[] };

export async function postChanges(
  tx: Tx,
  ctx: Ctx,
  member: Member,
  changes: readonly Change[],
): Promise<Posted> {
  const issued = await readIssuedLots(tx, member, changes);
  const done = changes.map((change) => postOne(member, change, issued));
  const { entries } = member.book;
  const details = {
    programme: member.programme.key,
    points: pointsOf(member),
    operations: new Set(entries.map(({ operation }) => operation.id)).size,
  };
  const type = 'loyalty.points_earned';
  const isPosted = entries.length > 0;
  if (isPosted) await writeBook(tx, member.book, ctx);
  return {
    earnings: done.map(({ earning }) => earning),
    spent: done.map(({ moved }, place) => {
      const { programme, key } = (changes[place] as Change).rule;
      return { programme, key, points: moved };
    }),
    audit: isPosted ? [{ action: type, subjectType: 'customer', subjectId: member.customerId, details }] : [],
    events: [...member.events, ...(isPosted ? [tellOf(member, type, details)] : [])],
  };
}

/** The lots of what is to be taken back, by the operations that issued them. */
async function readIssuedLots(
  tx: Tx,
  { book }: Member,
  changes: readonly Change[],
): Promise<Map<string, Lot[]>> {
  const operations = changes.flatMap(({ former, target }) =>
    former !== undefined && target < former.points ? former.operations : [],
  );
  if (operations.length === 0) return new Map();
  const rows = await tx.named<LotRow & { operation_id: string }>(
    'earned_lots',
    `select ${lotColumns}, operation_id from loyalty_lots
     where customer_id = $1 and programme = $2 and operation_id = any($3::uuid[])`,
    [book.customerId, book.programme, plainArray(operations)],
  );
  const lots = takeIn(book, rows);
  const issuedBy = new Map(rows.map((row, place) => [lots[place], row.operation_id]));
  return grouped(lots, (lot) => issuedBy.get(lot) ?? '');
}

/** `moved` is what the ledger has more by it, or less. */
function postOne(
  member: Member,
  { thing, rule, former, target }: Change,
  issued: ReadonlyMap<string, Lot[]>,
): { earning: Earning; moved: number } {
  const reference = {
    rule: rule.key,
    version: rule.version,
    ...(thing.kind === 'activity' ? { activity: thing.activityId } : { occasion: thing.subject }),
  };
  const [account] = member.book.accounts;
  const earning: Earning = {
    ...{ customerId: thing.customerId, programme: rule.programme, subject: thing.subject, rule: rule.key },
    accountId: former?.accountId ?? account?.id ?? '',
    ruleVersion: rule.version,
    rulesAt: former?.rulesAt ?? thing.rulesAt,
    activityId: thing.kind === 'activity' ? thing.activityId : null,
    occurredAt: thing.occurredAt,
    points: target,
    kept: former?.kept ?? 0,
    operations: [...(former?.operations ?? [])],
  };
  const difference = target - (former?.points ?? 0);
  const asked = { reason: rule.content.name, reference };
  if (difference > 0) return { earning, moved: give(member, earning, difference, asked) };
  return { earning, moved: -take(member, earning, -difference, asked, issued) };
}

type Asked = { reason: string; reference: Record<string, unknown> };

function give(member: Member, earning: Earning, points: number, asked: Asked): number {
  const known = Math.min(earning.kept, points);
  earning.kept -= known;
  if (points === known) return 0;
  member.book.operation = newOperation(asked);
  const lot = newLot(member, { points: points - known, earnedAt: earning.occurredAt });
  issue(member, { ...lot, accountId: accountOf(member.book, earning.accountId).id }, 'accrual');
  earning.operations.push(member.book.operation.id);
  return points - known;
}

function take(
  { book, programme, atMicros: at }: Member,
  earning: Earning,
  points: number,
  asked: Asked,
  issued: ReadonlyMap<string, Lot[]>,
): number {
  let left = points;
  for (const id of [...earning.operations].reverse()) {
    const lots = issued.get(id) ?? [];
    const free = totalOf(lots.map((lot) => ({ points: freeOf(lot) })));
    const most = programme.content.debt === 'refuse' ? Math.min(left, free) : left;
    if (most === 0) continue;
    book.operation = newOperation({ ...asked, reversesId: id });
    const { cancelled, debt } = takeBack(book, lots, most, { at });
    left -= cancelled + debt;
  }
  earning.kept += left;
  return points - left;
}
