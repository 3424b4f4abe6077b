/**
 * What qualifies, of members of a programme: what it came to by day up to an instant, and what has come since, each with
 * the instant from which on it counts. Points are summed by day as they are evaluated, so that an account's history is
 * read once; what was spent is read from the activities of the days that can still count.
 */
import { plainArray, textArray } from '../../db/array-literals.js';
import type { Reader, Tx } from '../../db/client.js';
import { grouped } from '../../platform/grouped.js';
import { instantOf, microsOf } from '../../platform/instants.js';
import { startOfDay } from '../../rules/moment.js';
import { rulesOf, type StoredTiers } from './model.js';
import { dayOf, firstCounted, takeFrom } from './periods.js';
import { type Amounts, amountsOf, type Credit } from './standing.js';

/** Microseconds: all up to `since` is summed up, what has come after it up to `until` is told one by one. */
export type Wanted = { customerId: string; since: number; until: number };
export type Loaded = {
  amounts: Amounts;
  credits: Credit[];
  /** when the first of those that lie ahead begins to count */
  next: number | null;
};

type Row = { customer_id: string; at: string | null; day: string; amount: string };

export async function loadAmounts(
  reader: Reader,
  tiers: StoredTiers,
  wanted: readonly Wanted[],
): Promise<Map<string, Loaded>> {
  if (wanted.length === 0) return new Map();
  const low = lowestOf(tiers, Math.min(...wanted.map(({ since }) => since)));
  const isSpend = tiers.content.qualify.by === 'spend';
  const read = isSpend ? readSpend : readPoints;
  const { days, credits } = await read(reader, tiers, wanted, low);
  const byCustomer = (rows: readonly Row[]) => grouped(rows, (row) => row.customer_id);
  const [sums, singles] = [byCustomer(days), byCustomer(credits)];
  return new Map(
    wanted.map(({ customerId, until }) => {
      const all = (singles.get(customerId) ?? []).map(
        ({ at, day, amount }): Credit => ({ at: microsOf(at ?? ''), day, amount }),
      );
      const next = all.find(({ at }) => at > until)?.at ?? null;
      return [
        customerId,
        {
          amounts: amountsOf((sums.get(customerId) ?? []).map(({ day, amount }) => [day, amount])),
          credits: [
            ...all.filter(({ at }) => at <= until),
            // what was valued late is among the days, and has no instant: it counts from when it is seen
            ...(isSpend ? [{ at: until, day: dayOf(until, tiers.zone), amount: '0' }] : []),
          ],
          next,
        },
      ];
    }),
  );
}

/** The first day that may count for a member that was looked at then: two periods back. */
function lowestOf(tiers: StoredTiers, since: number): string {
  const { period, grace, zone } = rulesOf(tiers);
  const length = period.kind === 'rolling' ? period.length : 'P1Y';
  return takeFrom(takeFrom(takeFrom(dayOf(since, zone), length), length), grace);
}

const bounds = (wanted: readonly Wanted[]) => [
  plainArray(wanted.map(({ customerId }) => customerId)),
  plainArray(wanted.map(({ since }) => instantOf(since))),
  plainArray(wanted.map(({ until }) => instantOf(until))),
];
const bounded =
  'unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) as b(customer_id, since_at, until_at)';

/**
 * What was earned or brought, by its lots; what was taken back, from the lots that it was taken from, and where it was
 * spent already from the latest that the operation had issued.
 */
const pointCredits = `
  select b.customer_id, e.booked_at as at, (coalesce(l.earned_at, (
      select max(o.earned_at) from loyalty_lots o
      where o.customer_id = e.customer_id and o.operation_id = e.reverses_id), e.booked_at) at time zone $5)::date as day,
    p.points
  from ${bounded}
  join loyalty_entries e on e.customer_id = b.customer_id and e.programme = $4
    and e.booked_at > b.since_at and e.booked_at <= b.until_at and e.kind in ('accrual', 'opening', 'reversal')
  join loyalty_postings p
    on p.customer_id = e.customer_id and p.account_id = e.account_id and p.number = e.number and p.ledger = 'member'
    and (e.kind = 'reversal' or p.points > 0 and p.lot_id is not null)
  left join loyalty_lots l on l.customer_id = p.customer_id and l.account_id = p.account_id and l.lot_id = p.lot_id`;

async function readPoints(
  reader: Reader,
  { programme, zone }: StoredTiers,
  wanted: readonly Wanted[],
  low: string,
) {
  const days = await reader.named<Row>(
    'loyalty_tier_days',
    `select customer_id, null as at, day, points::text as amount from loyalty_tier_days
     where customer_id = any($1::uuid[]) and programme = $2 and day >= $3::date`,
    [plainArray(wanted.map(({ customerId }) => customerId)), programme, low],
  );
  const credits = await reader.named<Row>(
    'loyalty_tier_point_credits',
    `select customer_id, at, day, sum(points)::text as amount from (${pointCredits}) as c
     group by customer_id, at, day order by at, day`,
    [...bounds(wanted), programme, zone],
  );
  return { days, credits };
}

