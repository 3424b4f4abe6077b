/** What every operation has in common without saying so: links of lists, preferences, purposes, deprecation. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '../errors.js';
import { nextLink } from '../pagination.js';

/** `Link` to the next page, of a list that has one. */
export function linkOfPage(request: FastifyRequest, body: unknown): string | undefined {
  const { next_cursor: cursor } = (body ?? {}) as { next_cursor?: string | null };
  return cursor === undefined ? undefined : nextLink(request.url, cursor);
}

/** Whether the caller prefers something, RFC 7240: what is not understood is passed over. */
export function prefers(request: FastifyRequest, preference: string): boolean {
  const stated = String(request.headers.prefer ?? '').slice(0, 1000);
  return stated.split(',').some((one) => one.split(';')[0]?.trim().toLowerCase() === preference);
}

const purposePattern = /^[a-z][a-z0-9._-]{0,63}$/;

/** `X-Purpose`: why data is read, as a code. Free text could name somebody, and is refused. */
export function purposeOf(request: FastifyRequest): string | undefined {
  const purpose = request.headers['x-purpose'];
  if (purpose === undefined) return undefined;
  if (typeof purpose === 'string' && purposePattern.test(purpose)) return purpose;
  const message = 'must be a code of at most 64 lower-case letters, digits, `.`, `_` or `-`';
  throw new DomainError('malformed_request', `X-Purpose ${message}.`, {
    errors: [{ in: 'header', pointer: '/x-purpose', code: 'pattern', message }],
  });
}

/** Days in UTC, such as 2026-01-31: since when not to use it any more, and from when on it may be gone. */
export type Deprecated = { since: string; sunset?: string };

/** RFC 9745 has a structured date, RFC 8594 one of HTTP. */
export function tellDeprecation(reply: FastifyReply, { since, sunset }: Deprecated): void {
  reply.header('Deprecation', `@${Date.parse(`${since}T00:00:00Z`) / 1000}`);
  if (sunset !== undefined) reply.header('Sunset', new Date(`${sunset}T00:00:00Z`).toUTCString());
}
