/** Events are written here in the transaction of the change. The relay gives them their order and passes them on. */
import { sql } from 'drizzle-orm';
import { array, type Tx } from '../db/client.js';
import type { Ctx } from './context.js';
import { newId } from './ids.js';
import { inEffect } from './in-effect.js';

export type OutboxEvent = {
  /** `noun.past`, without the `clientele.` of its CloudEvents type */
  type: string;
  /** the customer's id, or the key of a definition */
  subject: string;
  /** from the customer's lock; 0 where the subject is no customer */
  subjectVersion: number;
  /** the effective instant, from the customer's lock */
  occurredAt: string;
  /** who may see it, for a customer's event: where it is, and who looks after it, or did until now */
  scope?: { customer: string; branch: string | null; manager: string | null };
  /** ids, versions, counts: never personal data */
  data: Record<string, unknown>;
};

export async function writeEvents(tx: Tx, ctx: Ctx, events: readonly OutboxEvent[]): Promise<void> {
  if (events.length === 0) return;
  const column = <T>(pick: (event: OutboxEvent) => T) => events.map(pick);
  await tx.run(sql`
    insert into outbox
      (id, type, subject, subject_version, occurred_at, scope_customer, scope_branch, scope_manager, scope_staff, data,
        traceparent)
    select id, type, subject, subject_version, occurred_at, customer, branch, manager,
      case when customer is not null then array(${staffOf(ctx.now)}) end, data::jsonb, ${ctx.traceparent ?? null}
    from unnest(
      ${array(column(newId), 'uuid')}, ${array(
        column((event) => event.type),
        'text',
      )},
      ${array(
        column((event) => event.subject),
        'text',
      )}, ${array(
        column((event) => event.subjectVersion),
        'bigint',
      )},
      ${array(
        column((event) => event.occurredAt),
        'timestamptz',
      )},
      ${array(
        column((event) => event.scope?.customer ?? null),
        'uuid',
      )},
      ${array(
        column((event) => event.scope?.branch ?? null),
        'text',
      )},
      ${array(
        column((event) => event.scope?.manager ?? null),
        'text',
      )},
      ${array(
        column((event) => JSON.stringify(event.data)),
        'text',
      )}
    ) as event(id, type, subject, subject_version, occurred_at, customer, branch, manager, data)`);
}

/** Who looks after the customer of an event, assistants and covers too. */
const staffOf = (now: string) => sql`select distinct a.staff from assignments a
  where a.customer_id = event.customer and ${inEffect('a', now)}`;
