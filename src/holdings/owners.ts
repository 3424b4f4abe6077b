/** A prospect has no holding: with the first one the primary owner becomes an active customer. */
import { upsertCustomers } from '../customers/upsert.js';
import type { Tx } from '../db/client.js';
import type { AuditEntry } from '../platform/audit.js';
import type { Ctx } from '../platform/context.js';
import type { OutboxEvent } from '../platform/outbox.js';
import type { Customers, Group } from './resolution.js';

/** The holding's source says it, at its own time: who knew something later is not overruled. */
export async function activateOwners(
  tx: Tx,
  ctx: Ctx,
  groups: readonly Group[],
  owners: Customers,
): Promise<{ audit: AuditEntry[]; events: OutboxEvent[] }> {
  const firsts = new Map<string, { source: string; sourceTime: string }>();
  for (const { place, before, after } of groups) {
    const owner = owners.get(place.holdingId);
    if (owner?.status !== 'prospect' || after === undefined || after.status === 'closed') continue;
    if (before?.customerId === owner.id && before.status !== 'closed') continue;
    if (!firsts.has(owner.id)) {
      firsts.set(owner.id, { source: place.source, sourceTime: after.source_time ?? ctx.now });
    }
  }
  if (firsts.size === 0) return { audit: [], events: [] };
  return upsertCustomers(
    tx,
    ctx,
    [...firsts].map(([target, { source, sourceTime }]) => ({
      mode: 'patch',
      target,
      prepared: {
        kind: undefined,
        fields: new Map([['status', 'active']]),
        identifiers: [],
        contactPoints: undefined,
        source,
        sourceTime,
        // a stub stays one: nothing was said of who it is
        stub: true,
      },
    })),
  );
}
