import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.stop());

const number = (customer: Record<string, unknown>) => (customer.identifiers as { value: string }[])[0]?.value;

describe('creating and reading', () => {
  test('a customer comes back as it was stated, with normal forms', async () => {
    const made = await t.client.post(
      '/v1/customers',
      aCustomer({
        contact_points: [{ kind: 'phone', value: '138 1234 5678', label: 'mobile', primary: true }],
      }),
      201,
    );
    expect(made).toMatchObject({ display_name: '王小明', status: 'prospect', version: 1, stub: false });
    expect(made.contact_points[0]).toMatchObject({ value: '+8613812345678', primary: true, source: 'core' });
    const reply = await t.client.request('GET', `/v1/customers/${made.id}`);
    expect(reply.headers.get('etag')).toBe('"v1"');
    expect(reply.body).toEqual(made);
    const again = await t.client.request('GET', `/v1/customers/${made.id}`, undefined, {
      headers: { 'if-none-match': '"v1"' },
    });
    expect(again.status).toBe(304);
  });

  test('what identifies is encrypted at rest', async () => {
    const made = await t.client.post(
      '/v1/customers',
      aCustomer({ identifiers: [{ scheme: 'national_id', value: '11010519491231002x' }] }),
      201,
    );
    expect(made.identifiers[0].value).toBe('11010519491231002X');
    const { rows } = await t.database.pool.query(
      'select value, value_index, encode(value_sealed, $1) as sealed from identifiers where customer_id = $2',
      ['escape', made.id],
    );
    expect(JSON.stringify(rows)).not.toContain('11010519491231002X');
    const found = await t.client.post('/v1/customers/lookup', {
      scheme: 'national_id',
      value: '11010519491231002X',
    });
    expect(found.id).toBe(made.id);
  });

  test('identifying fields are masked without the scope to read them', async () => {
    const masked = await t.clientWith(['customers:read']);
    const made = await t.client.post(
      '/v1/customers',
      aCustomer({
        birth_date: '1990-05-17',
        contact_points: [
          { kind: 'phone', value: '13812345678' },
          { kind: 'email', value: 'zhang@example.com' },
          { kind: 'address', address: { lines: ['南京路1号'], city: '上海', country: 'CN' } },
        ],
      }),
      201,
    );
    const seen = await masked.get(`/v1/customers/${made.id}`);
    const text = JSON.stringify(seen);
    for (const secret of ['小明', '12345678', 'zhang@', '05-17', '南京路'])
      expect(text).not.toContain(secret);
    expect(seen.birth_date).toBe('1990-**-**');
  });

  test.each([
    ['/kind', { kind: 'robot' }, 'malformed_request'],
    ['/shoe_size', { shoe_size: 43 }, 'malformed_request'],
    [
      '/identifiers/0/value',
      { identifiers: [{ scheme: 'national_id', value: '110105194912310021' }] },
      'rule_broken',
    ],
    ['/identifiers/0/scheme', { identifiers: [{ scheme: 'nowhere', value: '1' }] }, 'rule_broken'],
    ['/contact_points/0/value', { contact_points: [{ kind: 'phone', value: '12' }] }, 'rule_broken'],
    ['/attributes/nonsense', { attributes: { nonsense: 1 } }, 'rule_broken'],
    ['/birth_date', { birth_date: '2026-02-30' }, 'malformed_request'],
    ['/full_name', { full_name: 'a\u0000b' }, 'malformed_request'],
  ])('%s is named as wrong', async (pointer, stated, code) => {
    const problem = await t.client.problem('POST', '/v1/customers', code, aCustomer(stated));
    expect(problem.errors[0].pointer).toBe(pointer);
  });

  test('a taken identifier is a conflict, and nothing is half done', async () => {
    const first = aCustomer();
    await t.client.post('/v1/customers', first, 201);
    const fresh = { scheme: 'crm', value: 'only-here' };
    await t.client.problem('POST', '/v1/customers', 'identifier_conflict', {
      ...first,
      identifiers: [...(first.identifiers as object[]), fresh],
    });
    await t.client.problem('GET', '/v1/customers/by-identifier/crm/only-here', 'not_found');
  });
});

