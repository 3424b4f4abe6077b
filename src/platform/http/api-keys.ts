/** Administration of API keys. A secret is shown once, in the reply that makes it. */
import type { FastifyInstance } from 'fastify';
import type { Ctx, DataScope } from '../context.js';
import { getKey, listKeys, revokeKey } from '../key-administration.js';
import { createKey, createKeyGuard, type Issued, rotateKey, rotateKeyGuard } from '../key-issuing.js';
import { page, pageRequest } from '../pagination.js';
import {
  ApiKey,
  ApiKeyCreate,
  ApiKeyPage,
  ApiKeyRotate,
  ApprovalWithSecret,
  apiKeyComponents,
  apiKeyExample,
  NewApiKey,
} from './api-key-schemas.js';
import { acceptedReply, approvalExample } from './approval-schemas.js';
import { approvalReply } from './guarded-replies.js';
import { operation, type Reply } from './operation.js';
import { Id, pageQuery, Ref, Strict } from './schemas.js';
import { contentReply } from './versions.js';

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
    replies: {
      200: { description: 'The key', schema: Ref(ApiKey), headers: etagHeader, example: apiKeyExample },
      304: { description: 'Nothing of it has changed', headers: etagHeader },
    },
    handler: async ({ ctx, params: { id }, headers }) =>
      contentReply(await getKey(ctx, id), headers.ifNoneMatch),
  });
}

const etagHeader = { ETag: 'Of the content' };

const waitingReply = {
  ...acceptedReply,
  description: 'Nothing is done yet: the secret is taken when a second person has said yes',
  schema: Ref(ApprovalWithSecret),
  example: { ...approvalExample, secret: 'ck_…' },
};

/** The secret goes to whoever asked, at once. */
async function issuedReply(ctx: Ctx, { outcome, secret }: Issued, status: 200 | 201): Promise<Reply> {
  if ('approval' in outcome) {
    const waiting = await approvalReply(ctx, outcome.approval, 202);
    return { ...waiting, body: { ...(waiting.body as object), secret } };
  }
  const body = { ...outcome.done, secret };
  return status === 201
    ? { status, body, headers: { Location: `/v1/api-keys/${body.id}` } }
    : { status, body };
}

function writeRoutes(app: FastifyInstance): void {
  operation(app, {
    ...common,
    method: 'POST',
    path: '/v1/api-keys',
    id: 'createApiKey',
    summary: 'Make an API key',
    description:
      'The secret is in this reply and nowhere else. Of a key that may do everything, or decide on approvals, a policy can ask a second person: then the secret opens nothing before the yes. A data scope binds the key to branches with all below them, to a book, or to one customer: what that comes to is told by the branches and assignments at each instant.',
    body: Ref(ApiKeyCreate),
    bodyExample: { name: 'mobile back end', scopes: ['customers:read'], data_scope: { branches: ['0101'] } },
    replies: {
      201: {
        description: 'The key with its secret',
        schema: Ref(NewApiKey),
        headers: { Location: 'Where it is' },
        example: { ...apiKeyExample, last_used_at: null, secret: 'ck_…' },
      },
      202: waitingReply,
    },
    guarded: createKeyGuard,
    handler: async ({ ctx, body: { name, scopes, data_scope, expires_at, rate_limit = null } }) => {
      const dataScope = (data_scope ?? null) as DataScope;
      const key = { name, scopes, dataScope, expiresAt: expires_at ?? null, rateLimit: rate_limit };
      return issuedReply(ctx, await createKey(ctx, key), 201);
    },
  });
  operation(app, {
    ...common,
    method: 'POST',
    path: '/v1/api-keys/{id}/rotate',
    id: 'rotateApiKey',
    summary: 'Give an API key a new secret',
    description:
      'The new secret is in this reply and nowhere else. The former one is taken for the overlap, so that callers can be changed one by one. The key stays the same caller: its idempotency keys, its imports and its audit go on. Where such a key is not the caller’s own, a policy can ask a second person.',
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
      202: waitingReply,
    },
    guarded: rotateKeyGuard,
    handler: async ({ ctx, params: { id }, body }) =>
      issuedReply(ctx, await rotateKey(ctx, id, { overlap: 'P1D', ...body }), 200),
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
