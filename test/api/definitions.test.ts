import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.stop());

type Json = Record<string, unknown>;

const anAttribute = (json_schema: Json, more: Json = {}): Json => ({
  description: 'Of a test',
  json_schema,
  sensitivity: 'internal',
  searchable: false,
  ...more,
});
const withVersion = (version: string) => ({ headers: { 'if-match': version } });

describe('attributes', () => {
  test('one is declared, used, changed under its version, and read again', async () => {
    const path = '/v1/attributes/preferred_service';
    const body = anAttribute({ type: 'string', enum: ['branch', 'app'] });
    const made = await t.client.request('PUT', path, body);
    expect(made).toMatchObject({ status: 201, body: { name: 'preferred_service', ...body, version: 1 } });
    expect(made.headers.get('etag')).toBe('"v1"');
    await t.client.post('/v1/customers', aCustomer({ attributes: { preferred_service: 'app' } }), 201);
    const problem = await t.client.problem(
      'POST',
      '/v1/customers',
      'rule_broken',
      aCustomer({ attributes: { preferred_service: 'fax' } }),
    );
    expect(problem.errors[0].pointer).toBe('/attributes/preferred_service');

    const wider = anAttribute({ type: 'string', enum: ['branch', 'app', 'fax'] });
    await t.client.problem('PUT', path, 'precondition_required', wider);
    await t.client.problem('PUT', path, 'stale_version', wider, withVersion('"v7"'));
    expect(await t.client.put(path, wider, 200, withVersion('"v1"'))).toMatchObject({ version: 2 });
    expect(await t.client.put(path, wider, 200, withVersion('"v2"'))).toMatchObject({ version: 2 });
    await t.client.post('/v1/customers', aCustomer({ attributes: { preferred_service: 'fax' } }), 201);
    const again = await t.client.request('GET', path, undefined, { headers: { 'if-none-match': '"v2"' } });
    expect(again.status).toBe(304);
  });

  test('a narrower schema leaves what is stored, and holds for what is stated', async () => {
    const path = '/v1/attributes/score';
    await t.client.put(path, anAttribute({ type: 'integer', minimum: 0, maximum: 100 }), 201);
    const { id } = await t.client.post('/v1/customers', aCustomer({ attributes: { score: 90 } }), 201);
    await t.client.put(
      path,
      anAttribute({ type: 'integer', minimum: 0, maximum: 10 }),
      200,
      withVersion('*'),
    );
    expect(await t.client.get(`/v1/customers/${id}`)).toMatchObject({ attributes: { score: 90 } });
    await t.client.patch(`/v1/customers/${id}`, { attributes: { score: 91 } }, '*', 422);
    await t.client.patch(`/v1/customers/${id}`, { city: '上海' }, '*');
    const problem = await t.client.problem(
      'PUT',
      path,
      'rule_broken',
      anAttribute({ type: 'string' }),
      withVersion('*'),
    );
    expect(problem.errors[0]).toMatchObject({ pointer: '/json_schema/type', code: 'immutable' });
  });

  test('sensitive values are hidden without the scope to read them, from the change on', async () => {
    const path = '/v1/attributes/religion';
    await t.client.put(path, anAttribute({ type: 'string', maxLength: 50 }), 201);
    const { id } = await t.client.post('/v1/customers', aCustomer({ attributes: { religion: 'none' } }), 201);
    const masked = await t.clientWith(['customers:read']);
    expect((await masked.get(`/v1/customers/${id}`)).attributes).toEqual({ religion: 'none' });
    await t.client.put(
      path,
      anAttribute({ type: 'string', maxLength: 50 }, { sensitivity: 'sensitive' }),
      200,
      withVersion('"v1"'),
    );
    expect((await masked.get(`/v1/customers/${id}`)).attributes).toEqual({ religion: '***' });
    expect((await t.client.get(`/v1/customers/${id}`)).attributes).toEqual({ religion: 'none' });
  });

  const nested = (depth: number): Json =>
    depth === 0 ? { type: 'string' } : { type: 'array', items: nested(depth - 1) };
  const patterned = (pattern: string) => ({ type: 'string', maxLength: 50, pattern });

  test.each([
    ['/json_schema/type', {}],
    ['/json_schema/type', { type: 'null' }],
    ['/json_schema/type', { type: ['string', 'number'] }],
    ['/json_schema/$ref', { type: 'string', $ref: '#/$defs/a' }],
    ['/json_schema/$id', { type: 'string', $id: 'urn:x' }],
    ['/json_schema/anyOf', { type: 'string', anyOf: [{ type: 'string' }] }],
    ['/json_schema/constructor', { type: 'string', constructor: 1 }],
    ['/json_schema/minimum', { type: 'string', minimum: 1 }],
    ['/json_schema/minimum', { type: 'number', minimum: '1' }],
    ['/json_schema/multipleOf', { type: 'number', multipleOf: 0 }],
    ['/json_schema/format', { type: 'string', format: 'regex' }],
    ['/json_schema/enum', { type: 'string', enum: [] }],
    ['/json_schema/properties', { type: 'object', properties: { a: 1 } }],
    ['/json_schema/required', { type: 'object', properties: { a: { type: 'string' } }, required: ['b'] }],
    ['/json_schema/properties/a/type', { type: 'object', properties: { a: { title: 'x' } } }],
    ['/json_schema/items/items/items/items/items', nested(6)],
    [
      '/json_schema',
      { type: 'string', enum: Array.from({ length: 200 }, (_, each) => 'x'.repeat(60) + each) },
    ],
    ['/json_schema/maxLength', { type: 'string', pattern: '^a$' }],
    ['/json_schema/pattern', patterned('^(a+)+$')],
    ['/json_schema/pattern', patterned('^a*a*a*a*$')],
    ['/json_schema/pattern', patterned('a')],
    ['/json_schema/pattern', patterned('^a|b$')],
    ['/json_schema/pattern', patterned('^(?=a)b$')],
    ['/json_schema/pattern', patterned('^[z-a]$')],
    ['/json_schema/pattern', patterned(`^${'a'.repeat(100)}$`)],
  ])('a schema that says too much is named at %s', async (pointer, schema) => {
    const problem = await t.client.problem('PUT', '/v1/attributes/wrong', 'rule_broken', anAttribute(schema));
    expect(problem.errors[0].pointer).toBe(pointer);
    await t.client.problem('GET', '/v1/attributes/wrong', 'not_found');
  });

  let within = 0;
  test.each([
    [patterned(String.raw`^[A-Z]{2}-?\d{6}[\u4e00-\u9fff]*$`), 'AB-123456', 'AB12345'],
    [patterned(String.raw`^\p{Script=Han}{2,4}$`), '王小明', 'Wang'],
    [{ type: 'array', items: { type: 'integer' }, maxItems: 3, uniqueItems: true }, [1, 2], [1, 1]],
    [
      {
        type: 'object',
        properties: { since: { type: 'string', format: 'date' }, rate: { type: 'number', multipleOf: 0.5 } },
        required: ['since'],
        additionalProperties: false,
      },
      { since: '2026-01-01', rate: 1.5 },
      { rate: 1 },
    ],
  ])('a schema within the subset holds: %#', async (schema, good, bad) => {
    within += 1;
    const name = `within_${within}`;
    await t.client.put(`/v1/attributes/${name}`, anAttribute(schema as Json), 201);
    await t.client.post('/v1/customers', aCustomer({ attributes: { [name]: good } }), 201);
    await t.client.problem(
      'POST',
      '/v1/customers',
      'rule_broken',
      aCustomer({ attributes: { [name]: bad } }),
    );
  });

  test('one may be named as what every object has', async () => {
    await t.client.put('/v1/attributes/constructor', anAttribute({ type: 'string' }), 201);
    const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
    await t.client.patch(`/v1/customers/${id}`, { attributes: { constructor: null } }, '*');
    expect((await t.client.get(`/v1/customers/${id}`)).attributes).toEqual({});
    await t.client.patch(`/v1/customers/${id}`, { attributes: { constructor: 'Foster' } }, '*');
    expect((await t.client.get(`/v1/customers/${id}`)).attributes).toEqual({ constructor: 'Foster' });
    await t.client.get(`/v1/customers/${id}/profile`);
  });

  test('a value has an end, whatever its schema says', async () => {
    const schema = { type: 'array', items: { type: 'object' }, uniqueItems: true };
    await t.client.put('/v1/attributes/endless', anAttribute(schema), 201);
    const items = (count: number) => Array.from({ length: count }, (_, index) => ({ index }));
    await t.client.post('/v1/customers', aCustomer({ attributes: { endless: items(1000) } }), 201);
    const problem = await t.client.problem(
      'POST',
      '/v1/customers',
      'rule_broken',
      aCustomer({ attributes: { endless: items(100_000) } }),
    );
    expect(problem.errors).toMatchObject([{ pointer: '/attributes/endless', code: 'too_much' }]);
  });

  test('twenty that declare the same at once make one', async () => {
    const replies = await Promise.all(
      Array.from({ length: 20 }, () =>
        t.client.request('PUT', '/v1/attributes/at_once', anAttribute({ type: 'boolean' })),
      ),
    );
    expect(replies.filter((reply) => reply.status === 201)).toHaveLength(1);
    expect(replies.filter((reply) => reply.status === 428)).toHaveLength(19);
  });

  test('words of sub-paths are no names; the list is in pages', async () => {
    await t.client.problem('PUT', '/v1/attributes/search', 'rule_broken', anAttribute({ type: 'string' }));
    for (const name of ['listed_a', 'listed_b'])
      await t.client.put(`/v1/attributes/${name}`, anAttribute({ type: 'string' }), 201);
    const first = await t.client.get('/v1/attributes?limit=1');
    expect(first.next_cursor).not.toBeNull();
    const { data } = await t.client.get('/v1/attributes?limit=200');
    const names = data.map((one: { name: string }) => one.name);
    expect(names).toEqual([...names].sort());
    expect(names).toContain('listed_b');
  });
});