describe('upserts', () => {
  test('fifty at once make one customer', async () => {
    const body = aCustomer({ city: '上海' });
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, () => t.client.request('POST', '/v1/customers/upsert', body)),
    );
    expect(outcomes.map((reply) => reply.status).filter((status) => status === 201)).toHaveLength(1);
    expect(outcomes.map((reply) => reply.status).filter((status) => status === 200)).toHaveLength(49);
    expect(new Set(outcomes.map((reply) => reply.body.customer.id)).size).toBe(1);
    expect(outcomes.every((reply) => reply.body.customer.version === 1)).toBe(true);
  });

  test('any identifier finds the customer, all are kept, two customers are a conflict', async () => {
    const first = await t.client.post('/v1/customers/upsert', aCustomer(), 201);
    const value = first.customer.identifiers[0].value;
    const more = await t.client.post('/v1/customers/upsert', {
      identifiers: [
        { scheme: 'core_banking', value },
        { scheme: 'crm', value: `crm-${value}` },
      ],
    });
    expect(more).toMatchObject({ outcome: 'updated', customer: { id: first.customer.id, version: 2 } });
    const other = aCustomer();
    await t.client.post('/v1/customers/upsert', other, 201);
    await t.client.problem('POST', '/v1/customers/upsert', 'identifier_conflict', {
      identifiers: [
        { scheme: 'crm', value: `crm-${value}` },
        { scheme: 'core_banking', value: number(other) },
      ],
    });
  });

  test('absent is not stated, null clears, and what is older changes nothing', async () => {
    const body = aCustomer({ city: '上海', source_time: '2026-01-01T00:00:00Z' });
    const path = `/v1/customers/by-identifier/core_banking/${number(body)}`;
    await t.client.post('/v1/customers/upsert', body, 201);
    const later = await t.client.put(path, {
      language: 'zh',
      source: 'core',
      source_time: '2026-01-02T00:00:00Z',
    });
    expect(later.customer).toMatchObject({ city: '上海', language: 'zh' });
    const older = await t.client.put(path, {
      language: 'en',
      source: 'crm',
      source_time: '2026-01-01T12:00:00Z',
    });
    expect(older).toMatchObject({
      ignored_fields: [{ field: 'language', reason: 'older' }],
      customer: { language: 'zh' },
    });
    const cleared = await t.client.put(path, {
      city: null,
      source: 'core',
      source_time: '2026-01-03T00:00:00Z',
    });
    expect(cleared.customer.city).toBeNull();
  });

  test('the same again is unchanged and tells nobody', async () => {
    const body = aCustomer({ contact_points: [{ kind: 'email', value: 'a@example.com' }] });
    await t.client.post('/v1/customers/upsert', body, 201);
    await t.drain();
    const before = await t.client.get('/v1/events?after=0&limit=1000');
    expect(await t.client.post('/v1/customers/upsert', body)).toMatchObject({ outcome: 'unchanged' });
    await t.drain();
    expect((await t.client.get(`/v1/events?after=${before.next_after}`)).data).toEqual([]);
  });

  test('a scheme that is sensitive never stands in a path', async () => {
    const problem = await t.client.problem(
      'PUT',
      '/v1/customers/by-identifier/national_id/11010519491231002X',
      'rule_broken',
      {
        kind: 'person',
      },
    );
    expect(problem.errors[0].code).toBe('not_path_safe');
  });
});

describe('changing', () => {
  test('needs the present version', async () => {
    const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
    await t.client.problem(
      'PATCH',
      `/v1/customers/${id}`,
      'precondition_required',
      { city: '北京' },
      patchType,
    );
    expect(await t.client.patch(`/v1/customers/${id}`, { city: '北京' }, '"v1"')).toMatchObject({
      version: 2,
      city: '北京',
    });
    await t.client.patch(`/v1/customers/${id}`, { city: '广州' }, '"v1"', 412);
    expect(await t.client.patch(`/v1/customers/${id}`, { city: null }, '*')).toMatchObject({ city: null });
  });

  test('an identifier that was removed can be given to another', async () => {
    const made = await t.client.post('/v1/customers', aCustomer(), 201);
    const [identifier] = made.identifiers;
    await t.client.delete(`/v1/customers/${made.id}/identifiers/${identifier.id}`, 204, {
      headers: { 'if-match': '"v1"' },
    });
    const other = await t.client.post(
      '/v1/customers',
      aCustomer({ identifiers: [{ scheme: identifier.scheme, value: identifier.value }] }),
      201,
    );
    expect((await t.client.get(`/v1/customers/by-identifier/core_banking/${identifier.value}`)).id).toBe(
      other.id,
    );
  });
});

const patchType = { headers: { 'content-type': 'application/merge-patch+json' } };

