/**
 * Records activities, a batch at a time: a request is one batch, a chunk of an import another. Set-based throughout;
 * an item that cannot be is told so, the others go on. Between the stages other requests have their turn.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Tx } from '../db/client.js';
import type { AuditEntry } from '../platform/audit.js';
import type { Ctx } from '../platform/context.js';
import { DomainError } from '../platform/errors.js';
import { newId } from '../platform/ids.js';
import type { OutboxEvent } from '../platform/outbox.js';
import { markManyCustomers, type Touched } from '../reviews/service.js';
import { writeCorrection } from './corrected-writes.js';
import { type Correction, correct, correcting, lockCorrections } from './corrections.js';
import { type Judged, tellLoyalty } from './earning.js';
import { type ActivityKey, claimActivityKeys, findActivityKeys } from './keys.js';
import { checkPlaces, placeActivities } from './placement.js';
import type { PlacedActivity, PreparedActivity } from './preparation.js';
import type { OnUnknown } from './schemas.js';
import { valueActivities } from './valuation.js';
import type { Settled } from './versions.js';
import { activityLines, addToTotals, totalsOf, totalsValues, writeActivities } from './writes.js';

export type ActivityOutcome =
  | { ok: true; outcome: 'accepted' | 'superseded' | 'duplicate'; activityId: string }
  | { ok: false; error: DomainError };

export type ActivityBatchEffect = {
  /** in the order of the batch */
  outcomes: ActivityOutcome[];
  audit: AuditEntry[];
  events: OutboxEvent[];
};

