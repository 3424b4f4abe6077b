/** The rules of tiers told another way than the service follows members by: day by day, and from all credits each time. */
import { Big } from 'big.js';
import { Temporal } from 'temporal-polyfill';
import type { Credit, TierRules } from '../../src/loyalty/tiers/standing.js';
import { startOfDay } from '../../src/rules/moment.js';

const plus = (day: string, duration: string) => Temporal.PlainDate.from(day).add(duration).toString();

export type NaiveMove = { at: number; rank: number };

/** What somebody who began on a day, with nothing, was moved to, and when. */
export function naiveMoves(
  rules: TierRules,
  first: string,
  credits: readonly Credit[],
  until: number,
): NaiveMove[] {
  const { zone, period: rule, grace, downgrade, bounds } = rules;
  const begun = startOfDay(first, zone);
  const yearOf = (day: string) => {
    const { year, month } = Temporal.PlainDate.from(day);
    const starts = rule.kind === 'calendar' ? rule.starts_month : 1;
    return new Temporal.PlainDate(month < starts ? year - 1 : year, starts, 1).toString();
  };
  const counts = (earned: string, day: string) =>
    earned <= day && (rule.kind === 'calendar' ? earned >= yearOf(day) : plus(earned, rule.length) > day);
  const sum = (at: number, which: (earned: string) => boolean) =>
    credits
      .filter((one) => one.at <= at && which(one.day))
      .reduce((all, one) => all.plus(one.amount), new Big(0));
  const enough = (amount: Big) =>
    bounds.filter((bound) => Number(bound) <= Math.max(0, amount.toNumber())).length - 1;

  let rank = enough(sum(begun, (earned) => counts(earned, first)));
  let anchor = first;
  let turn = 1;
  let from = rule.kind === 'calendar' ? yearOf(first) : first;
  const nth = (count: number) => {
    if (rule.kind === 'calendar') return plus(from, 'P1Y');
    const length = Temporal.Duration.from(rule.length);
    const times = (n: number) => n * count;
    return plus(
      anchor,
      Temporal.Duration.from({
        years: times(length.years),
        months: times(length.months),
        weeks: times(length.weeks),
        days: times(length.days),
      }).toString(),
    );
  };
  let to = nth(turn);
  const moves: NaiveMove[] = rank >= 0 ? [{ at: begun, rank }] : [];
  const move = (at: number, next: number) => {
    if (next === rank) return;
    rank = next;
    moves.push({ at, rank });
  };
  const last = Temporal.Instant.fromEpochMilliseconds(Math.floor(until / 1000))
    .toZonedDateTimeISO(zone)
    .toPlainDate();
  for (let day = first; day <= last.toString(); day = plus(day, 'P1D')) {
    const morning = startOfDay(day, zone);
    if (day === plus(to, grace) && morning <= until && day > first) {
      const own = enough(sum(morning - 1, (earned) => earned >= from && earned < to));
      const other = enough(sum(morning - 1, (earned) => counts(earned, day)));
      const best = Math.max(own, other);
      from = to;
      turn += 1;
      to = nth(turn);
      if (best < rank && downgrade !== 'never')
        move(morning, downgrade === 'one_step' ? Math.max(best, rank - 1) : best);
    }
    const evening = startOfDay(plus(day, 'P1D'), zone);
    for (const { at } of credits.filter(
      (one) => one.at > begun && one.at >= morning && one.at < evening && one.at <= until,
    )) {
      const reached = enough(sum(at, (earned) => counts(earned, day)));
      if (reached <= rank) continue;
      move(at, reached);
      anchor = day;
      turn = 1;
      from = rule.kind === 'calendar' ? yearOf(day) : day;
      to = nth(turn);
    }
  }
  return moves;
}
