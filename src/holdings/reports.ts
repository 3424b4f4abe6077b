/** What a batch of holdings came to: outcomes, audit entries and events. */
import type { FoundCustomer } from '../customers/references.js';
import type { AuditEntry } from '../platform/audit.js';
import type { Ctx } from '../platform/context.js';
import { DomainError, notFound } from '../platform/errors.js';
import type { OutboxEvent } from '../platform/outbox.js';
import type { Mark } from '../reviews/service.js';
import { type Ignored, ownerOf } from './changes.js';
import type { Customers, Group, Work } from './resolution.js';

export type HoldingOutcome =
  | {
      ok: true;
      holdingId: string;
      /** the primary owner */
      customerId: string;
      outcome: 'created' | 'updated' | 'unchanged';
      ignored: Ignored[];
    }
  | { ok: false; error: DomainError };

export type HoldingBatch = { outcomes: HoldingOutcome[]; audit: AuditEntry[]; events: OutboxEvent[] };

export function reportHoldings(
  ctx: Ctx,
  groups: readonly Group[],
  written: readonly Group[],
  customers: Customers,
  owners: Customers,
  marks: ReadonlyMap<string, Mark>,
): HoldingBatch {
  const batch: HoldingBatch = { outcomes: [], audit: [], events: [] };
  for (const group of groups) {
    let known = group.before !== undefined;
    for (const work of group.works) {
      const outcome = outcomeOf(group, work, known);
      batch.outcomes[work.position] = outcome;
      known ||= outcome.ok;
    }
  }
  for (const group of written) {
    const { audit, events } = tellOf(ctx, group, customers, owners, marks);
    batch.audit.push(audit);
    batch.events.push(...events);
  }
  return batch;
}

function outcomeOf(group: Group, { decision }: Work, known: boolean): HoldingOutcome {
  if (decision?.ok !== true) return { ok: false, error: errorOf(decision) };
  return {
    ok: true,
    holdingId: group.place.holdingId,
    customerId: ownerOf(decision.state),
    outcome: known ? (decision.changed.length > 0 ? 'updated' : 'unchanged') : 'created',
    ignored: decision.ignored,
  };
}

function errorOf(decision: Work['decision']): DomainError {
  if (decision === undefined || decision.ok) return notFound('holding');
  if ('error' in decision) return decision.error;
  return new DomainError('rule_broken', decision.problems[0]?.message ?? 'A rule is broken.', {
    errors: decision.problems,
  });
}

function tellOf(
  ctx: Ctx,
  group: Group,
  customers: Customers,
  owners: Customers,
  marks: ReadonlyMap<string, Mark>,
) {
  const { place, before, works } = group;
  const action = before === undefined ? 'holding.created' : 'holding.updated';
  const fields = [
    ...new Set(works.flatMap(({ decision }) => (decision?.ok === true ? decision.changed : []))),
  ];
  const version = (before?.version ?? 0) + 1;
  const owner = owners.get(place.holdingId);
  const audit: AuditEntry = {
    action,
    subjectType: 'holding',
    subjectId: place.holdingId,
    details: { version, fields, source: place.source, customer_id: owner?.id },
  };
  const tell = (type: string, customer: FoundCustomer): OutboxEvent => ({
    type,
    subject: customer.id,
    subjectVersion: marks.get(customer.id)?.version ?? 0,
    occurredAt: marks.get(customer.id)?.instant ?? ctx.now,
    scope: { customer: customer.id, branch: customer.branch, manager: customer.manager },
    data: { holding_id: place.holdingId, version, fields },
  });
  // who had it before is told too
  const former = before && before.customerId !== owner?.id ? customers.get(before.customerId) : undefined;
  const events = [
    ...(owner === undefined ? [] : [tell(action, owner)]),
    ...(former === undefined ? [] : [tell(action, former)]),
  ];
  return { audit, events };
}
