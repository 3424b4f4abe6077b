/** What follows for customers when their assignments change: the copy of their manager, and what is told. */
import { sql } from 'drizzle-orm';
import { presentPrimary, stateManagers } from '../customers/managers.js';
import { array, type Tx } from '../db/client.js';
import type { AuditEntry } from '../platform/audit.js';
import type { Ctx } from '../platform/context.js';
import { microsOf } from '../platform/instants.js';
import type { OutboxEvent } from '../platform/outbox.js';
import type { Mark } from '../reviews/service.js';

export type Marks = ReadonlyMap<string, Mark>;

type Changed = { id: string; branch: string | null; manager: string | null; version: number };

/** Brings the copies up to date: of customers that are locked, each at the instant of its mark. Returns what is told. */
export async function refreshManagers(
  tx: Tx,
  ctx: Ctx,
  marks: Marks,
): Promise<{ audit: AuditEntry[]; events: OutboxEvent[] }> {
  const ids = [...marks.keys()];
  const instants = [...marks.values()].map(({ instant }) => instant);
  const changed = await tx.rows<Changed>(sql`
    with present as (
      select c.id, r.at, p.staff
      from unnest(${array(ids, 'uuid')}, ${array(instants, 'timestamptz')}) as r(id, at)
      join customers c on c.id = r.id
      cross join lateral (select ${presentPrimary(sql`c.id`, sql`r.at`)} as staff) p
      where c.manager is distinct from p.staff
    )
    update customers c set manager = p.staff, version = c.version + 1, updated_at = p.at
    from present p where c.id = p.id returning c.id, c.branch, c.manager, c.version`);
  const instantOf = (id: string) => marks.get(id)?.instant ?? ctx.now;
  await stateManagers(
    tx,
    ctx,
    changed.map(({ id, manager }) => ({ customerId: id, staff: manager, at: instantOf(id) })),
  );
  const fields = ['relationship_manager'];
  return {
    audit: changed.map(({ id, version }) => ({
      action: 'customer.updated',
      subjectType: 'customer',
      subjectId: id,
      details: { version, fields, source: 'assignments' },
    })),
    events: changed.map(({ id, branch, manager, version }) => ({
      type: 'customer.updated',
      subject: id,
      subjectVersion: marks.get(id)?.version ?? 0,
      occurredAt: instantOf(id),
      scope: { customer: id, branch, manager },
      data: { version, fields },
    })),
  };
}

export type Turn = {
  id: string;
  customer_id: string;
  staff: string;
  role: string;
  at: string;
  what: 'started' | 'ended';
};

/** One event a turn: whoever comes, or goes, may see it. */
export async function turnEvents(
  tx: Tx,
  ctx: Ctx,
  turns: readonly Turn[],
  marks: Marks,
): Promise<OutboxEvent[]> {
  if (turns.length === 0) return [];
  const places = await tx.rows<{ id: string; branch: string | null }>(sql`
    select id, branch from customers where id = any(${array([...marks.keys()], 'uuid')})`);
  const branches = new Map(places.map(({ id, branch }) => [id, branch]));
  return turns.map(({ id, customer_id, staff, role, at, what }) => ({
    type: `assignment.${what}`,
    subject: customer_id,
    subjectVersion: marks.get(customer_id)?.version ?? 0,
    occurredAt: marks.get(customer_id)?.instant ?? ctx.now,
    scope: { customer: customer_id, branch: branches.get(customer_id) ?? null, manager: staff },
    data: { assignment_id: id, staff, role, effective_at: at },
  }));
}

/** Those of what was written that are so by the instant of their customer's mark. */
export function turnsOf(
  written: {
    begun: readonly { id: string; customer_id: string; staff: string; starts_at: string }[];
    ended: readonly {
      id: string;
      customer_id: string;
      staff: string;
      starts_at: string;
      ends_at: string | null;
    }[];
  },
  role: string,
  marks: Marks,
): Turn[] {
  const isThere = (customerId: string, at: string) =>
    microsOf(at) <= microsOf(marks.get(customerId)?.instant ?? at);
  const turn =
    (what: Turn['what']) => (one: { id: string; customer_id: string; staff: string; at: string }) => {
      const { id, customer_id, staff, at } = one;
      return { id, customer_id, staff, role, at, what };
    };
  const ended = written.ended.map((one) => ({ ...one, at: one.ends_at ?? '' }));
  const begun = written.begun.map((one) => ({ ...one, at: one.starts_at }));
  return [
    // one that is taken back was never there
    ...ended.filter((one) => one.starts_at !== one.at && isThere(one.customer_id, one.at)).map(turn('ended')),
    ...begun.filter((one) => isThere(one.customer_id, one.at)).map(turn('started')),
  ];
}
