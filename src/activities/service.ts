/** Operations on activities. */
import { sql } from 'drizzle-orm';
import { loadDefinitions } from '../customers/definitions.js';
import type { Reader } from '../db/client.js';
import { bankDays } from '../platform/bank-days.js';
import type { Ctx } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { DomainError, notFound } from '../platform/errors.js';
import { instantOf } from '../platform/instants.js';
import type { PageRequest } from '../platform/pagination.js';
import { transact } from '../platform/transact.js';
import { checkActivity } from './checking.js';
import { activitiesOf } from './homes.js';
import { readOccurrence } from './occurrence.js';
import { ensurePartitions } from './partitions.js';
import { activityPreparer, type PreparedActivity } from './preparation.js';
import { recordActivities } from './recording.js';
import type { ActivityStatement, OnUnknown } from './schemas.js';

/** What is checked and normalised of each item, or why it is refused. */
export type ReadActivity = PreparedActivity | DomainError;

/** Reads items that may be anything, against the definitions of now. */
export async function activityReader(ctx: Ctx): Promise<(item: unknown) => ReadActivity> {
  const definitions = await loadDefinitions(ctx.database);
  const prepare = activityPreparer({ keyring: ctx.keyring, bank: ctx.bank, definitions, now: ctx.now });
  return (item) => {
    const errors = checkActivity(item);
    if (errors[0] === undefined) return prepare(item as ActivityStatement);
    return new DomainError('malformed_request', `${errors[0].pointer} ${errors[0].message}.`, { errors });
  };
}

export type BatchResult = {
  accepted: number;
  duplicates: number;
  superseded: number;
  rejected: { index: number; error: DomainError }[];
};

/** Records what can be recorded of a batch, in one transaction, and says what could not. */
export async function recordBatch(
  ctx: Ctx,
  items: readonly unknown[],
  onUnknown: OnUnknown,
): Promise<BatchResult> {
  const read = await activityReader(ctx);
  const result: BatchResult = { accepted: 0, duplicates: 0, superseded: 0, rejected: [] };
  const good: { index: number; activity: PreparedActivity }[] = [];
  items.forEach((item, index) => {
    const activity = read(item);
    if (activity instanceof DomainError) result.rejected.push({ index, error: activity });
    else good.push({ index, activity });
  });
  if (good.length === 0) return result;
  const activities = good.map(({ activity }) => activity);
  await ensurePartitions(
    ctx.database,
    activities.map((activity) => activity.occurredAt),
  );
  const outcomes = await transact(ctx, async (tx) => {
    const { outcomes: value, audit, events } = await recordActivities(tx, ctx, activities, onUnknown);
    return { value, audit, events };
  });
  outcomes.forEach((outcome, position) => {
    const index = good[position]?.index ?? 0;
    if (!outcome.ok) result.rejected.push({ index, error: outcome.error });
    else if (outcome.outcome === 'accepted') result.accepted += 1;
    else if (outcome.outcome === 'superseded') result.superseded += 1;
    else result.duplicates += 1;
  });
  result.rejected.sort((left, right) => left.index - right.index);
  return result;
}

export type ActivityFilters = {
  type?: string | undefined;
  direction?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
};

export type ActivityRow = {
  id: string;
  occurred_at: string;
  attributes: Record<string, unknown> | null;
} & Record<string, unknown>;

const shown =
  sql.raw(`id, customer_id, type, occurred_at, precision, business_date, amount, currency, direction,
  reporting_amount, rate_id, reversed_amount, channel, initiated_by, own_transfer, holding_id, source, source_id,
  source_version,
  case when reverses_source_id is not null then json_strip_nulls(
    json_build_object('source_id', reverses_source_id, 'amount', reverses_amount::text)) end as reverses,
  superseded_by, attributes, state, recorded_at`);

/** A page of a customer's activities, newest first: read from the index, in its order. Throws the one 404. */
export async function listActivities(
  ctx: Ctx,
  customerId: string,
  filters: ActivityFilters,
  page: PageRequest,
): Promise<ActivityRow[]> {
  await checkVisible(ctx, ctx.database, customerId);
  const conditions = [
    await activitiesOf(ctx.database, customerId),
    ...(filters.type === undefined ? [] : [sql`type = ${filters.type}`]),
    ...(filters.direction === undefined ? [] : [sql`direction = ${filters.direction}`]),
    ...(filters.from === undefined
      ? []
      : [sql`occurred_at >= ${instantFor(ctx, filters.from)}::timestamptz`]),
    ...(filters.to === undefined ? [] : [sql`occurred_at < ${instantFor(ctx, filters.to)}::timestamptz`]),
    ...(page.after === undefined
      ? []
      : [sql`(occurred_at, id) < (${page.after[0]}::timestamptz, ${page.after[1]}::uuid)`]),
  ];
  return ctx.database.rows<ActivityRow>(sql`
    select ${shown} from activities where ${sql.join(conditions, sql` and `)}
    order by occurred_at desc, id desc limit ${page.limit + 1}`);
}

async function checkVisible(ctx: Ctx, reader: Reader, customerId: string): Promise<void> {
  const found = await reader.rows(
    sql`select id from customers where id = ${customerId}::uuid and merged_into is null and ${visibleCustomer(ctx)}`,
  );
  if (found.length === 0) throw notFound('customer');
}

/** The instant that a bound names; a date is its beginning at the bank. */
function instantFor(ctx: Ctx, text: string): string {
  const occurrence = readOccurrence(bankDays(ctx.bank.timeZone), text);
  if (occurrence === undefined)
    throw new DomainError('malformed_request', 'The calendar has no such instant.');
  return instantOf(occurrence.micros);
}
