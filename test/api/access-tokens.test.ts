/** Access tokens of an OpenID provider that runs beside the service, and what becomes of callers when it does not. */
import { createSecretKey } from 'node:crypto';
import { exportJWK, exportSPKI, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { tokenAuthenticator } from '../../src/platform/access-tokens.js';
import { startTestApp, type TestApp, type TestOptions } from '../support/app.js';
import { Client } from '../support/client.js';
import { aCustomer } from '../support/factories.js';
import { audience, type Forgery, startProvider, type TestProvider } from '../support/oidc.js';
import { recordedLog } from '../support/recorded-log.js';

const clients = {
  bank: { scope: 'customers:read customers:write admin', claims: { clientele_bank: true } },
  reader: { scope: 'customers:read openid', claims: { clientele_branches: ['0101', '0102', '0101'] } },
  manager: { scope: 'customers:read', claims: { clientele_manager: 'RM1' } },
  unbound: { scope: 'customers:read' },
};

let provider: TestProvider;
let t: TestApp;
const apps: TestApp[] = [];

/** A process of the service that knows no keys yet. */
async function anotherApp(env: Record<string, string> = {}, options: TestOptions = {}) {
  const provokes = /"code":"unavailable"/;
  const app = await startTestApp({ provokes, ...options, env: { ...provider.env, ...env } });
  apps.push(app);
  return app;
}

beforeAll(async () => {
  provider = await startProvider(clients);
  t = await anotherApp();
});
afterEach(async () => {
  for (const app of apps.splice(0)) if (app !== t) await app.stop();
});
afterAll(async () => {
  await t.stop();
  await provider.stop();
});

const read = (app: TestApp, token: string) => new Client(app.origin, token).request('GET', '/v1/customers');
const statusOf = async (app: TestApp, token: string) => (await read(app, token)).status;

describe('a token of the provider', () => {
  test.each(['RS256', 'PS256', 'ES256', 'EdDSA'] as const)('signed with %s is let in', async (algorithm) => {
    expect(await statusOf(t, await provider.token('reader', algorithm))).toBe(200);
  });

  test('reaches the customers that it names, and what it does is told of its subject', async () => {
    const inside = await t.client.post('/v1/customers', aCustomer({ branch: '0102' }), 201);
    const outside = await t.client.post(
      '/v1/customers',
      aCustomer({ branch: '0999', relationship_manager: 'RM1' }),
      201,
    );
    const ids = async (client: string) => {
      const { body } = await read(t, await provider.token(client));
      return (body.data as { id: string }[]).map(({ id }) => id);
    };
    expect(await ids('reader')).toEqual([inside.id]);
    expect(await ids('manager')).toEqual([outside.id]);
    expect(await ids('bank')).toEqual([inside.id, outside.id]);
    const bank = new Client(t.origin, await provider.token('bank'));
    await bank.patch(`/v1/customers/${inside.id}`, { city: '北京' }, '*');
    const person = await provider.forge('bank', { claims: { sub: 'staff-4711' } });
    await new Client(t.origin, person).patch(`/v1/customers/${inside.id}`, { city: '上海' }, '*');
    const { rows } = await t.database.pool.query(
      `select actor from audit_entries where subject_id = $1 order by occurred_at, id`,
      [inside.id],
    );
    expect(rows.slice(1).map(({ actor }) => actor)).toEqual(['oidc-client:bank', 'oidc:staff-4711']);
  });

  test('without the scope is told which one is asked for', async () => {
    const client = new Client(t.origin, await provider.token('reader'));
    const reply = await client.request('POST', '/v1/customers', aCustomer());
    expect(reply.status).toBe(403);
    expect(reply.headers.get('www-authenticate')).toBe(
      'Bearer error="insufficient_scope", scope="customers:write"',
    );
  });

  test('replays by its subject, and tells nothing when the next token reaches others', async () => {
    const send = async (claims: Record<string, unknown>, body = aCustomer({ branch: '0101' })) => {
      const token = await provider.forge('bank', { claims: { sub: 'staff-1', ...claims } });
      const headers = { 'idempotency-key': 'one-key' };
      return {
        body,
        reply: await new Client(t.origin, token).request('POST', '/v1/customers', body, { headers }),
      };
    };
    const reach = (branch: string) => ({ clientele_bank: undefined, clientele_branches: [branch] });
    const first = await send(reach('0101'));
    expect(first.reply.status).toBe(201);
    const again = await send(reach('0101'), first.body);
    expect(again.reply.headers.get('idempotent-replayed')).toBe('true');
    expect(again.reply.body).toEqual(first.reply.body);
    const elsewhere = await send(reach('0202'), first.body);
    expect([elsewhere.reply.status, elsewhere.reply.body.code]).toEqual([422, 'idempotency_key_reused']);
    expect(JSON.stringify(elsewhere.reply.body)).not.toContain(first.reply.body.id);
    const another = await send({ ...reach('0101'), sub: 'staff-2' });
    expect(another.reply.status).toBe(201);
    expect(another.reply.body.id).not.toBe(first.reply.body.id);
  });

  test('is taken only where the service was told of a provider', async () => {
    const alone = await startTestApp();
    const reply = await read(alone, await provider.token('reader'));
    expect([reply.status, reply.body.code]).toEqual([401, 'unauthenticated']);
    await alone.stop();
  });
});

describe('a token that cannot be is refused as invalid', () => {
  const seconds = () => Math.floor(Date.now() / 1000);
  const forgeries: Record<string, Forgery | (() => Forgery)> = {
    'of another issuer': { claims: { iss: 'https://elsewhere.example' } },
    'of the issuer with a slash more': () => ({ claims: { iss: `${provider.issuer}/` } }),
    'for another service': { claims: { aud: 'https://elsewhere.example' } },
    'for others': { claims: { aud: ['https://elsewhere.example', 'account'] } },
    expired: () => ({ claims: { exp: seconds() - 60 } }),
    'that is not yet valid': () => ({ claims: { nbf: seconds() + 120 } }),
    'of the future': () => ({ claims: { iat: seconds() + 120, exp: seconds() + 600 } }),
    'that is too old': () => ({ claims: { iat: seconds() - 8000 } }),
    'whose times are text': () => ({ claims: { exp: String(seconds() + 600) } }),
    'that is an ID token': { header: { typ: 'JWT' } },
    'without a type': { header: { typ: undefined } },
    'without an end': { without: ['exp'] },
    'without a begin': { without: ['iat'] },
    'without a subject': { without: ['sub'] },
    'without a client': { without: ['client_id'] },
    'without an issuer': { without: ['iss'] },
    'without an audience': { without: ['aud'] },
    'with an extension that must be understood': { header: { crit: ['strange'], strange: 1 } },
    'with a subject that cannot be stored': { claims: { sub: 'a\u0000b' } },
    'with a subject of nothing': { claims: { sub: '' } },
    'with scopes as a list': { claims: { scope: ['admin'] } },
    'bound to a key of its sender': {
      claims: { cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } },
    },
    'with no data scope': { claims: { clientele_branches: undefined } },
    'with two data scopes': { claims: { clientele_manager: 'RM1' } },
    'with branches that are none': { claims: { clientele_branches: [] } },
    'with a branch that is no text': { claims: { clientele_branches: ['0101', 7] } },
    'with branches as one text': { claims: { clientele_branches: '0101' } },
    'with a customer that is no id': { claims: { clientele_branches: undefined, clientele_customer: '7' } },
    'with a bank that is a text': { claims: { clientele_branches: undefined, clientele_bank: 'true' } },
    'with a bank that is false': { claims: { clientele_branches: undefined, clientele_bank: false } },
  };

  test.each(Object.entries(forgeries))('%s', async (_name, forgery) => {
    const token = await provider.forge('reader', typeof forgery === 'function' ? forgery() : forgery);
    const reply = await read(t, token);
    expect([reply.status, reply.body.code]).toEqual([401, 'unauthenticated']);
    expect(reply.headers.get('www-authenticate')).toMatch(
      /^Bearer error="invalid_token", error_description="[^"\\]+"$/,
    );
    expect(JSON.stringify(reply.body)).not.toMatch(/elsewhere|0ZcOC/);
  });

  const refused = async (token: string) => {
    const reply = await read(t, token);
    expect([reply.status, reply.body.code]).toEqual([401, 'unauthenticated']);
  };
  const claims = () => ({
    iss: provider.issuer,
    aud: audience,
    sub: 'bank',
    client_id: 'bank',
    iat: seconds(),
    exp: seconds() + 600,
    scope: 'admin',
    clientele_bank: true,
  });

  test('unsigned', async () => {
    await refused(new UnsecuredJWT(claims()).encode());
    const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt' })).toString('base64url');
    const [, body] = (await provider.forge('bank')).split('.');
    await refused(`${none}.${body}.`);
  });

  test('signed with the public key as if it were a secret', async () => {
    const { publicKey, kid } = provider.key();
    for (const secret of [await exportSPKI(publicKey), JSON.stringify(await exportJWK(publicKey))]) {
      const token = await new SignJWT(claims())
        .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid })
        .sign(createSecretKey(Buffer.from(secret)));
      await refused(token);
    }
  });

  test('signed with a key of its own, which it brings along', async () => {
    const key = await provider.strangeKey('PS256-1');
    const jwk = await exportJWK(key.publicKey);
    for (const header of [{}, { jwk }, { jku: 'https://elsewhere.example/jwks' }, { kid: 'unknown' }]) {
      await refused(await provider.forge('bank', { key, header }));
    }
  });

  test('signed with another algorithm than its key is for, or than is allowed', async () => {
    const { privateKey, kid } = provider.key('RS256');
    const token = await new SignJWT(claims())
      .setProtectedHeader({ alg: 'RS512', typ: 'at+jwt', kid })
      .sign(privateKey)
      .catch(() => undefined);
    if (token !== undefined) await refused(token);
    const picky = await anotherApp({ OIDC_ALGORITHMS: 'ES256' });
    expect(await statusOf(picky, await provider.token('reader', 'PS256'))).toBe(401);
    expect(await statusOf(picky, await provider.token('reader', 'ES256'))).toBe(200);
  });

  test('changed on its way, cut, or no token at all', async () => {
    const token = await provider.token('reader');
    const [header, body, signature] = token.split('.') as [string, string, string];
    const wider = Buffer.from(JSON.stringify(claims())).toString('base64url');
    const cut = [`${header}.${wider}.${signature}`, `${header}.${body}.`, `${header}.${body}`, 'a.b.c', '..'];
    for (const one of [...cut, `${header}.${body}.${signature.slice(2)}`, `${token}.x.y`]) await refused(one);
  });
});

