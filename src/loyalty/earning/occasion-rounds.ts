/** Each day of a programme's time zone, whose occasion it is: late days are caught up with, one after the other. */
import { sql } from 'drizzle-orm';
import { array, type Tx } from '../../db/client.js';
import type { Ctx } from '../../platform/context.js';
import { instantOf } from '../../platform/instants.js';
import { transact } from '../../platform/transact.js';
import { markCustomers } from '../../reviews/service.js';
import type { LoadFacts } from '../../rules/facts.js';
import { startOfDay } from '../../rules/moment.js';
import { readProgramme } from '../programme.js';
import { earnFor } from './earn.js';
import { type Occasion, occasionSubject, originsOf } from './occasions.js';
import { dayAfter, goOn, takeRound } from './rounds.js';
import type { Thing } from './things.js';

const pageSize = 500;

/** A page of members on a day. True where there may be more. */
export const occasionsNext = (ctx: Ctx, facts: LoadFacts): Promise<boolean> =>
  transact<boolean>(ctx, async (tx) => {
    const round = await takeRound(tx, ctx, 'occasions');
    if (round?.on_date == null) return { value: false, audit: [] };
    const { programme, on_date: day } = round;
    const { time_zone: timeZone } = (await readProgramme(tx, programme)).content;
    const at = instantOf(startOfDay(day, timeZone));
    const members = await readPage(tx, { programme, day, timeZone, after: round.after?.[0] ?? null });
    const last = members.at(-1);
    await goOn(
      tx,
      'occasions',
      round,
      last === undefined || members.length < pageSize
        ? dayAfter(day, timeZone)
        : { after: [last.customer_id] },
    );
    const things = members.flatMap(({ customer_id: customerId, occasions }) =>
      occasions.map(
        (occasion): Thing => ({
          ...{ kind: 'occasion', customerId, occasion, programme, subject: occasionSubject(occasion, day) },
          ...{ occurredAt: at, rulesAt: at, isDay: false },
        }),
      ),
    );
    const ids = new Set(things.map((one) => one.customerId));
    const marks = await markCustomers(tx, ctx, ids, ['loyalty'], 'expected');
    const told = await earnFor(tx, ctx, facts, things, marks);
    return { value: true, ...told };
  });

type Page = { programme: string; day: string; timeZone: string; after: string | null };

/** Customers that are gone, and what began on that very day, have no occasion. */
const readPage = (tx: Tx, { programme, day, timeZone, after }: Page) =>
  tx.rows<{ customer_id: string; occasions: Occasion[] }>(sql`
    select m.customer_id, array_remove(array[
      case when ${isOn(sql`c.birth_date`, day)} then 'birthday' end,
      case when ${isOn(sql`c.customer_since`, day)} then 'customer_anniversary' end,
      case when ${isOn(sql`m.since`, day)} then 'programme_anniversary' end], null) as occasions
    from (
      select customer_id, min(enrolled_at at time zone ${timeZone})::date as since from loyalty_accounts
      where programme = ${programme} and ${after === null ? sql`true` : sql`customer_id > ${after}::uuid`}
      group by customer_id order by customer_id limit ${pageSize}
    ) m left join customers c on c.id = m.customer_id and c.merged_into is null
      and c.status in ('prospect', 'active', 'restricted')
    order by m.customer_id`);

const isOn = (origin: ReturnType<typeof sql>, day: string) =>
  sql`c.id is not null and to_char(${origin}, 'MM-DD') = any(${array(originsOf(day), 'text')}) and ${origin} < ${day}::date`;
