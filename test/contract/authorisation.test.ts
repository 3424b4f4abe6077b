/**
 * The authorisation table, who may call: every operation that is registered refuses those without a valid key or token
 * and those without its scope. Its rows are made from the operations; only what is open to all is listed by hand.
 */
import { createSecretKey, randomBytes } from 'node:crypto';
import { exportSPKI, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { insertKey } from '../../src/platform/api-keys.js';
import type { OperationRow } from '../../src/platform/http/operation.js';
import { allScopes, type Scope } from '../../src/platform/scopes.js';
import { type SelfToken, writeSelfToken } from '../../src/platform/self-tokens.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { Client } from '../support/client.js';
import type { OpenApi } from '../support/contract.js';
import { audience, startProvider, type TestProvider } from '../support/oidc.js';
import { sampleOf, sendSample } from '../support/operations.js';

/** Operations that ask for no key. */
const openToAll = ['getLiveness', 'getReadiness'];

/** Paths beside the operations: documentation, without a key. */
const documentation = ['/docs', '/openapi.json'];

/** Asks for the scope `admin` in the way of browsers: `test/api/queue-dashboard.test.ts` is its row of the table. */
const dashboard = ['GET /admin/queues', 'HEAD /admin/queues', 'GET /admin/queues*', 'HEAD /admin/queues*'];

const ofAll = { scope: allScopes.join(' '), claims: { clientele_bank: true } };

let t: TestApp;
let provider: TestProvider;
let document: OpenApi;
let operations: OperationRow[];

beforeAll(async () => {
  provider = await startProvider({ bank: ofAll });
  t = await startTestApp({ env: provider.env });
  document = t.app.swagger() as unknown as OpenApi;
  operations = t.app.operations;
});
afterAll(async () => {
  await t.stop();
  await provider.stop();
});

const nameOf = (row: OperationRow) => `${row.method} ${row.path}`;

/** What is sent as `Authorization` and must not be let in, by what it is. */
async function badCredentials(): Promise<Record<string, string | undefined>> {
  const keyUntil = async (expiresAt: string | null) => {
    const secret = `ck_${randomBytes(24).toString('base64url')}`;
    const key = { name: 'bad', scopes: ['admin'] as const, dataScope: null, expiresAt };
    const id = await t.database.begin((tx) => insertKey(tx, secret, key, '2020-01-01T00:00:00Z'));
    return { id, secret };
  };
  const revoked = await keyUntil(null);
  await t.client.delete(`/v1/api-keys/${revoked.id}`);
  const rotated = await keyUntil(null);
  await t.client.post(`/v1/api-keys/${rotated.id}/rotate`, { overlap: 'PT0S' });
  const now = Math.floor(Date.now() / 1000);
  const forge = (claims: Record<string, unknown>, header: Record<string, unknown> = {}) =>
    provider.forge('bank', { claims, header });
  const { publicKey, kid } = provider.key();
  const claims = {
    iss: provider.issuer,
    aud: audience,
    sub: 'bank',
    client_id: 'bank',
    iat: now,
    exp: now + 600,
    scope: ofAll.scope,
    ...ofAll.claims,
  };
  const shared = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid })
    .sign(createSecretKey(Buffer.from(await exportSPKI(publicKey))));
  const strange = await provider.strangeKey(kid);
  const selfToken = (stated: Partial<SelfToken>) =>
    writeSelfToken(t.services.keyring, {
      customer: '01a20f85-d334-7342-8ae8-7073e642d9b7',
      scopes: ['customers:read'],
      actor: 'key:x',
      keyId: null,
      expiresAt: new Date(Date.now() + 60_000).toISOString(),
      ...stated,
    });
  const tokens = {
    'a token for another audience': await forge({ aud: 'https://elsewhere.example' }),
    'a token of another issuer': await forge({ iss: 'https://elsewhere.example' }),
    'an unsigned token': new UnsecuredJWT(claims).encode(),
    'a token signed with the public key as a secret': shared,
    'a token signed with a key of its own': await provider.forge('bank', { key: strange }),
    'a token of an unknown key': await forge({}, { kid: 'unknown' }),
    'an expired token': await forge({ exp: now - 60 }),
    'a token that is not yet valid': await forge({ nbf: now + 120 }),
    'a token of another type': await forge({}, { typ: 'JWT' }),
    'a token without a data scope': await forge({ clientele_bank: undefined }),
    'a token with a malformed data scope': await forge({ clientele_bank: 'true' }),
    'an expired key': (await keyUntil('2020-01-02T00:00:00Z')).secret,
    'a revoked key': revoked.secret,
    'a secret that was rotated away': rotated.secret,
    'an unknown key': 'ck_unknown_0123456789abcdefghij',
    'an expired token for one customer': selfToken({ expiresAt: '2020-01-01T00:00:00Z' }),
    'a token for one customer of a key that was revoked': selfToken({ keyId: revoked.id }),
    'a token for one customer that was changed': selfToken({}).replace(/.{4}$/, 'AAAA'),
    'a token for one customer that another deployment made': `ct_${'A'.repeat(200)}`,
    nonsense: 'nonsense',
  };
  const bearers = Object.entries(tokens).map(([name, token]) => [name, `Bearer ${token}`]);
  const good = await keyUntil(null);
  expect((await new Client(t.origin, good.secret).request('GET', '/v1/api-keys')).status).toBe(200);
  return {
    'no key': undefined,
    'another scheme': `Basic ${Buffer.from(`x:${good.secret}`).toString('base64')}`,
    'a key without its scheme': good.secret,
    'two words': `Bearer ${good.secret} ${good.secret}`,
    ...Object.fromEntries(bearers),
  };
}

