/**
 * The status of customers follows their holdings. A prospect has none: with the first one the primary owner becomes
 * active. Who owns none that is open any more, alone or with others, is closed, and active again when one is reopened or
 * comes. Only prospects, active and closed customers follow; what a source states of a customer itself weighs by the
 * same rule: the holding's source says it, at its own time, and who knew something later is not overruled.
 */
import { sql } from 'drizzle-orm';
import { upsertCustomers } from '../customers/upsert.js';
import { array, type Tx } from '../db/client.js';
import type { AuditEntry } from '../platform/audit.js';
import { type Ctx, today } from '../platform/context.js';
import type { OutboxEvent } from '../platform/outbox.js';
import type { HoldingState } from './changes.js';
import type { Group } from './resolution.js';
import { ownerRoles } from './vocabulary.js';

type Told = { source: string; sourceTime: string };
/** `owns`: as the primary owner; `holds`: or with others. */
type Standing = { id: string; status: string; owns: boolean; holds: boolean };

/** Whose holdings came to be open, or ceased to be theirs, and who said so. The holdings are written by now. */
export async function followHoldings(
  tx: Tx,
  ctx: Ctx,
  groups: readonly Group[],
): Promise<{ audit: AuditEntry[]; events: OutboxEvent[] }> {
  const concerned = new Map<string, Told>();
  for (const { place, before, after } of groups) {
    if (after === undefined) continue;
    const told = { source: place.source, sourceTime: after.source_time ?? ctx.now };
    const [former, owners] = [openOwners(before), openOwners(after)];
    const changed = [...former, ...owners].filter((id) => former.has(id) !== owners.has(id));
    for (const id of changed) if (!concerned.has(id)) concerned.set(id, told);
  }
  if (concerned.size === 0) return { audit: [], events: [] };
  const statuses = (await readStanding(tx, ctx, [...concerned.keys()])).flatMap((one) => {
    const next = statusOf(one);
    const told = concerned.get(one.id);
    return next === one.status || told === undefined ? [] : [{ id: one.id, next, ...told }];
  });
  if (statuses.length === 0) return { audit: [], events: [] };
  return upsertCustomers(
    tx,
    ctx,
    statuses.map(({ id, next, source, sourceTime }) => ({
      mode: 'patch',
      target: id,
      prepared: {
        kind: undefined,
        fields: new Map([['status', next]]),
        identifiers: [],
        contactPoints: undefined,
        source,
        sourceTime,
        // a stub stays one: nothing was said of who it is
        isTimed: false,
        stub: true,
      },
    })),
  );
}

function openOwners(state: Pick<HoldingState, 'status' | 'parties'> | undefined): Set<string> {
  if (state === undefined || state.status === 'closed') return new Set();
  const owners = state.parties.filter(({ role, endsOn }) => ownerRoles.includes(role) && endsOn === null);
  return new Set(owners.map(({ customerId }) => customerId));
}

function statusOf({ status, owns, holds }: Standing): string {
  if ((status === 'prospect' && owns) || (status === 'closed' && holds)) return 'active';
  return status === 'active' && !holds ? 'closed' : status;
}

const readStanding = (tx: Tx, ctx: Ctx, ids: readonly string[]): Promise<Standing[]> =>
  tx.rows<Standing>(sql`
    select s.id, s.status, s.owns, s.owns or s.shares as holds from (
      select c.id, c.status,
        exists (select from holdings h where h.customer_id = c.id and h.status <> 'closed') as owns,
        exists (select from holding_parties p
        join holdings h on h.customer_id = p.owner_id and h.id = p.holding_id and h.status <> 'closed'
        where p.customer_id = c.id and p.role = 'joint_owner'
          and (p.ends_on is null or p.ends_on > ${today(ctx)}::date)) as shares
      from customers c where c.id = any(${array(ids, 'uuid')})
    ) as s`);
