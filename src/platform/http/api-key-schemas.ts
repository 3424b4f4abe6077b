import { type Static, Type } from 'typebox';
import { allScopes } from '../scopes.js';
import { approvalFields } from './approval-schemas.js';
import { Id, Instant, Nullable, Page, Ref, Strict, StringEnum, Text } from './schemas.js';

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

const expiresAt = Nullable(Instant('From then on it is refused'));

export const ApiKeyCreate = Strict(
  {
    ...fields,
    data_scope: Type.Optional(Reach),
    rate_limit: Type.Optional(RateLimit),
    expires_at: Type.Optional(expiresAt),
  },
  { $id: 'ApiKeyCreate', description: 'What a new key may do, for whom, and until when' },
);

export const ApiKeyRotate = Strict(
  {
    overlap: Type.Optional(
      Type.String({
        format: 'duration',
        maxLength: 40,
        default: 'P1D',
        description:
          'How long former secrets are still taken: from PT0S, where one has become known, to P30D; in weeks, days and parts of a day',
      }),
    ),
    expires_at: Type.Optional(
      Nullable(Instant('From then on it is refused; absent: as before, null: no longer')),
    ),
  },
  { $id: 'ApiKeyRotate', description: 'How a key gets its next secret' },
);

const shown = {
  id: Id('Of the key'),
  ...fields,
  data_scope: Reach,
  rate_limit: RateLimit,
  created_at: Instant('When it was made'),
  expires_at: expiresAt,
  revoked_at: Nullable(Instant('Since then it is refused')),
  rotated_at: Nullable(Instant('When it got its present secret; null: it has its first one')),
  former_secret_until: Nullable(Instant('Until then a former secret is taken too; null: none is')),
  last_used_at: Nullable(Instant('When it was used last, to the minute')),
};

export const ApiKey = Strict(shown, { $id: 'ApiKey', description: 'An API key without its secret' });
export const NewApiKey = Strict(
  { ...shown, secret: Type.String({ description: 'Shown this once' }) },
  { $id: 'NewApiKey', description: 'An API key with its secret, which is shown this once' },
);
export const ApprovalWithSecret = Strict(
  {
    ...approvalFields,
    secret: Type.String({ description: 'Shown this once; it opens nothing before the yes' }),
  },
  { $id: 'ApprovalWithSecret', description: 'A secret that waits for a second person' },
);
export const ApiKeyPage = Page(Ref(ApiKey), 'ApiKeyPage');

export const apiKeyComponents = [
  ApiKeyCreate,
  ApiKeyRotate,
  ApiKey,
  NewApiKey,
  ApprovalWithSecret,
  ApiKeyPage,
];

export const apiKeyExample: Static<typeof ApiKey> = {
  id: '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d',
  name: 'mobile back end',
  scopes: ['customers:read'],
  data_scope: { branches: ['0101'] },
  rate_limit: null,
  created_at: '2026-01-05T08:00:01.000Z',
  expires_at: null,
  revoked_at: null,
  rotated_at: null,
  former_secret_until: null,
  last_used_at: '2026-02-05T08:00:01.000Z',
};
