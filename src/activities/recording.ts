/**
 * Records activities, a batch at a time: a request is one batch, a chunk of an import another. Set-based throughout;
 * an item that cannot be is told so, the others go on.
 */
import type { Tx } from '../db/client.js';
import type { AuditEntry } from '../platform/audit.js';
import type { Ctx } from '../platform/context.js';
import { DomainError } from '../platform/errors.js';
import { newId } from '../platform/ids.js';
import type { OutboxEvent } from '../platform/outbox.js';
import { markManyCustomers, type Touched } from '../reviews/service.js';
import { type ActivityKey, claimActivityKeys } from './keys.js';
import { placeActivities } from './placement.js';
import type { PlacedActivity, PreparedActivity } from './preparation.js';
import type { OnUnknown } from './schemas.js';
import { activityLines, addToTotals, totalsOf, totalsValues, writeActivities } from './writes.js';

export type ActivityOutcome =
  | { ok: true; outcome: 'accepted' | 'duplicate'; activityId: string }
  | { ok: false; error: DomainError };

export type ActivityBatchEffect = {
  /** in the order of the batch */
  outcomes: ActivityOutcome[];
  audit: AuditEntry[];
  events: OutboxEvent[];
};

const conflict = () =>
  new DomainError('activity_conflict', 'This source id came before with other content.', {
    errors: [
      {
        in: 'body',
        pointer: '/source_id',
        code: 'activity_conflict',
        message: 'is known with other content',
      },
    ],
  });

/**
 * Locks in the one order: activity keys, then customers, then totals. The partitions of the years must be there
 * (`ensurePartitions`).
 */
export async function recordActivities(
  tx: Tx,
  ctx: Ctx,
  activities: readonly PreparedActivity[],
  onUnknown: OnUnknown,
): Promise<ActivityBatchEffect> {
  const { places, audit, events } = await placeActivities(tx, ctx, activities, onUnknown);
  const firsts = new Map<string, PlacedActivity>();
  for (const one of places) {
    if (!(one instanceof DomainError) && !firsts.has(one.activity.key)) firsts.set(one.activity.key, one);
  }
  const former = await claimActivityKeys(tx, [...firsts.values()]);
  const fresh =
    former.size === 0
      ? [...firsts.values()]
      : [...firsts.values()].filter(({ activity }) => !former.has(activity.key));
  if (fresh.length > 0) await write(tx, ctx, fresh);

  const standing = (one: PlacedActivity): ActivityKey | undefined => {
    const { key } = one.activity;
    const first = firsts.get(key);
    const known = former.get(key);
    if (known !== undefined || first === undefined || first === one) return known;
    const { activity, customerId } = first;
    return { activityId: activity.id, customerId, contentHash: activity.contentHash };
  };
  return {
    outcomes: places.map((one) =>
      one instanceof DomainError ? { ok: false, error: one } : outcomeOf(one, standing(one)),
    ),
    audit: [...audit, ...auditOf(fresh)],
    events: [...events, ...eventsOf(ctx, fresh)],
  };
}

/** `standing` is what was there before it, in the database or in its own batch. */
function outcomeOf(
  { activity, customerId }: PlacedActivity,
  standing: ActivityKey | undefined,
): ActivityOutcome {
  if (standing === undefined) return { ok: true, outcome: 'accepted', activityId: activity.id };
  // one that names a holding alone stays the same when the holding gets another owner
  const isSame =
    standing.contentHash === activity.contentHash &&
    (standing.customerId === customerId || activity.customer === undefined);
  return isSame
    ? { ok: true, outcome: 'duplicate', activityId: standing.activityId }
    : { ok: false, error: conflict() };
}

async function write(tx: Tx, ctx: Ctx, fresh: readonly PlacedActivity[]): Promise<void> {
  const grouped = new Map<string, PlacedActivity[]>();
  for (const one of fresh) {
    const group = grouped.get(one.customerId);
    if (group === undefined) grouped.set(one.customerId, [one]);
    else group.push(one);
  }
  const ids = [...grouped.keys()].sort();
  const byCustomer = new Map(ids.map((id) => [id, grouped.get(id) ?? []]));
  // made before the customers are locked, so that they are locked for no longer than the database works
  const lines = activityLines(byCustomer, () => ctx.now);
  const totals = totalsValues(totalsOf(byCustomer));
  const late = await markManyCustomers(tx, ctx, ids, (id) => touchedBy(byCustomer.get(id) ?? []));
  await writeActivities(
    tx,
    late.size === 0 ? lines : activityLines(byCustomer, (id) => late.get(id) ?? ctx.now),
  );
  await addToTotals(tx, totals);
}

function touchedBy(activities: readonly PlacedActivity[]): Touched[] {
  const touched: Touched[] = [];
  for (const { activity } of activities) {
    const mark: Touched = `activity:${activity.type}`;
    if (!touched.includes(mark)) touched.push(mark);
  }
  return touched;
}

const countOf = (fresh: readonly PlacedActivity[]) => ({
  count: fresh.length,
  customers: new Set(fresh.map((one) => one.customerId)).size,
  sources: [...new Set(fresh.map((one) => one.activity.source))].sort(),
});

function auditOf(fresh: readonly PlacedActivity[]): AuditEntry[] {
  if (fresh.length === 0) return [];
  return [{ action: 'activities.recorded', subjectType: 'activities', details: countOf(fresh) }];
}

/** One event a batch: what follows activities reads them by itself. */
function eventsOf(ctx: Ctx, fresh: readonly PlacedActivity[]): OutboxEvent[] {
  if (fresh.length === 0) return [];
  const batch = { subject: newId(), subjectVersion: 0, occurredAt: ctx.now };
  return [{ ...batch, type: 'activities.recorded', data: countOf(fresh) }];
}
