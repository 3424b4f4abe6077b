/** Segments whose members are listed: one by one, by a file, and through merges. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-01T04:00:00Z' });
});
afterAll(() => t.stop());

let made = 0;
async function aList(): Promise<string> {
  made += 1;
  const key = `list_${made}`;
  await t.client.post('/v1/segments', { key, name: 'A list', description: '', kind: 'static' }, 201);
  return key;
}
const aPerson = async (stated: Record<string, unknown> = {}): Promise<string> =>
  (await t.client.post('/v1/customers', aCustomer(stated), 201)).id;

const path = (key: string, id: string) => `/v1/segments/${key}/members/${id}`;
const membersOf = async (key: string): Promise<string[]> =>
  (await t.client.get(`/v1/segments/${key}/members?limit=200`)).data.map(
    (one: { customer_id: string }) => one.customer_id,
  );
const segmentsOf = async (id: string): Promise<string[]> =>
  (await t.client.get(`/v1/customers/${id}/segments`)).data.map((one: { segment: string }) => one.segment);

/** What is told of a customer and a segment, in order. */
async function toldOf(id: string, key: string): Promise<string[]> {
  await t.drain();
  const { rows } = await t.database.pool.query(
    `select type, data ->> 'cause' as cause from outbox
     where subject = $1 and data ->> 'segment' = $2 order by sequence`,
    [id, key],
  );
  return rows.map((row) => `${row.type.replace('segment.', '')} ${row.cause}`);
}

