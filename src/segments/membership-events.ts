/** A customer that enters a segment, or leaves it, is told of in one way, whatever moved it. */
import type { OutboxEvent } from '../platform/outbox.js';

export type MembershipChange = {
  customer_id: string;
  segment: string;
  entered: boolean;
  /** since when it is so */
  at: string;
  cause: string;
  rule_version?: number;
  branch: string | null;
  manager: string | null;
};

/** `told` is the customer's version and instant, from its lock. */
export const membershipEvent = (
  change: MembershipChange,
  told: { version: number; instant: string },
): OutboxEvent => ({
  type: change.entered ? 'segment.entered' : 'segment.left',
  subject: change.customer_id,
  subjectVersion: told.version,
  occurredAt: told.instant,
  scope: { customer: change.customer_id, branch: change.branch, manager: change.manager },
  data: {
    segment: change.segment,
    ...(change.rule_version === undefined ? {} : { rule_version: change.rule_version }),
    cause: change.cause,
    effective_at: change.at,
  },
});
