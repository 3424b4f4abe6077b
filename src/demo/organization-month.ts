/** What an organization does in a month. */
import type { Doing, MonthOf } from './doing.js';
import { workdayUpTo } from './seasons.js';

export function organizationMonth({ customer, holdings, month, name, random }: MonthOf): Doing[] {
  const account = holdings.find((one) => one.category === 'deposit');
  const second = () => random.integer(9 * 3600, 18 * 3600 - 1);
  const amount = (median: number, spread: number) =>
    Math.max(10, Math.round(random.logNormal(median, spread) * 100) / 100);
  // the month of the Spring Festival is a short one
  const pace = name.endsWith('-02') ? 0.7 : name.endsWith('-12') ? 1.3 : 1;
  const several = (mean: number, make: (day: string) => Doing) =>
    Array.from({ length: random.times(mean * pace) }, () => make(random.pick(month.workdays)));
  const payday = workdayUpTo(month, 10);
  const taxday = workdayUpTo(month, 15);
  const interestDay = month.days[20] ?? '';
  const monthly = customer.income * pace;
  const outgoing = { direction: 'out', channel: 'web', holding: account } as const;
  return [
    ...several(5, (day) => ({
      type: 'customer_receipt',
      day,
      second: second(),
      amount: amount(monthly / 5.5, 0.6),
      direction: 'in',
      initiatedBy: 'third_party',
      channel: 'other',
      holding: account,
    })),
    ...several(4, (day) => ({
      type: 'supplier_payment',
      day,
      second: second(),
      amount: amount(monthly / 8, 0.6),
      ...outgoing,
    })),
    ...several(7, (day) => ({ type: 'login', day, second: second(), channel: 'web' })),
    ...several(0.3, (day) => ({
      type: 'branch_visit',
      day,
      second: second(),
      channel: 'branch',
      attributes: { branch: customer.branch },
    })),
    { type: 'payroll', day: payday, second: second(), amount: amount(monthly * 0.28, 0.05), ...outgoing },
    { type: 'tax_payment', day: taxday, second: second(), amount: amount(monthly * 0.05, 0.2), ...outgoing },
    ...(Number(name.slice(5)) % 3 === 0
      ? [
          {
            type: 'interest',
            day: interestDay,
            amount: amount(Number(account?.balance ?? 0) * 0.0005 + 10, 0.1),
            direction: 'in',
            initiatedBy: 'bank',
            holding: account,
          } satisfies Doing,
        ]
      : []),
  ];
}
