/** Tells of points before they expire, once for each instant at which points of an account do. */
import { sql } from 'drizzle-orm';
import { array, type Tx } from '../../db/client.js';
import type { Ctx } from '../../platform/context.js';
import { instantOf, microsOf } from '../../platform/instants.js';
import type { OutboxEvent } from '../../platform/outbox.js';
import { transact } from '../../platform/transact.js';
import { type Mark, markCustomers } from '../../reviews/service.js';
import { addDuration } from '../expiry.js';
import { readProgramme } from '../programme.js';
import { goOn, takeRound } from './rounds.js';

const pageSize = 500;
/** between rounds at most, in microseconds */
const hour = 3_600_000_000;

type Expiring = { expires_at: string; customer_id: string; account_id: string; is_told: boolean };

/** A page of what expires soon. True where there may be more. */
export async function noticeNext(ctx: Ctx): Promise<boolean> {
  await planNotices(ctx);
  return transact<boolean>(ctx, async (tx) => {
    const round = await takeRound(tx, ctx, 'notices');
    if (round === undefined) return { value: false, audit: [] };
    const { key, content } = await readProgramme(tx, round.programme);
    const until = addDuration(ctx.now, content.notice_before, content.time_zone);
    const found = await readExpiring(tx, ctx, key, instantOf(until), round.after);
    const last = found.at(-1);
    const wait = Math.min(hour, (until - microsOf(ctx.now)) / 2);
    await goOn(
      tx,
      'notices',
      round,
      last === undefined || found.length < pageSize
        ? { onDate: null, dueAt: instantOf(microsOf(ctx.now) + Math.ceil(wait)) }
        : { after: [last.expires_at, last.customer_id, last.account_id] },
    );
    const events = await tell(
      tx,
      ctx,
      key,
      found.filter(({ is_told: isTold }) => !isTold),
    );
    return { value: true, audit: [], events };
  });
}

/** Each programme has its rounds from the beginning. */
async function planNotices(ctx: Ctx): Promise<void> {
  const [missing] = await ctx.database.rows(sql`
    select from loyalty_programmes p
    where not exists (select from loyalty_rounds r where r.programme = p.key and r.kind = 'notices') limit 1`);
  if (missing === undefined) return;
  await transact(ctx, async (tx) => {
    await tx.run(sql`
      insert into loyalty_rounds (programme, kind, due_at)
      select key, 'notices', ${ctx.now} from loyalty_programmes order by key on conflict do nothing`);
    return { value: undefined, audit: [] };
  });
}

const readExpiring = (
  tx: Tx,
  { now }: Ctx,
  programme: string,
  until: string,
  after: readonly string[] | null,
): Promise<Expiring[]> =>
  tx.rows<Expiring>(sql`
    select l.expires_at, l.customer_id, l.account_id, n.told_at is not null as is_told
    from (
      select expires_at, customer_id, account_id from loyalty_lots
      where programme = ${programme} and remaining > 0 and expires_at > ${now} and expires_at <= ${until}
        and ${
          after === null
            ? sql`true`
            : sql`(expires_at, customer_id, account_id) > (${after[0]}::timestamptz, ${after[1]}::uuid, ${after[2]}::uuid)`
        }
      group by expires_at, customer_id, account_id
      order by expires_at, customer_id, account_id limit ${pageSize}
    ) l left join loyalty_expiry_notices n using (customer_id, account_id, expires_at)
    order by l.expires_at, l.customer_id, l.account_id`);

type Told = {
  customer_id: string;
  expires_at: string;
  points: number;
  branch: string | null;
  manager: string | null;
};

async function tell(tx: Tx, ctx: Ctx, programme: string, due: readonly Expiring[]): Promise<OutboxEvent[]> {
  if (due.length === 0) return [];
  const marks = await markCustomers(tx, ctx, new Set(due.map((one) => one.customer_id)), [], 'expected');
  const column = (pick: (one: Expiring) => string, type: 'uuid' | 'timestamptz') =>
    array(due.map(pick), type);
  const told = await tx.rows<Told>(sql`
    with told as (
      insert into loyalty_expiry_notices (customer_id, account_id, expires_at, points, told_at)
      select l.customer_id, l.account_id, l.expires_at, sum(l.remaining), ${ctx.now}
      from unnest(${column((one) => one.customer_id, 'uuid')}, ${column((one) => one.account_id, 'uuid')},
        ${column((one) => one.expires_at, 'timestamptz')}) as d(customer_id, account_id, expires_at)
      join loyalty_lots l using (customer_id, account_id, expires_at)
      where l.remaining > 0
      group by 1, 2, 3 order by 1, 2, 3
      on conflict do nothing
      returning customer_id, account_id, expires_at, points
    )
    select t.customer_id, t.expires_at, t.points, c.branch, c.manager
    from told t join customers c on c.id = t.customer_id order by t.customer_id, t.expires_at, t.account_id`);
  return told.map((one) => eventOf(programme, one, marks.get(one.customer_id)));
}

function eventOf(programme: string, one: Told, mark: Mark | undefined): OutboxEvent {
  if (mark === undefined) throw new Error('the customer is not locked');
  const { customer_id: customer, branch, manager, points, expires_at } = one;
  return {
    type: 'loyalty.points_expiring',
    subject: customer,
    subjectVersion: mark.version,
    occurredAt: mark.instant,
    scope: { customer, branch, manager },
    data: { programme, points, expires_at },
  };
}
