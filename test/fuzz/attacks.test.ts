/**
 * What no schema describes, at every operation of the OpenAPI document: bodies that are no JSON or in no encoding that
 * is taken, content types, methods, preconditions and idempotency keys that are none, a request without Host. Each is a
 * problem, and changes nothing.
 */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FuzzOperation } from '../support/fuzz/operations.js';
import type { FuzzRequest } from '../support/fuzz/requests.js';
import { openApi, operations, type Setting, startSetting } from '../support/fuzz/setting.js';
import { sampleOf } from '../support/operations.js';
import { sendRaw } from '../support/raw.js';

const bodyLimit = 65_536;

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting({ env: { BODY_LIMIT_BYTES: String(bodyLimit) } });
});
afterAll(() => setting.stop());

/** A request that works, or would if it had not been done before. */
function working(operation: FuzzOperation): FuzzRequest {
  const [place = {}] = setting.world.placesFor(operation.path);
  const sample = sampleOf(openApi, { ...operation, scope: null, ofTheBank: false } as never, place);
  const { body } = sample;
  return {
    what: 'as it is',
    expected: 'open',
    caller: 0,
    method: operation.method,
    target: sample.target,
    headers: sample.headers,
    body:
      body === undefined ? undefined : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  };
}

const idOf = ({ id }: FuzzOperation) => id;
const named = (some: readonly FuzzOperation[]) =>
  some.map((operation) => [idOf(operation), operation] as const);
const withJson = operations.filter(({ body }) => body?.isJson === true);
const withHeader = (name: string) =>
  operations.filter(({ parameters }) => parameters.some((one) => one.in === 'header' && one.name === name));

const deep = (open: string, close: string) => open.repeat(30_000) + close.repeat(30_000);

/** By what it is: bytes that are no body for anything. */
const bodies: Record<string, string | Buffer> = {
  nothing: '',
  'white space': ' \n',
  'an open object': '{',
  'an open text': '{"a":"b',
  'a trailing comma': '{"a":1,}',
  'single quotes': "{'a':1}",
  'two values': '{} {}',
  'a comment': '{/**/}',
  'a byte order mark': '\ufeff{}',
  null: 'null',
  'a number': '1',
  'a text': '"{}"',
  'a list': '[{}]',
  'an object that says nothing that is known': '{"nonsense":true}',
  'a prototype': '{"__proto__":{"admin":true}}',
  'invalid UTF-8': Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  'an overlong encoding': Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d]),
  'UTF-16': Buffer.from('{}', 'utf16le'),
  'UTF-16 with a mark': Buffer.from('\ufeff{}', 'utf16le'),
  'UTF-32': Buffer.from([0x7b, 0, 0, 0, 0x7d, 0, 0, 0]),
  'a list 30,000 deep': deep('[', ']'),
  'an object 30,000 deep that does not end': '{"a":'.repeat(10_000),
  'too many bytes': `{"a":"${'x'.repeat(bodyLimit)}"}`,
  'what was compressed': gzipSync('{}'),
};

/** As which no JSON is sent. */
const contentTypes = [
  undefined,
  '',
  'text/plain',
  'text/json',
  'application/x-www-form-urlencoded',
  'application/xml',
  'multipart/form-data; boundary=x',
  'application/octet-stream',
  'application/x-ndjson',
  'text/csv',
  'application/json-patch+json',
  'application/json, application/json',
  'application/json; charset=utf-16',
  'application/json; charset=iso-8859-1',
  'application/*',
  '*/*',
  'json',
];

describe.each(named(withJson))('%s', (_id, operation) => {
  test.each(Object.entries(bodies))('is not sent %s', async (what, body) => {
    await setting.exchange.send({
      ...working(operation),
      what,
      body: Buffer.from(body),
      expected: 'refused',
    });
  });

  test('is not sent as anything but what it takes', async () => {
    for (const type of contentTypes.filter((one) => !operation.body?.types.includes(one ?? ''))) {
      const { 'content-type': _own, ...headers } = working(operation).headers;
      const request = { ...working(operation), what: `as ${type}` };
      const reply = await setting.exchange.send({
        ...request,
        headers: type === undefined ? headers : { ...headers, 'content-type': type },
        expected: 'refused',
      });
      expect([415, 400], `${request.what}: ${reply.text}`).toContain(reply.status);
    }
  });

  test('is not sent in an encoding that is not undone', async () => {
    const { body = '', ...request } = working(operation);
    const headers = { ...request.headers, 'content-encoding': 'gzip' };
    for (const bytes of [gzipSync(body), Buffer.from(body)])
      await setting.exchange.send({ ...request, what: 'gzip', body: bytes, headers, expected: 'refused' });
  });
});