describe('a static segment', () => {
  test('is made without a rule, and a rule segment is not', async () => {
    const key = await aList();
    expect(await t.client.get(`/v1/segments/${key}`)).toMatchObject({
      kind: 'static',
      rule: null,
      state: 'current',
      progress: null,
    });
    const named = { name: 'Wrong', description: '' };
    const rule = { fact: 'city', op: 'eq', value: '上海' };
    const refused = async (body: Record<string, unknown>) =>
      (await t.client.problem('POST', '/v1/segments', 'malformed_request', { ...named, ...body })).errors[0];
    expect(await refused({ key: 'wrong', kind: 'static', rule })).toMatchObject({ pointer: '/rule' });
    expect(await refused({ key: 'wrong', kind: 'rule' })).toMatchObject({
      pointer: '/rule',
      code: 'required',
    });
    expect(await refused({ key: 'wrong' })).toMatchObject({ code: expect.stringMatching(/required|anyOf/) });
  });

  test('can be called otherwise, but not become a rule, nor a rule it', async () => {
    const key = await aList();
    const headers = { 'if-match': '*' };
    const renamed = { name: 'Another name', description: 'By hand' };
    const rule = { fact: 'city', op: 'eq', value: '上海' };
    expect(await t.client.put(`/v1/segments/${key}`, renamed, 200, { headers })).toMatchObject({
      ...renamed,
      rule_version: 1,
    });
    const withRule = { ...renamed, rule };
    const problem = await t.client.problem('PUT', `/v1/segments/${key}`, 'rule_broken', withRule, {
      headers,
    });
    expect(problem.errors[0]).toMatchObject({ pointer: '/rule', code: 'static_segment' });
    await t.client.post('/v1/segments', { key: 'by_rule', ...renamed, rule }, 201);
    const without = await t.client.problem('PUT', '/v1/segments/by_rule', 'rule_broken', renamed, {
      headers,
    });
    expect(without.errors[0]).toMatchObject({ pointer: '/rule', code: 'required' });
  });

  test('has whoever is put in, once, until taken out', async () => {
    const key = await aList();
    const id = await aPerson();
    const first = await t.client.put(path(key, id), undefined);
    expect(first).toMatchObject({ customer_id: id, left_at: null, rule_version: 1 });
    await t.travelTo('2026-03-02T04:00:00Z');
    expect(await t.client.put(path(key, id), undefined)).toEqual(first);
    await t.drain();
    // nobody's judgement ends it
    await t.client.patch(`/v1/customers/${id}`, { city: '北京' }, '*');
    await t.drain();
    expect(await membersOf(key)).toEqual([id]);
    expect(await segmentsOf(id)).toContain(key);
    await t.client.delete(path(key, id));
    await t.client.delete(path(key, id));
    expect(await membersOf(key)).toEqual([]);
    expect(await toldOf(id, key)).toEqual(['entered change', 'left change']);
    await t.client.put(path(key, id), undefined);
    expect(await toldOf(id, key)).toEqual(['entered change', 'left change', 'entered change']);
    const { data } = await t.client.get(`/v1/segments/${key}/changes`);
    expect(data.map((one: { change: string }) => one.change)).toEqual(['entered', 'left', 'entered']);
    const { rows } = await t.database.pool.query(
      `select action from audit_entries where subject_id = $1 and action like 'segment.member%' order by occurred_at, id`,
      [id],
    );
    expect(rows.map(({ action }) => action)).toEqual([
      'segment.member_added',
      'segment.member_removed',
      'segment.member_added',
    ]);
  });

  test('is judged by nobody else: a rule decides of its own', async () => {
    await t.client.problem('PUT', path('ordinary', await aPerson()), 'conflict');
    await t.client.problem('DELETE', path('ordinary', await aPerson()), 'conflict');
    await t.client.problem('PUT', path('no_such', await aPerson()), 'not_found');
    await t.client.problem('PUT', path(await aList(), randomUUID()), 'not_found');
  });

  test('is named by rules, which follow it at once', async () => {
    const key = await aList();
    const rule = { all: [{ segment: key }, { fact: 'city', op: 'eq', value: '上海' }] };
    const naming = { key: `naming_${key}`, name: 'Naming', description: '', rule };
    await t.client.post('/v1/segments', naming, 201);
    const id = await aPerson({ city: '上海' });
    await t.drain();
    expect(await segmentsOf(id)).not.toContain(naming.key);
    await t.client.put(path(key, id), undefined);
    await t.drain();
    expect(await segmentsOf(id)).toContain(naming.key);
    await t.client.delete(path(key, id));
    await t.drain();
    expect(await segmentsOf(id)).not.toContain(naming.key);
    await t.client.problem('DELETE', `/v1/segments/${key}`, 'conflict', undefined, {
      headers: { 'if-match': '*' },
    });
  });

  test('that is deleted is left by all', async () => {
    const key = await aList();
    const id = await aPerson();
    await t.client.put(path(key, id), undefined);
    await t.client.delete(`/v1/segments/${key}`, 204, { headers: { 'if-match': '*' } });
    await t.client.problem('PUT', path(key, await aPerson()), 'not_found');
    expect(await toldOf(id, key)).toEqual(['entered change', 'left rule_version']);
  });

  test('holds and tells one history, however many put in and take out at once', async () => {
    const key = await aList();
    const ids = await Promise.all([aPerson(), aPerson(), aPerson()]);
    const actions = Array.from({ length: 45 }, (_, place) => ({
      id: ids[place % 3] as string,
      method: place % 2 === 0 ? 'PUT' : 'DELETE',
    }));
    await Promise.all([
      ...actions.map(({ id, method }) => t.client.request(method, path(key, id))),
      t.drain().then(() => t.drain()),
    ]);
    for (const id of ids) {
      const told = await toldOf(id, key);
      expect(told).toEqual(told.map((_one, place) => (place % 2 === 0 ? 'entered change' : 'left change')));
      expect((await membersOf(key)).includes(id)).toBe(told.length % 2 === 1);
      const { rows } = await t.database.pool.query(
        `select count(*)::int as overlaps from memberships a join memberships b
           on b.customer_id = a.customer_id and b.segment = a.segment and b.entered_at > a.entered_at
         where a.customer_id = $1 and a.segment = $2 and (a.left_at is null or a.left_at > b.entered_at)`,
        [id, key],
      );
      expect(rows[0].overlaps).toBe(0);
    }
  });
});

