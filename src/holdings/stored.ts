/** Holdings as they are stored, for deciding what a statement changes of them. */
import { sql } from 'drizzle-orm';
import { array, type Reader } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import type { HoldingState } from './changes.js';
import type { HoldingPlace } from './keys.js';
import type { Party } from './parties.js';

export type StoredHolding = HoldingState & {
  id: string;
  customerId: string;
  version: number;
  /** parties outside the caller's data scope: they stay as they are */
  hidden: ReadonlySet<string>;
};

type Row = Omit<StoredHolding, 'customerId' | 'parties' | 'hidden'> & {
  customer_id: string;
  parties: Party[];
  hidden: string[];
};

/** The holdings at the places, by their ids. */
export async function readStored(
  reader: Reader,
  ctx: Ctx,
  places: readonly HoldingPlace[],
): Promise<Map<string, StoredHolding>> {
  if (places.length === 0) return new Map();
  const hidden =
    ctx.dataScope === null
      ? sql`'{}'::uuid[]`
      : sql`array(select c.id from holding_parties p join customers c on c.id = p.customer_id
          where p.holding_id = h.id and (${visibleCustomer(ctx, 'c')}) is not true)`;
  const rows = await reader.rows<Row>(sql`
    select h.id, h.customer_id, h.category, h.product, h.status, h.currency, h.opened_on, h.closed_on, h.balance,
      h.balance_date, h.attributes, h.source_time, h.version, ${hidden} as hidden,
      (select coalesce(json_agg(json_build_object('id', p.id, 'customerId', p.customer_id, 'role', p.role,
          'share', p.share::text, 'startsOn', p.starts_on, 'endsOn', p.ends_on) order by p.id), '[]')
        from holding_parties p where p.holding_id = h.id) as parties
    from unnest(
      ${array(
        places.map((place) => place.customerId),
        'uuid',
      )}, ${array(
        places.map((place) => place.holdingId),
        'uuid',
      )}) as wanted(customer_id, id)
    join holdings h using (customer_id, id)`);
  return new Map(
    rows.map(({ customer_id, hidden: ids, ...row }) => [
      row.id,
      { ...row, customerId: customer_id, hidden: new Set(ids) },
    ]),
  );
}