describe('a token that names no data scope', () => {
  test('reaches the whole bank only where the operator has said so', async () => {
    const token = await provider.token('unbound');
    expect(await statusOf(t, token)).toBe(401);
    const open = await anotherApp({ OIDC_UNBOUND_TOKENS: 'bank' });
    expect(await statusOf(open, token)).toBe(200);
    const wrong = await provider.forge('unbound', { claims: { clientele_branches: null } });
    expect(await statusOf(open, wrong)).toBe(401);
  });
});

test('no token, and nothing of it, reaches a log line, an event or the reply', async () => {
  const { log, lines } = recordedLog('trace');
  const app = await anotherApp({ LOG_LEVEL: 'trace' }, { log });
  const sub = 'zyx-canary-subject';
  const key = await provider.strangeKey('zyx-canary-key');
  const good = await provider.forge('bank', { claims: { sub } });
  const tokens = [
    good,
    await provider.forge('bank', { claims: { sub, aud: 'zyx-canary-audience' } }),
    await provider.forge('bank', { claims: { sub }, key }),
    await provider.forge('bank', { claims: { sub, clientele_manager: 'zyx-canary-manager' } }),
  ];
  const replies: string[] = [];
  for (const token of tokens) {
    const client = new Client(app.origin, token);
    const { body, headers } = await client.request('POST', '/v1/customers', aCustomer());
    replies.push(JSON.stringify(body), [...headers.values()].join('\n'));
  }
  provider.disturb((_request, response) => response.writeHead(500).end(good));
  const blind = await anotherApp({}, { log });
  expect(await statusOf(blind, good)).toBe(503);
  provider.disturb(undefined);
  const { rows } = await app.database.pool.query('select to_jsonb(o)::text as row from outbox o');
  expect(rows.length).toBeGreaterThan(0);
  expect(lines.some((line) => line.includes('OpenID provider'))).toBe(true);
  const all = [...lines, ...replies, ...rows.map(({ row }) => row)].join('\n');
  expect(all).not.toContain('zyx-canary');
  for (const part of tokens.flatMap((token) => token.split('.'))) expect(all).not.toContain(part);
});

