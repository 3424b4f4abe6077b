/** Who looks after whom: at the instant, by whatever way it came about, and what of it a book reaches. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { expectAudit } from '../support/audit.js';
import type { Client } from '../support/client.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-01T04:00:00Z' });
  for (const code of ['RM1', 'RM2', 'RM3', 'RM4', 'GONE'])
    await t.client.post('/v1/staff', { code, name: code, active_from: '2020-01-01' }, 201);
  await t.client.patch('/v1/staff/GONE', { active_to: '2026-01-01' }, '*');
});
afterAll(() => t.stop());

const made = async (stated: Record<string, unknown> = {}): Promise<string> =>
  (await t.client.post('/v1/customers', aCustomer(stated), 201)).id;
const assign = (id: string, staff: string, stated: Record<string, unknown> = {}, by: Client = t.client) =>
  by.post('/v1/assignments', { customer: { id }, staff, role: 'primary', ...stated }, 201);
const managerOf = async (id: string) => (await t.client.get(`/v1/customers/${id}`)).relationship_manager;
const historyOf = async (id: string) =>
  (await t.client.get(`/v1/assignments?customer=${id}`)).data.map(
    (one: Record<string, string>) => `${one.staff} ${one.status}`,
  );
const idsOf = ({ data }: { data: { id: string }[] }) => data.map(({ id }) => id);
const scopes = [
  'customers:read',
  'customers:write',
  'activities:write',
  'segments:read',
  'events:read',
  'organization:read',
  'assignments:write',
] as const;
const book = (manager: string) => t.clientWith(scopes, { manager });
const ifMatch = { headers: { 'if-match': '*' } };

describe('an assignment', () => {
  test('follows the one before it, and the customer has its manager', async () => {
    const id = await made({ relationship_manager: 'RM0' });
    const first = await assign(id, 'RM1', { reason: 'nearer' });
    expect(first).toMatchObject({ status: 'current', source: null, reason: 'nearer', version: 1 });
    expect(await managerOf(id)).toBe('RM1');
    await assign(id, 'RM2');
    expect(await historyOf(id)).toEqual(['RM0 ended', 'RM1 ended', 'RM2 current']);
    const [, before, now] = (await t.client.get(`/v1/assignments?customer=${id}`)).data;
    expect(before.to).toBe(now.from);
    expect((await t.client.get(`/v1/assignments?customer=${id}&as_of=${before.from}`)).data).toMatchObject([
      { staff: 'RM1' },
    ]);
    await expectAudit(t.database, 'customer.assigned', id, { details: { staff: 'RM2' } });
    await t.drain();
    const told = (await t.client.get(`/v1/events?limit=1000&subject=${id}`)).data.map(
      ({ type, data }: { type: string; data: { staff?: string } }) => `${type.slice(10)} ${data.staff ?? ''}`,
    );
    expect(told).toEqual([
      'customer.created ',
      'assignment.ended RM0',
      'assignment.started RM1',
      'customer.updated ',
      'assignment.ended RM1',
      'assignment.started RM2',
      'customer.updated ',
    ]);
    const masked = await t.clientWith(['organization:read']);
    expect((await masked.get(`/v1/assignments/${first.id}`)).reason).toBeNull();
  });

  test('is of somebody who is there, from now on', async () => {
    const id = await made();
    const refusal = async (body: Record<string, unknown>) =>
      (
        await t.client.problem('POST', '/v1/assignments', 'rule_broken', {
          customer: { id },
          role: 'primary',
          ...body,
        })
      ).errors[0].code;
    expect(await refusal({ staff: 'NOBODY' })).toBe('unknown_staff');
    expect(await refusal({ staff: 'GONE' })).toBe('not_active');
    expect(await refusal({ staff: 'RM1', from: '2026-02-01T00:00:00Z' })).toBe('in_the_past');
    expect(await refusal({ staff: 'RM1', to: '2026-02-01T00:00:00Z' })).toBe('too_early');
    const nobody = { customer: { scheme: 'core_banking', value: 'NOBODY' }, staff: 'RM1', role: 'primary' };
    await t.client.problem('POST', '/v1/assignments', 'not_found', nobody);
    await assign(id, 'RM1', { role: 'cover' });
    await t.client.problem('POST', '/v1/assignments', 'conflict', {
      customer: { id },
      staff: 'RM1',
      role: 'cover',
    });
  });

  test('ends by its version, and what is over stays', async () => {
    const id = await made();
    const one = await assign(id, 'RM1');
    const path = `/v1/assignments/${one.id}`;
    await t.client.problem('PATCH', path, 'precondition_required', { to: await t.now() });
    await t.client.problem(
      'PATCH',
      path,
      'stale_version',
      { to: await t.now() },
      { headers: { 'if-match': '"v9"' } },
    );
    expect(await t.client.patch(path, { to: await t.now() }, '"v1"')).toMatchObject({
      status: 'ended',
      version: 2,
    });
    expect(await managerOf(id)).toBeNull();
    await t.client.problem('PATCH', path, 'conflict', { to: null }, ifMatch);
  });

  test('for later is in effect at its instant, and the copy follows', async () => {
    const id = await made({ relationship_manager: 'RM0' });
    const start = new Date(Date.parse(await t.now()) + 3_600_000).toISOString();
    const planned = await assign(id, 'RM3', { from: start });
    expect(planned.status).toBe('planned');
    expect(await managerOf(id)).toBe('RM0');
    const third = await book('RM3');
    expect(idsOf(await third.get('/v1/customers'))).toEqual([]);
    // an open one before it ends where it begins
    await assign(id, 'RM2');
    expect(await historyOf(id)).toEqual(['RM0 ended', 'RM3 planned', 'RM2 current']);
    await t.travelTo(start);
    // nothing has run since
    expect(idsOf(await third.get('/v1/customers'))).toEqual([id]);
    await (await book('RM2')).problem('GET', `/v1/customers/${id}`, 'not_found');
    await t.drain();
    expect(await managerOf(id)).toBe('RM3');
    expect((await third.get('/v1/events?limit=1000&type=clientele.assignment.')).data).toMatchObject([
      { type: 'clientele.assignment.ended', subject: id, data: { staff: 'RM2' } },
      { type: 'clientele.assignment.started', subject: id, data: { staff: 'RM3' } },
    ]);
    await t.drain();
    const { version } = await t.client.get(`/v1/customers/${id}`);
    expect(version).toBe(3);
  });

  test('for later is taken back, or replaced', async () => {
    const id = await made();
    const start = new Date(Date.parse(await t.now()) + 3_600_000).toISOString();
    const planned = await assign(id, 'RM1', { from: start });
    const again = await assign(id, 'RM2', { from: start });
    expect((await t.client.get(`/v1/assignments/${planned.id}`)).status).toBe('taken_back');
    await t.client.patch(`/v1/assignments/${again.id}`, { to: again.from }, '*');
    await t.travelTo(new Date(Date.parse(start) + 1000).toISOString());
    await t.drain();
    expect(await managerOf(id)).toBeNull();
    expect(
      (await t.client.get(`/v1/events?limit=1000&subject=${id}&type=clientele.assignment.`)).data,
    ).toEqual([]);
  });
});

describe('what a source says', () => {
  test('counts from when it is said, and does not undo what was assigned by being repeated', async () => {
    const stated = aCustomer({ relationship_manager: 'RM0' });
    const { customer } = await t.client.post('/v1/customers/upsert', stated, 201);
    const { id } = customer;
    await assign(id, 'RM1');
    await t.client.post('/v1/customers/upsert', stated);
    await t.client.post('/v1/customers/upsert', { ...stated, source_time: await t.now() });
    expect(await managerOf(id)).toBe('RM1');
    await t.client.post('/v1/customers/upsert', { ...stated, relationship_manager: 'RM9' });
    expect(await managerOf(id)).toBe('RM9');
    expect(await historyOf(id)).toEqual(['RM0 ended', 'RM1 ended', 'RM9 current']);
    await t.client.patch(`/v1/customers/${id}`, { relationship_manager: null }, '*');
    expect(await historyOf(id)).toEqual(['RM0 ended', 'RM1 ended', 'RM9 ended']);
    const profile = await t.client.get(`/v1/customers/${id}/profile`);
    expect(
      profile.provenance.relationship_manager.map(({ source }: { source: string }) => source).sort(),
    ).toEqual(['assignments', 'core', 'manual']);
  });
});

test('a manager whom the former release has written is assigned within a day', async () => {
  const id = await made({ relationship_manager: 'RM0' });
  await t.drain();
  await t.database.pool.query(`update customers set manager = 'RMX', version = version + 1 where id = $1`, [
    id,
  ]);
  const later = await book('RMX');
  await later.problem('GET', `/v1/customers/${id}`, 'not_found');
  await t.travelTo(new Date(Date.parse(await t.now()) + 86_400_000).toISOString());
  await t.drain();
  expect(await historyOf(id)).toEqual(['RM0 ended', 'RMX current']);
  expect(idsOf(await later.get('/v1/customers'))).toEqual([id]);
});

describe('a book', () => {
  test('is whom one looks after now, in whatever role', async () => {
    const [own, helped, covered, former, others] = await Promise.all([
      made({ relationship_manager: 'RM4' }),
      made({ relationship_manager: 'RM0' }),
      made({ relationship_manager: 'RM0' }),
      made({ relationship_manager: 'RM4' }),
      made({ relationship_manager: 'RM0' }),
    ]);
    const rule = { fact: 'kind', op: 'eq', value: 'person' };
    await t.client.post('/v1/segments', { key: 'persons', name: 'All', description: '', rule }, 201);
    await assign(helped, 'RM4', { role: 'assistant' });
    const until = new Date(Date.parse(await t.now()) + 3_600_000).toISOString();
    await assign(covered, 'RM4', { role: 'cover', to: until });
    await assign(former, 'RM1');
    await t.drain();
    const mine = await book('RM4');
    const reached = async () => {
      const listed = idsOf(await mine.get('/v1/customers')).sort();
      const members = (await mine.get('/v1/segments/persons/members?limit=200')).data;
      expect(members.map((one: { customer_id: string }) => one.customer_id).sort()).toEqual(listed);
      const assigned = (await mine.get('/v1/assignments?limit=200')).data;
      expect([...new Set(assigned.map((one: { customer_id: string }) => one.customer_id))].sort()).toEqual(
        listed,
      );
      return listed;
    };
    expect(await reached()).toEqual([own, helped, covered].sort());
    for (const id of [former, others]) await mine.problem('GET', `/v1/customers/${id}/profile`, 'not_found');
    await mine.patch(`/v1/customers/${helped}`, { language: 'zh' }, '*');
    await t.travelTo(until);
    expect(await reached()).toEqual([own, helped].sort());
    const item = { source: 'cards', source_id: 'B1', type: 'login', occurred_at: '2026-02-01T00:00:00Z' };
    const batch = { items: [own, covered].map((id) => ({ ...item, source_id: id, customer: { id } })) };
    expect(await mine.post('/v1/activities', batch)).toMatchObject({ accepted: 1, rejected: [{ index: 1 }] });
  });

  test('gives nothing of itself away', async () => {
    const id = await made({ relationship_manager: 'RM4' });
    const mine = await book('RM4');
    const refused = async (role: string, staff: string) =>
      mine.request('POST', '/v1/assignments', { customer: { id }, staff, role });
    expect((await refused('primary', 'RM1')).body.errors[0].code).toBe('outside_data_scope');
    const change = await mine.problem(
      'PATCH',
      `/v1/customers/${id}`,
      'rule_broken',
      { relationship_manager: 'RM1' },
      ifMatch,
    );
    expect(change.errors[0].code).toBe('outside_data_scope');
    // as an assistant one stays
    await mine.post('/v1/assignments', { customer: { id }, staff: 'RM4', role: 'assistant' }, 201);
    await mine.patch(`/v1/customers/${id}`, { relationship_manager: 'RM1' }, '*');
    expect((await mine.get(`/v1/customers/${id}`)).relationship_manager).toBe('RM1');
    const problem = await mine.problem('POST', '/v1/assignments/transfers', 'rule_broken', {
      from: { staff: 'RM4' },
      to: 'RM1',
    });
    expect(problem.errors[0].code).toBe('outside_data_scope');
  });
});

describe('a transfer', () => {
  const transfer = (body: Record<string, unknown>, query = '', status = 201, by: Client = t.client) =>
    by.post(`/v1/assignments/transfers${query}`, body, status);

  test('is planned, and does what was planned or nothing', async () => {
    const ids = [await made({ relationship_manager: 'RMA' }), await made({ relationship_manager: 'RMA' })];
    const body = { from: { staff: 'RMA' }, to: 'RM2', reason: 'retired' };
    const plan = await transfer(body, '?dry_run=true', 200);
    expect(plan.plan).toMatchObject({ customers: 2 });
    expect(await managerOf(ids[0] ?? '')).toBe('RMA');
    ids.push(await made({ relationship_manager: 'RMA' }));
    await t.client.problem(
      'POST',
      `/v1/assignments/transfers?plan_hash=${plan.plan_hash}`,
      'plan_changed',
      body,
    );
    const { plan_hash } = await transfer(body, '?dry_run=true', 200);
    const done = await transfer(body, `?plan_hash=${plan_hash}`);
    expect(done).toMatchObject({ state: 'completed', total: 3, done: 3 });
    for (const id of ids) {
      expect(await managerOf(id)).toBe('RM2');
      expect(await historyOf(id)).toEqual(['RMA ended', 'RM2 current']);
    }
    expect(await t.client.get(`/v1/assignments/transfers/${done.id}`)).toEqual(done);
    expect(await transfer(body)).toMatchObject({ total: 0, state: 'completed' });
  });

  test('of a branch is of all below it, of those that are asked for and in reach', async () => {
    await t.client.post(
      '/v1/branches',
      { code: 'TR', name: 'TR', kind: 'region', opens_on: '2020-01-01' },
      201,
    );
    for (const code of ['TR1', 'TR2'])
      await t.client.post(
        '/v1/branches',
        { code, name: code, kind: 'branch', parent: 'TR', opens_on: '2020-01-01' },
        201,
      );
    const shanghai = await made({ branch: 'TR1', city: '上海' });
    const beijing = await made({ branch: 'TR1', city: '北京' });
    const elsewhere = await made({ branch: 'TR2', city: '上海' });
    const bound = await t.clientWith(['assignments:write', 'organization:read'], { branches: ['TR1'] });
    const body = { from: { branch: 'TR' }, to: 'RM3', filter: { city: '上海' } };
    const done = await transfer(body, '', 201, bound);
    expect(done).toMatchObject({ total: 1, done: 1 });
    expect(await Promise.all([shanghai, beijing, elsewhere].map(managerOf))).toEqual(['RM3', null, null]);
    await bound.get(`/v1/assignments/transfers/${done.id}`);
    const other = await t.clientWith(['organization:read'], { branches: ['TR1'] });
    await other.problem('GET', `/v1/assignments/transfers/${done.id}`, 'not_found');
  });

  test('of many is worked through in batches, at the instant that was said', async () => {
    const body = Array.from({ length: 620 }, () =>
      JSON.stringify(aCustomer({ relationship_manager: 'RMB' })),
    ).join('\n');
    await t.client.post('/v1/imports?kind=customers', body, 202, {
      headers: { 'content-type': 'application/x-ndjson' },
    });
    await t.drain();
    const start = new Date(Date.parse(await t.now()) + 3_600_000).toISOString();
    const begun = await transfer({ from: { staff: 'RMB' }, to: 'RM1', effective_from: start });
    expect(begun).toMatchObject({ state: 'running', total: 620, done: 500 });
    await t.drain();
    expect(await t.client.get(`/v1/assignments/transfers/${begun.id}`)).toMatchObject({
      state: 'completed',
      done: 620,
    });
    const count = async (condition: string) =>
      (await t.database.pool.query(`select count(*)::int as n from customers where ${condition}`)).rows[0].n;
    expect(await count(`manager = 'RMB'`)).toBe(620);
    const before = await count(`manager = 'RM1'`);
    await t.travelTo(start);
    await t.drain();
    expect([await count(`manager = 'RMB'`), await count(`manager = 'RM1'`)]).toEqual([0, before + 620]);
  });

  test('can ask for a second person', async () => {
    const id = await made({ relationship_manager: 'RMC' });
    const policy = { required: true, threshold: 1 };
    await t.client.put('/v1/approval-policies/transferAssignments', policy, 200, ifMatch);
    const asked = await transfer({ from: { staff: 'RMC' }, to: 'RM1' }, '', 202);
    expect(await managerOf(id)).toBe('RMC');
    const second = await t.clientWith(['admin']);
    await second.post(`/v1/approvals/${asked.id}/approve`, {});
    expect(await managerOf(id)).toBe('RM1');
  });
});

test('of many changes at once of one customer there is one primary at each instant', async () => {
  const id = await made();
  const staff = Array.from({ length: 24 }, (_, place) => `RM${(place % 4) + 1}`);
  await Promise.all([
    ...staff.map((one) => assign(id, one)),
    ...staff.map((one) => t.client.patch(`/v1/customers/${id}`, { relationship_manager: one }, '*')),
  ]);
  const { rows } = await t.database.pool.query(
    `select a.starts_at, a.ends_at, lead(a.starts_at) over (order by a.starts_at) as next from assignments a
     where customer_id = $1 and role = 'primary' and (ends_at is null or ends_at > starts_at) order by starts_at`,
    [id],
  );
  for (const { ends_at, next } of rows) expect(ends_at).toEqual(next);
  const present = await t.client.get(`/v1/assignments?customer=${id}&as_of=${await t.now()}`);
  expect(present.data).toHaveLength(1);
  expect(await managerOf(id)).toBe(present.data[0].staff);
});

test('what was of a merged customer and ended with it cannot be changed any more', async () => {
  const [survivor, merged] = [await made(), await made()];
  const { id } = await assign(merged, 'RM1');
  await t.client.post('/v1/merges', { survivor: { id: survivor }, merged: { id: merged } }, 201);
  const change = { reason: 'leave' };
  await t.client.problem('PATCH', `/v1/assignments/${id}`, 'conflict', change, ifMatch);
});
