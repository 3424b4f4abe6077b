/** Holdings as they are stored, for deciding what a statement changes of them. */
import { sql } from 'drizzle-orm';
import { array, type Reader } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { microsOf } from '../platform/instants.js';
import { type BalanceWindow, noBalances, withPresent } from './balance-intervals.js';
import { readBalances } from './balances.js';
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

type Row = Omit<StoredHolding, 'customerId' | 'parties' | 'hidden' | 'balances' | 'statuses'> & {
  customer_id: string;
  recorded_at: string;
  parties: Party[];
  hidden: string[];
};

export type Asked = {
  place: HoldingPlace /** the first and the last that a balance is stated of */;
  days: [string, string] | undefined;
};

/** The holdings at the places, by their ids. */
export async function readStored(
  reader: Reader,
  ctx: Ctx,
  asked: readonly Asked[],
): Promise<Map<string, StoredHolding>> {
  if (asked.length === 0) return new Map();
  const places = asked.map(({ place }) => place);
  const windows = await readBalances(
    reader,
    asked.flatMap(({ place: { holdingId, customerId }, days }) =>
      days === undefined ? [] : [{ holdingId, customerId, first: days[0], last: days[1] }],
    ),
  );
  const hidden =
    ctx.dataScope === null
      ? sql`'{}'::uuid[]`
      : sql`array(select c.id from holding_parties p join customers c on c.id = p.customer_id
          where p.holding_id = h.id and (${visibleCustomer(ctx, 'c')}) is not true)`;
  const rows = await reader.rows<Row>(sql`
    select h.id, h.customer_id, h.category, h.product, h.status, h.status_reason, h.currency, h.opened_on, h.closed_on, h.balance,
      h.balance_date, h.attributes, h.source_time, h.recorded_at, h.version, ${hidden} as hidden,
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
    rows.map(({ customer_id, hidden: ids, recorded_at, ...row }) => {
      const balances = presentIn(windows.get(row.id) ?? noBalances, row, recorded_at);
      return [row.id, { ...row, customerId: customer_id, hidden: new Set(ids), balances, statuses: [] }];
    }),
  );
}

/** With the balance that stands, where a release that kept no intervals wrote it. */
function presentIn(
  window: BalanceWindow,
  {
    balance,
    balance_date: day,
    currency,
    source_time,
  }: Pick<Row, 'balance' | 'balance_date' | 'currency' | 'source_time'>,
  recordedAt: string,
): BalanceWindow {
  if (balance === null || day === null) return window;
  const sourceMicros = microsOf(source_time ?? recordedAt);
  const recordedMicros = microsOf(recordedAt);
  return withPresent(window, { day, amount: balance, currency, sourceMicros, recordedMicros });
}
