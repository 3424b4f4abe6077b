/** Writes activities that are claimed and whose customers are locked: the rows, and the totals. */
import { plainArray } from '../db/array-literals.js';
import type { Tx } from '../db/client.js';
import { copyInto, copyText } from '../db/copy.js';
import type { PlacedActivity } from './preparation.js';
import { sumActivities, type Total } from './totals.js';

export const activityColumns = `customer_id, occurred_at, id, type, precision, business_date, amount, currency, direction,
  reporting_amount, channel, initiated_by, own_transfer, holding_id, source, source_id, source_version, attributes,
  state, recorded_at, rate_id, origin_customer_id`;

const orNull = (value: string | null) => value ?? '\\N';

/** All columns of `activityColumns` of a row that nothing has corrected. */
export function activityLine(
  { activity: one, customerId, origin: told, holdingId }: PlacedActivity,
  recordedAt: string,
  state = 'current',
): string {
  const what = `${customerId}\t${one.occurredAt}\t${one.id}\t${one.type}\t${one.precision}\t${one.businessDate}`;
  const money = `${orNull(one.amount)}\t${orNull(one.currency)}\t${one.direction}\t${orNull(one.reportingAmount)}`;
  const how = `${orNull(one.channel)}\t${one.initiatedBy}\t${one.ownTransfer}\t${orNull(holdingId)}`;
  const origin = `${one.source}\t${copyText(one.sourceId)}\t${one.sourceVersion}\t${copyText(one.attributes)}`;
  return `${what}\t${money}\t${how}\t${origin}\t${state}\t${recordedAt}\t${orNull(one.rateId)}\t${orNull(told)}`;
}

/** Activities by their customers, in the order of customers: so neighbours in the index are written together. */
export type ByCustomer = ReadonlyMap<string, readonly PlacedActivity[]>;

/** Rows for COPY. `recordedAt` is the effective instant of a customer. */
export function activityLines(byCustomer: ByCustomer, recordedAt: (customerId: string) => string): Buffer {
  const lines: string[] = [];
  for (const [customerId, activities] of byCustomer) {
    const instant = recordedAt(customerId);
    for (const one of activities) lines.push(activityLine(one, instant), '\n');
  }
  return Buffer.from(lines.join(''));
}

export const writeActivities = (tx: Tx, lines: Buffer): Promise<void> =>
  copyInto(tx, `activities (${activityColumns})`, lines);

export type CustomerTotal = Total & { customerId: string };

export function totalsOf(byCustomer: ByCustomer): CustomerTotal[] {
  const totals: CustomerTotal[] = [];
  for (const [customerId, activities] of byCustomer) {
    for (const total of sumActivities(activities)) totals.push({ customerId, ...total });
  }
  return totals;
}

/** What `addToTotals` sends. */
export const totalsValues = (totals: readonly CustomerTotal[]): string[] => [
  plainArray(totals.map((one) => one.customerId)),
  plainArray(totals.map((one) => one.type)),
  plainArray(totals.map((one) => one.direction)),
  plainArray(totals.map((one) => one.initiatedBy)),
  plainArray(totals.map((one) => one.count)),
  plainArray(totals.map((one) => one.amount)),
  plainArray(totals.map((one) => one.unvalued)),
  plainArray(totals.map((one) => one.firstAt)),
  plainArray(totals.map((one) => one.lastAt)),
];

export async function addToTotals(tx: Tx, values: string[]): Promise<void> {
  await tx.named(
    'add_to_activity_totals',
    `insert into activity_totals as total
       (customer_id, type, direction, initiated_by, count, amount, unvalued, first_at, last_at)
     select customer_id, type, direction, initiated_by, count, amount, unvalued, first_at, last_at
     from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::numeric[], $7::bigint[],
       $8::timestamptz[], $9::timestamptz[])
       as more(customer_id, type, direction, initiated_by, count, amount, unvalued, first_at, last_at)
     on conflict (customer_id, type, direction, initiated_by) do update set
       count = total.count + excluded.count, amount = total.amount + excluded.amount,
       unvalued = total.unvalued + excluded.unvalued,
       first_at = least(total.first_at, excluded.first_at), last_at = greatest(total.last_at, excluded.last_at)`,
    values,
  );
}
