/**
 * The lots of a member: points that were issued together, and go together.
 *
 * Order of use: the soonest expiry first, never-expiring last, then what was earned first, then by id. A lot is usable
 * while available_at <= now < expires_at; what a hold keeps of it is not free. The balance is what remains in lots.
 */

/** Points are whole. Of one entry at most a trillion: sums stay exact. */
export const mostPoints = 1_000_000_000_000;

/** Instants are microseconds since the epoch. */
export type Lot = {
  readonly accountId: string;
  readonly id: string;
  readonly earnedAt: number;
  readonly availableAt: number;
  /** null: never */
  readonly expiresAt: number | null;
  readonly amount: number;
  remaining: number;
  /** of what remains, what holds keep */
  held: number;
  /** what was redeemed of it, given to another account or paid for a debt, and not given back */
  spent: number;
  /** of what was spent, what was taken back and so became a debt */
  indebted: number;
};

/** So many points of a lot. */
export type Share = { lot: Lot; points: number };

export const freeOf = ({ remaining, held }: Lot): number => remaining - held;

export const hasExpired = ({ expiresAt }: Pick<Lot, 'expiresAt'>, at: number): boolean =>
  expiresAt !== null && expiresAt <= at;

export const isUsable = (lot: Lot, at: number): boolean => lot.availableAt <= at && !hasExpired(lot, at);

export function byOrderOfUse(a: Lot, b: Lot): number {
  const [first, second] = [a.expiresAt ?? Number.POSITIVE_INFINITY, b.expiresAt ?? Number.POSITIVE_INFINITY];
  if (first !== second) return first < second ? -1 : 1;
  return a.earnedAt - b.earnedAt || (a.id < b.id ? -1 : Number(a.id > b.id));
}

export const totalOf = (shares: readonly { points: number }[]): number =>
  shares.reduce((sum, { points }) => sum + points, 0);

/** The first points of what is offered, in the order of use; fewer where there are fewer. */
export function firstOf(offered: readonly Share[], points: number): Share[] {
  const taken: Share[] = [];
  let missing = points;
  for (const { lot, points: some } of [...offered].sort((a, b) => byOrderOfUse(a.lot, b.lot))) {
    const share = Math.min(some, missing);
    if (share > 0) taken.push({ lot, points: share });
    missing -= share;
  }
  return taken;
}

/** The last points of what is offered, in the order of use. */
export function lastOf(offered: readonly Share[], points: number): Share[] {
  const all = totalOf(offered);
  const before = new Map(firstOf(offered, all - Math.min(points, all)).map((one) => [one.lot, one.points]));
  return offered.flatMap(({ lot, points: some }) => {
    const share = some - (before.get(lot) ?? 0);
    return share > 0 ? [{ lot, points: share }] : [];
  });
}

/** What of which usable lots covers the points. Covers less where less is free. */
export const allocate = (lots: Iterable<Lot>, points: number, at: number): Share[] =>
  firstOf(
    [...lots].filter((lot) => isUsable(lot, at)).map((lot) => ({ lot, points: freeOf(lot) })),
    points,
  );
