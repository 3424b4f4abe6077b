/** Balances as they are stored: read as far as a statement can touch them, and written where they differ. */
import { isDeepStrictEqual } from 'node:util';
import { sql } from 'drizzle-orm';
import { array, json, type Reader, type Tx } from '../db/client.js';
import { newId } from '../platform/ids.js';
import type { BalanceWindow, Interval } from './balance-intervals.js';
import { noBalances } from './balance-intervals.js';

/** The business days that statements are about, of a holding and the customer it lives with. */
export type BalanceDays = { holdingId: string; customerId: string; first: string; last: string };

type Row = {
  holding_id: string;
  from_date: string | null;
  to_date: string | null;
  amount: string | null;
  currency: string;
  days: string[];
  source_micros: string[];
  recorded_micros: string[];
  next_from: string | null;
};

/** The intervals of the months of those days, and the first day of what follows, by holding. */
export async function readBalances(
  reader: Reader,
  wanted: readonly BalanceDays[],
): Promise<Map<string, BalanceWindow>> {
  if (wanted.length === 0) return new Map();
  const column = (pick: (one: BalanceDays) => string) => wanted.map(pick);
  const rows = await reader.rows<Row>(sql`
    select w.holding_id, b.from_date, b.to_date, b.amount, b.currency, b.days::text[] as days,
      b.source_micros::text[] as source_micros, b.recorded_micros::text[] as recorded_micros,
      (select min(n.from_date) from holding_balances n where n.customer_id = w.customer_id
        and n.holding_id = w.holding_id and n.from_date >= w.until) as next_from
    from (
      select customer_id, holding_id, date_trunc('month', first::timestamp)::date as since,
        (date_trunc('month', last::timestamp) + interval '1 month')::date as until
      from unnest(${array(
        column((one) => one.customerId),
        'uuid',
      )}, ${array(
        column((one) => one.holdingId),
        'uuid',
      )}, ${array(
        column((one) => one.first),
        'date',
      )}, ${array(
        column((one) => one.last),
        'date',
      )}) as d(customer_id, holding_id, first, last)
    ) w
    left join holding_balances b on b.customer_id = w.customer_id and b.holding_id = w.holding_id
      and b.from_date < w.until and (b.to_date is null or b.to_date > w.since)
    order by w.holding_id, b.from_date`);
  const windows = new Map<string, BalanceWindow>();
  for (const row of rows) {
    const before = windows.get(row.holding_id)?.stored ?? [];
    const stored = row.from_date === null ? before : [...before, intervalOf(row, row.from_date)];
    windows.set(row.holding_id, { ...noBalances, stored, intervals: stored, end: row.next_from });
  }
  return windows;
}

const intervalOf = (row: Row, from: string): Interval => ({
  from,
  to: row.to_date,
  amount: row.amount,
  currency: row.currency,
  days: row.days.map((day, place) => ({
    day,
    sourceMicros: Number(row.source_micros[place]),
    recordedMicros: Number(row.recorded_micros[place]),
  })),
});

export type BalancesOf = { holdingId: string; customerId: string; balances: BalanceWindow };

/** The holdings' keys are locked by now, and live with these customers. */
export async function writeBalances(tx: Tx, all: readonly BalancesOf[], nowMicros: number): Promise<void> {
  const gone = all.flatMap(({ holdingId, customerId, balances: { stored, intervals } }) =>
    stored
      .filter(({ from }) => !intervals.some((one) => one.from === from))
      .map(({ from }) => ({ holding_id: holdingId, customer_id: customerId, from_date: from })),
  );
  if (gone.length > 0) {
    await tx.run(sql`delete from holding_balances b
      using jsonb_to_recordset(${json(gone)}) as r(customer_id uuid, holding_id uuid, from_date date)
      where b.customer_id = r.customer_id and b.holding_id = r.holding_id and b.from_date = r.from_date`);
  }
  await writeIntervals(tx, all);
  await writeSuperseded(tx, all, nowMicros);
}

