/** Whoever sends slowly, reads slowly, sends too much or holds a connection for nothing is let go: over real sockets. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { Client } from '../support/client.js';
import { aCustomer } from '../support/factories.js';
import { openSocket, parseReply, type RawReply, readToEnd, sendRaw } from '../support/raw.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({
    env: {
      HEADERS_TIMEOUT_SECONDS: '1',
      REQUEST_TIMEOUT_SECONDS: '1',
      IMPORT_TIMEOUT_SECONDS: '3',
      REPLY_TIMEOUT_SECONDS: '2',
      KEEP_ALIVE_TIMEOUT_SECONDS: '1',
      CONNECTIONS_MAX: '20',
    },
  });
});
afterAll(() => t.stop());

const bearer = () => `Authorization: Bearer ${t.client.secret}\r\n`;
const head = (line: string, fields = '') => `${line} HTTP/1.1\r\nHost: localhost\r\n${bearer()}${fields}\r\n`;

function expectProblem(reply: RawReply, status: number, code: string) {
  expect(reply.status, reply.body).toBe(status);
  expect(reply.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(reply.headers['cache-control']).toBe('no-store');
  expect(JSON.parse(reply.body)).toMatchObject({ status, code });
}

const closed = (socket: Socket) =>
  new Promise<void>((resolve) => {
    socket.on('error', () => undefined);
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });

/** Sends one byte after the other until the connection ends, and returns what came back. */
async function trickle(bytes: string, rest = 'x'): Promise<string> {
  const socket = await openSocket(t.origin);
  const all = readToEnd(socket);
  socket.write(bytes);
  const timer = setInterval(() => socket.writable && socket.write(rest), 100);
  return all.finally(() => clearInterval(timer));
}

describe('a request that does not arrive', () => {
  test('header fields, one letter after the other', async () => {
    expectProblem(
      parseReply(await trickle('GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')),
      408,
      'request_timeout',
    );
  });

  test('header fields that never begin', async () => {
    const socket = await openSocket(t.origin);
    await closed(socket.resume());
  });

  test('a body, one letter after the other', async () => {
    const fields = 'Content-Type: application/json\r\nContent-Length: 5000\r\n';
    expectProblem(parseReply(await trickle(head('POST /v1/customers', fields))), 408, 'request_timeout');
  });

  test('the body of an import, which may take longer: what came is kept, and can be gone on with', async () => {
    const fields = 'Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n';
    const line = '{"kind":"person","identifiers":[{"scheme":"crm","value":"SLOW-1"}],"source":"core"}\n';
    const chunk = `${Buffer.byteLength(line).toString(16)}\r\n${line}\r\n`;
    const other = 'Content-Type: application/json\r\nContent-Length: 5000\r\n';
    const ended: string[] = [];
    await Promise.all([
      trickle(head('POST /v1/imports?kind=customers', fields) + chunk, '1\r\n\n\r\n').then(() =>
        ended.push('an import'),
      ),
      trickle(head('POST /v1/customers', other)).then(() => ended.push('another')),
    ]);
    expect(ended).toEqual(['another', 'an import']);
    await expect
      .poll(async () => (await t.client.get('/v1/imports')).data[0], { timeout: 10_000 })
      .toMatchObject({ state: 'receiving' });
  });
});

describe('a connection without a request', () => {
  test('is closed after a while', async () => {
    const socket = await openSocket(t.origin);
    const all = readToEnd(socket);
    socket.write(head('GET /livez'));
    expect(parseReply(await all).status).toBe(200);
  });

  test('is refused where there are too many', async () => {
    const idle = await Promise.all(Array.from({ length: 20 }, () => openSocket(t.origin)));
    const refused = await openSocket(t.origin);
    await closed(refused.resume());
    for (const socket of idle) socket.destroy();
    await expect
      .poll(() => sendRaw(t.origin, head('GET /livez', 'Connection: close\r\n')).then((r) => r.status))
      .toBe(200);
  });
});

describe('a client that does not read', () => {
  /** A connection that sends and reads nothing. Returns its other end: who does not read does not see it close. */
  async function sleeper(bytes: string): Promise<Socket> {
    const taken = once(t.app.server, 'connection');
    const socket = await openSocket(t.origin);
    socket.on('error', () => undefined);
    socket.pause();
    socket.write(bytes);
    const [other] = (await taken) as [Socket];
    return other;
  }

  test('is cut off, however much waits for it', async () => {
    await closed(await sleeper(head('GET /openapi.json').repeat(200)));
  });

  test('is cut off in the middle of an export', async () => {
    const note = 'x'.repeat(8000);
    const lines = Array.from({ length: 2500 }, (_, index) =>
      JSON.stringify({ kind: 'nobody', full_name: `${note}${index}`, source: 'core' }),
    );
    const started = await fetch(`${t.origin}/v1/imports?kind=customers`, {
      method: 'POST',
      headers: { authorization: `Bearer ${t.client.secret}`, 'content-type': 'application/x-ndjson' },
      body: lines.join('\n'),
    });
    expect(started.status).toBe(202);
    const { id } = (await started.json()) as { id: string };
    await t.drain();
    expect(await t.client.get(`/v1/imports/${id}`)).toMatchObject({ state: 'completed', rejected: 2500 });

    await closed(await sleeper(head(`GET /v1/imports/${id}/rejections`)));

    // whoever reads gets all of it
    const all = await t.client.get(`/v1/imports/${id}/rejections`);
    expect(all.trimEnd().split('\n')).toHaveLength(2500);
  });
});

describe('a request that is too large', () => {
  const withClose = (fields: string) => head('GET /livez', `Connection: close\r\n${fields}`);

  test('header fields by their number', async () => {
    const fields = (count: number) =>
      Array.from({ length: count }, (_, index) => `X-${index}: 1\r\n`).join('');
    expect((await sendRaw(t.origin, withClose(fields(90)))).status).toBe(200);
    expectProblem(await sendRaw(t.origin, withClose(fields(101))), 431, 'headers_too_large');
    // far above what Node.js would keep: none is dropped in silence
    expectProblem(await sendRaw(t.origin, withClose(fields(1500))), 431, 'headers_too_large');
  });

  test('header fields and target by their size', async () => {
    expectProblem(
      await sendRaw(t.origin, withClose(`X-Filler: ${'x'.repeat(17_000)}\r\n`)),
      431,
      'headers_too_large',
    );
    const target = head(`GET /livez?${'x'.repeat(17_000)}`, 'Connection: close\r\n');
    expectProblem(await sendRaw(t.origin, target), 431, 'headers_too_large');
  });

  test('a body, and that of a batch', async () => {
    const body = `{"items":[${'1,'.repeat(2_200_000)}1]}`;
    await t.client.problem('POST', '/v1/activities', 'too_large', body);
    await t.client.problem('POST', '/v1/customers', 'too_large', body);
    await new Client(t.origin, undefined).problem('POST', '/v1/customers', 'unauthenticated', aCustomer());
  });
});

test('a request that comes in parts, but in time, is answered', async () => {
  const body = JSON.stringify(aCustomer());
  const socket = await openSocket(t.origin);
  const all = readToEnd(socket);
  const text =
    head(
      'POST /v1/customers',
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`,
    ) + body;
  const middle = Math.floor(text.length / 2);
  socket.write(text.slice(0, middle));
  await sleep(200);
  socket.write(text.slice(middle));
  expect(parseReply(await all).status).toBe(201);
});
