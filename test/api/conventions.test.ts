/** What holds for every resource alike: conditional requests, idempotency keys, the language of problems. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import type { Response } from '../support/client.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.stop());

describe('conditions', () => {
  const patch = (id: string, ifMatch: string) =>
    t.client.request('PATCH', `/v1/customers/${id}`, { city: '北京' }, { headers: { 'if-match': ifMatch } });

  test('a state that is known is not sent again', async () => {
    const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
    const read = (tag: string) =>
      t.client.request('GET', `/v1/customers/${id}`, undefined, { headers: { 'if-none-match': tag } });
    for (const tag of ['"v1"', 'W/"v1"', '"v7", "v1"', '*']) {
      const reply = await read(tag);
      expect(reply.status, tag).toBe(304);
      expect(reply.headers.get('etag')).toBe('"v1"');
    }
    for (const tag of ['"v2"', '"v1m"', 'v1', '']) expect((await read(tag)).status, tag).toBe(200);
  });

  test('what was seen masked is another representation of the same version', async () => {
    const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
    const masked = await t.clientWith(['customers:read', 'customers:write']);
    const reply = await masked.request('GET', `/v1/customers/${id}`);
    expect(reply.headers.get('etag')).toBe('"v1m"');
    const full = await t.client.request('GET', `/v1/customers/${id}`, undefined, {
      headers: { 'if-none-match': '"v1m"' },
    });
    expect(full.status).toBe(200);
    expect((await patch(id, '"v1m"')).status).toBe(200);
  });

  test('a change needs the present version, strongly', async () => {
    const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
    for (const tag of ['"v2"', 'W/"v1"', 'v1', 'nonsense', '"v9", "v8"']) {
      const reply = await patch(id, tag);
      expect(reply.status, tag).toBe(412);
      expect(reply.body.code).toBe('stale_version');
    }
    expect((await patch(id, '"v9", "v1"')).status).toBe(200);
  });

  test('of two that change the same version one is late', async () => {
    const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
    const replies = await Promise.all(Array.from({ length: 10 }, () => patch(id, '"v1"')));
    expect(replies.map((reply) => reply.status).sort()).toEqual([200, ...Array(9).fill(412)]);
  });
});

describe('idempotency keys', () => {
  test.each(['""', '"abc', 'a b', 'a"b', `"${'x'.repeat(256)}"`, 'x'.repeat(301), 'schlüssel'])(
    '%s is none',
    async (key) => {
      const headers = { 'idempotency-key': key };
      const problem = await t.client.problem('POST', '/v1/customers', 'malformed_request', aCustomer(), {
        headers,
      });
      expect(problem.errors[0]).toMatchObject({ in: 'header', pointer: '/idempotency-key' });
    },
  );

  test('quoted and bare are the same key', async () => {
    const body = aCustomer();
    const send = (key: string) =>
      t.client.request('POST', '/v1/customers', body, { headers: { 'idempotency-key': key } });
    const first = await send('same-key');
    const again = await send('"same-key"');
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.body).toEqual(first.body);
  });
});

describe('language', () => {
  const titleFor = async (language: string) => {
    const reply = await t.client.request('GET', '/v1/nothing', undefined, {
      headers: { 'accept-language': language },
    });
    return [reply.body.title, reply.headers.get('content-language')];
  };

  test.each(['zh', 'zh-CN', 'zh-Hans-CN, en;q=0.8', 'en;q=0.5, zh-CN;q=0.9', 'fr, zh;q=0.3', 'en;q=0, zh'])(
    '%s is Chinese',
    async (language) => expect(await titleFor(language)).toEqual(['未找到', 'zh']),
  );
  test.each(['en', 'en-GB, zh;q=0.8', 'fr', '*', 'zh;q=0', '', 'zhuang', 'en, zh;q=oops'])(
    '%s is English',
    async (language) => expect(await titleFor(language)).toEqual(['Not found', 'en']),
  );

  test('codes, pointers and status are the same in both', async () => {
    const send = (language: string) =>
      t.client.request('POST', '/v1/customers', {}, { headers: { 'accept-language': language } });
    const [english, chinese] = [await send('en'), await send('zh')];
    const { title, detail, instance, ...same } = english.body;
    expect(chinese.body).toMatchObject(same);
    expect(chinese.body.title).not.toBe(title);
    expect(chinese.body.detail).toMatch(/\p{Script=Han}/u);
    expect(instance).not.toBe(chinese.body.instance);
    expect(detail).not.toMatch(/\p{Script=Han}/u);
  });
});

describe('lists', () => {
  test('a page links to the next one, and the last one to none', async () => {
    for (let count = 0; count < 3; count += 1)
      await t.client.post('/v1/customers', aCustomer({ branch: '3399' }), 201);
    const seen: string[] = [];
    let path: string | undefined = '/v1/customers?branch=3399&limit=2';
    while (path !== undefined) {
      const reply: Response = await t.client.request('GET', path);
      expect(reply.status).toBe(200);
      const { data, next_cursor } = reply.body as unknown as {
        data: { id: string }[];
        next_cursor: string | null;
      };
      seen.push(...data.map(({ id }) => id));
      const link = reply.headers.get('link');
      expect(link === null).toBe(next_cursor === null);
      path = link === null ? undefined : /^<([^>]+)>; rel="next"$/.exec(link)?.[1];
      if (link !== null) expect(new URL(path ?? '', t.origin).searchParams.get('branch')).toBe('3399');
    }
    expect(new Set(seen).size).toBe(3);
  });

  test('every list that has pages links them', async () => {
    await t.clientWith(['customers:read']);
    for (const path of [
      '/v1/api-keys',
      '/v1/segments',
      '/v1/attributes',
      '/v1/relationship-types',
      '/v1/identifier-schemes',
    ]) {
      const reply = await t.client.request('GET', `${path}?limit=1`);
      const { next_cursor } = reply.body as unknown as { next_cursor: string | null };
      expect(reply.headers.get('link') === null, path).toBe(next_cursor === null);
    }
  });
});

describe('long work', () => {
  const start = (prefer: string) =>
    t.client.request('POST', '/v1/imports?kind=customers', '{"kind":"person","source":"core"}\n', {
      headers: { 'content-type': 'application/x-ndjson', prefer },
    });

  test('a preference is echoed where it is applied', async () => {
    for (const prefer of [
      'respond-async',
      'Respond-Async',
      'wait=10, respond-async',
      'respond-async; a=b, x',
    ]) {
      const reply = await start(prefer);
      expect(reply.status).toBe(202);
      expect(reply.headers.get('preference-applied'), prefer).toBe('respond-async');
      expect(reply.headers.get('location')).toMatch(/^\/v1\/imports\//);
    }
    for (const prefer of ['wait=10', 'return=minimal', 'not-respond-async', ',;=,,']) {
      const reply = await start(prefer);
      expect(reply.status).toBe(202);
      expect(reply.headers.get('preference-applied'), prefer).toBeNull();
    }
    // what is done at once is done at once
    const read = await t.client.request('GET', '/v1/customers?limit=1', undefined, {
      headers: { prefer: 'respond-async' },
    });
    expect(read.status).toBe(200);
    expect(read.headers.get('preference-applied')).toBeNull();
  });

  test('its state is sent again only when something has happened', async () => {
    const { id } = (await start('')).body as unknown as { id: string };
    const read = (tag: string) =>
      t.client.request('GET', `/v1/imports/${id}`, undefined, { headers: { 'if-none-match': tag } });
    await t.drain();
    const first = await read('"other"');
    expect(first).toMatchObject({ status: 200, body: { state: 'completed' } });
    const again = await read(first.headers.get('etag') ?? '');
    expect(again).toMatchObject({ status: 304, body: '' });
    expect(again.headers.get('etag')).toBe(first.headers.get('etag'));
  });
});

describe('the purpose of a read', () => {
  test.each(['fraud_investigation', 'call-centre.identification', 'a', 'x'.repeat(64)])(
    '%s is one',
    async (purpose) => {
      const headers = { 'x-purpose': purpose };
      await t.client.send('GET', '/v1/customers?limit=1', 200, undefined, { headers });
    },
  );

  test.each(['Call of Mr. Wang', 'x'.repeat(65), '13812345678', '-a', ''])('%s is none', async (purpose) => {
    const headers = { 'x-purpose': purpose };
    const problem = await t.client.problem('GET', '/v1/customers?limit=1', 'malformed_request', undefined, {
      headers,
    });
    expect(problem.errors).toEqual([
      { in: 'header', pointer: '/x-purpose', code: 'pattern', message: expect.any(String) },
    ]);
    if (purpose.length > 2) expect(JSON.stringify(problem)).not.toContain(purpose);
  });
});

describe('a trace', () => {
  test('goes into the events of what it changed, and nothing else that stands in its place does', async () => {
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const traceOf = async (traceparent: string) => {
      const { id } = await t.client.post('/v1/customers', aCustomer(), 201, { headers: { traceparent } });
      const { rows } = await t.database.pool.query('select traceparent from outbox where subject = $1', [id]);
      expect(rows.length).toBeGreaterThan(0);
      return new Set(rows.map((row: { traceparent: string | null }) => row.traceparent));
    };
    expect(await traceOf(trace)).toEqual(new Set([trace]));
    for (const strange of [
      '13812345678',
      `${trace}-extra`,
      trace.toUpperCase(),
      trace.replace('4bf92f3577b34da6a3ce929d0e0e4736', '0'.repeat(32)),
      trace.replace('00f067aa0ba902b7', '0'.repeat(16)),
      trace.replace(/^00/, 'ff'),
    ])
      expect(await traceOf(strange)).toEqual(new Set([null]));
    // a later version says what this one does, and may say more
    expect(await traceOf(`${trace.replace(/^00/, '01')}-more`)).toEqual(new Set([trace]));
  });

  test('goes out again with every reply, and none is made up', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00';
    for (const path of ['/v1/customers', '/v1/customers?limit=0', '/v1/nothing', '/livez']) {
      const told = await t.client.request('GET', path, undefined, { headers: { traceparent } });
      expect(told.headers.get('traceparent'), path).toBe(traceparent);
      const silent = await t.client.request('GET', path, undefined, { headers: { traceparent: 'x' } });
      expect(silent.headers.get('traceparent'), path).toBeNull();
    }
  });
});
