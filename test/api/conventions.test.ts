/** What holds for every resource alike: conditional requests, idempotency keys, the language of problems. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
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
