/**
 * A delta says of each line what became of it: `op` is insert, update or delete. The first two are one here, as
 * everything is made or changed by what is stated. What is deleted of holdings is closed as of the business date, and who
 * is deleted from a static segment leaves it; of customers and activities nothing is deleted by a file: relationships end,
 * and activities are reversed.
 */
import { type TSchema, Type } from 'typebox';
import { DomainError } from '../platform/errors.js';
import { kinds } from './kinds.js';
import type { ImportKind, ImportMode, ImportRow } from './rows.js';

const operations = ['insert', 'update', 'delete'];
const withOperation = new Map<ImportKind, TSchema>();

/** What a line can state. */
export function lineSchema(kind: ImportKind, mode: ImportMode): TSchema {
  const { schema } = kinds[kind];
  if (mode !== 'delta') return schema;
  const known = withOperation.get(kind);
  if (known !== undefined) return known;
  const { properties, ...rest } = schema as TSchema & { properties: Record<string, TSchema> };
  const made = { ...rest, properties: { ...properties, op: Type.String() } } as TSchema;
  withOperation.set(kind, made);
  return made;
}

const wrong = (code: string, message: string) =>
  new DomainError('rule_broken', `/op ${message}.`, {
    errors: [{ in: 'body', pointer: '/op', code, message }],
  });

/** The statement that a line of a delta stands for, or why there is none. */
export function statementOf(
  { kind, mode, business_date }: Pick<ImportRow, 'kind' | 'mode' | 'business_date'>,
  value: unknown,
): unknown | DomainError {
  if (mode !== 'delta' || typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { op, ...statement } = value as Record<string, unknown>;
  if (typeof op !== 'string' || !operations.includes(op)) {
    return wrong('no_such_operation', `must be one of ${operations.join(', ')}`);
  }
  if (op !== 'delete') return statement;
  if (kind === 'segment_members') return { ...statement, member: false };
  if (kind !== 'holdings') return wrong('not_deleted', `cannot be delete: a file deletes no ${kind}`);
  const { source, number, source_time } = statement;
  const closed = { number, status: 'closed', closed_on: business_date };
  return {
    ...closed,
    ...(source === undefined ? {} : { source }),
    ...(source_time === undefined ? {} : { source_time }),
  };
}
