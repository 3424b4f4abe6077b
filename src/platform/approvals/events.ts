/** What is told of an approval: who asked, who decided, for which operation. Never what the plan holds. */
import { sql } from 'drizzle-orm';
import { Type } from 'typebox';
import type { Tx } from '../../db/client.js';
import type { Ctx } from '../context.js';
import { defineEvents, eventData, version } from '../event-types.js';
import { Count, Instant, Nullable } from '../http/schemas.js';
import type { OutboxEvent } from '../outbox.js';

const operation = Type.String({ description: 'The operationId' });
const requested_by = Type.String({ description: 'Who asked' });
const decided_by = Type.String({ description: 'Who decided' });

const subject = 'The approval';
const [maker, checker] = [
  'key:0197f3c2-1b7f-7a10-8c3d-5e6f7a8b9c0d',
  'key:0197f3c2-1b80-7d20-9e4f-6f708192a3b4',
];
const asked = { operation: 'putSegment', requested_by: maker };
const id = '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d';
const decided = {
  subject,
  data: eventData({ operation, requested_by, decided_by }),
  example: { subject: id, data: { ...asked, decided_by: checker } },
};

export const approvalEvents = defineEvents({
  'approval.requested': {
    summary: 'Something waits for a second person',
    description: 'Nothing is done until somebody else says yes.',
    subject,
    data: eventData({ operation, requested_by, expires_at: Instant('Until when it waits') }),
    example: { subject: id, data: { ...asked, expires_at: '2026-01-12T08:00:01Z' } },
  },
  'approval.approved': {
    summary: 'A second person has said yes',
    description: 'It was carried out at the same instant: `executed` or `failed` follows.',
    ...decided,
  },
  'approval.executed': {
    summary: 'What was approved is done',
    description: 'What it changed is told by events of its own.',
    ...decided,
  },
  'approval.failed': {
    summary: 'What was approved could not be done',
    description: 'The operation itself refused it, and nothing is done.',
    subject,
    data: eventData({
      operation,
      requested_by,
      decided_by,
      code: Type.String({ description: 'The code of the refusal, as a problem has it' }),
    }),
    example: { subject: id, data: { ...decided.example.data, code: 'conflict' } },
  },
  'approval.rejected': {
    summary: 'A second person has said no',
    description: 'Nothing is done; it can be asked for anew.',
    ...decided,
  },
  'approval.withdrawn': {
    summary: 'What waited was taken back',
    description: 'By whoever had asked for it. Nothing is done.',
    ...decided,
    example: { subject: id, data: { ...asked, decided_by: maker } },
  },
  'approval.expired': {
    summary: 'Nobody decided in time',
    description: 'Nothing is done; it can be asked for anew.',
    subject,
    data: eventData({ operation, requested_by }),
    example: { subject: id, data: asked },
  },
  'approval_policy.updated': {
    summary: 'When an operation asks for a second person was changed',
    description: 'It holds for what is asked for from then on.',
    subject: 'The operationId',
    data: eventData({
      version,
      required: Type.Boolean({ description: 'Whether it asks' }),
      threshold: Nullable(Count('From how much on; null: always')),
      expires_after: Type.String({ description: 'How long it waits, as an ISO 8601 duration' }),
    }),
    example: {
      subject: 'putSegment',
      data: { version: 1, required: true, threshold: 1000, expires_after: 'P3D' },
    },
  },
});

type Told = 'requested' | 'approved' | 'executed' | 'failed' | 'rejected' | 'withdrawn' | 'expired';

type Concerned = { id: string; operation: string; customers: readonly string[]; version: number };

/** The event; where it concerns one customer, whoever reaches that customer may see it, else only the whole bank. */
export async function approvalEvent(
  tx: Tx,
  ctx: Ctx,
  told: Told,
  approval: Concerned,
  data: Record<string, unknown>,
): Promise<OutboxEvent> {
  const [only, ...others] = approval.customers;
  const [customer] =
    only === undefined || others.length > 0
      ? []
      : await tx.rows<{ branch: string | null; manager: string | null }>(
          sql`select branch, manager from customers where id = ${only}`,
        );
  return {
    type: `approval.${told}`,
    subject: approval.id,
    subjectVersion: approval.version,
    occurredAt: ctx.now,
    ...(customer === undefined || only === undefined ? {} : { scope: { customer: only, ...customer } }),
    data: { operation: approval.operation, ...data },
  };
}
