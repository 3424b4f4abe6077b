/**
 * All-time totals when one customer turns out to be another: they are added up, and parted again by a revert. What has
 * no activity any more, since its retention has ended, stays with whom it was; what has one goes with it.
 */
import { type SQL, sql } from 'drizzle-orm';
import { json, type Tx } from '../db/client.js';
import { cameFrom, type Sides } from '../platform/reassignment.js';

type Notes = Record<string, unknown>;
type Beyond = { survivor: unknown[]; merged: unknown[] };

/** Totals of activities that are there, of a condition on `activities`. */
const counted = (condition: SQL): SQL => sql`
  select type, direction, initiated_by, count(*) as count, coalesce(sum(reporting_amount), 0) as amount,
    count(*) filter (where amount is not null and reporting_amount is null) as unvalued,
    min(occurred_at) as first_at, max(occurred_at) as last_at
  from activities where state = 'current' and ${condition} group by type, direction, initiated_by`;

const key = 'type, direction, initiated_by';

/** What of a customer's totals no activity accounts for any more. */
const beyond = async (tx: Tx, customerId: string): Promise<unknown[]> => {
  const [row] = await tx.rows<{ rows: unknown[] }>(sql`
    select coalesce(jsonb_agg(to_jsonb(b)), '[]') as rows from (
      select t.type, t.direction, t.initiated_by, t.count - coalesce(c.count, 0) as count,
        t.amount - coalesce(c.amount, 0) as amount, t.unvalued - coalesce(c.unvalued, 0) as unvalued, t.first_at, t.last_at
      from activity_totals t left join (${counted(sql`customer_id = ${customerId}`)}) c using (${sql.raw(key)})
      where t.customer_id = ${customerId} and t.count <> coalesce(c.count, 0)) b`);
  return row?.rows ?? [];
};

export async function mergeTotals(tx: Tx, { survivorId, mergedId }: Sides, notes: Notes): Promise<void> {
  notes.totals = { survivor: await beyond(tx, survivorId), merged: await beyond(tx, mergedId) };
  await tx.run(sql`
    with gone as (delete from activity_totals where customer_id = ${mergedId} returning *)
    insert into activity_totals as total (customer_id, ${sql.raw(key)}, count, amount, unvalued, first_at, last_at)
    select ${survivorId}::uuid, ${sql.raw(key)}, count, amount, unvalued, first_at, last_at from gone order by ${sql.raw(key)}
    on conflict (customer_id, ${sql.raw(key)}) do update set count = total.count + excluded.count,
      amount = total.amount + excluded.amount, unvalued = total.unvalued + excluded.unvalued,
      first_at = least(total.first_at, excluded.first_at), last_at = greatest(total.last_at, excluded.last_at)`);
}

/** Before the activities themselves go back. */
export async function partTotals(tx: Tx, sides: Sides, notes: Notes): Promise<void> {
  const { survivorId, mergedId } = sides;
  const { survivor, merged } = notes.totals as Beyond;
  const came = cameFrom(sides);
  const here = sql`customer_id = ${survivorId}`;
  await tx.run(sql`delete from activity_totals where customer_id = ${survivorId}`);
  await writeTotals(tx, survivorId, sql`${here} and (${came}) is not true`, survivor);
  await writeTotals(tx, mergedId, sql`${here} and ${came}`, merged);
}

/** What was corrected while activities were moving was counted where they were: all is counted once more at the end. */
export async function settleTotals(
  tx: Tx,
  { survivorId, mergedId }: Sides,
  notes: Notes,
  direction: 'merge' | 'revert',
): Promise<void> {
  const { survivor, merged } = notes.totals as Beyond;
  await tx.run(sql`delete from activity_totals where customer_id in (${survivorId}, ${mergedId})`);
  const isMerge = direction === 'merge';
  await writeTotals(
    tx,
    survivorId,
    sql`customer_id = ${survivorId}`,
    isMerge ? [...survivor, ...merged] : survivor,
  );
  if (!isMerge) await writeTotals(tx, mergedId, sql`customer_id = ${mergedId}`, merged);
}

const writeTotals = (tx: Tx, customerId: string, condition: SQL, base: readonly unknown[]) =>
  tx.run(sql`
    insert into activity_totals (customer_id, ${sql.raw(key)}, count, amount, unvalued, first_at, last_at)
    select ${customerId}::uuid, ${sql.raw(key)}, sum(count), sum(amount), sum(unvalued), min(first_at), max(last_at)
    from (${counted(condition)}
      union all
      select ${sql.raw(key)}, count, amount, unvalued, first_at, last_at
      from jsonb_to_recordset(${json(base)}) as b(type text, direction text, initiated_by text, count bigint,
        amount numeric, unvalued bigint, first_at timestamptz, last_at timestamptz)) parts
    group by ${sql.raw(key)} having sum(count) <> 0`);
