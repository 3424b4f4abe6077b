/**
 * All-time counts and sums of a customer's activities, by type, direction and initiator. They are kept as
 * activities come in, so that they are read in one step and outlive the activities themselves. Amounts are summed
 * in the bank's currency; what has an amount but no value in it is counted as unvalued.
 */
export type Summable = {
  type: string;
  direction: string;
  initiatedBy: string;
  occurredAt: string;
  amount: string | null;
  reportingAmount: string | null;
};

export type Total = {
  type: string;
  direction: string;
  initiatedBy: string;
  count: number;
  amount: string;
  unvalued: number;
  firstAt: string;
  lastAt: string;
};

type Sum = Omit<Total, 'amount'> & { units: bigint };

/** Amounts have at most four decimals. */
const decimals = 4;

function unitsOf(amount: string): bigint {
  const point = amount.indexOf('.');
  if (point < 0) return BigInt(`${amount}0000`);
  return BigInt(amount.slice(0, point) + amount.slice(point + 1).padEnd(decimals, '0'));
}

function amountOf(units: bigint): string {
  const digits = units.toString().padStart(decimals + 1, '0');
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** Instants as `instantOf` writes them have two lengths; what is later is so in either. */
const isBefore = (left: string, right: string) =>
  left.length === right.length ? left < right : left.slice(0, -1) < right.slice(0, -1);

const byKey = (left: Sum, right: Sum) => {
  if (left.type !== right.type) return left.type < right.type ? -1 : 1;
  if (left.direction !== right.direction) return left.direction < right.direction ? -1 : 1;
  return left.initiatedBy < right.initiatedBy ? -1 : 1;
};

/** One total a type, direction and initiator of one customer's activities, in the order of their keys. */
export function sumActivities(activities: readonly { activity: Summable }[]): Total[] {
  const sums: Sum[] = [];
  for (const { activity: one } of activities) {
    // a customer's share of a batch is a few: looking along the list is quicker than a key of texts
    const sum = sums.find((each) => isOf(each, one)) ?? newSum(sums, one);
    sum.count += 1;
    if (one.reportingAmount !== null) sum.units += unitsOf(one.reportingAmount);
    else if (one.amount !== null) sum.unvalued += 1;
    if (isBefore(one.occurredAt, sum.firstAt)) sum.firstAt = one.occurredAt;
    if (isBefore(sum.lastAt, one.occurredAt)) sum.lastAt = one.occurredAt;
  }
  return sums.sort(byKey).map(({ units, ...sum }) => ({ ...sum, amount: amountOf(units) }));
}

const isOf = (sum: Sum, one: Summable) =>
  sum.type === one.type && sum.direction === one.direction && sum.initiatedBy === one.initiatedBy;

function newSum(sums: Sum[], one: Summable): Sum {
  const { type, direction, initiatedBy, occurredAt } = one;
  const sum: Sum = {
    type,
    direction,
    initiatedBy,
    count: 0,
    units: 0n,
    unvalued: 0,
    firstAt: occurredAt,
    lastAt: occurredAt,
  };
  sums.push(sum);
  return sum;
}