const conflict = () =>
  new DomainError('activity_conflict', 'This version of the source id came before with other content.', {
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
 * Locks in the one order: corrections of a source, activity keys, then customers, then totals. The partitions of the
 * years must be there (`ensurePartitions`).
 */
export async function recordActivities(
  tx: Tx,
  ctx: Ctx,
  activities: readonly PreparedActivity[],
  onUnknown: OnUnknown,
): Promise<ActivityBatchEffect> {
  const { places, audit, events } = await placeActivities(tx, ctx, activities, onUnknown);
  const items = places.filter((one): one is PlacedActivity => !(one instanceof DomainError));
  const firsts = new Map<string, PlacedActivity>();
  for (const one of items) if (!firsts.has(one.activity.key)) firsts.set(one.activity.key, one);
  await nextTurn();
  const { former, corrections } = await claim(tx, items, [...firsts.values()]);
  await nextTurn();
  const fresh = [...firsts.values()].filter(
    ({ activity }) => !former.has(activity.key) && !corrections.has(activity.key),
  );
  await valueActivities(tx, ctx, [...fresh, ...[...corrections.values()].flat()]);
  const correction = corrections.size === 0 ? nothing : await correct(tx, ctx, corrections, former, fresh);
  const added = new Set(correction.added.map(({ one }) => one));
  const plain = added.size === 0 ? fresh : fresh.filter((one) => !added.has(one));
  await write(tx, ctx, plain, correction);

  const settled = (one: PlacedActivity): Settled => {
    const first = firsts.get(one.activity.key);
    const known = former.get(one.activity.key)?.activityId ?? first?.activity.id ?? one.activity.id;
    return (
      correction.settled.get(one) ?? {
        outcome: known === one.activity.id ? 'accepted' : 'duplicate',
        activityId: known,
      }
    );
  };
  return {
    outcomes: places.map((one) => {
      if (one instanceof DomainError) return { ok: false, error: one };
      const outcome = settled(one);
      return outcome.outcome === 'conflict' ? { ok: false, error: conflict() } : { ok: true, ...outcome };
    }),
    audit: [...audit, ...auditOf(plain, correction)],
    events: [...events, ...eventsOf(ctx, plain, correction)],
  };
}

const nothing: Correction = { settled: new Map(), added: [], changed: [] };

type Claimed = {
  /** the keys that stood before */
  former: ReadonlyMap<string, ActivityKey>;
  /** by key, the items that are not just new, or known */
  corrections: ReadonlyMap<string, readonly PlacedActivity[]>;
};

/** As a rule nothing is to be corrected: whatever is not known by then is new, and nobody is waited for. */
async function claim(
  tx: Tx,
  items: readonly PlacedActivity[],
  firsts: readonly PlacedActivity[],
): Promise<Claimed> {
  const locked = new Set<string>();
  const foreseen = correcting(items, new Map());
  await lockCorrections(tx, foreseen, locked);
  const former = await claimActivityKeys(tx, firsts, (known) =>
    lockCorrections(tx, correcting(items, known), locked),
  );
  if (former.size === 0) return { former, corrections: foreseen };
  const corrections = correcting(items, former);
  const before = locked.size;
  await lockCorrections(tx, corrections, locked);
  if (locked.size === before) return { former, corrections };
  // they came between looking and claiming: only from now on they stay as they are
  const keys = await findActivityKeys(
    tx,
    firsts.flatMap(({ activity }) => (former.has(activity.key) ? [activity] : [])),
  );
  return { former: keys, corrections: correcting(items, keys) };
}

async function write(
  tx: Tx,
  ctx: Ctx,
  fresh: readonly PlacedActivity[],
  correction: Correction,
): Promise<void> {
  const grouped = new Map<string, PlacedActivity[]>();
  for (const one of fresh) {
    const group = grouped.get(one.customerId);
    if (group === undefined) grouped.set(one.customerId, [one]);
    else group.push(one);
  }
  const byCustomer = new Map([...grouped.keys()].sort().map((id) => [id, grouped.get(id) ?? []]));
  // made before the customers are locked, so that they are locked for no longer than the database works
  const lines = activityLines(byCustomer, () => ctx.now);
  await nextTurn();
  const totals = totalsValues(totalsOf(byCustomer));
  await nextTurn();
  const touched = touchedTypes(byCustomer, correction);
  if (touched.size === 0) return;
  const late = await markManyCustomers(tx, ctx, touched.keys(), (id) => touched.get(id) ?? []);
  await checkPlaces(tx, ctx, [...fresh, ...correction.added.map(({ one }) => one)]);
  const instantOf = (id: string) => late.get(id) ?? ctx.now;
  if (fresh.length > 0) {
    await writeActivities(tx, late.size === 0 ? lines : activityLines(byCustomer, instantOf));
    await addToTotals(tx, totals);
  }
  await writeCorrection(tx, correction, instantOf);
  await tellLoyalty(tx, ctx, touched.keys(), () => judgedOf(fresh, correction));
}

const judgedOf = (fresh: readonly PlacedActivity[], { added, changed }: Correction): Judged[] => [
  ...[...fresh, ...added.map(({ one }) => one)].map(({ customerId, activity }) => ({
    ...{ customerId, activityId: activity.id, occurredAt: activity.occurredAt },
  })),
  ...changed.map(({ before }) => ({
    ...{ customerId: before.customer_id, activityId: before.id, occurredAt: before.occurred_at },
  })),
];

function touchedTypes(
  byCustomer: ReadonlyMap<string, readonly PlacedActivity[]>,
  { added, changed }: Correction,
): Map<string, Touched[]> {
  const byId = new Map<string, Touched[]>();
  const touch = (touched: Touched[], ...marks: Touched[]) => {
    for (const mark of marks) if (!touched.includes(mark)) touched.push(mark);
  };
  const of = (id: string): Touched[] => {
    const touched = byId.get(id) ?? [];
    byId.set(id, touched);
    return touched;
  };
  for (const [id, activities] of byCustomer) {
    const touched = of(id);
    for (const { activity } of activities) touch(touched, `activity:${activity.type}`);
  }
  for (const { one } of added) touch(of(one.customerId), `activity:${one.activity.type}`);
  // what was told before was otherwise: whoever enters or leaves by it is told so
  for (const { before } of changed) touch(of(before.customer_id), `activity:${before.type}`, 'correction');
  return byId;
}

const countOf = (fresh: readonly PlacedActivity[]) => ({
  count: fresh.length,
  customers: new Set(fresh.map((one) => one.customerId)).size,
  sources: [...new Set(fresh.map((one) => one.activity.source))].sort(),
});

const recordedOf = (fresh: readonly PlacedActivity[], { added }: Correction) => [
  ...fresh,
  ...added.map(({ one }) => one),
];

const changedOf = ({ changed }: Correction) => ({
  count: changed.length,
  customers: new Set(changed.map(({ before }) => before.customer_id)).size,
});

function auditOf(fresh: readonly PlacedActivity[], correction: Correction): AuditEntry[] {
  const subjectType = 'activities';
  const recorded = recordedOf(fresh, correction);
  return [
    ...(recorded.length === 0
      ? []
      : [{ action: 'activities.recorded', subjectType, details: countOf(recorded) }]),
    ...(correction.changed.length === 0
      ? []
      : [{ action: 'activities.corrected', subjectType, details: changedOf(correction) }]),
  ];
}

/** One event a batch: what follows activities reads them by itself. */
function eventsOf(ctx: Ctx, fresh: readonly PlacedActivity[], correction: Correction): OutboxEvent[] {
  const batch = { subject: newId(), subjectVersion: 0, occurredAt: ctx.now };
  const recorded = recordedOf(fresh, correction);
  return [
    ...(recorded.length === 0
      ? []
      : [{ ...batch, type: 'activities.recorded' as const, data: countOf(recorded) }]),
    ...(correction.changed.length === 0
      ? []
      : [{ ...batch, type: 'activities.corrected' as const, data: changedOf(correction) }]),
  ];
}
