/**
 * What customers did, a month at a time. A month of a customer is always the same, whatever the two years are: they
 * only say which part of it is told.
 */
import { addMonths, instantAt, monthsBetween } from './days.js';
import type { Doing } from './doing.js';
import type { DemoHolding } from './holdings.js';
import { organizationMonth } from './organization-month.js';
import { personMonth } from './person-month.js';
import { randomOf } from './random.js';
import { monthOf } from './seasons.js';
import type { DemoCustomer } from './world.js';

/** As it is sent. */
export type DemoActivity = Record<string, unknown> & { source_id: string };

export type Period = { seed: number; until: string; currency: string };

/** The two years that end before `until`, the oldest first. */
export function* activitiesOf(
  customer: DemoCustomer,
  holdings: readonly DemoHolding[],
  { seed, until, currency }: Period,
): Generator<DemoActivity> {
  const start = addMonths(until, -24);
  const first = [start, customer.joinedOn].sort()[1] ?? start;
  if (customer.isSecondRecord) return;
  for (const month of monthsBetween(first, until)) {
    const random = randomOf(seed, 'month', customer.index, month);
    const makeMonth = customer.kind === 'person' ? personMonth : organizationMonth;
    const doings = makeMonth({ customer, holdings, month: monthOf(month), name: month, random });
    for (const [position, doing] of inOrder(doings).entries()) {
      if (doing.day < first || doing.day >= until) continue;
      yield toActivity(customer, doing, `${customer.number.value}-${month}-${position + 1}`, currency);
    }
  }
}

const placeOf = ({ day, second = 0 }: Doing) => `${day} ${String(second).padStart(5, '0')}`;

const inOrder = (doings: Doing[]) =>
  doings.sort((left, right) =>
    placeOf(left) < placeOf(right) ? -1 : placeOf(left) > placeOf(right) ? 1 : 0,
  );

function toActivity(customer: DemoCustomer, doing: Doing, sourceId: string, currency: string): DemoActivity {
  const { amount, holding } = doing;
  return {
    source: 'core',
    source_id: sourceId,
    ...(holding === undefined
      ? { customer: customer.number }
      : { holding: { source: holding.source, number: holding.number } }),
    type: doing.type,
    occurred_at: doing.second === undefined ? doing.day : instantAt(doing.day, doing.second),
    ...(amount === undefined ? {} : { amount: amount.toFixed(2), currency }),
    ...(doing.direction === undefined ? {} : { direction: doing.direction }),
    ...(doing.initiatedBy === undefined ? {} : { initiated_by: doing.initiatedBy }),
    ...(doing.ownTransfer === undefined ? {} : { own_transfer: true }),
    ...(doing.channel === undefined ? {} : { channel: doing.channel }),
    ...(doing.attributes === undefined ? {} : { attributes: doing.attributes }),
  };
}
