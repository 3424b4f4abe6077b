/** What browsers are told, who may call from a page, and where weaknesses are reported. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { Client } from '../support/client.js';
import type { OpenApi } from '../support/contract.js';
import { aCustomer } from '../support/factories.js';
import { sampleOf, sendSample } from '../support/operations.js';
import { sendRaw } from '../support/raw.js';

const safe = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
};

function expectSafe(headers: Headers, where: string) {
  for (const [name, value] of Object.entries(safe)) expect(headers.get(name), `${where} ${name}`).toBe(value);
  expect(headers.get('content-security-policy'), where).toMatch(/frame-ancestors 'none'/);
  for (const name of ['server', 'x-powered-by', 'strict-transport-security', 'access-control-allow-origin'])
    expect(headers.get(name), `${where} ${name}`).toBeNull();
}

describe('as it comes', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t.stop());

  test('every answer under /v1 is kept by nobody and is no page, whatever it says', async () => {
    const document = t.app.swagger() as unknown as OpenApi;
    const statuses = new Set<number>();
    for (const client of [t.client, await t.clientWith(['events:read']), new Client(t.origin, undefined)]) {
      for (const row of t.app.operations.filter(({ path }) => path.startsWith('/v1/'))) {
        if (row.id === 'streamEvents') continue;
        const reply = await sendSample(client, sampleOf(document, row));
        statuses.add(reply.status);
        const where = `${row.id} ${reply.status}`;
        expectSafe(reply.headers, where);
        expect(reply.headers.get('cache-control'), where).toBe('no-store');
        expect(reply.headers.get('content-security-policy'), where).toMatch(/^default-src 'none';/);
      }
    }
    for (const status of [200, 201, 202, 401, 403, 404]) expect([...statuses]).toContain(status);
  });

  test('nor is what never reaches an operation', async () => {
    const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
    for (const [method, path, status, headers] of [
      ['GET', '/v1/nothing', 404, {}],
      ['DELETE', '/v1/customers', 405, {}],
      ['OPTIONS', '/v1/customers', 204, {}],
      ['HEAD', `/v1/customers/${id}`, 200, {}],
      ['GET', `/v1/customers/${id}`, 304, { 'if-none-match': '"v1"' }],
      ['GET', '/v1/customers?limit=0', 400, {}],
      ['GET', '/v1/customers?branch=%00', 400, {}],
      ['GET', '/v1/customers/%zz', 400, {}],
    ] as const) {
      const reply = await t.client.request(method, path, undefined, { headers });
      expect(reply.status, `${method} ${path}`).toBe(status);
      expectSafe(reply.headers, `${method} ${path}`);
      expect(reply.headers.get('cache-control'), `${method} ${path}`).toBe('no-store');
    }
    for (const bytes of ['NONSENSE\r\n\r\n', 'GET /v1/customers HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n']) {
      expect((await sendRaw(t.origin, bytes)).headers['cache-control']).toBe('no-store');
    }
  });

  test.each(['/docs', '/docs/', '/docs/static/index.html', '/docs/problems', '/openapi.json', '/livez'])(
    '%s is safe as well',
    async (path) => {
      const reply = await fetch(t.origin + path, { redirect: 'manual' });
      expect(reply.status).toBeLessThan(400);
      expectSafe(reply.headers, path);
    },
  );

  test('Swagger UI runs without scripts in its page', async () => {
    const reply = await fetch(`${t.origin}/docs/`);
    const page = await reply.text();
    const policy = reply.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/script-src 'self';/);
    expect(policy).not.toMatch(/script-src[^;]*unsafe/);
    const scripts = [...page.matchAll(/<script\b([^>]*)>([\s\S]*?)<\/script>/g)];
    expect(scripts.length).toBeGreaterThan(1);
    for (const [, attributes = '', text = ''] of scripts) {
      expect(text.trim()).toBe('');
      const source = /src="([^"]+)"/.exec(attributes)?.[1] ?? '';
      const script = await fetch(new URL(source, `${t.origin}/docs/`));
      expect(script.status, source).toBe(200);
      expect(script.headers.get('content-type')).toMatch(/javascript/);
    }
  });

  test('the page of problems has the one style that its policy names', async () => {
    const reply = await fetch(`${t.origin}/docs/problems`);
    const style = /<style>(.*?)<\/style>/s.exec(await reply.text())?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(reply.headers.get('content-security-policy')).toContain(`style-src 'sha256-${hash}';`);
  });

  test('no page of elsewhere may call, and there is no security.txt', async () => {
    const headers = { origin: 'https://desk.example.com', 'access-control-request-method': 'GET' };
    for (const method of ['GET', 'OPTIONS']) {
      const reply = await t.client.request(method, '/v1/customers', undefined, { headers });
      expect(reply.headers.get('access-control-allow-origin')).toBeNull();
      expect(reply.headers.get('access-control-allow-methods')).toBeNull();
    }
    await t.client.problem('GET', '/.well-known/security.txt', 'not_found');
  });
});

describe('as configured', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({
      env: {
        CORS_ORIGINS: 'https://desk.example.com, http://localhost:8080',
        HSTS_MAX_AGE_SECONDS: '31536000',
        SECURITY_CONTACT: 'mailto:security@bank.example',
      },
    });
  });
  afterAll(() => t.stop());

  const preflight = (origin: string, path = '/v1/customers') =>
    new Client(t.origin, undefined).request('OPTIONS', path, undefined, {
      headers: {
        origin,
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'authorization,if-match,content-type',
      },
    });

  test.each(['https://desk.example.com', 'http://localhost:8080'])('pages of %s may call', async (origin) => {
    const asked = await preflight(origin);
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-origin')).toBe(origin);
    expect(asked.headers.get('access-control-allow-methods')).toContain('PATCH');
    const allowed = (asked.headers.get('access-control-allow-headers') ?? '').toLowerCase().split(', ');
    for (const name of ['authorization', 'content-type', 'if-match', 'if-none-match', 'idempotency-key'])
      expect(allowed).toContain(name);
    expect(asked.headers.get('access-control-allow-credentials')).toBeNull();
    expect(asked.headers.get('vary')).toContain('Origin');

    for (const path of ['/v1/customers', '/v1/nothing', '/v1/customers?limit=0']) {
      const reply = await t.client.request('GET', path, undefined, { headers: { origin } });
      expect(reply.headers.get('access-control-allow-origin'), path).toBe(origin);
      const exposed = (reply.headers.get('access-control-expose-headers') ?? '').split(', ');
      for (const name of ['ETag', 'Link', 'Location', 'RateLimit', 'Retry-After', 'X-Request-Id'])
        expect(exposed, path).toContain(name);
    }
  });

  test.each([
    'https://desk.example.com.evil.example',
    'https://desk.example.com:444',
    'http://desk.example.com',
    'https://DESK.example.com',
    'null',
  ])('pages of %s may not', async (origin) => {
    expect((await preflight(origin)).headers.get('access-control-allow-origin')).toBeNull();
    const reply = await t.client.request('GET', '/v1/customers', undefined, { headers: { origin } });
    expect(reply.headers.get('access-control-allow-origin')).toBeNull();
    expect(reply.headers.get('vary')).toContain('Origin');
  });

  test('what may be sent and read from a page is all that operations speak of', async () => {
    const asked = await preflight('https://desk.example.com');
    const allowed = (asked.headers.get('access-control-allow-headers') ?? '').toLowerCase().split(', ');
    const reply = await t.client.request('GET', '/livez', undefined, {
      headers: { origin: 'https://desk.example.com' },
    });
    const exposed = (reply.headers.get('access-control-expose-headers') ?? '').split(', ');
    const document = t.app.swagger() as unknown as OpenApi & { components: { headers: object } };
    for (const operation of Object.values(document.paths).flatMap((path) => Object.values(path))) {
      const { parameters = [] } = operation as { parameters?: { in: string; name: string }[] };
      for (const { name } of parameters.filter((one) => one.in === 'header')) expect(allowed).toContain(name);
      for (const { headers = {} } of Object.values(operation.responses))
        for (const name of Object.keys(headers)) expect(exposed).toContain(name);
    }
  });

  test('browsers are told to stay with TLS', async () => {
    const reply = await t.client.request('GET', '/v1/customers');
    expect(reply.headers.get('strict-transport-security')).toBe('max-age=31536000');
  });

  test('weaknesses are reported to the bank, as RFC 9116 has it', async () => {
    const reply = await fetch(`${t.origin}/.well-known/security.txt`);
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    const text = await reply.text();
    const fields = Object.fromEntries(
      text
        .trimEnd()
        .split('\r\n')
        .map((line) => line.split(': ') as [string, string]),
    );
    expect(fields).toMatchObject({
      Contact: 'mailto:security@bank.example',
      'Preferred-Languages': 'en, zh',
    });
    const days = (Date.parse(fields.Expires ?? '') - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(30);
    expect(days).toBeLessThan(365);
  });
});