describe("the provider's keys", () => {
  const keyRequests = () => provider.requests.get('/jwks') ?? 0;

  test('roll over while the service runs', async () => {
    const app = await anotherApp({ OIDC_KEYS_COOLDOWN_SECONDS: '1', OIDC_KEYS_MAX_AGE_SECONDS: '1' });
    const old = provider.key();
    const before = await provider.token('reader');
    expect(await statusOf(app, before)).toBe(200);
    const next = await provider.strangeKey('PS256-2');
    await provider.addKey(next);
    const after = await provider.token('reader');
    expect(JSON.parse(Buffer.from(after.split('.')[0] ?? '', 'base64url').toString()).kid).toBe('PS256-2');
    await expect.poll(() => statusOf(app, after), { timeout: 10_000 }).toBe(200);
    expect(await statusOf(app, before)).toBe(200);
    await provider.removeKey(old.kid);
    await expect.poll(() => statusOf(app, before), { timeout: 10_000 }).toBe(401);
    expect(await statusOf(app, after)).toBe(200);
  });

  test('are not asked for again by forged key ids', async () => {
    const app = await anotherApp();
    expect(await statusOf(app, await provider.token('reader'))).toBe(200);
    const before = keyRequests();
    const key = await provider.strangeKey('none of yours');
    const forged = await Promise.all(
      Array.from({ length: 20 }, (_, each) => provider.forge('bank', { key, header: { kid: `k${each}` } })),
    );
    const statuses = await Promise.all(forged.map((token) => statusOf(app, token)));
    expect(new Set(statuses)).toEqual(new Set([401]));
    expect(keyRequests()).toBe(before);
  });

  test('are found where they are said to be, without discovery', async () => {
    const url = `${provider.issuer}/jwks`;
    const path = '/.well-known/openid-configuration';
    const before = provider.requests.get(path);
    const app = await anotherApp({ OIDC_JWKS_URL: url });
    expect(await statusOf(app, await provider.token('reader'))).toBe(200);
    expect(provider.requests.get(path)).toBe(before);
  });

  test('of a discovery document for another issuer are not taken', async () => {
    const token = await provider.token('reader');
    /** of a process that knows no keys yet */
    const authenticate = () => {
      const { issuer } = provider;
      const keys = { jwksUrl: undefined, keysMaxAgeSeconds: 300, keysCooldownSeconds: 30 };
      const rest = { algorithms: ['PS256'], tokenMaxAgeSeconds: 600, unbound: 'refuse' } as const;
      return tokenAuthenticator({ issuer, audience, ...keys, ...rest }, t.deps.log)(token);
    };
    for (const document of [
      { issuer: 'https://elsewhere.example', jwks_uri: `${provider.issuer}/jwks` },
      { issuer: provider.issuer, jwks_uri: 'http://elsewhere.example/jwks' },
      { issuer: provider.issuer, jwks_uri: 'jwks' },
      { issuer: provider.issuer },
      null,
    ]) {
      provider.disturb((_request, response) => response.end(JSON.stringify(document)));
      await expect(authenticate(), JSON.stringify(document)).rejects.toMatchObject({ code: 'unavailable' });
    }
    provider.disturb((_request, response) => response.writeHead(302, { location: '/jwks' }).end());
    await expect(authenticate()).rejects.toMatchObject({ code: 'unavailable' });
    provider.disturb(undefined);
    expect((await authenticate()).principal.actor).toBe('oidc-client:reader');
  });
});

