/**
 * Who works on an import: one worker at a time, by a lease in real time. Each claim has a fencing token, and every
 * write is conditional on it, so a worker that was thought dead changes nothing any more.
 */
import { sql } from 'drizzle-orm';
import { realNow } from '../platform/clock.js';
import type { Services } from '../platform/context.js';
import { instantOf, microsOf } from '../platform/instants.js';
import { type ImportRow, importColumns } from './rows.js';

const leaseSeconds = 15;
export const leaseEnd = (): string => instantOf(microsOf(realNow()) + leaseSeconds * 1_000_000);

export type Claim = { row: ImportRow; token: number };

/** Another worker has it by now, or it was cancelled. */
export class ClaimLost extends Error {}

/** Claims the import that has waited longest, undefined where none waits. Files of a feed have to wait for the former ones. */
export async function claimImport({ database }: Services, now: string): Promise<Claim | undefined> {
  const [row] = await database.rows<ImportRow & { lease_token: number }>(sql`
    update imports set state = 'running', started_at = coalesce(started_at, ${now}),
      lease_token = lease_token + 1, leased_until = ${leaseEnd()}
    where id = (
      select id from imports
      where state in ('queued', 'running') and (leased_until is null or leased_until < ${realNow()})
        and not exists (
          select from imports former where former.feed = imports.feed and former.id < imports.id
            and former.state in ('queued', 'running', 'waiting'))
      order by created_at limit 1 for update skip locked)
    returning ${importColumns}, lease_token`);
  return row === undefined ? undefined : { row, token: row.lease_token };
}

/** Gives it back to whoever is next. */
export async function releaseImport({ database }: Services, { row, token }: Claim): Promise<void> {
  await database.rows(
    sql`update imports set leased_until = null where id = ${row.id} and lease_token = ${token}`,
  );
}
