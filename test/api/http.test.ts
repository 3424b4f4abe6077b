/** What HTTP itself can bring: every way of being wrong is told as problem+json, and nothing is taken by half. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { Client } from '../support/client.js';
import { aCustomer } from '../support/factories.js';
import { openSocket, parseReply, type RawReply, readToEnd, sendRaw } from '../support/raw.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ env: { REQUEST_TIMEOUT_SECONDS: '1' }, provokes: /"code":"42703"/ });
});
afterAll(() => t.stop());

const bearer = () => `Authorization: Bearer ${t.client.secret}\r\n`;
const head = (line: string, fields = '') =>
  `${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${bearer()}${fields}\r\n`;

function expectRawProblem(reply: RawReply, status: number, code: string) {
  expect(reply.status, reply.body).toBe(status);
  expect(reply.headers['content-type']).toMatch(/^application\/problem\+json/);
  const body = JSON.parse(reply.body);
  expect(body).toMatchObject({ status, code, type: `/docs/problems#${code}` });
  expect(body.instance).toMatch(/^urn:uuid:[0-9a-f-]{36}$/);
  return body;
}

const postRaw = (body: string | Buffer, type = 'application/json', path = '/v1/customers') => {
  const bytes = Buffer.from(body);
  const fields = `Content-Type: ${type}\r\nContent-Length: ${bytes.length}\r\n`;
  return sendRaw(t.origin, Buffer.concat([Buffer.from(head(`POST ${path}`, fields)), bytes]));
};

describe('each of the places where a request can end is a problem', () => {
  test('a handler', async () => {
    await t.client.problem('GET', '/v1/customers/01a20f85-d334-7342-8ae8-7073e642d9b7', 'not_found');
  });
  test('an unknown path', async () => {
    await t.client.problem('GET', '/v1/nothing', 'not_found');
    await t.client.problem('POST', '/', 'not_found', {});
  });
  test('a path that cannot be decoded', async () => {
    expectRawProblem(await sendRaw(t.origin, head('GET /v1/customers/%zz')), 400, 'malformed_request');
    expectRawProblem(await sendRaw(t.origin, head('GET /%zz')), 400, 'malformed_request');
  });
  test('what is not HTTP', async () => {
    const reply = await sendRaw(t.origin, 'HELLO\r\n\r\n');
    expectRawProblem(reply, 400, 'malformed_request');
    expect(reply.headers.connection).toBe('close');
  });
  test('an expectation', async () => {
    const reply = await sendRaw(t.origin, head('GET /livez', 'Expect: 200-ok\r\n'));
    expectRawProblem(reply, 417, 'expectation_failed');
    const body = JSON.stringify(aCustomer());
    const fields = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nExpect: 100-continue\r\n`;
    const socket = await openSocket(t.origin);
    const all = readToEnd(socket);
    socket.write(head('POST /v1/customers', fields));
    socket.once('data', () => socket.write(body));
    expect(await all).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 201 /);
  });
  test('a missing Host', async () => {
    const request = 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n';
    expectRawProblem(await sendRaw(t.origin, request), 400, 'malformed_request');
    expect((await sendRaw(t.origin, 'GET /livez HTTP/1.0\r\n\r\n')).status).toBe(200);
  });
  test('header fields that are too large', async () => {
    const reply = await sendRaw(t.origin, head('GET /livez', `X-Filler: ${'x'.repeat(20_000)}\r\n`));
    expectRawProblem(reply, 431, 'headers_too_large');
  });
  test('two ideas of where the body ends', async () => {
    const fields = 'Content-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n';
    const reply = await sendRaw(t.origin, `${head('POST /v1/customers', fields)}0\r\n\r\n`);
    expectRawProblem(reply, 400, 'malformed_request');
  });
});

describe('methods', () => {
  test.each([
    ['DELETE', '/v1/customers', 'GET, HEAD, OPTIONS, POST'],
    ['PUT', '/v1/customers/01a20f85-d334-7342-8ae8-7073e642d9b7', 'GET, HEAD, OPTIONS, PATCH'],
    ['DELETE', '/v1/customers/upsert', 'OPTIONS, POST'],
    ['GET', '/v1/customers/search', 'OPTIONS, POST'],
    ['HEAD', '/v1/customers/lookup?a=b', 'OPTIONS, POST'],
    ['TRACE', '/livez', 'GET, HEAD, OPTIONS'],
    ['PROPFIND', '/livez', 'GET, HEAD, OPTIONS'],
    ['POST', '/openapi.json', 'GET, HEAD, OPTIONS'],
    ['DELETE', '/docs/static/index.html', 'GET, HEAD, OPTIONS'],
    ['PUT', '/docs/problems?a=b', 'GET, HEAD, OPTIONS'],
  ])('%s %s is 405 and told what is allowed', async (method, path, allowed) => {
    const reply = await sendRaw(t.origin, head(`${method} ${path}`));
    if (method === 'HEAD') expect(reply).toMatchObject({ status: 405, body: '' });
    else expectRawProblem(reply, 405, 'method_not_allowed');
    expect(reply.headers.allow).toBe(allowed);
  });

  test('a wrong method, or an unknown path, is told whatever the body is', async () => {
    const fields = 'Content-Type: not/known; charset=utf-16\r\nContent-Length: 3\r\n';
    const wrong = await sendRaw(t.origin, `${head('PUT /v1/customers', fields)}{"a`);
    expectRawProblem(wrong, 405, 'method_not_allowed');
    const unknown = await sendRaw(t.origin, `${head('POST /v1/nothing', fields)}{"a`);
    expectRawProblem(unknown, 404, 'not_found');
  });

  test.each([
    ['/v1/customers', 'GET, HEAD, OPTIONS, POST'],
    ['/v1/customers/01a20f85-d334-7342-8ae8-7073e642d9b7/identifiers', 'OPTIONS, POST'],
    ['/livez', 'GET, HEAD, OPTIONS'],
    ['*', undefined],
  ])('OPTIONS %s tells the methods, and needs no key', async (path, allowed) => {
    const reply = await sendRaw(
      t.origin,
      `OPTIONS ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    );
    expect(reply).toMatchObject({ status: 204, body: '' });
    expect(reply.headers.allow).toBe(allowed);
    expect(reply.headers['access-control-allow-origin']).toBeUndefined();
  });

  test('HEAD is GET without its body', async () => {
    const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
    const reply = await t.client.request('HEAD', `/v1/customers/${id}`);
    expect(reply).toMatchObject({ status: 200, body: '' });
    expect(reply.headers.get('etag')).toBe('"v1"');
    expect(Number(reply.headers.get('content-length'))).toBeGreaterThan(100);
    const unknown = await t.client.request('HEAD', '/v1/customers/01a20f85-d334-7342-8ae8-7073e642d9b7');
    expect(unknown).toMatchObject({ status: 404, body: '' });
    expect((await new Client(t.origin, undefined).request('HEAD', '/v1/customers')).status).toBe(401);
  });
});

describe('bodies', () => {
  const valid = () => JSON.stringify(aCustomer());

  test.each([
    ['nothing', '', 'empty_body'],
    ['no JSON', '{"kind":', 'invalid_json'],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'invalid_utf8'],
    ['a byte order mark of UTF-16', Buffer.from('\ufeff{}', 'utf16le'), 'invalid_utf8'],
    ['30,000 levels', '['.repeat(30_000) + ']'.repeat(30_000), 'too_deep'],
    ['30,000 levels of objects', '{"a":'.repeat(30_000), 'too_deep'],
    ['__proto__', '{"kind":"person","__proto__":{"admin":true}}', 'invalid_key'],
    ['__proto__ in disguise', '{"kind":"person","\\u005f_proto__":{"admin":true}}', 'invalid_key'],
    ['__proto__ within', '{"kind":"person","attributes":{"__proto__":{"admin":true}}}', 'invalid_key'],
    ['NUL', '{"kind":"person","full_name":"a\\u0000b"}', 'invalid_text'],
    ['a lone high surrogate', '{"kind":"person","full_name":"a\\ud83d"}', 'invalid_text'],
    ['a lone low surrogate', '{"kind":"person","full_name":"\\uDE00a"}', 'invalid_text'],
    ['a surrogate in a key', '{"kind":"person","attributes":{"\\ud83d":1}}', 'invalid_key'],
    ['NUL in a key', '{"kind":"person","attributes":{"a\\u0000":1}}', 'invalid_key'],
    ['an integer beyond 2^53', '{"kind":"person","attributes":{"n":9007199254740993}}', 'inexact_number'],
    ['too many digits', '{"kind":"person","attributes":{"n":0.12345678901234567891}}', 'inexact_number'],
    ['a number beyond all bounds', '{"kind":"person","attributes":{"n":1e999}}', 'inexact_number'],
  ])('%s is refused', async (_what, body, code) => {
    const problem = expectRawProblem(await postRaw(body), 400, 'malformed_request');
    expect(problem.errors[0]).toMatchObject({ in: 'body', code });
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });

  test('numbers that are exact pass to the schema, long as they may be', async () => {
    const body =
      '{"kind":"person","attributes":{"a":9007199254740992,"b":31.230416666666667,"c":-0.10,"d":1.5e300}}';
    const problem = expectRawProblem(await postRaw(body), 422, 'rule_broken');
    expect(problem.errors[0].pointer).toMatch(/^\/attributes\//);
  });

  test('emoji and surrogates that are a pair are text like any other', async () => {
    const made = await t.client.post(
      '/v1/customers',
      '{"kind":"person","full_name":"\\ud83d\\ude00 𠮷田","identifiers":[{"scheme":"crm","value":"emoji"}]}',
      201,
    );
    expect(made.full_name).toBe('😀 𠮷田');
  });

  test.each([
    'text/plain',
    'application/xml',
    'application/merge-patch+json',
    'text/csv',
    'application/x-ndjson',
    'multipart/form-data; boundary=x',
    'application/json; charset=utf-16',
    'application/json; charset=gb18030',
    'not a type',
  ])('%s is no media type for a customer', async (type) => {
    expectRawProblem(await postRaw(valid(), type), 415, 'unsupported_media_type');
  });

  test.each(['application/json; charset=UTF-8', 'Application/JSON', 'application/json;charset="utf-8"'])(
    '%s is one',
    async (type) => {
      expect((await postRaw(valid(), type)).status).toBe(201);
    },
  );

  test('a body without a type, and a body where none belongs', async () => {
    const fields = 'Content-Length: 2\r\n';
    expectRawProblem(
      await sendRaw(t.origin, `${head('POST /v1/customers', fields)}{}`),
      415,
      'unsupported_media_type',
    );
    expectRawProblem(await sendRaw(t.origin, head('POST /v1/customers')), 415, 'unsupported_media_type');
    const typed = `Content-Type: text/plain\r\n${fields}`;
    expect((await sendRaw(t.origin, `${head('GET /livez', typed)}{}`)).status).toBe(200);
  });

  test('one that no operation asked for is passed over, and the connection goes on', async () => {
    const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
    const keepAlive = await openSocket(t.origin);
    const all = readToEnd(keepAlive);
    const fields = `Host: localhost\r\n${bearer()}Content-Type: application/json\r\nContent-Length: 8\r\n`;
    keepAlive.write(`DELETE /v1/customers/${id}/identifiers/${id} HTTP/1.1\r\n${fields}\r\nno JSON!`);
    keepAlive.write(`GET /v1/customers/${id} HTTP/1.1\r\n${fields}Connection: close\r\n\r\nno JSON!`);
    const replies = (await all).match(/HTTP\/1\.1 \d+/g);
    expect(replies).toEqual(['HTTP/1.1 428', 'HTTP/1.1 200']);
  });

  test.each(['gzip', 'deflate', 'br', 'identity, gzip', 'x'])('%s is undone by nobody', async (encoding) => {
    const body = valid();
    const fields = `Content-Type: application/json\r\nContent-Encoding: ${encoding}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
    const reply = await sendRaw(t.origin, head('POST /v1/customers', fields) + body);
    expectRawProblem(reply, 415, 'unsupported_media_type');
    const line = await sendRaw(
      t.origin,
      head('POST /v1/imports?kind=customers', fields.replace('application/json', 'application/x-ndjson')) +
        body,
    );
    expectRawProblem(line, 415, 'unsupported_media_type');
  });

  test('one that is too large is refused, announced or not', async () => {
    const large = `{"kind":"${'x'.repeat(5_000_000)}"}`;
    const announced = `Content-Type: application/json\r\nContent-Length: ${large.length}\r\n`;
    expectRawProblem(await sendRaw(t.origin, head('POST /v1/customers', announced)), 413, 'too_large');
    const fields = 'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n';
    const chunked = `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`;
    expectRawProblem(await sendRaw(t.origin, head('POST /v1/customers', fields) + chunked), 413, 'too_large');
  });

  test('one that trickles in is cut off and told why', async () => {
    const socket = await openSocket(t.origin);
    const all = readToEnd(socket);
    socket.write(head('POST /v1/customers', 'Content-Type: application/json\r\nContent-Length: 50\r\n'));
    const trickle = setInterval(() => socket.writable && socket.write(' '), 50);
    const reply = parseReply(await all);
    clearInterval(trickle);
    expectRawProblem(reply, 408, 'request_timeout');
  });
});

describe('parameters', () => {
  test.each([
    ['/v1/customers?nonsense=1', '/nonsense'],
    ['/v1/customers?limit=0', '/limit'],
    ['/v1/customers?limit=201', '/limit'],
    ['/v1/customers?limit=abc', '/limit'],
    ['/v1/customers?limit=1e999', '/limit'],
    ['/v1/customers?limit=1e1', '/limit'],
    ['/v1/customers?limit=0x10', '/limit'],
    ['/v1/customers?limit=%2010', '/limit'],
    ['/v1/customers?limit=1&limit=2', '/limit'],
    ['/v1/customers?kind=robot', '/kind'],
    ['/v1/customers?branch=', '/branch'],
    ['/v1/events?after=9007199254740993', '/after'],
    ['/v1/events?after=-1', '/after'],
    ['/v1/customers?__proto__=1', '/__proto__'],
  ])('%s is refused at %s', async (path, pointer) => {
    const problem = await t.client.problem('GET', path, 'malformed_request');
    expect(problem.errors[0]).toMatchObject({ in: 'query', pointer });
  });

  test.each([
    '/v1/customers?branch=%00',
    '/v1/customers?branch=%ff',
    '/v1/customers?branch=%ED%A0%80',
    '/v1/customers?branch=%C0%AF',
    '/v1/customers?branch=%',
    '/v1/customers/by-identifier/core_banking/a%00b',
    '/v1/customers/by-identifier/core_banking/%ED%A0%80',
    '/v1/customers/not-a-uuid',
    '/v1/nothing/%00',
  ])('%s is refused', async (path) => {
    expectRawProblem(await sendRaw(t.origin, head(`GET ${path}`)), 400, 'malformed_request');
  });

  test('bytes beyond ASCII do not stand in a target', async () => {
    const request = Buffer.from(head('GET /v1/customers?branch=上海'), 'utf8');
    expectRawProblem(await sendRaw(t.origin, request), 400, 'malformed_request');
    expect((await t.client.request('GET', `/v1/customers?branch=${encodeURIComponent('上海')}`)).status).toBe(
      200,
    );
  });

  test('a target that is too long is a problem, not a cut connection', async () => {
    const reply = await sendRaw(t.origin, head(`GET /v1/customers/by-identifier/crm/${'x'.repeat(600)}`));
    expectRawProblem(reply, 400, 'malformed_request');
  });

  test.each(['AAAA', 'e30', '.', 'eyJhIjoxfQ.AAAA', '%00', 'x'.repeat(1001)])(
    'the cursor %s is none',
    async (cursor) => {
      const reply = await t.client.request('GET', `/v1/customers?cursor=${cursor}`);
      expect(reply.status).toBe(400);
      expect(['invalid_cursor', 'malformed_request']).toContain(reply.body.code);
    },
  );

  test('a cursor of one list, or of one reach, is none of another', async () => {
    await t.client.post('/v1/customers', aCustomer({ branch: '0707' }), 201);
    await t.client.post('/v1/customers', aCustomer({ branch: '0707' }), 201);
    const { next_cursor } = await t.client.get('/v1/customers?limit=1');
    await t.client.problem('GET', `/v1/api-keys?cursor=${encodeURIComponent(next_cursor)}`, 'invalid_cursor');
    const other = await t.clientWith(['customers:read'], { branches: ['0707'] });
    await other.problem('GET', `/v1/customers?cursor=${encodeURIComponent(next_cursor)}`, 'invalid_cursor');
    for (const at of [0, 10, next_cursor.length - 1]) {
      const letter = next_cursor[at] === 'A' ? 'B' : 'A';
      const forged = next_cursor.slice(0, at) + letter + next_cursor.slice(at + 1);
      await t.client.problem('GET', `/v1/customers?cursor=${encodeURIComponent(forged)}`, 'invalid_cursor');
    }
  });
});

describe('request ids', () => {
  test('a UUID is kept, anything else replaced', async () => {
    const id = '5b0ed7d6-7d2e-4a0e-9d0b-3f7d0b5a1c11';
    const send = (value: string) =>
      t.client.request('GET', '/v1/nothing', undefined, { headers: { 'x-request-id': value } });
    expect((await send(id)).headers.get('x-request-id')).toBe(id);
    const other = await send('13812345678');
    expect(other.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(other.body.instance).toBe(`urn:uuid:${other.headers.get('x-request-id')}`);
  });
});

describe('the document', () => {
  test('is served where integration tools look for it, without a key', async () => {
    const anybody = new Client(t.origin, undefined);
    const document = await anybody.get('/openapi.json');
    expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'Clientele' } });
    expect(document.paths['/v1/customers']).toBeDefined();
  });
});

describe('draining', () => {
  test('replies ask to close, and readiness is gone first', async () => {
    const keepAlive = await openSocket(t.origin);
    const all = readToEnd(keepAlive);
    t.health.draining = true;
    try {
      keepAlive.write(`GET /v1/customers?limit=1 HTTP/1.1\r\nHost: localhost\r\n${bearer()}\r\n`);
      const reply = parseReply(await all);
      expect(reply.status).toBe(200);
      expect(reply.headers.connection).toBe('close');
      const ready = await t.client.request('GET', '/readyz');
      expect(ready).toMatchObject({ status: 503, body: { status: 'unready', checks: { database: 'ok' } } });
      expect((await t.client.request('GET', '/livez')).status).toBe(200);
    } finally {
      t.health.draining = false;
    }
  });
});

/** last: it breaks the database of this file */
test('what breaks here says nothing of what was sent', async () => {
  const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
  await t.database.pool.query('alter table customers rename column city to town');
  const body = aCustomer({ full_name: 'Canary Bird', city: 'Canary City' });
  for (const reply of [
    await t.client.request('POST', '/v1/customers', body),
    await t.client.request('GET', `/v1/customers/${id}`),
  ]) {
    expect(reply.status).toBe(500);
    expect(reply.body.code).toBe('internal_error');
    expect(JSON.stringify(reply.body)).not.toMatch(/Canary|city|column|customers|select/i);
  }
});
