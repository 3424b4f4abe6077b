/** Taking part in a programme, and leaving it. */
import { sql } from 'drizzle-orm';
import type { Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { DomainError, notFound } from '../platform/errors.js';
import { checkVersion, requiredVersions } from '../platform/http/versions.js';
import { newId } from '../platform/ids.js';
import { type Effect, transact } from '../platform/transact.js';
import { markCustomers } from '../reviews/service.js';
import type { MemberKey } from './accruals.js';
import { closeAccounts } from './ledger/commands.js';
import { accountOrder } from './ledger/order.js';
import { type LotRow, lotColumns, takeIn } from './ledger/store.js';
import { type Member, newOperation, openMarked, readPlace, takesPart, tellOf } from './members.js';
import { complete } from './operations.js';
import { readProgramme, type StoredProgramme } from './programme.js';
import type { BalanceOut, LoyaltyAccountOut } from './schemas.js';
import { markTier } from './tiers/due.js';

/** A customer in one programme, or in all; the instant is that of the read. */
export async function listAccounts(
  ctx: Ctx,
  customerId: string,
  programme?: string,
): Promise<LoyaltyAccountOut[]> {
  await readPlace(ctx.database, ctx, customerId);
  const rows = await ctx.database.rows<ShownRow>(shownAccounts(ctx, customerId, programme));
  return rows.map(toAccount);
}

type ShownRow = Omit<LoyaltyAccountOut, 'balance'> &
  Omit<BalanceOut, 'next_expiry'> & { next_at: string | null; next_points: number | null };

/**
 * What is due by now counts as done, though nobody may have posted it yet: lots that have expired are gone, but for what
 * an active hold keeps; a hold whose time is over keeps nothing.
 */
const shownAccounts = ({ now }: Ctx, customerId: string, programme: string | undefined) => sql`
  select a.customer_id, a.programme, v.content ->> 'unit' as unit, a.status, a.enrolled_at, a.closed_at, a.version,
    l.remaining - d.debt as outstanding, greatest(0, l.usable - d.debt) as available, l.pending, l.held, d.debt,
    n.expires_at as next_at, n.points as next_points
  from (
    select distinct on (a.programme) * from loyalty_accounts a
    where customer_id = ${customerId} and ${programme === undefined ? sql`true` : sql`programme = ${programme}`}
    order by a.programme, ${sql.raw(accountOrder)}
  ) a
  join loyalty_programmes p on p.key = a.programme
  join loyalty_programme_versions v on v.programme = p.key and v.version = p.version
  cross join lateral (
    select sum(o.debt)::bigint as debt, sum(o.outstanding + o.debt)::bigint as remaining, sum(o.held)::bigint as held
    from loyalty_accounts o where o.customer_id = a.customer_id and o.programme = a.programme
  ) d
  cross join lateral (
    select coalesce(sum(s.points), 0)::bigint as over
    from loyalty_holds h join loyalty_hold_lots s on s.customer_id = h.customer_id and s.hold_id = h.hold_id
    where h.customer_id = a.customer_id and h.programme = a.programme and h.status = 'active' and h.expires_at <= ${now}
  ) timed_out
  cross join lateral (
    select
      d.remaining - e.gone as remaining, d.held - timed_out.over as held, e.pending,
      d.remaining - e.gone - e.pending - (d.held - timed_out.over) as usable
    from (
      select
        coalesce((select sum(o.remaining - (
            select coalesce(sum(s.points), 0) from loyalty_hold_lots s join loyalty_holds h using (customer_id, hold_id)
            where s.customer_id = o.customer_id and s.lot_id = o.lot_id and h.status = 'active' and h.expires_at > ${now}))
          from loyalty_lots o where o.customer_id = a.customer_id and o.programme = a.programme and o.remaining > 0
            and o.expires_at <= ${now}), 0)::bigint as gone,
        coalesce((select sum(o.remaining) from loyalty_lots o where o.customer_id = a.customer_id
            and o.programme = a.programme and o.remaining > 0 and o.available_at > ${now}
            and (o.expires_at is null or o.expires_at > ${now})), 0)::bigint as pending
    ) e
  ) l
  left join lateral (
    select expires_at, sum(remaining)::bigint as points from loyalty_lots o
    where o.customer_id = a.customer_id and o.programme = a.programme and o.remaining > 0 and o.expires_at = (
      select min(expires_at) from loyalty_lots f
      where f.customer_id = a.customer_id and f.programme = a.programme and f.remaining > 0 and f.expires_at > ${now})
    group by expires_at
  ) n on true
  order by a.programme`;

const toAccount = ({
  next_at,
  next_points,
  outstanding,
  available,
  pending,
  held,
  debt,
  ...account
}: ShownRow) => ({
  ...account,
  balance: {
    ...{ outstanding, available, pending, held, debt },
    next_expiry: next_at === null ? null : { at: next_at, points: next_points ?? 0 },
  },
});

export async function getAccount(ctx: Ctx, { id, programme }: MemberKey): Promise<LoyaltyAccountOut> {
  const [account] = await listAccounts(ctx, id, programme);
  if (account === undefined) throw notFound('loyalty account');
  return account;
}

type Put = { outcome: 'created' | 'updated' | 'unchanged' };

/** Enrols, closes or opens again. A known account needs If-Match. Race-safe: one account comes of however many requests. */
export async function putAccount(
  ctx: Ctx,
  { id, programme: key }: MemberKey,
  status: 'open' | 'closed',
  ifMatch: string | undefined,
): Promise<Put & { account: LoyaltyAccountOut }> {
  const done = await transact<Put>(ctx, async (tx) => {
    const place = await readPlace(tx, ctx, id);
    const programme = await readProgramme(tx, key);
    const mark = (await markCustomers(tx, ctx, [id], ['loyalty'])).get(id);
    const operation = newOperation();
    const known = await takesPart(tx, id, key);
    if (!known) {
      if (ifMatch !== undefined)
        throw new DomainError('stale_version', 'The customer takes no part yet: send it without If-Match.');
      if (status === 'closed') throw notFound('loyalty account');
      await enrol(tx, programme, { customerId: id, at: mark?.instant ?? ctx.now });
    }
    const member = await openMarked(tx, ctx, { customerId: id, key, operation, place, mark });
    if (!known) return told('created', member, 'account_opened');
    const [own] = member.book.accounts;
    checkVersion(requiredVersions(ifMatch), own?.version ?? 0);
    if (own?.status === status) return { value: { outcome: 'unchanged' }, audit: [], events: member.events };
    return status === 'closed' ? close(tx, ctx, member) : reopen(tx, member);
  });
  return { ...done, account: await getAccount(ctx, { id, programme: key }) };
}

/** Throws 409 where the programme takes nobody any more. The customer is locked. */
export async function enrol(
  tx: Tx,
  { key, content }: StoredProgramme,
  { customerId, at }: { customerId: string; at: string },
): Promise<void> {
  if (content.status === 'closed')
    throw new DomainError('conflict', 'The programme is closed: nobody is enrolled.');
  await tx.run(sql`
    insert into loyalty_accounts (customer_id, account_id, programme, status, enrolled_at, version, last_number,
      outstanding, held, debt)
    values (${customerId}, ${newId()}, ${key}, 'open', ${at}, 1, 0, 0, 0, 0)`);
  await markTier(tx, customerId, key, at);
}

function told(outcome: Put['outcome'], member: Member, event: string): Effect<Put> {
  const type = `loyalty.${event}`;
  const details = { programme: member.programme.key };
  return {
    value: { outcome },
    audit: [{ action: type, subjectType: 'customer', subjectId: member.customerId, details }],
    events: [...member.events, tellOf(member, type, {})],
  };
}

async function reopen(tx: Tx, member: Member): Promise<Effect<Put>> {
  await tx.run(sql`
    update loyalty_accounts set status = 'open', closed_at = null, version = version + 1
    where customer_id = ${member.customerId} and programme = ${member.programme.key}`);
  await markTier(tx, member.customerId, member.programme.key, member.at);
  return told('updated', member, 'account_reopened');
}

/** What is left is cancelled. Throws 409 while a hold keeps points. */
async function close(tx: Tx, ctx: Ctx, member: Member): Promise<Effect<Put>> {
  const { book } = member;
  if (book.accounts.some(({ held }) => held > 0))
    throw new DomainError('conflict', 'Points are held: capture or void the holds first.');
  takeIn(
    book,
    await tx.named<LotRow>(
      'loyalty_open_lots',
      `select ${lotColumns} from loyalty_lots where customer_id = $1 and programme = $2 and remaining > 0`,
      [book.customerId, book.programme],
    ),
  );
  closeAccounts(book, { at: member.atMicros });
  for (const account of book.accounts)
    Object.assign(account, { status: 'closed', closedAt: member.at, nextDueAt: null });
  await markTier(tx, member.customerId, member.programme.key, member.at);
  const { audit, events } = await complete(tx, ctx, member, { kind: 'closing', event: 'account_closed' });
  return { value: { outcome: 'updated' }, audit, events: events ?? [] };
}
