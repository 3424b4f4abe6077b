/**
 * What is judged by the present rules is written before others take their place: every review holds the rules while it
 * judges, and whoever changes which rules count waits until no review does.
 */
import { sql } from 'drizzle-orm';
import type { Tx } from '../db/client.js';

const name = sql`hashtextextended('segment_rules', 0)`;

/** Until the transaction ends the rules stay as they are. */
export async function holdRules(tx: Tx): Promise<void> {
  await tx.rows(sql`select pg_advisory_xact_lock_shared(${name})`);
}

/** Until the transaction ends nobody judges. */
export async function takeRules(tx: Tx): Promise<void> {
  await tx.rows(sql`select pg_advisory_xact_lock(${name})`);
}