/** What is told of a holding that a merge has moved goes back with it. Of rows r. */
export const originOfHolding = sql.raw(
  '(select h.origin_customer_id from holdings h where h.customer_id = r.customer_id and h.id = r.holding_id)',
);

async function writeIntervals(tx: Tx, all: readonly BalancesOf[]): Promise<void> {
  const rows = all.flatMap(({ holdingId, customerId, balances: { stored, intervals } }) =>
    intervals
      .filter((one) => !stored.some((known) => isDeepStrictEqual(known, one)))
      .map(({ from, to, amount, currency, days }) => ({
        customer_id: customerId,
        holding_id: holdingId,
        from_date: from,
        to_date: to,
        amount,
        currency,
        days: days.map(({ day }) => day),
        source_micros: days.map(({ sourceMicros }) => sourceMicros),
        recorded_micros: days.map(({ recordedMicros }) => recordedMicros),
      })),
  );
  if (rows.length === 0) return;
  await tx.run(sql`
    insert into holding_balances (customer_id, holding_id, from_date, to_date, amount, currency, days, source_micros,
      recorded_micros, origin_customer_id)
    select customer_id, holding_id, from_date, to_date, amount, currency, days, source_micros, recorded_micros,
      ${originOfHolding}
    from jsonb_to_recordset(${json(rows)}) as r(customer_id uuid, holding_id uuid, from_date date, to_date date,
      amount numeric, currency text, days date[], source_micros bigint[], recorded_micros bigint[])
    order by customer_id, holding_id, from_date
    on conflict (customer_id, holding_id, from_date) do update set to_date = excluded.to_date, amount = excluded.amount,
      currency = excluded.currency, days = excluded.days, source_micros = excluded.source_micros,
      recorded_micros = excluded.recorded_micros`);
}

async function writeSuperseded(tx: Tx, all: readonly BalancesOf[], nowMicros: number): Promise<void> {
  const rows = all.flatMap(({ holdingId, customerId, balances }) =>
    balances.superseded.map(({ day, amount, currency, sourceMicros, recordedMicros }) => ({
      customer_id: customerId,
      id: newId(),
      holding_id: holdingId,
      business_date: day,
      amount,
      currency,
      source_micros: sourceMicros,
      recorded_micros: recordedMicros,
    })),
  );
  if (rows.length === 0) return;
  await tx.run(sql`
    insert into superseded_balances (customer_id, id, holding_id, business_date, amount, currency, source_micros,
      recorded_micros, superseded_micros, origin_customer_id)
    select customer_id, id, holding_id, business_date, amount, currency, source_micros, recorded_micros,
      ${nowMicros}::bigint, ${originOfHolding}
    from jsonb_to_recordset(${json(rows)}) as r(customer_id uuid, id uuid, holding_id uuid, business_date date,
      amount numeric, currency text, source_micros bigint, recorded_micros bigint)`);
}

const tables = {
  holding_balances: 'holding_id, from_date, to_date, amount, currency, days, source_micros, recorded_micros',
  holding_statuses: 'id, holding_id, status, reason, source_time, recorded_at',
  superseded_balances:
    'id, holding_id, business_date, amount, currency, source_micros, recorded_micros, superseded_micros',
} as const;

/** Balances and statuses live with their holding. `moves` are columns id, former_id and customer_id. */
export async function moveHistory(tx: Tx, moves: ReturnType<typeof sql>): Promise<void> {
  for (const [table, columns] of Object.entries(tables)) {
    const listed = sql.raw(columns);
    await tx.run(sql`
      with gone as (
        delete from ${sql.raw(table)} b using ${moves} where b.customer_id = m.former_id and b.holding_id = m.id
        returning m.customer_id as owner_id, b.*
      )
      insert into ${sql.raw(table)} (customer_id, ${listed}) select owner_id, ${listed} from gone`);
  }
}