describe('identifier schemes', () => {
  const body = { name: 'Taxpayer number', normaliser: 'upper', sensitive: true, path_safe: false };

  test('one is declared, and identifiers of it are kept and masked', async () => {
    const path = '/v1/identifier-schemes/taxpayer_number';
    expect(await t.client.put(path, body, 201)).toEqual({ key: 'taxpayer_number', ...body, version: 1 });
    const made = await t.client.post(
      '/v1/customers',
      aCustomer({ identifiers: [{ scheme: 'taxpayer_number', value: ' tx 12345678 90' }] }),
      201,
    );
    expect(made.identifiers[0].value).toBe('TX1234567890');
    const masked = await t.clientWith(['customers:read']);
    expect((await masked.get(`/v1/customers/${made.id}`)).identifiers[0].value).toBe('TX1****7890');
  });

  test('what identifiers are kept by never changes; the rest does', async () => {
    const path = '/v1/identifier-schemes/loyalty_card';
    await t.client.put(path, { ...body, sensitive: false }, 201);
    for (const [field, value] of [
      ['normaliser', 'digits'],
      ['sensitive', true],
    ] as const) {
      const changed = { ...body, sensitive: false, [field]: value };
      const problem = await t.client.problem('PUT', path, 'rule_broken', changed, withVersion('*'));
      expect(problem.errors[0]).toMatchObject({ pointer: `/${field}`, code: 'immutable' });
    }
    const safe = { ...body, sensitive: false, path_safe: true, name: 'Loyalty card' };
    expect(await t.client.put(path, safe, 200, withVersion('"v1"'))).toMatchObject({ version: 2, ...safe });
    const problem = await t.client.problem('PUT', '/v1/identifier-schemes/unsafe', 'rule_broken', {
      ...body,
      path_safe: true,
    });
    expect(problem.errors[0].pointer).toBe('/path_safe');
    const { data } = await t.client.get('/v1/identifier-schemes?limit=200');
    expect(data.map((one: { key: string }) => one.key)).toContain('core_banking');
  });
});

test('reading asks for customers:read, declaring for definitions:write', async () => {
  const reader = await t.clientWith(['customers:read']);
  await reader.get('/v1/attributes');
  await reader.get('/v1/identifier-schemes/core_banking');
  await reader.problem(
    'PUT',
    '/v1/attributes/of_reader',
    'insufficient_scope',
    anAttribute({ type: 'string' }),
  );
  const writer = await t.clientWith(['definitions:write']);
  await writer.put('/v1/attributes/of_writer', anAttribute({ type: 'string' }), 201);
  await writer.problem('GET', '/v1/attributes/of_writer', 'insufficient_scope');
});
