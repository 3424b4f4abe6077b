/**
 * Who a customer's manager is. Sources state it (`relationship_manager`), and it is assigned here: the later word
 * counts, as an assignment that begins when it was said. A source that says only what it has said before does not undo
 * what was assigned here since: nightly loads repeat what the source knows. `customers.manager` is a copy of whoever is
 * the present primary one.
 */
import { type SQL, sql } from 'drizzle-orm';
import { array, type Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { newId } from '../platform/ids.js';
import { inEffect } from '../platform/in-effect.js';
import { isSameSpeaker, type Speaker, type Stated, type Statements } from './provenance.js';

/** As which source an assignment that is made here is kept among the statements. */
const assignmentSource = 'assignments';

const field = 'relationship_manager';

/** Whether a statement only repeats what its speaker said before something else was assigned here. */
export function isOldNews(
  statements: Statements,
  speaker: Speaker,
  value: unknown,
  present: unknown,
): boolean {
  const of = (one: Speaker) => statements.find((other) => isSameSpeaker(one, other))?.fields[field];
  const assigned = of({ source: assignmentSource, origin: null });
  return speaker.source !== assignmentSource && assigned?.value === present && of(speaker)?.value === value;
}

export type NewPrimary = {
  customerId: string;
  /** null: nobody from then on */
  staff: string | null;
  at: string;
  /** null: without an end */
  until: string | null;
  /** null: it is assigned here */
  source: string | null;
  reason: string | null;
  transferId: string | null;
};

export type Written = {
  id: string;
  customer_id: string;
  staff: string;
  starts_at: string;
  ends_at: string | null;
};

/** The staff code of whoever is the primary one at an instant, or null, of a customer's id. */
export const presentPrimary = (customerId: SQL, at: unknown): SQL => sql`(
  select a.staff from assignments a
  where a.customer_id = ${customerId} and a.role = 'primary' and ${inEffect('a', at)}
  order by a.starts_at desc limit 1)`;

/**
 * Ends the primary assignments that are in effect, and begins others: of customers that are locked. One ends at the
 * latest where one begins that was assigned for later.
 */
export async function writePrimaries(
  tx: Tx,
  ctx: Ctx,
  rows: readonly NewPrimary[],
): Promise<{ begun: Written[]; ended: Written[] }> {
  if (rows.length === 0) return { begun: [], ended: [] };
  const column = <T>(pick: (row: NewPrimary) => T) => rows.map(pick);
  const ids = column((row) => row.customerId);
  const instants = column((row) => row.at);
  const ended = await tx.rows<Written>(sql`
    update assignments a set ends_at = r.at, version = a.version + 1, due_at = case when r.at > ${ctx.now} then r.at end
    from unnest(${array(ids, 'uuid')}, ${array(instants, 'timestamptz')}) as r(customer_id, at)
    where a.customer_id = r.customer_id and a.role = 'primary' and ${inEffect('a', sql`r.at`)}
    returning a.id, a.customer_id, a.staff, a.starts_at, a.ends_at`);
  const begun = await tx.rows<Written>(sql`
    insert into assignments (customer_id, id, staff, role, starts_at, ends_at, reason, source, assigned_by, recorded_at,
      transfer_id, due_at, version)
    select customer_id, id, staff, 'primary', at, e.ends_at, reason, source, ${ctx.actor}, ${ctx.now}, transfer_id,
      case when at > ${ctx.now} then at else e.ends_at end, 1
    from unnest(${array(ids, 'uuid')}, ${array(rows.map(newId), 'uuid')}, ${array(instants, 'timestamptz')},
      ${array(
        column((row) => row.until),
        'timestamptz',
      )}, ${array(
        column((row) => row.staff),
        'text',
      )}, ${array(
        column((row) => row.reason),
        'text',
      )},
      ${array(
        column((row) => row.source),
        'text',
      )}, ${array(
        column((row) => row.transferId),
        'uuid',
      )}) as r(customer_id, id, at, until, staff, reason, source, transfer_id)
    cross join lateral (
      select least(r.until, min(a.starts_at)) as ends_at from assignments a
      where a.customer_id = r.customer_id and a.role = 'primary' and a.starts_at > r.at
        and (a.ends_at is null or a.ends_at > a.starts_at)) e
    where staff is not null
    order by customer_id, id
    returning id, customer_id, staff, starts_at, ends_at`);
  return { begun, ended };
}

type Assigned = { customerId: string; staff: string | null; at: string };

/** Keeps whom the customers have now, as a statement: of customers that are locked. */
export async function stateManagers(tx: Tx, ctx: Ctx, rows: readonly Assigned[]): Promise<void> {
  if (rows.length === 0) return;
  const ids = rows.map((row) => row.customerId);
  const stated = rows.map(({ staff, at }): Record<string, Stated> => {
    return { [field]: { value: staff, source_time: at, recorded_at: ctx.now } };
  });
  await tx.run(sql`
    insert into customer_statements (customer_id, source, fields)
    select customer_id, ${assignmentSource}, fields::jsonb
    from unnest(${array(ids, 'uuid')}, ${array(
      stated.map((one) => JSON.stringify(one)),
      'text',
    )}) as r(customer_id, fields)
    order by customer_id
    on conflict (customer_id, source) do update set fields = customer_statements.fields || excluded.fields`);
}
