/** What was done, by whom, to what. Committed with the change itself; a sealer chains the entries afterwards. */
import { createHash } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { array, type Tx } from '../db/client.js';
import type { Ctx } from './context.js';
import { newId } from './ids.js';

export type AuditEntry = {
  /** `noun.past`, as events are named */
  action: string;
  subjectType: string;
  subjectId?: string;
  /** names, counts, versions: never personal data */
  details?: Record<string, unknown>;
};

export async function writeAudit(tx: Tx, ctx: Ctx, entries: readonly AuditEntry[]): Promise<void> {
  if (entries.length === 0) return;
  const rows = entries.map((entry) => {
    const id = newId();
    const details = JSON.stringify(entry.details ?? {});
    const content = [
      id,
      ctx.now,
      ctx.actor,
      entry.action,
      entry.subjectType,
      entry.subjectId ?? '',
      ctx.requestId,
      details,
      ...(ctx.onBehalfOf === undefined ? [] : [ctx.onBehalfOf]),
    ];
    return { id, entry, details, hash: createHash('sha256').update(JSON.stringify(content)).digest() };
  });
  await tx.run(sql`
    insert into audit_entries
      (id, occurred_at, actor, on_behalf_of, action, subject_type, subject_id, request_id, details, content_hash)
    select id, ${ctx.now}, ${ctx.actor}, ${ctx.onBehalfOf ?? null}, action, subject_type, subject_id, ${ctx.requestId}, details::jsonb, hash
    from unnest(
      ${array(
        rows.map((row) => row.id),
        'uuid',
      )}, ${array(
        rows.map((row) => row.entry.action),
        'text',
      )},
      ${array(
        rows.map((row) => row.entry.subjectType),
        'text',
      )}, ${array(
        rows.map((row) => row.entry.subjectId ?? null),
        'text',
      )},
      ${array(
        rows.map((row) => row.details),
        'text',
      )}, ${array(
        rows.map((row) => row.hash),
        'bytea',
      )}
    ) as row(id, action, subject_type, subject_id, details, hash)`);
}
