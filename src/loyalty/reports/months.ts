/** Reports by month, by the calendar of the programme's time zone: what has moved, and what will expire. */
import { sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import { array, type Reader } from '../../db/client.js';
import type { Drawing } from '../../platform/charts/draw.js';
import { timeChart } from '../../platform/charts/shapes.js';
import type { Ctx } from '../../platform/context.js';
import { microsOf } from '../../platform/instants.js';
import { outstandingOf, queryProblem, reportOf, sumsAt } from './reports.js';
import type { ExpiryForecast, LoyaltyStatistics } from './schemas.js';
import { type Sums, sumsBefore } from './sums.js';

export const mostMonths = 120;
const usualMonths = 12;

const monthOf = (instant: string, timeZone: string) =>
  Temporal.Instant.from(instant).toZonedDateTimeISO(timeZone).toPlainDate().toPlainYearMonth();

/** RFC 3339, UTC */
const startOf = (month: Temporal.PlainYearMonth, timeZone: string) =>
  month.toPlainDate({ day: 1 }).toZonedDateTime({ timeZone }).toInstant().toString();

/** The months from one to another. Throws 422 where they are too many, or not yet. */
function monthsOf(
  { now }: Ctx,
  timeZone: string,
  { from, to }: { from?: string; to?: string },
): Temporal.PlainYearMonth[] {
  const present = monthOf(now, timeZone);
  const last = to === undefined ? present : Temporal.PlainYearMonth.from(to);
  const first =
    from === undefined ? last.subtract({ months: usualMonths - 1 }) : Temporal.PlainYearMonth.from(from);
  if (Temporal.PlainYearMonth.compare(last, present) > 0)
    throw queryProblem('/to', 'range', 'must not be after the present month');
  const count = first.until(last, { largestUnit: 'month' }).months + 1;
  if (count < 1) throw queryProblem('/from', 'range', 'must not be after `to`');
  if (count > mostMonths)
    throw queryProblem('/from', 'range', `must be at most ${mostMonths} months before \`to\``);
  return Array.from({ length: count }, (_, place) => first.add({ months: place }));
}

/** What was issued, redeemed, expired and cancelled in each month, and what was outstanding at its end, or is now. */
export const statistics = (
  ctx: Ctx,
  key: string,
  range: { from?: string; to?: string },
): Promise<LoyaltyStatistics & { name: string }> =>
  reportOf(ctx, key, async (reader, { content: { name, time_zone: timeZone } }) => {
    const months = monthsOf(ctx, timeZone, range);
    const ends = months.map((month) => {
      const end = startOf(month.add({ months: 1 }), timeZone);
      return microsOf(end) < microsOf(ctx.now) ? end : ctx.now;
    });
    const begin = startOf(months[0] as Temporal.PlainYearMonth, timeZone);
    const [before, ...sums] = (await sumsBefore(reader, key, [begin, ...ends])) as [Sums, ...Sums[]];
    return {
      name,
      programme: key,
      time_zone: timeZone,
      outstanding_before: outstandingOf(before),
      months: months.map((month, place) => {
        const [start, end] = [place === 0 ? before : (sums[place - 1] as Sums), sums[place] as Sums];
        return {
          month: month.toString(),
          issued: start.issued - end.issued,
          redeemed: end.redeemed - start.redeemed,
          expired: end.expired - start.expired,
          cancelled: end.cancelled - start.cancelled,
          outstanding: outstandingOf(end),
        };
      }),
    };
  });

export function statisticsChart({
  name,
  months,
  outstanding_before,
}: LoyaltyStatistics & { name: string }): Drawing {
  const total = (of: 'issued' | 'redeemed' | 'expired' | 'cancelled') =>
    months.reduce((sum, month) => sum + month[of], 0);
  const bar = (title: string, of: 'issued' | 'redeemed' | 'expired' | 'cancelled', sign: 1 | -1) => ({
    name: title,
    shape: 'bar' as const,
    stack: 'moved',
    values: months.map((month) => 0 + sign * month[of]),
  });
  const last = months.at(-1);
  return timeChart({
    title: name,
    description: `Points from ${months[0]?.month ?? ''} to ${last?.month ?? ''}: ${outstanding_before} outstanding before, ${total('issued')} issued, ${total('redeemed')} redeemed, ${total('expired')} expired, ${total('cancelled')} cancelled, ${last?.outstanding ?? outstanding_before} outstanding at the end.`,
    labels: months.map(({ month }) => month),
    panels: [
      {
        name: 'Outstanding',
        series: [
          { name: 'At the end of the month', shape: 'area', values: months.map((one) => one.outstanding) },
        ],
      },
      {
        name: 'A month',
        series: [
          bar('Issued', 'issued', 1),
          bar('Redeemed', 'redeemed', -1),
          bar('Expired', 'expired', -1),
          bar('Cancelled', 'cancelled', -1),
        ],
      },
    ],
  });
}

/** What expires in each month if nothing more is done. It is read from the lots that are open, whatever the history is. */
export const expiryForecast = (ctx: Ctx, key: string, count: number): Promise<ExpiryForecast> =>
  reportOf(ctx, key, async (reader, { content: { time_zone: timeZone } }) => {
    const first = monthOf(ctx.now, timeZone);
    const months = Array.from({ length: count }, (_, place) => first.add({ months: place }));
    const ends = months.map((month) => startOf(month.add({ months: 1 }), timeZone));
    const { expiring, kept } = await expiringBefore(reader, ctx, key, ends);
    const sums = await sumsAt(reader, key, ctx.now);
    const within = expiring.slice(0, -1).reduce((sum, points) => sum + points, 0);
    const later = expiring.at(-1) ?? 0;
    return {
      programme: key,
      as_of: ctx.now,
      time_zone: timeZone,
      months: months.map((month, place) => ({ month: month.toString(), points: expiring[place] ?? 0 })),
      later,
      kept_by_holds: kept,
      never: sums.lots - within - later - kept,
      debt: 0 - sums.debts,
    };
  });

/** By month, the last of them for all that comes later; and what holds keep of lots that have expired already. */
async function expiringBefore(
  reader: Reader,
  { now }: Ctx,
  key: string,
  ends: readonly string[],
): Promise<{ expiring: number[]; kept: number }> {
  const rows = await reader.rows<{ place: number; points: number }>(sql`
    select width_bucket(expires_at, ${array(ends, 'timestamptz')}) as place, sum(remaining)::bigint as points
    from loyalty_lots where programme = ${key} and remaining > 0 and expires_at > ${now} group by 1`);
  const [held] = await reader.rows<{ points: number }>(sql`
    select coalesce(sum(s.points), 0)::bigint as points
    from loyalty_lots l join loyalty_hold_lots s using (customer_id, account_id, lot_id)
    join loyalty_holds h on h.customer_id = s.customer_id and h.hold_id = s.hold_id
    where l.programme = ${key} and l.remaining > 0 and l.held > 0 and l.expires_at <= ${now}
      and h.status = 'active' and h.expires_at > ${now}`);
  const expiring = [...ends, null].map((_end, place) => rows.find((row) => row.place === place)?.points ?? 0);
  return { expiring, kept: held?.points ?? 0 };
}
