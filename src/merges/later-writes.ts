/** What was written of a survivor since a merge, and to whom its revert gives it. */
import { type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.js';
import { cameFrom, type Sides } from '../platform/reassignment.js';

type Counts = Record<string, number>;

const tables = ['activities', 'contact_points', 'holdings', 'identifiers', 'relationships'];

/** Counted before anything goes back; `fields` are those that were stated. */
export async function countLater(
  tx: Tx,
  { survivorId, origins }: Sides,
  mergedAt: string,
  fields: { survivor: number; merged: number },
): Promise<{ to_survivor: Counts; to_merged: Counts }> {
  const came = sql`coalesce(${cameFrom({ origins })}, false)`;
  const parts: SQL[] = tables.map(
    (table) => sql`select ${table} as kind, ${came} as back, count(*)::int as count from ${sql.raw(table)}
      where customer_id = ${survivorId} and recorded_at > ${mergedAt} group by 2`,
  );
  const rows = await tx.rows<{ kind: string; back: boolean; count: number }>(sql`
    select kind, back, count from (${sql.join(parts, sql` union all `)}) as later(kind, back, count) order by kind`);
  const of = (back: boolean, stated: number): Counts => ({
    ...Object.fromEntries(rows.filter((row) => row.back === back).map(({ kind, count }) => [kind, count])),
    ...(stated > 0 ? { fields: stated } : {}),
  });
  return { to_survivor: of(false, fields.survivor), to_merged: of(true, fields.merged) };
}
