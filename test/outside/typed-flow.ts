/**
 * A client that nobody here wrote: types made from the document by openapi-typescript, calls by openapi-fetch. It must
 * compile strictly, so it says no type by itself.
 */
import createClient from 'openapi-fetch';
import type { paths } from './generated/api.js';

/** A customer comes in, changes under its version, is found again, and read as a page. Returns what was seen. */
export async function typedFlow(baseUrl: string, key: string) {
  const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });
  const made = await client.POST('/v1/customers', {
    body: {
      kind: 'person',
      full_name: '王小明',
      identifiers: [{ scheme: 'core_banking', value: 'TYPED-1' }],
      source: 'core',
    },
  });
  if (made.data === undefined) throw new Error(`not made: ${made.error.code}`);
  const { id } = made.data;
  const etag = made.response.headers.get('etag') ?? '';
  const changed = await client.PATCH('/v1/customers/{id}', {
    params: { path: { id }, header: { 'if-match': etag } },
    body: { city: '上海' },
    headers: { 'Content-Type': 'application/merge-patch+json' },
  });
  if (changed.data === undefined) throw new Error(`not changed: ${changed.error.code}`);
  const stale = await client.PATCH('/v1/customers/{id}', {
    params: { path: { id }, header: { 'if-match': etag } },
    body: { city: '北京' },
    headers: { 'Content-Type': 'application/merge-patch+json' },
  });
  const found = await client.POST('/v1/customers/lookup', {
    body: { scheme: 'core_banking', value: 'TYPED-1' },
  });
  const page = await client.GET('/v1/customers', { params: { query: { limit: 1 } } });
  const facts = await client.GET('/v1/facts');
  return {
    id,
    city: changed.data.city,
    staleCode: stale.error?.code,
    foundId: found.data?.id,
    pageSize: page.data?.data.length,
    firstFact: facts.data?.data[0]?.name,
  };
}
