/** What the audit and the feed are told of a change of the bank itself. */
import type { Ctx } from '../platform/context.js';
import { notFound } from '../platform/errors.js';
import type { Effect } from '../platform/transact.js';

/** @param value as it is by now */
export function told<Row extends { version: number }>(
  ctx: Ctx,
  subject: 'branch' | 'staff',
  what: 'created' | 'updated',
  code: string,
  value: Row | undefined,
  fields: string[],
): Effect<Row> {
  if (value === undefined) throw notFound(subject);
  const type = `${subject}.${what}`;
  const data = { version: value.version, fields };
  return {
    value,
    audit: [{ action: type, subjectType: subject, subjectId: code, details: data }],
    events: [{ type, subject: code, subjectVersion: 0, occurredAt: ctx.now, data }],
  };
}
