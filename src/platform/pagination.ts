/** Keyset pages. A cursor holds the last row's key, signed together with the list and the filters it belongs to. */
import { createHash } from 'node:crypto';
import type { Ctx } from './context.js';
import { DomainError } from './errors.js';

export type PageRequest = { limit: number; after: unknown[] | undefined; domain: string };

/** Reads `limit` and `cursor` of a list; `filters` are all other parameters that shape it. Throws `invalid_cursor`. */
export function pageRequest(
  ctx: Ctx,
  list: string,
  query: { limit: number; cursor?: string | undefined },
  filters: Record<string, unknown> = {},
): PageRequest {
  const shape = createHash('sha256')
    .update(JSON.stringify([filters, ctx.dataScope]))
    .digest('base64url');
  const domain = `cursor|${list}|${shape}`;
  if (query.cursor === undefined) return { limit: query.limit, after: undefined, domain };
  const payload = ctx.keyring.verify(domain, query.cursor);
  if (payload === undefined) {
    throw new DomainError('invalid_cursor', 'The cursor was not made for this list and these filters.', {
      errors: [
        { in: 'query', pointer: '/cursor', code: 'invalid_cursor', message: 'begin again without a cursor' },
      ],
    });
  }
  return { limit: query.limit, after: JSON.parse(payload) as unknown[], domain };
}

/** Cuts the one row too many that a list read to see whether it goes on. */
export function page<T>(
  ctx: Ctx,
  request: PageRequest,
  rows: readonly T[],
  keyOf: (row: T) => unknown[],
): { data: T[]; next_cursor: string | null } {
  const data = rows.slice(0, request.limit);
  const last = data.at(-1);
  const goesOn = rows.length > request.limit && last !== undefined;
  return { data, next_cursor: goesOn ? ctx.keyring.sign(request.domain, JSON.stringify(keyOf(last))) : null };
}

/** The `Link` to the next page (RFC 8288); undefined on the last one. */
export function nextLink(url: string, cursor: string | null): string | undefined {
  if (cursor === null) return undefined;
  const next = new URL(url, 'http://localhost');
  next.searchParams.set('cursor', cursor);
  return `<${next.pathname}${next.search}>; rel="next"`;
}