describe('who may call', () => {
  test('every operation but a few asks for a scope that exists', () => {
    expect(operations.length).toBeGreaterThan(20);
    const open = operations.filter((row) => row.scope === null).map((row) => row.id);
    expect(open.sort()).toEqual([...openToAll].sort());
    for (const row of operations) if (row.scope !== null) expect(allScopes, row.id).toContain(row.scope);
  });

  test('every route of the server is an operation, or documentation', () => {
    const known = new Set(
      operations.flatMap((row) => [nameOf(row), nameOf({ ...row, method: 'HEAD' as never })]),
    );
    const routes = t.app
      .printRoutes({ commonPrefix: false, includeHooks: false })
      .split('\n')
      .reduce<{ stack: string[]; found: string[] }>(
        ({ stack, found }, line) => {
          const match = /^((?:│ {3}| {4})*)(?:├── |└── )(\S+)(?: \((.*)\))?$/.exec(line);
          if (match === null) return { stack, found };
          const [, indent = '', part = '', methods] = match;
          const path = [...stack.slice(0, indent.length / 4), part];
          const full = path.join('').replaceAll(/:(\w+)/g, '{$1}');
          return {
            stack: path,
            found: [
              ...found,
              ...(methods ?? '')
                .split(', ')
                .filter(Boolean)
                .map((method) => `${method} ${full}`),
            ],
          };
        },
        { stack: [], found: [] },
      ).found;
    expect(routes.length).toBeGreaterThan(operations.length);
    const others = routes.filter((route) => !known.has(route) && !dashboard.includes(route));
    for (const route of dashboard) expect(routes).toContain(route);
    const strange = others.filter(
      (route) => !documentation.some((path) => route.split(' ')[1]?.startsWith(path)),
    );
    expect(strange).toEqual([]);
    expect([...known].filter((name) => !name.startsWith('HEAD') && !routes.includes(name))).toEqual([]);
  });

  test('credentials that are none, or no longer, or not for here, are refused by every operation', async () => {
    const bad = await badCredentials();
    expect(Object.keys(bad).length).toBeGreaterThan(15);
    let asked = 0;
    for (const row of operations.filter((one) => one.scope !== null)) {
      const sample = sampleOf(document, row);
      for (const [name, authorization] of Object.entries(bad)) {
        const headers = { ...sample.headers, ...(authorization === undefined ? {} : { authorization }) };
        const reply = await sendSample(new Client(t.origin, undefined), { ...sample, headers });
        const where = `${nameOf(row)} with ${name}: ${JSON.stringify(reply.body)}`;
        expect([reply.status, reply.body.code], where).toEqual([401, 'unauthenticated']);
        const isToken = /^Bearer \S+$/.test(authorization ?? '');
        expect(reply.headers.get('www-authenticate'), where).toMatch(
          isToken ? /^Bearer error="invalid_token", error_description="[^"\\]+"$/ : /^Bearer$/,
        );
        asked += 1;
      }
      if (row.method !== 'GET') continue;
      const head = await sendSample(new Client(t.origin, undefined), { ...sample, method: 'HEAD' });
      expect(head.status, `HEAD ${row.path}`).toBe(401);
    }
    expect(asked).toBe((operations.length - openToAll.length) * Object.keys(bad).length);
  });

  test.each(['key', 'token'])('a %s with every scope but the one is told that it lacks it', async (kind) => {
    const callers = new Map<Scope, Client>();
    for (const row of operations) {
      if (row.scope === null) continue;
      const others = allScopes.filter((scope) => scope !== row.scope && scope !== 'admin');
      const caller =
        callers.get(row.scope) ??
        (kind === 'key'
          ? await t.clientWith(others)
          : new Client(t.origin, await provider.forge('bank', { claims: { scope: others.join(' ') } })));
      callers.set(row.scope, caller);
      const reply = await sendSample(caller, sampleOf(document, row));
      expect([reply.status, reply.body.code], nameOf(row)).toEqual([403, 'insufficient_scope']);
      expect(reply.headers.get('www-authenticate')).toBe(
        `Bearer error="insufficient_scope", scope="${row.scope}"`,
      );
    }
  });

  test('whoever is bound to a data scope changes nothing that is the whole bank’s', async () => {
    const ofTheWholeBank = operations.filter((row) => row.ofTheBank);
    expect(operations.filter(({ scope }) => scope === 'admin').every((row) => row.ofTheBank)).toBe(true);
    for (const reach of [
      { clientele_branches: ['8801'] },
      { clientele_manager: 'RM_OTHER' },
      { clientele_customer: '01a20f85-d334-7342-8ae8-7073e642d9b7' },
    ]) {
      const claims = { clientele_bank: undefined, ...reach };
      const caller = new Client(t.origin, await provider.forge('bank', { claims }));
      for (const row of ofTheWholeBank) {
        const reply = await sendSample(caller, sampleOf(document, row));
        expect([reply.status, reply.body.code], nameOf(row)).toEqual([403, 'bank_wide']);
      }
    }
  });

  test('a key with that scope alone is let in', async () => {
    const clients = new Map<Scope, Client>();
    for (const row of operations.filter(({ method }) => method === 'GET')) {
      if (row.scope === null) continue;
      const client = clients.get(row.scope) ?? (await t.clientWith([row.scope]));
      clients.set(row.scope, client);
      const reply = await sendSample(client, sampleOf(document, row));
      expect([200, 404, 422], `${nameOf(row)}: ${JSON.stringify(reply.body)}`).toContain(reply.status);
    }
  });
});
