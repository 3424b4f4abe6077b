/** Administration of API keys. A secret is shown once, in the reply that makes it, and kept nowhere. */
import { sql } from 'drizzle-orm';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { insertKey, newSecret } from '../api-keys.js';
import type { Ctx, DataScope } from '../context.js';
import { notFound } from '../errors.js';
import { page, pageRequest } from '../pagination.js';
import { allScopes, type Scope } from '../scopes.js';
import { transact } from '../transact.js';
import { operation } from './operation.js';
import { Id, Instant, Nullable, Page, pageQuery, Ref, Strict, StringEnum, Text } from './schemas.js';

const Reach = Nullable(
  Type.Union([
    Strict({ branches: Type.Array(Text('Branch code', 40), { minItems: 1, maxItems: 1000 }) }),
    Strict({ manager: Text('Staff code of a relationship manager', 60) }),
    Strict({ customer: Id('One customer') }),
  ]),
);

const fields = {
  name: Text('What the key is for', 100),
  scopes: Type.Array(StringEnum(allScopes), {
    minItems: 1,
    maxItems: 40,
    description: 'What the key may do',
  }),
};

const RateLimit = Nullable(
  Type.Integer({
    minimum: 1,
    maximum: 1_000_000_000,
    description: 'Requests in a window (`RateLimit-Policy`); null: as many as any key',
  }),
);

const ApiKeyCreate = Strict(
  {
    ...fields,
    data_scope: Type.Optional(Reach),
    rate_limit: Type.Optional(RateLimit),
    expires_at: Type.Optional(Nullable(Instant('From then on it is refused'))),
  },
  { $id: 'ApiKeyCreate', description: 'What a new key may do, for whom, and until when' },
);

const shown = {
  id: Id('Of the key'),
  ...fields,
  data_scope: Reach,
  rate_limit: RateLimit,
  created_at: Instant('When it was made'),
  expires_at: Nullable(Instant('From then on it is refused')),
  revoked_at: Nullable(Instant('Since then it is refused')),
};
const ApiKey = Strict(shown, { $id: 'ApiKey', description: 'An API key without its secret' });
const NewApiKey = Strict(
  { ...shown, secret: Type.String({ description: 'Shown this once' }) },
  { $id: 'NewApiKey', description: 'An API key with its secret, which is shown this once' },
);
const ApiKeyPage = Page(Ref(ApiKey), 'ApiKeyPage');

type Row = Static<typeof ApiKey>;
const columns = sql.raw('id, name, scopes, data_scope, rate_limit, created_at, expires_at, revoked_at');

const example: Row = {
  id: '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d',
  name: 'mobile back end',
  scopes: ['customers:read'],
  data_scope: { branches: ['0101'] },
  rate_limit: null,
  created_at: '2026-01-05T08:00:01.000Z',
  expires_at: null,
  revoked_at: null,
};

async function createKey(ctx: Ctx, input: Static<typeof ApiKeyCreate>): Promise<Static<typeof NewApiKey>> {
  const secret = newSecret();
  const row = await transact(ctx, async (tx) => {
    const id = await insertKey(
      tx,
      secret,
      {
        name: input.name,
        scopes: input.scopes as Scope[],
        dataScope: (input.data_scope ?? null) as DataScope,
        expiresAt: input.expires_at ?? null,
        rateLimit: input.rate_limit ?? null,
      },
      ctx.now,
    );
    const [made] = await tx.rows<Row>(sql`select ${columns} from api_keys where id = ${id}`);
    if (made === undefined) throw notFound('key');
    const details = { scopes: input.scopes };
    return {
      value: made,
      audit: [{ action: 'api_key.created', subjectType: 'api_key', subjectId: id, details }],
    };
  });
  return { ...row, secret };
}

async function revokeKey(ctx: Ctx, id: string): Promise<null> {
  return transact(ctx, async (tx) => {
    const changed = await tx.run(
      sql`update api_keys set revoked_at = ${ctx.now}, version = version + 1 where id = ${id} and revoked_at is null`,
    );
    if (changed === 0) throw notFound('key');
    return { value: null, audit: [{ action: 'api_key.revoked', subjectType: 'api_key', subjectId: id }] };
  });
}

const tag = 'Administration';

export function apiKeyRoutes(app: FastifyInstance): void {
  for (const component of [ApiKeyCreate, ApiKey, NewApiKey, ApiKeyPage]) app.addSchema(component);
  operation(app, {
    method: 'POST',
    path: '/v1/api-keys',
    id: 'createApiKey',
    summary: 'Make an API key',
    description:
      'The secret is in this reply and nowhere else. A data scope binds the key to branches, to a book, or to one customer.',
    tag,
    scope: 'admin',
    body: Ref(ApiKeyCreate),
    bodyExample: { name: 'mobile back end', scopes: ['customers:read'], data_scope: { branches: ['0101'] } },
    replies: {
      201: {
        description: 'The key with its secret',
        schema: Ref(NewApiKey),
        example: { ...example, secret: 'ck_…' },
      },
    },
    handler: async ({ ctx, body }) => ({ status: 201, body: await createKey(ctx, body) }),
  });
  operation(app, {
    method: 'GET',
    path: '/v1/api-keys',
    id: 'listApiKeys',
    summary: 'List API keys',
    description: 'Without their secrets, revoked ones too.',
    tag,
    scope: 'admin',
    query: Strict(pageQuery),
    problems: ['invalid_cursor'],
    replies: {
      200: { description: 'Keys', schema: Ref(ApiKeyPage), example: { data: [example], next_cursor: null } },
    },
    handler: async ({ ctx, query }) => {
      const wanted = pageRequest(ctx, 'listApiKeys', query);
      const after = wanted.after === undefined ? sql`true` : sql`id > ${wanted.after[0]}::uuid`;
      const rows = await ctx.database.rows<Row>(
        sql`select ${columns} from api_keys where ${after} order by id limit ${wanted.limit + 1}`,
      );
      return { status: 200, body: page(ctx, wanted, rows, (row) => [row.id]) };
    },
  });
  operation(app, {
    method: 'DELETE',
    path: '/v1/api-keys/{id}',
    id: 'revokeApiKey',
    summary: 'Revoke an API key',
    description: 'It is refused within a second, everywhere.',
    tag,
    scope: 'admin',
    params: Strict({ id: Id('Of the key') }),
    replies: { 204: { description: 'Revoked' } },
    handler: async ({ ctx, params: { id } }) => {
      await revokeKey(ctx, id);
      return { status: 204 };
    },
  });
}
