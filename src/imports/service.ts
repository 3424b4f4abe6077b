/** Operations on imports as a whole. */
import { sql } from 'drizzle-orm';
import type { Ctx } from '../platform/context.js';
import { DomainError, insufficientScope } from '../platform/errors.js';
import { newId } from '../platform/ids.js';
import type { OutboxEvent } from '../platform/outbox.js';
import type { PageRequest } from '../platform/pagination.js';
import { transact } from '../platform/transact.js';
import type { FileSettings } from './admission.js';
import { kinds } from './kinds.js';
import type { Charset, Format } from './record-ends.js';
import {
  findImport,
  type ImportFailure,
  type ImportKind,
  type ImportRow,
  type ImportState,
  importColumns,
  visibleImport,
} from './rows.js';
import { newImportKey } from './staging.js';

/** Whoever may import may not do by it what is not theirs to do otherwise. */
export function checkKindScope(ctx: Ctx, kind: ImportKind): void {
  const { scope, ofTheBank = false } = kinds[kind];
  if (ofTheBank && ctx.dataScope !== null)
    throw new DomainError(
      'bank_wide',
      `An import of ${kind} is not for callers that are bound to a data scope.`,
    );
  if (ctx.scopes.has('admin') || ctx.scopes.has(scope)) return;
  throw insufficientScope(scope, `An import of ${kind} asks for the scope ${scope} too.`);
}

/** All lines are applied in the name of whoever began the import, so nobody else may add to them. Throws 409. */
export function checkSender(ctx: Ctx, { created_by }: ImportRow): void {
  if (created_by !== ctx.actor) throw new DomainError('conflict', 'Another caller has begun this import.');
}

export type NewImport = {
  kind: ImportKind;
  format: Format;
  charset: Charset;
  on_error: 'continue' | 'abort';
  on_unknown: 'reject' | 'create';
  dry_run: boolean;
  announcedDigest: string | undefined;
} & FileSettings;

/** Makes an import that has received nothing yet. Throws 403 where the caller may not do what its lines would. */
export async function createImport(ctx: Ctx, input: NewImport): Promise<ImportRow> {
  checkKindScope(ctx, input.kind);
  const id = newId();
  const { wrapped } = newImportKey(ctx.keyring, id);
  return transact(ctx, async (tx) => {
    await tx.run(sql`
      insert into imports (id, kind, format, charset, source, on_error, on_unknown, dry_run, state, announced_digest,
        received_bytes, received_lines, received_at, done_lines, accepted_rows, duplicate_rows, rejected_rows,
        wrapped_key, created_by, data_scope, created_at, feed, business_date, mode, delimiter, is_correction,
        control_rows, control_amount, control_field)
      values (${id}, ${input.kind}, ${input.format}, ${input.charset}, ${input.source}, ${input.on_error},
        ${input.on_unknown}, ${input.dry_run}, 'receiving', ${input.announcedDigest ?? null}, 0, 0, ${ctx.now}, 0, 0, 0, 0,
        ${wrapped}, ${ctx.actor}, ${ctx.dataScope === null ? null : JSON.stringify(ctx.dataScope)}::jsonb, ${ctx.now},
        ${input.feed}, ${input.business_date}, ${input.mode}, ${input.delimiter}, ${input.is_correction},
        ${input.control_rows}, ${input.control_amount}, ${input.control_field})`);
    const { kind, dry_run } = input;
    return {
      value: await findImport(ctx, id, tx),
      audit: [{ action: 'import.created', subjectType: 'import', subjectId: id, details: { kind, dry_run } }],
    };
  });
}

export type ImportFilters = { state?: ImportState | undefined; kind?: ImportKind | undefined };

/** A page of imports, newest first. */
export async function listImports(ctx: Ctx, filters: ImportFilters, page: PageRequest): Promise<ImportRow[]> {
  const conditions = [
    visibleImport(ctx),
    ...(filters.state === undefined ? [] : [sql`state = ${filters.state}`]),
    ...(filters.kind === undefined ? [] : [sql`kind = ${filters.kind}`]),
    ...(page.after === undefined ? [] : [sql`id < ${page.after[0]}::uuid`]),
  ];
  return ctx.database.rows<ImportRow>(sql`
    select ${importColumns} from imports where ${sql.join(conditions, sql` and `)}
    order by id desc limit ${page.limit + 1}`);
}

/** The event that an import changed its state. */
export const importEvent = (
  ctx: Ctx,
  id: string,
  what: string,
  data: Record<string, unknown>,
): OutboxEvent => ({
  type: `import.${what}`,
  subject: id,
  subjectVersion: 0,
  occurredAt: ctx.now,
  data,
});

/** What has begun of it ends with its chunk; what was applied stays. Throws 409 where it has ended already. */
export async function cancelImport(ctx: Ctx, id: string): Promise<ImportRow> {
  return transact(ctx, async (tx) => {
    const { state } = await findImport(ctx, id, tx);
    const changed = await tx.run(sql`
      update imports set state = 'cancelled', finished_at = ${ctx.now}, version = version + 1
      where id = ${id} and state in ('receiving', 'queued', 'running', 'waiting')`);
    if (changed === 0) throw new DomainError('conflict', `The import is ${state}: it has ended.`);
    const value = await findImport(ctx, id, tx);
    return {
      value,
      audit: [
        {
          action: 'import.cancelled',
          subjectType: 'import',
          subjectId: id,
          details: { done: value.done_lines },
        },
      ],
      events: [importEvent(ctx, id, 'cancelled', { kind: value.kind })],
    };
  });
}

/** Ends an upload that cannot be what was meant. */
export async function failUpload(ctx: Ctx, id: string, failure: ImportFailure): Promise<void> {
  await transact(ctx, async (tx) => {
    const changed = await tx.run(sql`
      update imports set state = 'failed', finished_at = ${ctx.now}, failure = ${JSON.stringify(failure)}::jsonb,
        version = version + 1
      where id = ${id} and state = 'receiving'`);
    if (changed === 0) return { value: null, audit: [] };
    return {
      value: null,
      audit: [
        { action: 'import.failed', subjectType: 'import', subjectId: id, details: { code: failure.code } },
      ],
      events: [importEvent(ctx, id, 'failed', { code: failure.code })],
    };
  });
}
