/** An operation that is not to be used any more says so, in each reply and in the document, and still works. */
import swagger from '@fastify/swagger';
import { Type } from 'typebox';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config.js';
import type { Ctx, Services } from '../../src/platform/context.js';
import { DomainError } from '../../src/platform/errors.js';
import { openApiOptions } from '../../src/platform/http/openapi.js';
import { operation } from '../../src/platform/http/operation.js';
import { useProblems } from '../../src/platform/http/problems.js';
import { Ref, Strict } from '../../src/platform/http/schemas.js';
import { createServer, useReplyFields } from '../../src/platform/http/server.js';
import { createLog } from '../../src/platform/log.js';
import { Client } from '../support/client.js';
import { keepContract, type OpenApi } from '../support/contract.js';

const Thing = Strict({ name: Type.String() }, { $id: 'Thing', description: 'A thing' });

async function serverWith(deprecated: { since: string; sunset?: string }) {
  const app = createServer(loadConfig({}), createLog('silent'));
  app.decorate('operations', []);
  app.decorate('guarded', new Map());
  app.decorate(
    'contextOf',
    async () => ({ scopes: new Set(), replayed: false }) as unknown as Ctx & Services,
  );
  app.decorate('admit', async () => undefined);
  useProblems(app, () => []);
  useReplyFields(app, { draining: false, checks: {} });
  await app.register(swagger, openApiOptions(app.operations, {}, undefined));
  app.addSchema(Thing);
  await app.register(async (scope) =>
    operation(scope, {
      method: 'GET',
      path: '/v1/things/{name}',
      id: 'getThing',
      summary: 'Read a thing',
      description: 'Use what is better.',
      tag: 'Health',
      scope: 'customers:read',
      deprecated,
      params: Strict({ name: Type.String({ description: 'Of the thing' }) }),
      replies: { 200: { description: 'It', schema: Ref(Thing), example: { name: 'a' } } },
      handler: async ({ params }) => {
        if (params.name === 'none') throw new DomainError('not_found', 'No such thing.');
        return { status: 200, body: params };
      },
    }),
  );
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  const document = app.swagger() as unknown as OpenApi;
  keepContract(origin, document);
  return { app, document, client: new Client(origin, undefined) };
}

test('since when, and from when on it may be gone', async () => {
  const { app, document, client } = await serverWith({ since: '2026-01-01', sunset: '2026-11-11' });
  for (const [name, status] of [
    ['a', 200],
    ['none', 404],
  ]) {
    const reply = await client.request('GET', `/v1/things/${name}`);
    expect(reply.status).toBe(status);
    expect(reply.headers.get('deprecation')).toBe('@1767225600');
    expect(reply.headers.get('sunset')).toBe('Wed, 11 Nov 2026 00:00:00 GMT');
  }
  const described = document.paths['/v1/things/{name}']?.get as unknown as Record<string, unknown>;
  expect(described.deprecated).toBe(true);
  expect(described.responses).toMatchObject({
    200: {
      headers: {
        Deprecation: { $ref: '#/components/headers/Deprecation' },
        Sunset: { $ref: '#/components/headers/Sunset' },
      },
    },
  });
  await app.close();
});

test('without an end, where none is known', async () => {
  const { app, client } = await serverWith({ since: '2026-02-28' });
  const reply = await client.request('GET', '/v1/things/a');
  expect(reply.headers.get('deprecation')).toBe('@1772236800');
  expect(reply.headers.get('sunset')).toBeNull();
  await app.close();
});
