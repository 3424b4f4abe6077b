/**
 * The sums of a programme's ledgers as of any instant, at a cost that does not grow with its history: the last closing
 * before the instant, what was booked since, and what was due by then though nobody has posted it yet. So it is the
 * same answer whether or not the worker was there.
 */
import { sql } from 'drizzle-orm';
import { array, type Reader } from '../../db/client.js';

/** As they are posted: what was issued is negative, and so are debts. All of them sum to zero. */
export type Sums = {
  /** of the members: in lots, and what they owe */
  lots: number;
  debts: number;
  issued: number;
  redeemed: number;
  expired: number;
  cancelled: number;
};
export const ledgerNames = ['lots', 'debts', 'issued', 'redeemed', 'expired', 'cancelled'] as const;

/** Of postings p, by what each is posted to. */
export const sumColumns = sql`
  coalesce(sum(p.points) filter (where p.ledger = 'member' and p.lot_id is not null), 0)::bigint as lots,
  coalesce(sum(p.points) filter (where p.ledger = 'member' and p.lot_id is null), 0)::bigint as debts,
  coalesce(sum(p.points) filter (where p.ledger = 'issued'), 0)::bigint as issued,
  coalesce(sum(p.points) filter (where p.ledger = 'redeemed'), 0)::bigint as redeemed,
  coalesce(sum(p.points) filter (where p.ledger = 'expired'), 0)::bigint as expired,
  coalesce(sum(p.points) filter (where p.ledger = 'cancelled'), 0)::bigint as cancelled`;

type Closing = Sums & { place: number; until_at: string };

const nothing: Sums = { lots: 0, debts: 0, issued: 0, redeemed: 0, expired: 0, cancelled: 0 };

/**
 * Of all that counts before each of the instants, in their order. `reader` is of one snapshot, so that what is due is
 * not posted between two reads.
 */
export async function sumsBefore(
  reader: Reader,
  programme: string,
  instants: readonly string[],
): Promise<Sums[]> {
  const closings = await lastClosings(reader, programme, instants);
  const since = await bookedSince(reader, programme, instants, closings);
  const due = await dueBefore(reader, programme, instants);
  return instants.map((_instant, place) => {
    const sums = { ...(closings.get(place) ?? nothing) };
    const more = since.get(place) ?? nothing;
    const over = due.get(place) ?? 0;
    return {
      lots: sums.lots + more.lots - over,
      debts: sums.debts + more.debts,
      issued: sums.issued + more.issued,
      redeemed: sums.redeemed + more.redeemed,
      expired: sums.expired + more.expired + over,
      cancelled: sums.cancelled + more.cancelled,
    };
  });
}

const byPlace = <T extends { place: number }>(rows: readonly T[]) =>
  new Map(rows.map((row) => [row.place, row]));

async function lastClosings(reader: Reader, programme: string, instants: readonly string[]) {
  const rows = await reader.rows<Closing>(sql`
    select b.place::int - 1 as place, c.*
    from unnest(${array(instants, 'timestamptz')}) with ordinality as b(instant, place)
    cross join lateral (
      select until_at, lots, debts, issued, redeemed, expired, cancelled from loyalty_closings
      where programme = ${programme} and until_at <= b.instant order by until_at desc limit 1) c`);
  return byPlace(rows);
}

async function bookedSince(
  reader: Reader,
  programme: string,
  instants: readonly string[],
  closings: ReadonlyMap<number, Closing>,
) {
  const from = instants.map((_instant, place) => closings.get(place)?.until_at ?? '-infinity');
  const rows = await reader.rows<Sums & { place: number }>(sql`
    select b.place::int - 1 as place, ${sumColumns}
    from unnest(${array(from, 'timestamptz')}, ${array(instants, 'timestamptz')}) with ordinality as b(since, instant, place)
    join loyalty_postings p on p.programme = ${programme} and p.booked_at >= b.since and p.booked_at < b.instant
    group by b.place`);
  return byPlace(rows);
}

/** What has expired by then and remains: but for what a hold keeps that lasts longer. */
async function dueBefore(reader: Reader, programme: string, instants: readonly string[]) {
  const rows = await reader.rows<{ place: number; points: number }>(sql`
    select b.place::int - 1 as place, sum(l.remaining - coalesce(h.points, 0))::bigint as points
    from unnest(${array(instants, 'timestamptz')}) with ordinality as b(instant, place)
    join loyalty_lots l on l.programme = ${programme} and l.remaining > 0 and l.expires_at < b.instant
    left join lateral (
      select sum(s.points) as points
      from loyalty_hold_lots s join loyalty_holds h on h.customer_id = s.customer_id and h.hold_id = s.hold_id
      where s.customer_id = l.customer_id and s.account_id = l.account_id and s.lot_id = l.lot_id
        and h.status = 'active' and h.expires_at >= b.instant
    ) h on l.held > 0
    group by b.place`);
  return new Map(rows.map(({ place, points }) => [place, points]));
}
