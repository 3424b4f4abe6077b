/** Writes activities that are claimed and whose customers are locked: the rows, and the totals. */
import { plainArray } from '../db/array-literals.js';
import type { Tx } from '../db/client.js';
import { copyInto, copyText } from '../db/copy.js';
import type { PlacedActivity } from './preparation.js';
import { sumActivities } from './totals.js';

const columns = `customer_id, occurred_at, id, type, precision, business_date, amount, currency, direction,
  reporting_amount, channel, initiated_by, own_transfer, holding_id, source, source_id, source_version, attributes,
  state, recorded_at`;

const orNull = (value: string | null) => value ?? '\\N';

function line(one: PlacedActivity, recordedAt: string): string {
  return `${one.customerId}\t${one.occurredAt}\t${one.id}\t${one.type}\t${one.precision}\t${one.businessDate}\t${orNull(
    one.amount,
  )}\t${orNull(one.currency)}\t${one.direction}\t${orNull(one.reportingAmount)}\t${orNull(one.channel)}\t${
    one.initiatedBy
  }\t${one.ownTransfer}\t${orNull(one.holdingId)}\t${one.source}\t${copyText(one.sourceId)}\t0\t${copyText(
    one.attributes,
  )}\tcurrent\t${recordedAt}\n`;
}

/** `recordedAt` is the effective instant of each customer. */
export async function writeActivities(
  tx: Tx,
  activities: readonly PlacedActivity[],
  recordedAt: (customerId: string) => string,
): Promise<void> {
  // neighbours in the index are written together
  const sorted = [...activities].sort((left, right) => (left.customerId < right.customerId ? -1 : 1));
  const lines = sorted.map((one) => line(one, recordedAt(one.customerId)));
  await copyInto(tx, `activities (${columns})`, lines.join(''));
  await addToTotals(tx, sorted);
}

async function addToTotals(tx: Tx, activities: readonly PlacedActivity[]): Promise<void> {
  const totals = sumActivities(activities);
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
    [
      plainArray(totals.map((one) => one.customerId)),
      plainArray(totals.map((one) => one.type)),
      plainArray(totals.map((one) => one.direction)),
      plainArray(totals.map((one) => one.initiatedBy)),
      plainArray(totals.map((one) => one.count)),
      plainArray(totals.map((one) => one.amount)),
      plainArray(totals.map((one) => one.unvalued)),
      plainArray(totals.map((one) => one.firstAt)),
      plainArray(totals.map((one) => one.lastAt)),
    ],
  );
}