test.each(named(operations.filter(({ body, id }) => body === undefined && id !== 'streamEvents')))(
  '%s makes nothing of a body that it does not take',
  async (_id, operation) => {
    for (const type of ['application/json', 'text/plain', 'text/csv', 'application/x-www-form-urlencoded'])
      await setting.exchange.send({
        ...working(operation),
        what: `a body of ${type}`,
        headers: { ...working(operation).headers, 'content-type': type },
        body: Buffer.from('{"a":'),
      });
  },
);

describe('methods', () => {
  const paths = [...new Set(operations.map(({ path }) => path))];
  test.each(paths)('%s answers to its own alone', async (path) => {
    const own = operations.filter((one) => one.path === path);
    const [first] = own as [FuzzOperation];
    const allowed = new Set([...own.map(({ method }) => method), 'OPTIONS']);
    if (allowed.has('GET')) allowed.add('HEAD');
    const all = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'REPORT', 'M-SEARCH'];
    for (const method of all.filter((one) => !allowed.has(one))) {
      const { body: _body, ...request } = working(first);
      const reply = await setting.exchange.send({
        ...request,
        what: method,
        method,
        body: undefined,
        expected: 'refused',
      });
      expect([reply.status, reply.headers.get('allow')], `${method} ${path}`).toEqual([
        405,
        [...allowed].sort().join(', '),
      ]);
    }
  });
});

test.each(named(operations))('%s asks for a Host', async (_id, operation) => {
  const { method, target } = working(operation);
  const { status, headers, body } = await sendRaw(
    setting.t.origin,
    `${method} ${target} HTTP/1.1\r\nAuthorization: Bearer ${setting.t.client.secret}\r\nConnection: close\r\n\r\n`,
  );
  expect([status, headers['content-type']]).toEqual([400, 'application/problem+json; charset=utf-8']);
  expect(JSON.parse(body)).toMatchObject({ code: 'malformed_request' });
});

describe('preconditions', () => {
  const none = [
    undefined,
    '',
    'v1',
    '"',
    '"v1',
    'W/"v1"',
    '"v0"',
    '"v999999999999"',
    '"v-1"',
    '"\u00e9"',
    '**',
    '*, "v1"',
    ',',
    '1',
    'null',
  ];
  test.each(named(withHeader('if-match')))('%s does nothing on one that is none', async (_id, operation) => {
    for (const value of none) {
      const { 'if-match': _own, ...headers } = working(operation).headers;
      const reply = await setting.exchange.send({
        ...working(operation),
        what: `If-Match: ${value}`,
        headers: value === undefined ? headers : { ...headers, 'if-match': value },
      });
      // what is not there yet is made without one
      const isMade = value === undefined && reply.status === 201;
      if (!isMade) expect(reply.status, `${value}: ${reply.text}`).toBeGreaterThanOrEqual(400);
    }
  });
});

describe('idempotency keys', () => {
  const none = [
    '',
    ' ',
    '""',
    '"',
    '"a',
    'a b',
    '"a" "b"',
    '"a";b=1',
    'a"b',
    '\\',
    '\u00e9',
    'x'.repeat(256),
    'x'.repeat(301),
    `"${'x'.repeat(256)}"`,
  ];
  test.each(named(withHeader('idempotency-key')))(
    '%s does nothing under one that is none',
    async (_id, operation) => {
      for (const key of none) {
        const request = working(operation);
        const reply = await setting.exchange.send({
          ...request,
          what: `Idempotency-Key: ${key}`,
          headers: { ...request.headers, 'idempotency-key': key },
          expected: 'refused',
        });
        expect(reply.status, `${key}: ${reply.text}`).toBe(400);
      }
    },
  );
});
