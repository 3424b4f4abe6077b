/** Administration of API keys. A secret is shown once, in the reply that makes it. */
import type { FastifyInstance } from 'fastify';
import type { DataScope } from '../context.js';
import { createKey, getKey, listKeys, revokeKey, rotateKey } from '../key-administration.js';
import { page, pageRequest } from '../pagination.js';
import {
  ApiKey,
  ApiKeyCreate,
  ApiKeyPage,
  ApiKeyRotate,
  apiKeyComponents,
  apiKeyExample,
  NewApiKey,
} from './api-key-schemas.js';
import { operation } from './operation.js';
import { Id, pageQuery, Ref, Strict } from './schemas.js';

const common = { tag: 'Administration', scope: 'admin' } as const;
const params = Strict({ id: Id('Of the key') });

export function apiKeyRoutes(app: FastifyInstance): void {
  for (const component of apiKeyComponents) app.addSchema(component);
  readRoutes(app);
  writeRoutes(app);
}

function readRoutes(app: FastifyInstance): void {
  operation(app, {
    ...common,
    method: 'GET',
    path: '/v1/api-keys',
    id: 'listApiKeys',
    summary: 'List API keys',
    description: 'Without their secrets, revoked ones too.',
    query: Strict(pageQuery),
    problems: ['invalid_cursor'],
    replies: {
      200: {
        description: 'Keys',
        schema: Ref(ApiKeyPage),
        example: { data: [apiKeyExample], next_cursor: null },
      },
    },
    handler: async ({ ctx, query }) => {
      const wanted = pageRequest(ctx, 'listApiKeys', query);
      return { status: 200, body: page(ctx, wanted, await listKeys(ctx, wanted), (row) => [row.id]) };
    },
  });
  operation(app, {
    ...common,
    method: 'GET',
    path: '/v1/api-keys/{id}',
    id: 'getApiKey',
    summary: 'Read an API key',
    description: 'Without its secret: what it may do, until when, and when it was used last.',
    params,
    replies: { 200: { description: 'The key', schema: Ref(ApiKey), example: apiKeyExample } },
    handler: async ({ ctx, params: { id } }) => ({ status: 200, body: await getKey(ctx, id) }),
  });
}

function writeRoutes(app: FastifyInstance): void {
  operation(app, {
    ...common,
    method: 'POST',
    path: '/v1/api-keys',
    id: 'createApiKey',
    summary: 'Make an API key',
    description:
      'The secret is in this reply and nowhere else. A data scope binds the key to branches, to a book, or to one customer.',
    body: Ref(ApiKeyCreate),
    bodyExample: { name: 'mobile back end', scopes: ['customers:read'], data_scope: { branches: ['0101'] } },
    replies: {
      201: {
        description: 'The key with its secret',
        schema: Ref(NewApiKey),
        headers: { Location: 'Where it is' },
        example: { ...apiKeyExample, last_used_at: null, secret: 'ck_…' },
      },
    },
    handler: async ({ ctx, body: { name, scopes, data_scope, expires_at, rate_limit = null } }) => {
      const dataScope = (data_scope ?? null) as DataScope;
      const made = await createKey(ctx, {
        name,
        scopes,
        dataScope,
        expiresAt: expires_at ?? null,
        rateLimit: rate_limit,
      });
      return { status: 201, body: made, headers: { Location: `/v1/api-keys/${made.id}` } };
    },
  });
  operation(app, {
    ...common,
    method: 'POST',
    path: '/v1/api-keys/{id}/rotate',
    id: 'rotateApiKey',
    summary: 'Give an API key a new secret',
    description:
      'The new secret is in this reply and nowhere else. The former one is taken for the overlap, so that callers can be changed one by one. The key stays the same caller: its idempotency keys, its imports and its audit go on.',
    params,
    body: Ref(ApiKeyRotate),
    bodyOptional: true,
    bodyExample: { overlap: 'P1D' },
    problems: ['conflict', 'rule_broken'],
    replies: {
      200: {
        description: 'The key with its new secret',
        schema: Ref(NewApiKey),
        example: {
          ...apiKeyExample,
          rotated_at: '2026-02-06T08:00:00.000Z',
          former_secret_until: '2026-02-07T08:00:00.000Z',
          secret: 'ck_…',
        },
      },
    },
    handler: async ({ ctx, params: { id }, body }) => ({
      status: 200,
      body: await rotateKey(ctx, id, { overlap: 'P1D', ...body }),
    }),
  });
  operation(app, {
    ...common,
    method: 'DELETE',
    path: '/v1/api-keys/{id}',
    id: 'revokeApiKey',
    summary: 'Revoke an API key',
    description: 'It is refused within a second, everywhere, with every secret that it had.',
    params,
    replies: { 204: { description: 'Revoked' } },
    handler: async ({ ctx, params: { id } }) => {
      await revokeKey(ctx, id);
      return { status: 204 };
    },
  });
}
