/** The tree of branches, the staff, and what of the bank a caller reaches by them as days go by. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { expectAudit } from '../support/audit.js';
import type { Client } from '../support/client.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  // the bank's day is eight hours ahead
  t = await startTestApp({ startAt: '2026-03-01T04:00:00Z' });
});
afterAll(() => t.stop());

const aBranch = (code: string, stated: Record<string, unknown> = {}) =>
  t.client.post('/v1/branches', { code, name: code, kind: 'branch', opens_on: '2020-01-01', ...stated }, 201);
const change = (code: string, patch: Record<string, unknown>) =>
  t.client.patch(`/v1/branches/${code}`, patch, '*');
const refused = async (code: string, patch: Record<string, unknown>) =>
  (
    await t.client.problem('PATCH', `/v1/branches/${code}`, 'rule_broken', patch, {
      headers: { 'if-match': '*' },
    })
  ).errors[0];
const idsOf = (body: { data: { id: string }[] }) => body.data.map(({ id }) => id);

describe('a branch', () => {
  test('is made, read, listed and changed by its version', async () => {
    const made = await aBranch('T1', { kind: 'region' });
    expect(made).toMatchObject({ code: 'T1', status: 'open', parent: null, version: 1 });
    await aBranch('T1A', { parent: 'T1' });
    expect((await t.client.get('/v1/branches?parent=T1')).data).toMatchObject([{ code: 'T1A' }]);
    await t.client.problem('POST', '/v1/branches', 'conflict', { code: 'T1', name: 'x', kind: 'branch' });
    await t.client.problem('PATCH', '/v1/branches/T1A', 'precondition_required', { name: 'x' });
    const stale = { headers: { 'if-match': '"v7"' } };
    await t.client.problem('PATCH', '/v1/branches/T1A', 'stale_version', { name: 'x' }, stale);
    expect(await t.client.patch('/v1/branches/T1A', { name: 'North' }, '"v1"')).toMatchObject({
      name: 'North',
      version: 2,
    });
    expect((await change('T1A', { name: 'North' })).version).toBe(2);
    await expectAudit(t.database, 'branch.updated', 'T1A', { details: { fields: ['name'] } });
    await t.client.problem('GET', '/v1/branches/T1Z', 'not_found');
  });

  test('stands in no circle, and the circle is told', async () => {
    await aBranch('C1');
    await aBranch('C2', { parent: 'C1' });
    await aBranch('C3', { parent: 'C2' });
    expect(await refused('C1', { parent: 'C3' })).toMatchObject({
      pointer: '/parent',
      code: 'circle',
      message: expect.stringContaining('C1 > C3 > C2 > C1'),
    });
    // its customers would be below themselves
    expect(await refused('C1', { closes_on: '2026-06-01', successor: 'C3' })).toMatchObject({
      pointer: '/successor',
      code: 'circle',
    });
    expect(await refused('C1', { parent: 'C1' })).toMatchObject({ code: 'circle' });
    expect(await refused('C1', { parent: 'NONE' })).toMatchObject({ code: 'unknown_branch' });
  });

  test('closes with somebody who has its customers, or is empty', async () => {
    await aBranch('E1');
    await aBranch('E2');
    await aBranch('E3', { closes_on: '2026-05-01' });
    expect(await refused('E1', { successor: 'E2' })).toMatchObject({ code: 'not_closing' });
    expect(await refused('E1', { closes_on: '2019-01-01' })).toMatchObject({ code: 'too_early' });
    expect(await refused('E1', { closes_on: '2026-06-01', successor: 'E3' })).toMatchObject({
      code: 'not_open',
    });
    await t.client.post('/v1/customers', aCustomer({ branch: 'E1' }), 201);
    expect(await refused('E1', { closes_on: '2026-06-01' })).toMatchObject({ code: 'successor_required' });
    await change('E1', { closes_on: '2026-06-01', successor: 'E2' });
    // whom it is to have counts too
    expect(await refused('E2', { closes_on: '2026-07-01' })).toMatchObject({ code: 'successor_required' });
  });
});

describe('the staff', () => {
  test('is entered, listed by branch, and changed', async () => {
    await aBranch('S1');
    const made = await t.client.post('/v1/staff', { code: 'RM71', name: 'Li Lei', branch: 'S1' }, 201);
    expect(made).toMatchObject({ code: 'RM71', active_from: '2026-03-01', active_to: null, version: 1 });
    await t.client.problem('POST', '/v1/staff', 'conflict', { code: 'RM71', name: 'x' });
    await t.client.problem('POST', '/v1/staff', 'rule_broken', { code: 'RM72', name: 'x', branch: 'NONE' });
    await t.client.patch('/v1/staff/RM71', { active_to: '2026-04-01' }, '"v1"');
    expect((await t.client.get('/v1/staff?branch=S1')).data).toMatchObject([{ active_to: '2026-04-01' }]);
    await expectAudit(t.database, 'staff.updated', 'RM71', { details: { fields: ['active_to'] } });
    const problem = await t.client.problem(
      'PATCH',
      '/v1/branches/S1',
      'rule_broken',
      { closes_on: '2026-03-15' },
      { headers: { 'if-match': '*' } },
    );
    expect(problem.errors[0].code).toBe('successor_required');
  });
});

describe('whoever is bound to a branch', () => {
  let north: Client;
  let old: Client;
  let south: Client;
  const customers: Record<string, string> = {};
  beforeAll(async () => {
    await aBranch('NORTH', { kind: 'region' });
    await aBranch('SOUTH', { kind: 'region' });
    await aBranch('N1', { parent: 'NORTH' });
    await aBranch('N11', { parent: 'N1', kind: 'outlet' });
    await aBranch('S1X', { parent: 'SOUTH' });
    await aBranch('SOON', { parent: 'NORTH', opens_on: '2026-03-10' });
    const scopes = [
      'customers:read',
      'customers:write',
      'events:read',
      'organization:read',
      'segments:read',
    ] as const;
    north = await t.clientWith(scopes, { branches: ['NORTH'] });
    old = await t.clientWith(scopes, { branches: ['N1'] });
    south = await t.clientWith(scopes, { branches: ['SOUTH'] });
    for (const branch of ['N1', 'N11', 'S1X', 'SOON', 'NORTH'])
      customers[branch] = (await t.client.post('/v1/customers', aCustomer({ branch }), 201)).id;
    const rule = { fact: 'kind', op: 'eq', value: 'person' };
    await t.client.post('/v1/segments', { key: 'everybody', name: 'All', description: '', rule }, 201);
    await t.drain();
  });

  const reached = async (client: Client) => {
    const listed = idsOf(await client.get('/v1/customers'));
    const members = (await client.get('/v1/segments/everybody/members?limit=200')).data;
    expect(members.map((one: { customer_id: string }) => one.customer_id).sort()).toEqual([...listed].sort());
    const events = (await client.get('/v1/events?limit=1000&type=clientele.customer.created')).data;
    expect(new Set(events.map((one: { subject: string }) => one.subject))).toEqual(new Set(listed));
    return Object.keys(customers)
      .filter((branch) => listed.includes(customers[branch] ?? ''))
      .sort();
  };

  test('reaches all below it', async () => {
    expect(await reached(north)).toEqual(['N1', 'N11', 'NORTH']);
    expect(await reached(old)).toEqual(['N1', 'N11']);
    expect(await reached(south)).toEqual(['S1X']);
    expect((await north.get('/v1/branches')).data.map(({ code }: { code: string }) => code)).toEqual([
      'N1',
      'N11',
      'NORTH',
    ]);
    await south.problem('GET', '/v1/branches/N1', 'not_found');
    await north.problem('PATCH', '/v1/branches/N1', 'insufficient_scope', { name: 'x' });
  });

  test('writes below it, and takes nobody out of it', async () => {
    await north.patch(`/v1/customers/${customers.N11}`, { branch: 'N1' }, '*');
    await north.patch(`/v1/customers/${customers.N11}`, { branch: 'N11' }, '*');
    const problem = await north.problem(
      'PATCH',
      `/v1/customers/${customers.N11}`,
      'rule_broken',
      { branch: 'S1X' },
      { headers: { 'if-match': '*' } },
    );
    expect(problem.errors[0]).toMatchObject({ pointer: '/branch', code: 'outside_data_scope' });
    await north
      .post('/v1/customers', aCustomer({ branch: 'N1', identifiers: undefined }), 201)
      .then(({ id }) => {
        customers.made = id;
      });
    await t.drain();
  });

  test('reaches one that opens from that day on, at the midnight of the bank', async () => {
    await t.travelTo('2026-03-09T15:59:50Z');
    expect(idsOf(await north.get('/v1/customers'))).not.toContain(customers.SOON);
    await t.travelTo('2026-03-09T16:00:00Z');
    expect(await reached(north)).toEqual(['N1', 'N11', 'NORTH', 'SOON', 'made']);
  });

  test('has what it has taken over from the day of closing on, and no row of a customer changes', async () => {
    const before = await t.client.get(`/v1/customers/${customers.N1}`);
    await change('N1', { closes_on: '2026-03-20', successor: 'S1X' });
    await t.travelTo('2026-03-19T15:59:50Z');
    expect(await reached(old)).toEqual(['N1', 'N11', 'made']);
    expect(await reached(south)).toEqual(['S1X']);
    await t.travelTo('2026-03-19T16:00:00Z');
    expect(await reached(south)).toEqual(['N1', 'N11', 'S1X', 'made']);
    expect(await reached(north)).toEqual(['NORTH', 'SOON']);
    expect(await reached(old)).toEqual([]);
    await old.problem('GET', `/v1/customers/${customers.N1}`, 'not_found');
    await south.patch(`/v1/customers/${customers.N1}`, { language: 'zh' }, '*');
    expect(await t.client.get(`/v1/customers/${customers.N1}`)).toMatchObject({
      branch: 'N1',
      version: before.version + 1,
    });
    expect((await t.client.get('/v1/branches?status=closed')).data).toMatchObject([
      { code: 'N1', successor: 'S1X' },
    ]);
  });

  test('sees a branch that was moved with the very next request', async () => {
    await change('S1X', { parent: 'NORTH' });
    expect(await reached(south)).toEqual([]);
    expect(await reached(north)).toContain('S1X');
  });
});

test('pages of a wide reach with few customers leave nobody out, wherever they lie among others', async () => {
  const aLine = (branch: string) => JSON.stringify(aCustomer({ branch }));
  const load = async (lines: string[]) => {
    const headers = { 'content-type': 'application/x-ndjson' };
    await t.client.post('/v1/imports?kind=customers', lines.join('\n'), 202, { headers });
    await t.drain();
  };
  await aBranch('WIDE', { kind: 'region' });
  const codes = Array.from({ length: 25 }, (_, place) => `W${place}`);
  for (const code of codes) await aBranch(code, { parent: 'WIDE' });
  const own = codes.flatMap((code, place) => (place % 3 === 0 ? [code, code] : []));
  await load(own.slice(0, 4).map(aLine));
  // more than are looked at one by one
  await load(Array.from({ length: 1100 }, () => aLine('ELSEWHERE')));
  await load(own.slice(4).map(aLine));
  const wide = await t.clientWith(['customers:read', 'segments:read', 'organization:read'], {
    branches: ['WIDE'],
  });
  const { rows } = await t.database.pool.query(
    'select id from customers where branch = any($1) order by id',
    [codes],
  );
  const expected = rows.map(({ id }) => id);
  expect(expected).toHaveLength(own.length);
  type Page = { data: Record<string, string>[]; next_cursor: string | null };
  const walk = async (path: string, field: string) => {
    const found: (string | undefined)[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const at: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: Page = await wide.get(`${path}limit=3${at}`);
      found.push(...page.data.map((one) => one[field]));
      cursor = page.next_cursor;
    }
    return found;
  };
  expect(await walk('/v1/customers?', 'id')).toEqual(expected);
  expect(await walk('/v1/customers?kind=person&', 'id')).toEqual(expected);
  expect(await walk('/v1/customers?kind=organization&', 'id')).toEqual([]);
  expect(await walk('/v1/segments/everybody/members?', 'customer_id')).toEqual(expected);
  await t.client.post('/v1/staff', { code: 'RMW', name: 'W' }, 201);
  for (const role of ['primary', 'assistant'])
    for (const id of expected)
      await t.client.post('/v1/assignments', { customer: { id }, staff: 'RMW', role }, 201);
  const twice = expected.flatMap((id) => [id, id]);
  expect(await walk('/v1/assignments?', 'customer_id')).toEqual(twice);
  expect(await walk('/v1/assignments?role=cover&', 'customer_id')).toEqual([]);
});