/** The same as of a past instant, over the days from one on: who earned on a day was credited on it or later. */
export async function pointsAsOf(
  reader: Reader,
  { programme, zone }: StoredTiers,
  { customerId, low, until }: { customerId: string; low: string; until: number },
): Promise<Amounts> {
  const wanted = [{ customerId, since: startOfDay(low, zone) - 1, until }];
  const days = await reader.named<Row>(
    'loyalty_tier_points_as_of',
    `select day, sum(points)::text as amount from (${pointCredits}) as c where day >= $6::date group by day`,
    [...bounds(wanted), programme, zone, low],
  );
  return amountsOf(days.map(({ day, amount }) => [day, amount]));
}

/** Sums up anew all that was booked up to an instant. */
export async function sumDays(
  tx: Tx,
  { programme, zone }: StoredTiers,
  wanted: readonly Wanted[],
): Promise<void> {
  if (wanted.length === 0) return;
  await tx.named(
    'loyalty_tier_clear_days',
    'delete from loyalty_tier_days where customer_id = any($1::uuid[]) and programme = $2',
    [plainArray(wanted.map(({ customerId }) => customerId)), programme],
  );
  const all = wanted.map(({ customerId, since }) => ({ customerId, since: earliest, until: since }));
  await tx.named(
    'loyalty_tier_sum_days',
    `insert into loyalty_tier_days (customer_id, programme, day, points)
     select customer_id, $4, day, sum(points) from (${pointCredits}) as c
     group by customer_id, day order by customer_id, day`,
    [...bounds(all), programme, zone],
  );
}
/** before any bank had points */
const earliest = microsOf('1900-01-01T00:00:00Z');

/** Adds what was evaluated to the sums. */
export async function addDays(
  tx: Tx,
  { programme, content }: StoredTiers,
  loaded: ReadonlyMap<string, Loaded>,
): Promise<void> {
  if (content.qualify.by !== 'points') return;
  const rows = [...loaded].flatMap(([id, { credits }]) => credits.map((credit) => ({ id, ...credit })));
  if (rows.length === 0) return;
  await tx.named(
    'loyalty_tier_add_days',
    `insert into loyalty_tier_days as d (customer_id, programme, day, points)
     select customer_id, $1, day, sum(points) from unnest($2::uuid[], $3::date[], $4::bigint[]) as n(customer_id, day, points)
     group by customer_id, day order by customer_id, day
     on conflict (customer_id, programme, day) do update set points = d.points + excluded.points`,
    [
      programme,
      plainArray(rows.map(({ id }) => id)),
      plainArray(rows.map(({ day }) => day)),
      plainArray(rows.map(({ amount }) => amount)),
    ],
  );
}

/** By the customer's own initiative, out, and not between its own accounts. */
const spent = `a.state = 'current' and a.initiated_by = 'customer' and not a.own_transfer and a.direction <> 'in'
  and a.reporting_amount is not null`;

async function readSpend(
  reader: Reader,
  { content, zone }: StoredTiers,
  wanted: readonly Wanted[],
  low: string,
) {
  const { types } = content.qualify as { types: string[] };
  const values = [...bounds(wanted), textArray(types), zone, instantOf(startOfDay(low, zone))];
  const from = `from ${bounded} join activities a on a.customer_id = b.customer_id and a.type = any($4::text[])
    and a.occurred_at >= $6 and ${spent}`;
  const counts = 'greatest(a.occurred_at, a.recorded_at)';
  const days = await reader.named<Row>(
    'loyalty_tier_spend_days',
    `select a.customer_id, null as at, (a.occurred_at at time zone $5)::date as day, sum(a.reporting_amount)::text as amount
     ${from} where ${counts} <= b.since_at group by 1, 3`,
    values,
  );
  const credits = await reader.named<Row>(
    'loyalty_tier_spend_credits',
    `select a.customer_id, ${counts} as at, (a.occurred_at at time zone $5)::date as day, a.reporting_amount::text as amount
     ${from} where ${counts} > b.since_at order by 2, a.id`,
    values,
  );
  return { days, credits };
}

/** What was spent over the days from one on, as it is known now of what was recorded by an instant. */
export async function spendAsOf(
  reader: Reader,
  tiers: StoredTiers,
  { customerId, low, until }: { customerId: string; low: string; until: number },
): Promise<Amounts> {
  const { days } = await readSpend(reader, tiers, [{ customerId, since: until, until }], low);
  return amountsOf(days.map(({ day, amount }) => [day, amount]));
}

/** The lowest day that an answer for an instant can need. */
export const lowestFor = (tiers: StoredTiers, at: number, periodFrom: string | undefined): string => {
  const { period, zone } = rulesOf(tiers);
  const first = firstCounted(period, dayOf(at, zone));
  return periodFrom !== undefined && periodFrom < first ? periodFrom : first;
};