describe('idempotency', () => {
  test('the same key has one effect and one answer', async () => {
    const body = aCustomer();
    const options = { headers: { 'idempotency-key': '"abc-1"' } };
    const first = await t.client.request('POST', '/v1/customers', body, options);
    const second = await t.client.request('POST', '/v1/customers', body, options);
    expect(second.status).toBe(201);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    await t.client.problem('POST', '/v1/customers', 'idempotency_key_reused', aCustomer(), options);
    const { rows } = await t.database.pool.query(`select * from idempotency_keys where key = 'abc-1'`);
    expect(JSON.stringify(rows)).not.toContain('王小明');
  });

  test('twenty at once: one works, the others replay or are told to come again', async () => {
    const body = aCustomer();
    const options = { headers: { 'idempotency-key': 'at-once' } };
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => t.client.request('POST', '/v1/customers', body, options)),
    );
    const statuses = new Set(replies.map((reply) => reply.status));
    expect([...statuses].every((status) => status === 201 || status === 409)).toBe(true);
    expect(
      replies.filter((reply) => reply.status === 201 && reply.headers.get('idempotent-replayed') === null),
    ).toHaveLength(1);
    expect(
      replies
        .filter((reply) => reply.status === 409)
        .every((reply) => reply.headers.get('retry-after') !== null),
    ).toBe(true);
  });

  test('a refusal is not kept', async () => {
    const options = { headers: { 'idempotency-key': 'refused' } };
    const taken = aCustomer();
    await t.client.post('/v1/customers', taken, 201);
    await t.client.problem('POST', '/v1/customers', 'identifier_conflict', taken, options);
    await t.client.post('/v1/customers', aCustomer(), 201, options);
  });
});

describe('data scope', () => {
  test('what lies outside is the same 404, in reads, lists, and writes', async () => {
    const inside = await t.client.post('/v1/customers', aCustomer({ branch: '0202' }), 201);
    const outside = aCustomer({ branch: '0303' });
    const { id } = await t.client.post('/v1/customers', outside, 201);
    const branch = await t.clientWith(['customers:read', 'customers:write'], { branches: ['0202'] });
    await branch.get(`/v1/customers/${inside.id}`);
    const [unknown, hidden] = [
      await branch.problem('GET', '/v1/customers/01a20f85-d334-7342-8ae8-7073e642d9b7', 'not_found'),
      await branch.problem('GET', `/v1/customers/${id}`, 'not_found'),
    ];
    expect({ ...hidden, instance: '' }).toEqual({ ...unknown, instance: '' });
    await branch.problem('GET', `/v1/customers/by-identifier/core_banking/${number(outside)}`, 'not_found');
    await branch.problem('POST', '/v1/customers/upsert', 'not_found', outside);
    const list = await branch.get('/v1/customers?limit=200');
    expect(list.data.map((customer: { branch: string }) => customer.branch)).toEqual(['0202']);
    await branch.problem('POST', '/v1/customers', 'rule_broken', aCustomer({ branch: '0303' }));
    await branch.problem(
      'PATCH',
      `/v1/customers/${inside.id}`,
      'rule_broken',
      { branch: '0303' },
      {
        headers: { 'if-match': '*', 'content-type': 'application/merge-patch+json' },
      },
    );
  });
});

describe('lists', () => {
  test('pages meet without loss, and a cursor is good only for its list', async () => {
    for (let made = 0; made < 5; made += 1)
      await t.client.post('/v1/customers', aCustomer({ branch: '0909' }), 201);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: { data: { id: string }[]; next_cursor: string | null } = await t.client.get(
        `/v1/customers?branch=0909&limit=2${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      seen.push(...page.data.map((one) => one.id));
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(new Set(seen).size).toBe(5);
    const { next_cursor } = await t.client.get('/v1/customers?branch=0909&limit=2');
    await t.client.problem(
      'GET',
      `/v1/customers?branch=0808&limit=2&cursor=${encodeURIComponent(next_cursor)}`,
      'invalid_cursor',
    );
    await t.client.problem(
      'GET',
      `/v1/customers?cursor=${encodeURIComponent(`${next_cursor}x`)}`,
      'invalid_cursor',
    );
  });
});

test('each change leaves an audit entry and its event, in order', async () => {
  const made = await t.client.post('/v1/customers', aCustomer(), 201);
  await t.client.patch(`/v1/customers/${made.id}`, { city: '成都' }, '"v1"');
  await t.drain();
  const { rows } = await t.database.pool.query(
    'select action, details from audit_entries where subject_id = $1 order by occurred_at',
    [made.id],
  );
  expect(rows.map((row) => row.action)).toEqual(['customer.created', 'customer.updated']);
  expect(JSON.stringify(rows)).not.toContain('成都');
  const events = (await t.client.get('/v1/events?limit=1000')).data.filter(
    (event: { subject: string }) => event.subject === made.id,
  );
  expect(events.map((event: { type: string }) => event.type)).toEqual([
    'clientele.customer.created',
    'clientele.customer.updated',
  ]);
});
