/** A snapshot that would close more than its feed lets it waits for a person, or for two where the bank wants that. */
import { sql } from 'drizzle-orm';
import type { Tx } from '../db/client.js';
import type { Guarded } from '../platform/approvals/guarded.js';
import type { Ctx } from '../platform/context.js';
import { DomainError } from '../platform/errors.js';
import { findImport, type ImportRow } from './rows.js';
import { checkKindScope, importEvent } from './service.js';
import { planClosing } from './snapshots.js';

type Input = { id: string };

async function waiting(tx: Tx, ctx: Ctx, id: string): Promise<ImportRow> {
  await tx.rows(sql`select from imports where id = ${id}::uuid for update`);
  const row = await findImport(ctx, id, tx);
  if (row.state !== 'waiting')
    throw new DomainError('conflict', `The import is ${row.state}: it waits for nobody.`);
  return row;
}

export const confirmGuard: Guarded<Input, { id: string }> = {
  operation: 'confirmImport',
  scope: 'imports:write',
  threshold: {
    counts: 'holdings that are closed',
    of: ({ content }) => Number(content.closing),
  },
  async plan(tx, ctx, { id }) {
    const row = await waiting(tx, ctx, id);
    const { feed, business_date, unreadable_rows } = row;
    const plan = await planClosing(tx, ctx, row, unreadable_rows);
    return {
      subject: { type: 'import', id },
      customers: [],
      summary: `Close ${plan.closing} of ${plan.open} holdings that feed ${feed} of ${business_date} does not name`,
      content: { feed, business_date, ...plan },
      weighty: true,
    };
  },
  async execute(tx, ctx, { id }) {
    const { kind } = await waiting(tx, ctx, id);
    checkKindScope(ctx, kind);
    await tx.run(sql`
      update imports set state = 'queued', checked_at = ${ctx.now}, version = version + 1 where id = ${id}::uuid`);
    return {
      value: { id },
      audit: [{ action: 'import.confirmed', subjectType: 'import', subjectId: id, details: { kind } }],
      events: [importEvent(ctx, id, 'queued', { kind })],
    };
  },
};
