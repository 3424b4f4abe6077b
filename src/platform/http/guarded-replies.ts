/** What an operation with four eyes answers beside its own replies: its plan, or the approval that it waits for. */
import type { Guarded } from '../approvals/guarded.js';
import { perform, planOnly } from '../approvals/perform.js';
import { readApproval } from '../approvals/stored.js';
import type { Ctx } from '../context.js';
import { toApproval } from './approval-schemas.js';
import type { Reply } from './operation.js';
import { etagOf } from './versions.js';

/** Plans, does, or asks for approval. `done` makes the reply where it was done. */
export async function guardedReply<Input, Value>(
  ctx: Ctx,
  guard: Guarded<Input, Value>,
  input: Input,
  query: { dry_run?: boolean; plan_hash?: string },
  done: (value: Value) => Promise<Reply> | Reply,
): Promise<Reply> {
  if (query.dry_run === true) return { status: 200, body: await planBody(ctx, guard, input) };
  const outcome = await perform(ctx, guard, input, query.plan_hash);
  return 'done' in outcome ? done(outcome.done) : approvalReply(ctx, outcome.approval, 202);
}

async function planBody<Input>(ctx: Ctx, guard: Guarded<Input, unknown>, input: Input) {
  const { planned, hash, asksForApproval } = await planOnly(ctx, guard, input);
  const { subject, summary, content, forecast } = planned;
  return {
    operation: guard.operation,
    subject,
    summary,
    plan: content,
    forecast,
    plan_hash: hash,
    asks_for_approval: asksForApproval,
  };
}

/** The approval as it is now. */
export async function approvalReply(ctx: Ctx, id: string, status: 200 | 202): Promise<Reply> {
  const row = await readApproval(ctx, ctx.database, id);
  const body = toApproval(ctx, row);
  const headers = {
    ETag: etagOf(row.version, body.plan === null),
    ...(status === 202 ? { Location: `/v1/approvals/${id}` } : {}),
  };
  return { status, body, headers };
}
