/**
 * Rolling windows. An activity is in `{ last: D }` while occurred_at <= now < occurred_at + D, with D added in
 * the bank's time zone and clamped to the end of shorter months. (Subtracting D from now instead would let
 * 28 February leave `P1M` on 28 March and come back on the 29th.)
 *
 * The database adds no durations: the end of an activity is its instant plus a shift that is constant between
 * few instants (ends of months, changes of the clocks), and those pieces are computed here. So one calendar
 * decides everywhere, and a window is a range of an index.
 *
 * Adding is not monotone: with P1M, 28 January 12:00 ends on 28 February 12:00, but 31 January 09:00 ends before
 * it, at 09:00. So beside the bound after which every activity is in (`sure`) stands the earliest one that still
 * may be (`lowest`); they differ only while such days overlap.
 */
import { type SQL, sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import { instantOf } from '../platform/instants.js';
import { type Moment, microsOfZoned, startOfDay, zonedOf } from './moment.js';

const dayMicros = 86_400_000_000;

/** From `from` on, until the next piece, an activity ends `shift` microseconds after it occurred. */
export type Piece = { from: number; shift: number };

export type WindowRange = {
  /** the earliest instant that is in */
  lowest: number;
  /** from here on every instant up to now is in */
  sure: number;
  /** from `lowest` to now */
  pieces: readonly Piece[];
  /** whether what occurred first always ends first */
  monotone: boolean;
};

/** When an activity of that instant leaves the window. */
export const endOf = (micros: number, duration: Temporal.Duration, timeZone: string): number =>
  microsOfZoned(zonedOf(micros, timeZone).add(duration));

export function rangeOf(last: string, moment: Moment): WindowRange {
  const { nowMicros, timeZone } = moment;
  const duration = Temporal.Duration.from(last);
  // a month has up to three days that clamp onto another, clocks change by hours: eight days are enough
  const start = microsOfZoned(zonedOf(nowMicros, timeZone).subtract(duration).subtract({ days: 8 }));
  const pieces = piecesOf(duration, timeZone, start, nowMicros);
  let lowest: number | undefined;
  let sure = start;
  for (const [index, { from, shift }] of pieces.entries()) {
    const next = pieces[index + 1]?.from ?? nowMicros + 1;
    const outUntil = Math.min(next, nowMicros - shift + 1);
    if (outUntil > from) sure = outUntil;
    if (outUntil < next) lowest ??= Math.max(from, outUntil);
  }
  if (lowest === undefined || lowest === start) throw new Error(`no bound for ${last} at ${moment.now}`);
  const first = pieces.findLastIndex((piece) => piece.from <= lowest);
  const used = pieces.slice(first);
  const monotone = used.every(
    (piece, index) => index === 0 || piece.shift >= (used[index - 1] as Piece).shift,
  );
  return { lowest, sure, pieces: used, monotone };
}

/** The pieces of `endOf` over [start, end]. */
export function piecesOf(duration: Temporal.Duration, timeZone: string, start: number, end: number): Piece[] {
  const coarse = [
    start,
    ...monthBreaks(duration, timeZone, start, end),
    ...changesOfClock(timeZone, start, end),
  ];
  const breaks = [...new Set(coarse)].sort((a, b) => a - b);
  const fine = new Set([...breaks, ...landingBreaks(duration, timeZone, breaks, end)]);
  const pieces: Piece[] = [];
  for (const from of [...fine].sort((a, b) => a - b)) {
    const shift = endOf(from, duration, timeZone) - from;
    if (shift !== pieces.at(-1)?.shift) pieces.push({ from, shift });
  }
  return pieces;
}

/** The first of each month, and the days that it has more than the month on which it lands: each clamps differently. */
function monthBreaks(duration: Temporal.Duration, timeZone: string, start: number, end: number): number[] {
  const { years, months } = duration;
  if (years === 0 && months === 0) return [];
  const days: Temporal.PlainDate[] = [];
  const lastMonth = zonedOf(end, timeZone).toPlainDate().toPlainYearMonth();
  let month = zonedOf(start, timeZone).toPlainDate().toPlainYearMonth();
  for (; Temporal.PlainYearMonth.compare(month, lastMonth) <= 0; month = month.add({ months: 1 })) {
    days.push(month.toPlainDate({ day: 1 }));
    const landing = month.add({ years, months }).daysInMonth;
    for (let day = landing + 1; day <= month.daysInMonth; day += 1) days.push(month.toPlainDate({ day }));
  }
  const moved = days.map((day) => day.until(day.add({ years, months })).days);
  return days
    .filter((_, index) => moved[index] !== moved[index - 1])
    .map((day) => startOfDay(day, timeZone))
    .filter((each) => each > start && each <= end);
}

function changesOfClock(timeZone: string, start: number, end: number): number[] {
  const changes: number[] = [];
  let change = zonedOf(start, timeZone).getTimeZoneTransition('next');
  while (change !== null && microsOfZoned(change) <= end) {
    changes.push(microsOfZoned(change));
    change = change.getTimeZoneTransition('next');
  }
  return changes;
}

/** Where activities begin to end on the other side of a change of the clocks, or inside the hour it skips. */
function landingBreaks(
  duration: Temporal.Duration,
  timeZone: string,
  breaks: readonly number[],
  end: number,
): number[] {
  const { years, months, weeks, days } = duration;
  const calendarPart = Temporal.Duration.from({ years, months, weeks, days });
  if (calendarPart.blank) return [];
  const first = endOf(breaks[0] as number, calendarPart, timeZone) - 5 * dayMicros;
  const walls = changesOfClock(timeZone, first, endOf(end, calendarPart, timeZone) + 5 * dayMicros).flatMap(
    (change) => [change + offsetAt(change - 1, timeZone), change + offsetAt(change, timeZone)],
  );
  return breaks.flatMap((from, index) => {
    const until = breaks[index + 1] ?? end + 1;
    const source = zonedOf(from, timeZone).toPlainDateTime();
    const movedDays = source.toPlainDate().until(source.add(calendarPart).toPlainDate()).days;
    const toSource = offsetAt(from, timeZone) + movedDays * dayMicros;
    return walls.map((wall) => wall - toSource).filter((each) => each > from && each < until);
  });
}

const offsetAt = (micros: number, timeZone: string): number =>
  zonedOf(micros, timeZone).offsetNanoseconds / 1000;

export const instantSql = (micros: number): SQL => sql`${instantOf(micros)}::timestamptz`;

/** When an activity of the instant `at` leaves. */
export function endSql(at: SQL, { pieces }: WindowRange): SQL {
  const shifted = ({ shift }: Piece) => sql`${at} + ${`${shift} microseconds`}::interval`;
  const last = pieces.at(-1) as Piece;
  if (pieces.length === 1) return sql`(${shifted(last)})`;
  const branches = pieces
    .slice(0, -1)
    .map(
      (piece, index) =>
        sql` when ${at} < ${instantSql((pieces[index + 1] as Piece).from)} then ${shifted(piece)}`,
    );
  return sql`(case${sql.join(branches)} else ${shifted(last)} end)`;
}

/** Whether an activity of the instant `at` is in. Without a range: whether it has happened. */
export function insideSql(at: SQL, range: WindowRange | null, moment: Moment): SQL {
  const begun = sql`${at} <= ${instantSql(moment.nowMicros)}`;
  if (range === null) return begun;
  const inside = sql`${at} >= ${instantSql(range.lowest)} and ${begun}`;
  if (range.lowest === range.sure) return inside;
  return sql`${inside} and (${at} >= ${instantSql(range.sure)} or ${endSql(at, range)} > ${instantSql(moment.nowMicros)})`;
}
