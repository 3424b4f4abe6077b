/**
 * The size of a segment through time, and who came and went each day of the bank. A day's entries and exits are those
 * of [its first instant, the next day's), so that the size at its end is the one before, and what came, less what went.
 */
import { type SQL, sql } from 'drizzle-orm';
import { array } from '../db/client.js';
import { bankDays } from '../platform/bank-days.js';
import type { Drawing } from '../platform/charts/draw.js';
import { timeChart } from '../platform/charts/shapes.js';
import { type Ctx, today } from '../platform/context.js';
import { DomainError } from '../platform/errors.js';
import { memberInReach } from './members.js';

export type DayStatistics = { date: string; size: number; entries: number; exits: number };
export type SegmentStatistics = {
  from: string;
  to: string;
  time_zone: string;
  size_before: number;
  days: DayStatistics[];
};

/** What comes and goes of a day, by its place among the days; 0 and the last are before and after all of them. */
type Moved = { place: number; entries: number; exits: number };

export const maximumDays = 400;
const usualDays = 30;
const dayMilliseconds = 86_400_000;

const plusDays = (date: string, days: number) =>
  new Date(Date.parse(`${date}T00:00:00Z`) + days * dayMilliseconds).toISOString().slice(0, 10);

/** The dates from one to another. Throws `rule_broken` where they are too many, or not yet. */
export function datesOf(ctx: Ctx, from: string | undefined, to: string = today(ctx)): string[] {
  const first = from ?? plusDays(to, 1 - usualDays);
  const count = (Date.parse(to) - Date.parse(first)) / dayMilliseconds + 1;
  const wrong = (pointer: string, message: string) =>
    new DomainError('rule_broken', `${pointer} ${message}.`, {
      errors: [{ in: 'query', pointer, code: 'range', message }],
    });
  if (to > today(ctx)) throw wrong('/to', 'must not be after today');
  if (count < 1) throw wrong('/from', 'must not be after `to`');
  if (count > maximumDays) throw wrong('/from', `must be at most ${maximumDays} days before \`to\``);
  return Array.from({ length: count }, (_, place) => plusDays(first, place));
}

export async function segmentStatistics(
  ctx: Ctx,
  segment: string,
  dates: readonly string[],
): Promise<SegmentStatistics> {
  const { timeZone } = ctx.bank;
  const first = dates[0] as string;
  const last = dates.at(-1) as string;
  const bounds = [...dates, plusDays(last, 1)].map((date) =>
    new Date(bankDays(timeZone).startOf(date)).toISOString(),
  );
  const rows = await ctx.database.rows<Moved>(movements(ctx, segment, bounds));
  const moved = new Map(rows.map((row) => [row.place, row]));
  const open = moved.get(-1)?.entries ?? 0;
  const since = rows.filter(({ place }) => place > 0);
  // counted back from the open ones: a long history costs nothing
  const size_before = since.reduce((size, { entries, exits }) => size - entries + exits, open);
  let size = size_before;
  const days = dates.map((date, place) => {
    const { entries, exits } = moved.get(place + 1) ?? { entries: 0, exits: 0 };
    size += entries - exits;
    return { date, size, entries, exits };
  });
  return { from: first, to: last, time_zone: timeZone, size_before, days };
}

/** All of one snapshot, from indexes alone where the caller reaches everybody. The open ones are at place -1. */
function movements(ctx: Ctx, segment: string, bounds: readonly string[]): SQL {
  const days = array(bounds, 'timestamptz');
  const first = sql`${bounds[0]}::timestamptz`;
  const member = sql`from memberships m where m.segment = ${segment} and ${memberInReach(ctx)}`;
  return sql`
    select place, sum(entries)::int as entries, sum(exits)::int as exits from (
      select width_bucket(m.entered_at, ${days}) as place, count(*) as entries, 0 as exits
      ${member} and m.entered_at >= ${first} group by 1
      union all
      select width_bucket(m.left_at, ${days}), 0, count(*) ${member} and m.left_at >= ${first} group by 1
      union all
      select -1, count(*), 0 ${member} and m.left_at is null
    ) moved group by place`;
}

export function statisticsChart(name: string, statistics: SegmentStatistics): Drawing {
  const { days, from, to, size_before } = statistics;
  const sum = (of: (day: DayStatistics) => number) => days.reduce((total, day) => total + of(day), 0);
  const entries = sum((day) => day.entries);
  const exits = sum((day) => day.exits);
  return timeChart({
    title: name,
    description: `Members from ${from} to ${to}: ${size_before} before, ${entries} entered, ${exits} left, ${days.at(-1)?.size ?? size_before} at the end.`,
    labels: days.map(({ date }) => date),
    panels: [
      {
        name: 'Members',
        series: [{ name: 'At the end of the day', shape: 'area', values: days.map(({ size }) => size) }],
      },
      {
        name: 'A day',
        series: [
          { name: 'Entered', shape: 'bar', stack: 'moved', values: days.map((day) => day.entries) },
          { name: 'Left', shape: 'bar', stack: 'moved', values: days.map((day) => 0 - day.exits) },
        ],
      },
    ],
  });
}
