/**
 * What corrections change of the totals. Counts and sums take the difference; the first and the last instant are
 * looked for anew where the activity that was it counts no more, among those that are still kept. A total of nothing
 * is no total.
 */
import { Big } from 'big.js';
import { plainArray } from '../db/array-literals.js';
import type { Tx } from '../db/client.js';
import { microsOf } from '../platform/instants.js';
import type { PlacedActivity } from './preparation.js';
import type { RowState, StoredActivity } from './rows.js';
import { addToTotals, type CustomerTotal, totalsValues } from './writes.js';

type Measured = {
  customerId: string;
  type: string;
  direction: string;
  initiatedBy: string;
  occurredAt: string;
  amount: string | null;
};

export type TotalChange = CustomerTotal & {
  /** the first and the last of those that count no more */
  gone: { first: string; last: string } | null;
};

const measuredOf = (one: PlacedActivity | StoredActivity): Measured =>
  'activity' in one
    ? { customerId: one.customerId, ...one.activity }
    : {
        customerId: one.customer_id,
        type: one.type,
        direction: one.direction,
        initiatedBy: one.initiated_by,
        occurredAt: one.occurred_at,
        amount: one.amount,
      };

const isBefore = (left: string, right: string) => microsOf(left) < microsOf(right);
const earlier = (left: string, right: string) => (isBefore(right, left) ? right : left);
const later = (left: string, right: string) => (isBefore(left, right) ? right : left);
const signOf = (state: RowState | undefined) => (state?.state === 'current' ? 1 : 0);
const keyOf = (one: Measured) => `${one.customerId} ${one.type} ${one.direction} ${one.initiatedBy}`;

/** `before` is undefined of what has just come. */
export function totalChanges(
  changes: readonly { one: PlacedActivity | StoredActivity; before?: RowState; after: RowState }[],
): TotalChange[] {
  const byKey = new Map<string, TotalChange>();
  for (const { one, before, after } of changes) {
    const [was, is] = [signOf(before), signOf(after)];
    if (was === 0 && is === 0) continue;
    const measured = measuredOf(one);
    const { occurredAt: at, amount, ...key } = measured;
    const change: TotalChange = byKey.get(keyOf(measured)) ?? {
      ...key,
      count: 0,
      amount: '0',
      unvalued: 0,
      firstAt: at,
      lastAt: at,
      gone: null,
    };
    byKey.set(keyOf(measured), change);
    const worth = (sign: number, state: RowState | undefined) =>
      sign === 0 ? '0' : (state?.reporting_amount ?? '0');
    const unvalued = (sign: number, state: RowState | undefined) =>
      sign === 1 && amount !== null && state?.reporting_amount === null ? 1 : 0;
    change.count += is - was;
    change.amount = new Big(change.amount).plus(worth(is, after)).minus(worth(was, before)).toFixed();
    change.unvalued += unvalued(is, after) - unvalued(was, before);
    change.firstAt = earlier(change.firstAt, at);
    change.lastAt = later(change.lastAt, at);
    if (is < was) {
      const { first, last } = change.gone ?? { first: at, last: at };
      change.gone = { first: earlier(first, at), last: later(last, at) };
    }
  }
  return [...byKey].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, change]) => change);
}

/** After the activities are written: `first_at` and `last_at` never exclude what is gone before it is looked for anew. */
export async function changeTotals(tx: Tx, changes: readonly TotalChange[]): Promise<void> {
  if (changes.length === 0) return;
  await addToTotals(tx, totalsValues(changes));
  const gone = changes.filter((one) => one.gone !== null);
  if (gone.length === 0) return;
  const keys = [
    plainArray(gone.map((one) => one.customerId)),
    plainArray(gone.map((one) => one.type)),
    plainArray(gone.map((one) => one.direction)),
    plainArray(gone.map((one) => one.initiatedBy)),
  ];
  await tx.named(
    'drop_empty_activity_totals',
    `delete from activity_totals t
     using unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as gone(customer_id, type, direction, initiated_by)
     where t.customer_id = gone.customer_id and t.type = gone.type and t.direction = gone.direction
       and t.initiated_by = gone.initiated_by and t.count = 0`,
    keys,
  );
  await tx.named(
    'look_for_first_and_last_activities',
    `update activity_totals t set
       first_at = case when t.first_at = gone.first then coalesce(kept.first, t.first_at) else t.first_at end,
       last_at = case when t.last_at = gone.last then coalesce(kept.last, t.last_at) else t.last_at end
     from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
         as gone(customer_id, type, direction, initiated_by, first, last)
       cross join lateral (
         select min(a.occurred_at) as first, max(a.occurred_at) as last from activities a
         where a.customer_id = gone.customer_id and a.type = gone.type and a.direction = gone.direction
           and a.initiated_by = gone.initiated_by and a.state = 'current') as kept
     where t.customer_id = gone.customer_id and t.type = gone.type and t.direction = gone.direction
       and t.initiated_by = gone.initiated_by and (t.first_at = gone.first or t.last_at = gone.last)`,
    [
      ...keys,
      plainArray(gone.map((one) => one.gone?.first ?? null)),
      plainArray(gone.map((one) => one.gone?.last ?? null)),
    ],
  );
}
