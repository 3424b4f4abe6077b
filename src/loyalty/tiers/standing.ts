/**
 * How members move between tiers. Up at once, at the instant at which what has qualified in the period that runs meets a
 * bound. Down never before the review of a period, which is its end and the grace after it: the tier is kept where the
 * period itself has met its bound, or what counts on the day of the review does, so that what comes within the grace
 * helps. Who falls short goes down to what the better of both qualifies for, by one tier at most where the programme
 * wants a soft landing, or never. A reversal takes its credit from the day on which it was earned; the tier that it had
 * helped to stays until the review. (DOMAIN.md, Loyalty, 11.)
 *
 * What counts is by the day on which it was earned, in the programme's time zone; from when on it counts is when it was
 * booked, so that nothing that was recorded is changed by what comes late.
 */
import { Big } from 'big.js';
import { startOfDay } from '../../rules/moment.js';
import {
  addTo,
  dayOf,
  firstCounted,
  type Period,
  type PeriodRule,
  periodAfter,
  periodFrom,
  takeFrom,
} from './periods.js';

export const downgrades = ['one_step', 'by_balance', 'never'] as const;

export type TierRules = {
  zone: string;
  period: PeriodRule;
  /** of days, months, years */
  grace: string;
  warnBefore: string;
  downgrade: (typeof downgrades)[number];
  /** of the tiers, ascending */
  bounds: readonly string[];
};

/** Rank -1 is no tier. `period` is the one that is reviewed next. */
export type Standing = { rank: number; period: Period; anchor: string; warnedFor: string | null };

/** `at` is from when on it counts, `day` when it was earned. A reversal is negative. */
export type Credit = { at: number; day: string; amount: string };

type MoveCause = 'reached' | 'review';
export type Move = {
  at: number;
  former: number;
  rank: number;
  cause: MoveCause;
  evidence: MoveEvidence;
};
/** What it was held to: the bound of the tier that was reached, or of the one that was lost. */
export type MoveEvidence = {
  bound: string;
  /** what counted then, from that day on */
  amount: string;
  counted_from: string;
  /** at a review, what the period itself had */
  period_amount: string | null;
  period: Period;
  anchor: string;
};
export type Warning = { at: number; rank: number; missing: string; reviewAt: number; goesTo: number };
type Followed = { standing: Standing; moves: Move[]; warnings: Warning[] };

/** The highest tier whose bound the amount meets; -1 for none. What was taken back beyond what had come is nothing. */
export const rankOf = ({ bounds }: Pick<TierRules, 'bounds'>, amount: Big): number =>
  bounds.findLastIndex((bound) => (amount.lt(0) ? new Big(0) : amount).gte(bound));

const floorOf = (rules: TierRules): number => rankOf(rules, new Big(0));

export const reviewAt = ({ zone, grace }: TierRules, { to }: Period): number =>
  startOfDay(addTo(to, grace), zone);
const warningAt = ({ zone, grace, warnBefore }: TierRules, { to }: Period): number =>
  startOfDay(takeFrom(addTo(to, grace), warnBefore), zone);

/** Whether a review can take anything away. */
export const canFall = (rules: TierRules, { rank }: Pick<Standing, 'rank'>): boolean =>
  rules.downgrade !== 'never' && rank > floorOf(rules);

/** What has qualified, by day. */
export type Amounts = {
  add(credit: Pick<Credit, 'day' | 'amount'>): void;
  /** Of the days from one to another, both among them. */
  between(from: string, to: string): Big;
  /** The same of days that are asked for again and again. */
  counted(from: string, to: string): Big;
};

export function amountsOf(known: Iterable<readonly [string, string]>): Amounts {
  const days = new Map([...known].map(([day, amount]) => [day, new Big(amount)]));
  let asked: { from: string; to: string; sum: Big } | null = null;
  const between: Amounts['between'] = (from, to) => {
    let sum = new Big(0);
    for (const [day, amount] of days) if (day >= from && day <= to) sum = sum.plus(amount);
    return sum;
  };
  return {
    add({ day, amount }) {
      days.set(day, (days.get(day) ?? new Big(0)).plus(amount));
      if (asked !== null && day >= asked.from && day <= asked.to) asked.sum = asked.sum.plus(amount);
    },
    between,
    counted(from, to) {
      if (asked?.from !== from || asked.to !== to) asked = { from, to, sum: between(from, to) };
      return asked.sum;
    },
  };
}

/** What the review would see if it were now: what the period has, and what would still count on its day. */
function reviewed(rules: TierRules, { period }: Standing, amounts: Amounts) {
  const day = addTo(period.to, rules.grace);
  const from = firstCounted(rules.period, day);
  return {
    own: amounts.between(period.from, takeFrom(period.to, 'P1D')),
    counted: amounts.between(from, day),
    from,
  };
}

/** What counts for keeping the tier, and what a review would make of it. */
export function outlook(rules: TierRules, standing: Standing, amounts: Amounts) {
  const { own, counted } = reviewed(rules, standing, amounts);
  const best = own.gt(counted) ? own : counted;
  const lack = new Big(rules.bounds[standing.rank] ?? 0).minus(best);
  return {
    amount: best.toFixed(),
    missing: lack.gt(0) ? lack.toFixed() : '0',
    goesTo: rankAfter(rules, standing.rank, rankOf(rules, best)),
  };
}