describe('while the provider does not answer', () => {
  test.each([
    ['is stopped', () => provider.stop(), () => provider.start()],
    [
      'fails',
      async () => provider.disturb((_request, response) => response.writeHead(500).end()),
      async () => provider.disturb(undefined),
    ],
    ['is silent', async () => provider.disturb(() => undefined), async () => provider.disturb(undefined)],
  ])(
    'since it %s, known keys go on, others are told to come again, and all is well afterwards',
    async (_name, fail, mend) => {
      const app = await anotherApp({ OIDC_KEYS_MAX_AGE_SECONDS: '1', OIDC_KEYS_COOLDOWN_SECONDS: '1' });
      const token = await provider.token('reader');
      const key = await provider.strangeKey(`next-${_name.replaceAll(' ', '-')}`);
      const unknown = await provider.forge('reader', { key });
      expect(await statusOf(app, token)).toBe(200);
      const blind = await anotherApp();
      await fail();
      // older than they may be while the provider answers
      await new Promise((resolve) => setTimeout(resolve, 1200));
      expect(await statusOf(app, token)).toBe(200);
      for (const [one, what] of [
        [app, unknown],
        [blind, token],
        [blind, token],
      ] as const) {
        const reply = await read(one, what);
        expect([reply.status, reply.body.code]).toEqual([503, 'unavailable']);
        expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
      }
      expect(await statusOf(blind, blind.client.secret ?? '')).toBe(200);
      await mend();
      await provider.addKey(key);
      await expect.poll(() => statusOf(app, unknown), { timeout: 20_000 }).toBe(200);
      await expect.poll(() => statusOf(blind, token), { timeout: 20_000 }).toBe(200);
      await provider.removeKey(key.kid);
    },
  );
});
