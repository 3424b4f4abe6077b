/** Whose word weighs more: priorities of sources, alternates, and what replies say of what was ignored. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
  await declare('ledger', 700, { residence: 100 });
  await declare('desk', 500);
});
afterAll(() => t.stop());

const declare = (key: string, priority: number, priorities = {}) =>
  t.client.put(`/v1/sources/${key}`, { name: key, description: '', priority, priorities }, 201);

let count = 0;
async function aStatedCustomer() {
  count += 1;
  const identifiers = [{ scheme: 'core_banking', value: `SRC${count}` }];
  return (source: string, fields: Record<string, unknown>, sourceTime?: string) =>
    t.client.request('POST', '/v1/customers/upsert', {
      kind: 'person',
      identifiers,
      source,
      ...(sourceTime === undefined ? {} : { source_time: sourceTime }),
      ...fields,
    });
}

test('a source is declared, changed under its version, read and listed', async () => {
  const path = '/v1/sources/human_resources';
  const body = { name: 'HR', description: 'Staff', priority: 300, priorities: { organisation: 900 } };
  expect(await t.client.put(path, body, 201)).toMatchObject({ key: 'human_resources', ...body, version: 1 });
  await t.client.problem('PUT', path, 'precondition_required', body);
  const ifMatch = { headers: { 'if-match': '"v1"' } };
  expect(await t.client.put(path, { ...body, priority: 310 }, 200, ifMatch)).toMatchObject({ version: 2 });
  await t.client.problem('PUT', path, 'stale_version', body, ifMatch);
  const wrong = { ...body, priorities: { names: 1001 } };
  expect((await t.client.problem('PUT', '/v1/sources/x', 'malformed_request', wrong)).errors[0].pointer).toBe(
    '/priorities/names',
  );
  await t.client.problem('GET', '/v1/sources/nobody', 'not_found');
  const { data } = await t.client.get('/v1/sources?limit=200');
  expect(data.map(({ key }: { key: string }) => key)).toContain('human_resources');
});

test('a value gives way to a higher priority, and to a later time of the same one', async () => {
  const state = await aStatedCustomer();
  await state('desk', { full_name: '王一', city: '上海' }, '2026-01-01T00:00:00Z');
  const higher = await state('ledger', { full_name: '王二', city: '北京' }, '2025-01-01T00:00:00Z');
  expect(higher.body).toMatchObject({
    ignored_fields: [{ field: 'city', reason: 'lower_priority' }],
    customer: { full_name: '王二', city: '上海' },
  });
  const lower = await state('desk', { full_name: '王三' }, '2026-02-01T00:00:00Z');
  expect(lower.body).toMatchObject({
    outcome: 'updated',
    ignored_fields: [{ field: 'full_name', reason: 'lower_priority' }],
    customer: { full_name: '王二' },
  });
  // an undeclared source weighs as much as the desk
  const older = await state('elsewhere', { city: '广州' }, '2025-06-01T00:00:00Z');
  expect(older.body).toMatchObject({
    ignored_fields: [{ field: 'city', reason: 'older' }],
    customer: { city: '上海' },
  });
  const later = await state('elsewhere', { city: '深圳' }, '2026-06-01T00:00:00Z');
  expect(later.body).toMatchObject({ ignored_fields: [], customer: { city: '深圳' } });

  const { provenance } = await t.client.get(`/v1/customers/${later.body.customer.id}/profile`);
  const told = (field: string) =>
    provenance[field].map(({ source, value }: { source: string; value: string }) => [source, value]);
  expect(told('full_name')).toEqual([
    ['ledger', '王二'],
    ['desk', '王三'],
  ]);
  expect(told('city')).toEqual([
    ['elsewhere', '深圳'],
    ['desk', '上海'],
    ['ledger', '北京'],
  ]);
});

test('what is absent is not stated, what is null is cleared by this source', async () => {
  const state = await aStatedCustomer();
  await state('ledger', { full_name: '李一', short_name: 'L' });
  await state('desk', { full_name: null });
  const { body } = await state('ledger', { short_name: null });
  expect(body.customer).toMatchObject({ full_name: '李一', short_name: null });
  const cleared = await state('ledger', { full_name: null });
  expect(cleared.body.customer.full_name).toBeNull();
});

test('the primary contact point of a source that weighs more stays the primary one', async () => {
  const state = await aStatedCustomer();
  const phone = (value: string) => [{ kind: 'phone', value, primary: true }];
  await state('ledger', { contact_points: phone('13900000001') });
  const lower = await state('desk', { contact_points: phone('13900000002') });
  expect(lower.body.ignored_fields).toEqual([{ field: 'contact_points', reason: 'lower_priority' }]);
  const primary = lower.body.customer.contact_points.filter((one: { primary: boolean }) => one.primary);
  expect(primary).toMatchObject([{ value: '+8613900000001' }]);
  const again = await state('desk', { contact_points: phone('13900000002') });
  expect(again.body.outcome).toBe('unchanged');
  const higher = await state('ledger', { contact_points: phone('13900000002') });
  expect(higher.body.ignored_fields).toEqual([]);
});

test('changed priorities hold for what is stated from then on', async () => {
  await declare('rising', 400);
  const state = await aStatedCustomer();
  await state('desk', { city: '上海' });
  expect((await state('rising', { city: '成都' })).body.customer.city).toBe('上海');
  const body = { name: 'rising', description: '', priority: 900, priorities: {} };
  await t.client.put('/v1/sources/rising', body, 200, { headers: { 'if-match': '*' } });
  expect((await state('rising', { city: '成都' })).body.customer.city).toBe('成都');
});

test('a change by hand is told what did not give way to it', async () => {
  const state = await aStatedCustomer();
  const { body } = await state('ledger', { full_name: '张一' });
  const changed = await t.client.patch(
    `/v1/customers/${body.customer.id}`,
    { full_name: '张二', city: '西安' },
    '*',
  );
  expect(changed).toMatchObject({
    full_name: '张一',
    city: '西安',
    ignored_fields: [{ field: 'full_name', reason: 'lower_priority' }],
  });
});

test('a later confirmation counts against what comes late, and changes nothing else', async () => {
  const state = await aStatedCustomer();
  const first = await state('desk', { city: '上海' }, '2026-01-01T00:00:00Z');
  const confirmed = await state('desk', { city: '上海' }, '2026-03-01T00:00:00Z');
  expect(confirmed.body).toMatchObject({
    outcome: 'unchanged',
    customer: { version: first.body.customer.version },
  });
  const late = await state('elsewhere', { city: '北京' }, '2026-02-01T00:00:00Z');
  expect(late.body).toMatchObject({
    ignored_fields: [{ field: 'city', reason: 'older' }],
    customer: { city: '上海' },
  });
});