describe('a data scope', () => {
  test('bounds whom a caller can list', async () => {
    const key = await aList();
    const [inside, outside] = [await aPerson({ branch: '6601' }), await aPerson({ branch: '6602' })];
    const scoped = await t.clientWith(['segments:read', 'segments:write'], { branches: ['6601'] });
    expect(await scoped.put(path(key, inside), undefined)).toMatchObject({ customer_id: inside });
    const hidden = await scoped.problem('PUT', path(key, outside), 'not_found');
    const none = await scoped.problem('PUT', path(key, randomUUID()), 'not_found');
    expect({ ...hidden, instance: '' }).toEqual({ ...none, instance: '' });
    await t.client.put(path(key, outside), undefined);
    await scoped.problem('DELETE', path(key, outside), 'not_found');
    expect(await membersOf(key)).toEqual([inside, outside].sort());
  });
});

describe('an import of members', () => {
  async function imported(query: string, body: string, type = 'application/x-ndjson', client = t.client) {
    const { id } = await client.post(`/v1/imports?kind=segment_members${query}`, body, 202, {
      headers: { 'content-type': type },
    });
    await t.drain();
    return client.get(`/v1/imports/${id}`);
  }
  const lines = (...items: unknown[]) => items.map((item) => `${JSON.stringify(item)}\n`).join('');

  test('lists customers by id and by identifier, and says what it could not', async () => {
    const key = await aList();
    const value = `M${Math.floor(Math.random() * 1e9)}`;
    const known = await aPerson({ identifiers: [{ scheme: 'core_banking', value }] });
    const other = await aPerson();
    const body = lines(
      { segment: key, customer: { scheme: 'core_banking', value } },
      { segment: key, customer: { id: other } },
      { segment: key, customer: { id: other } },
      { segment: key, customer: { id: randomUUID() } },
      { segment: 'ordinary', customer: { id: other } },
      { segment: 'no_such', customer: { id: other } },
      { segment: key },
    );
    const done = await imported('', body);
    expect(done).toMatchObject({
      state: 'completed',
      accepted: 2,
      duplicates: 1,
      rejected: 4,
    });
    expect(await membersOf(key)).toEqual([known, other].sort());
    const rejected = (await t.client.get(`/v1/imports/${done.id}/rejections`)).trim().split('\n');
    const about = rejected.map((line: string) => {
      const { code, pointer } = JSON.parse(line);
      return [code, pointer];
    });
    expect(about).toEqual([
      ['not_found', '/customer'],
      ['conflict', '/segment'],
      ['not_found', '/segment'],
      ['malformed_request', '/customer'],
    ]);
    expect(await imported('', body)).toMatchObject({ accepted: 0, duplicates: 3 });
    expect(await toldOf(other, key)).toEqual(['entered change']);
  });

  test('takes out whom a line of a delta deletes, and the last word of a file counts', async () => {
    const key = await aList();
    const [one, two] = [await aPerson(), await aPerson()];
    for (const id of [one, two]) await t.client.put(path(key, id), undefined);
    const feed = {
      description: 'Who is on the list',
      source: 'core',
      kind: 'segment_members',
      mode: 'delta',
      delimiter: 'comma',
      control_field: null,
      categories: null,
      max_close_percent: 5,
    };
    await t.client.put('/v1/feeds/list_delta', feed, 201);
    const three = await aPerson();
    const table = [
      'op,segment,customer.id',
      `delete,${key},${one}`,
      `insert,${key},${three}`,
      `delete,${key},${two}`,
      `update,${key},${two}`,
      '',
    ].join('\n');
    const done = await imported('&feed=list_delta&business_date=2026-02-28', table, 'text/csv');
    expect(done).toMatchObject({ state: 'completed', rejected: 0, accepted: 2, duplicates: 2 });
    expect(await membersOf(key)).toEqual([two, three].sort());
    expect(await toldOf(two, key)).toEqual(['entered change']);
  });

  test('takes what an export gives', async () => {
    const [from, to] = [await aList(), await aList()];
    const ids = await Promise.all([aPerson(), aPerson()]);
    for (const id of ids) await t.client.put(path(from, id), undefined);
    const { body } = await t.client.request('GET', `/v1/segments/${from}/members`, undefined, {
      headers: { accept: 'application/x-ndjson' },
    });
    const statements = body
      .trim()
      .split('\n')
      .map((line: string) => ({ segment: to, customer: { id: JSON.parse(line).customer_id } }));
    await imported('', lines(...statements));
    expect(await membersOf(to)).toEqual(ids.sort());
  });

  test('reaches nobody that its sender does not', async () => {
    const key = await aList();
    const [inside, outside] = [await aPerson({ branch: '6603' }), await aPerson({ branch: '6604' })];
    const scoped = await t.clientWith(['imports:write', 'imports:read', 'segments:write'], {
      branches: ['6603'],
    });
    const body = lines(...[inside, outside].map((id) => ({ segment: key, customer: { id } })));
    expect(await imported('', body, undefined, scoped)).toMatchObject({ accepted: 1, rejected: 1 });
    expect(await membersOf(key)).toEqual([inside]);
    const without = await t.clientWith(['imports:write']);
    await without.problem('POST', '/v1/imports?kind=segment_members', 'insufficient_scope', body, {
      headers: { 'content-type': 'application/x-ndjson' },
    });
  });
});

