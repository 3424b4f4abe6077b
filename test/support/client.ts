/** An API client that says which status it expects, and holds every reply against the OpenAPI document. */
import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { checkReply } from './contract.js';

export type Response<T = Record<string, unknown>> = { status: number; headers: Headers; body: T };

type Options = { headers?: Record<string, string> };

// biome-ignore lint/suspicious/noExplicitAny: tests look at whatever the service answered
type Any = any;

export class Client {
  constructor(
    readonly origin: string,
    readonly secret: string | undefined,
  ) {}

  async request(method: string, path: string, body?: unknown, options: Options = {}): Promise<Response<Any>> {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const ended = new AbortController();
    const reply = await fetch(this.origin + path, {
      method,
      signal: ended.signal,
      headers: {
        ...(this.secret === undefined ? {} : { authorization: `Bearer ${this.secret}` }),
        ...(body === undefined ? {} : { 'content-type': type }),
        // where points move a key is asked for: a new one, unless the test brings its own
        ...(method === 'POST' && path.includes('/loyalty/') ? { 'idempotency-key': randomUUID() } : {}),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body: written(body, options.headers?.['content-type']) }),
    });
    const text = await textOf(reply, ended);
    checkReply(this.origin, method, path, { status: reply.status, headers: reply.headers, text });
    const isJson =
      /json/.test(reply.headers.get('content-type') ?? '') &&
      !/ndjson/.test(reply.headers.get('content-type') ?? '');
    return {
      status: reply.status,
      headers: reply.headers,
      body: isJson && text !== '' ? JSON.parse(text) : text,
    };
  }

  /** Sends, and fails with the reply's body where the status is another. */
  async send(method: string, path: string, status: number, body?: unknown, options?: Options): Promise<Any> {
    const reply = await this.request(method, path, body, options);
    expect(reply.status, `${method} ${path}: ${JSON.stringify(reply.body)}`).toBe(status);
    return reply.body;
  }

  get = (path: string, status = 200, options?: Options): Promise<Any> =>
    this.send('GET', path, status, undefined, options);
  post = (path: string, body: unknown, status = 200, options?: Options): Promise<Any> =>
    this.send('POST', path, status, body, options);
  put = (path: string, body: unknown, status = 200, options?: Options): Promise<Any> =>
    this.send('PUT', path, status, body, options);
  patch = (path: string, body: unknown, ifMatch: string | undefined, status = 200): Promise<Any> =>
    this.send('PATCH', path, status, body, ifMatch === undefined ? {} : { headers: { 'if-match': ifMatch } });
  delete = (path: string, status = 204, options?: Options): Promise<Any> =>
    this.send('DELETE', path, status, undefined, options);

  /** Expects a problem with this code, and returns it. */
  async problem(method: string, path: string, code: string, body?: unknown, options?: Options): Promise<Any> {
    const reply = await this.request(method, path, body, options);
    expect(reply.body, `${method} ${path}: ${reply.status}`).toMatchObject({ code });
    expect(reply.headers.get('content-type')).toContain('application/problem+json');
    expect(reply.body.status).toBe(reply.status);
    return reply.body;
  }
}

function written(body: unknown, type: string | undefined): string | URLSearchParams {
  if (typeof body === 'string') return body;
  const isForm = type === 'application/x-www-form-urlencoded';
  return isForm ? new URLSearchParams(body as Record<string, string>).toString() : JSON.stringify(body);
}

/** A stream has no end: its beginning is enough. */
async function textOf(reply: globalThis.Response, ended: AbortController): Promise<string> {
  if (reply.headers.get('content-type')?.startsWith('text/event-stream') !== true) return reply.text();
  const first = await reply.body?.getReader().read();
  ended.abort();
  return new TextDecoder().decode(first?.value);
}