/** @param qualifies what the amounts would be enough for */
export function rankAfter({ downgrade }: TierRules, rank: number, qualifies: number): number {
  if (qualifies >= rank || downgrade === 'never') return rank;
  return downgrade === 'one_step' ? Math.max(qualifies, rank - 1) : qualifies;
}

/** Who begins at an instant, with the tier that it is given or what has qualified by then. */
export function begin(
  rules: TierRules,
  amounts: Amounts,
  at: number,
  given = -1,
): { standing: Standing; evidence: MoveEvidence } {
  const day = dayOf(at, rules.zone);
  const from = firstCounted(rules.period, day);
  const amount = amounts.between(from, day);
  const qualifies = rankOf(rules, amount);
  const rank = Math.max(given, qualifies);
  const period = periodFrom(rules.period, day);
  return {
    standing: { rank, period, anchor: day, warnedFor: null },
    evidence: evidenceOf(rules, { bound: rank, amount, from, own: null, period, anchor: day }),
  };
}

type Seen = { bound: number; amount: Big; from: string; own: Big | null; period: Period; anchor: string };

const evidenceOf = ({ bounds }: TierRules, { bound, amount, from, own, period, anchor }: Seen) => ({
  bound: bounds[bound] ?? '0',
  amount: amount.toFixed(),
  counted_from: from,
  period_amount: own === null ? null : own.toFixed(),
  period,
  anchor,
});

/**
 * Follows a member instant by instant, from `since` on, up to and with `until`. `amounts` are those before the first
 * credit, and have all of them at the end; `credits` are in the order of their instants. What comes late is as if it had
 * been seen in time, but for warnings of reviews that are over by then.
 */
export function follow(
  rules: TierRules,
  start: Standing,
  amounts: Amounts,
  { credits, since, until }: { credits: readonly Credit[]; since: number; until: number },
): Followed {
  const walk: Walk = { rules, amounts, standing: start, moves: [], warnings: [], now: since, until };
  let place = 0;
  // what has changed since the warning was due, without a credit
  if (since >= warningAt(rules, start.period)) warn(walk);
  for (;;) {
    const credit = credits[place];
    const timed = nextTimed(rules, walk.standing, walk.now);
    // what is booked at the instant of a review comes after it
    if (credit !== undefined && credit.at < timed && credit.at <= until) {
      walk.now = Math.max(walk.now, credit.at);
      place += 1;
      credited(walk, credit);
    } else if (timed <= until) {
      walk.now = timed;
      if (timed < reviewAt(rules, walk.standing.period)) warn(walk);
      else review(walk);
    } else return { standing: walk.standing, moves: walk.moves, warnings: walk.warnings };
  }
}

type Walk = Followed & {
  rules: TierRules;
  amounts: Amounts;
  now: number;
  until: number;
  /** the first day that counts on a day: thousands of credits can come on one */
  counted?: { day: string; from: string };
};

/** The next instant, after now, that means something to a member: the warning, or the review. */
export function nextTimed(rules: TierRules, standing: Standing, now: number): number {
  const review = reviewAt(rules, standing.period);
  const warning = warningAt(rules, standing.period);
  return warning <= now || isWarned(standing) || !canFall(rules, standing)
    ? review
    : Math.min(review, warning);
}

const isWarned = ({ warnedFor, period }: Standing): boolean => warnedFor === period.to;

function credited(walk: Walk, credit: Credit): void {
  const { rules, amounts, standing, now: at } = walk;
  amounts.add(credit);
  const day = dayOf(at, rules.zone);
  if (walk.counted?.day !== day) walk.counted = { day, from: firstCounted(rules.period, day) };
  const { from } = walk.counted;
  const amount = amounts.counted(from, day);
  const rank = rankOf(rules, amount);
  if (rank > standing.rank) {
    const period = periodFrom(rules.period, day);
    const seen = { bound: rank, amount, from, own: null, period, anchor: day };
    const evidence = evidenceOf(rules, seen);
    walk.moves.push({ at, former: standing.rank, rank, cause: 'reached', evidence });
    walk.standing = { rank, period, anchor: day, warnedFor: null };
  } else if (new Big(credit.amount).lt(0) && at >= warningAt(rules, standing.period)) warn(walk);
}

/** Once a period, and not where its review is over as well. */
function warn(walk: Walk): void {
  const { rules, standing, amounts, until, now: at } = walk;
  const due = reviewAt(rules, standing.period);
  if (!canFall(rules, standing) || isWarned(standing) || due <= until) return;
  const { missing, goesTo } = outlook(rules, standing, amounts);
  if (missing === '0') return;
  walk.warnings.push({ at, rank: standing.rank, missing, reviewAt: due, goesTo });
  walk.standing = { ...standing, warnedFor: standing.period.to };
}

function review(walk: Walk): void {
  const { rules, standing, amounts, now: at } = walk;
  const { period, anchor, rank: former } = standing;
  const next = periodAfter(rules.period, period, anchor);
  walk.standing = { ...standing, period: next, warnedFor: null };
  if (!canFall(rules, standing)) return;
  const { own, counted: amount, from } = reviewed(rules, standing, amounts);
  const rank = rankAfter(rules, former, rankOf(rules, own.gt(amount) ? own : amount));
  if (rank === former) return;
  const seen = { bound: former, amount, from, own, period: next, anchor };
  walk.moves.push({ at, former, rank, cause: 'review', evidence: evidenceOf(rules, seen) });
  walk.standing = { ...walk.standing, rank };
}
