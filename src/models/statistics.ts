/**
 * What the purchase models know of a customer (Fader, Hardie & Lee, Marketing Science 24(2), 2005): how many days with
 * a repeat purchase, when the last one was, and for how long the customer could have been seen. Times are counted from
 * the first purchase, in one unit throughout (weeks in the publications).
 */
export type Statistics = {
  /** repeat purchases, 0 or more: several within one day are one, and the first does not count */
  frequency: number;
  /** from the first to the last purchase; 0 where there is no repeat purchase */
  recency: number;
  /** from the first purchase to the end of the window */
  age: number;
};

/** Customers whose statistics are equal are one line: the likelihood is the same, and a large base has few lines. */
export type GroupedStatistics = Statistics & { customers: number };

/** Why the models refuse it; null where they do not. */
export function problemOf({ frequency, recency, age }: Statistics): string | null {
  if (!Number.isSafeInteger(frequency) || frequency < 0) return 'frequency is a whole number, 0 or more';
  if (!Number.isFinite(recency) || recency < 0) return 'recency is a time, 0 or more';
  if (!Number.isFinite(age) || age < 0) return 'age is a time, 0 or more';
  if (recency > age) return 'the last purchase is after the end of the window';
  if (frequency === 0 && recency > 0) return 'who never purchased again has no last purchase after the first';
  if (frequency > 0 && recency === 0) return 'a repeat purchase is later than the first';
  return null;
}

/** Throws a RangeError that names what is wrong. */
export function mustBeStatistics(statistics: Statistics): void {
  const problem = problemOf(statistics);
  if (problem !== null) throw new RangeError(problem);
}

/** Throws a RangeError where one of the lines is refused, or stands for no customer. */
export function mustBeGrouped(groups: readonly GroupedStatistics[]): void {
  if (groups.length === 0) throw new RangeError('a model is not fitted to nobody');
  for (const group of groups) {
    mustBeStatistics(group);
    if (!Number.isSafeInteger(group.customers) || group.customers < 1)
      throw new RangeError('a line stands for one customer or more');
  }
}

/** In the order in which they are first met. */
export function groupStatistics(each: Iterable<Statistics>): GroupedStatistics[] {
  const groups = new Map<string, GroupedStatistics>();
  for (const { frequency, recency, age } of each) {
    const key = `${frequency} ${recency} ${age}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { frequency, recency, age, customers: 1 });
    else group.customers += 1;
  }
  return [...groups.values()];
}
