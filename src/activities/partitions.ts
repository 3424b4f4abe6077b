/** A partition a year, made when its first activity comes. */
import { sql } from 'drizzle-orm';
import type { Database, Tx } from '../db/client.js';

/** Years that are known to have their partition, per database. They are never taken away while the service runs. */
const known = new WeakMap<Database, Set<number>>();

/** Makes the partitions of the instants' years (UTC) where they are missing. Call it before the transaction that needs them. */
export async function ensurePartitions(database: Database, instants: Iterable<string>): Promise<void> {
  const made = known.get(database) ?? new Set<number>();
  known.set(database, made);
  const missing = new Set<number>();
  for (const instant of instants) {
    const year = Number(instant.slice(0, 4));
    if (!made.has(year)) missing.add(year);
  }
  for (const year of [...missing].sort()) {
    await database.begin((tx) => ensureYear(tx, year));
    made.add(year);
  }
}

/** In a transaction of its own: attaching waits for nobody, and nobody waits for it longer than that takes. */
async function ensureYear(tx: Tx, year: number): Promise<void> {
  const name = `activities_y${year}`;
  await tx.rows(sql`select pg_advisory_xact_lock(hashtextextended('activity_partitions', 0))`);
  const [found] = await tx.rows<{ attached: boolean }>(sql`
    select exists (select from pg_inherits where inhparent = 'activities'::regclass
      and inhrelid = to_regclass(${name})) as attached`);
  if (found?.attached === true) return;
  await tx.run(sql.raw(`create table ${name} (like activities including all)`));
  await tx.run(
    sql.raw(`alter table activities attach partition ${name}
      for values from ('${year}-01-01T00:00:00Z') to ('${year + 1}-01-01T00:00:00Z')`),
  );
}