describe('a merge', () => {
  const merged = async (survivor: string, gone: string) =>
    t.client.post('/v1/merges', { survivor: { id: survivor }, merged: { id: gone } }, 201);
  const reverted = (id: string) =>
    t.client.post(`/v1/merges/${id}/revert`, undefined, 200, { headers: { 'if-match': '*' } });

  test('passes the lists of the merged one on, and its revert gives them back', async () => {
    const [own, both, survivors] = [await aList(), await aList(), await aList()];
    const [survivor, gone] = [await aPerson(), await aPerson()];
    for (const key of [own, both]) await t.client.put(path(key, gone), undefined);
    for (const key of [both, survivors]) await t.client.put(path(key, survivor), undefined);
    await t.drain();
    const { id } = await merged(survivor, gone);
    for (const key of [own, both, survivors]) expect(await membersOf(key)).toEqual([survivor]);
    expect(await toldOf(gone, own)).toEqual(['entered change', 'left merge']);
    expect(await toldOf(survivor, own)).toEqual(['entered merge']);
    expect(await toldOf(survivor, both)).toEqual(['entered change']);
    await reverted(id);
    expect(await membersOf(own)).toEqual([gone]);
    expect(await membersOf(both)).toEqual([survivor, gone].sort());
    expect(await membersOf(survivors)).toEqual([survivor]);
    expect(await toldOf(survivor, own)).toEqual(['entered merge', 'left merge']);
    expect(await toldOf(gone, own)).toEqual(['entered change', 'left merge', 'entered merge']);
  });

  test('is no way back into a list that somebody was taken out of since', async () => {
    const key = await aList();
    const [survivor, gone] = [await aPerson(), await aPerson()];
    await t.client.put(path(key, gone), undefined);
    const { id } = await merged(survivor, gone);
    // the id of the merged one answers for ever: with the survivor
    await t.client.delete(path(key, gone));
    expect(await membersOf(key)).toEqual([]);
    await reverted(id);
    expect(await membersOf(key)).toEqual([]);
  });

  test('has rules that name a list judge the survivor by it', async () => {
    const key = await aList();
    const naming = { key: `merge_${key}`, name: 'Naming', description: '', rule: { segment: key } };
    await t.client.post('/v1/segments', naming, 201);
    const [survivor, gone] = [await aPerson(), await aPerson()];
    await t.client.put(path(key, gone), undefined);
    await t.drain();
    expect(await segmentsOf(gone)).toContain(naming.key);
    const { id } = await merged(survivor, gone);
    await t.drain();
    expect(await segmentsOf(survivor)).toContain(naming.key);
    await reverted(id);
    await t.drain();
    expect(await segmentsOf(survivor)).not.toContain(naming.key);
    expect(await segmentsOf(gone)).toContain(naming.key);
    expect(await toldOf(survivor, naming.key)).toEqual(['entered merge', 'left merge']);
  });
});
