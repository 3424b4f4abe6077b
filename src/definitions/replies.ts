/** What the routes of all definitions have in common. */
import { etagOf, unlessKnown } from '../platform/http/versions.js';
import type { Put } from './service.js';

const common = { tag: 'Definitions', domain: 'Party Reference Data Directory' } as const;
export const reading = { ...common, method: 'GET', scope: 'customers:read' } as const;
export const writing = { ...common, method: 'PUT', scope: 'definitions:write', ofTheBank: true } as const;
export const etagHeader = { ETag: 'The version, for If-Match and If-None-Match' };
export const notModified = { description: 'The caller has this version already', headers: etagHeader };

/** A single definition, or 304 where the caller has it already. */
export function reply<Row extends { version: number }>(row: Row, ifNoneMatch: string | undefined) {
  return unlessKnown(ifNoneMatch, etagOf(row.version), () => row);
}

export const putReply = <Row extends { version: number }>({ outcome, row }: Put<Row>) => ({
  status: outcome === 'created' ? 201 : 200,
  headers: { ETag: etagOf(row.version) },
  body: row,
});
