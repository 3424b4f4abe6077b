import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.stop());

type Json = Record<string, unknown>;

const madeCustomer = async (stated: Json = {}): Promise<{ id: string }> =>
  t.client.post('/v1/customers', aCustomer(stated), 201);

const pair = async () => {
  const person = await madeCustomer();
  const company = await madeCustomer({
    kind: 'organization',
    full_name: undefined,
    legal_name: '华东精密制造有限公司',
  });
  return { person: person.id, company: company.id };
};

const pathOf = (id: string, relationship = '') =>
  `/v1/customers/${id}/relationships${relationship === '' ? '' : `/${relationship}`}`;
const listOf = async (id: string, query = '') => (await t.client.get(pathOf(id) + query)).data;
/** What was told of relationships after a place in the feed. */
const toldAfter = async (after: number): Promise<(Json & { data: Json })[]> => {
  await t.drain();
  const { data } = await t.client.get(`/v1/events?after=${after}&limit=1000`);
  return data.filter((event: { type: string }) => event.type.startsWith('clientele.relationship.'));
};
const anyVersion = { headers: { 'if-match': '*' } };
const patchType = { headers: { 'if-match': '*', 'content-type': 'application/merge-patch+json' } };

describe('relating', () => {
  test('each side shows its own role, and both are marked and told', async () => {
    const { person, company } = await pair();
    await t.drain();
    const { next_after } = await t.client.get('/v1/events?limit=1000');
    const reply = await t.client.request('POST', pathOf(person), {
      related_customer: { id: company },
      role: 'employer',
      starts_on: '2021-07-01',
      source: 'crm',
    });
    expect(reply.status).toBe(201);
    expect(reply.body).toMatchObject({
      role: 'employer',
      related_customer: { id: company, kind: 'organization', display_name: '华东精密制造有限公司' },
      starts_on: '2021-07-01',
      ends_on: null,
      source: 'crm',
      version: 1,
    });
    expect(await listOf(person)).toEqual([reply.body]);
    expect(await listOf(company)).toMatchObject([
      { id: reply.body.id, role: 'employee', related_customer: { id: person, display_name: '王小明' } },
    ]);
    const one = await t.client.request('GET', reply.headers.get('location') ?? '');
    expect(one.body).toEqual(reply.body);
    expect(one.headers.get('etag')).toBe('"v1"');

    const { rows } = await t.database.pool.query(
      'select touched from review_state where customer_id = any($1)',
      [[person, company]],
    );
    expect(rows.map((row) => row.touched.includes('relationships'))).toEqual([true, true]);
    const told = await toldAfter(next_after);
    expect(told.map((event) => [event.type, event.subject, event.data.role]).sort()).toEqual(
      [
        ['clientele.relationship.created', person, 'employer'],
        ['clientele.relationship.created', company, 'employee'],
      ].sort(),
    );
  });

  test('by an identifier; names are masked without the scope to read them', async () => {
    const spouse = await t.client.post('/v1/customers', aCustomer(), 201);
    const person = await madeCustomer();
    const [{ scheme, value }] = spouse.identifiers;
    await t.client.post(pathOf(person.id), { related_customer: { scheme, value }, role: 'spouse' }, 201);
    const masked = await t.clientWith(['customers:read']);
    const { data } = await masked.get(pathOf(person.id));
    expect(data).toMatchObject([
      { role: 'spouse', related_customer: { id: spouse.id, display_name: '王**' } },
    ]);
  });

  test.each([
    ['/role', { role: 'nemesis' }, 'rule_broken'],
    ['/ends_on', { starts_on: '2026-01-02', ends_on: '2026-01-01' }, 'rule_broken'],
    ['/related_customer', { related_customer: { id: '01a20f85-d334-7342-8ae8-7073e642d9b7' } }, 'not_found'],
    ['/related_customer', { related_customer: 'self' }, 'rule_broken'],
    ['/related_customer/scheme', { related_customer: { scheme: 'nowhere', value: '1' } }, 'rule_broken'],
  ])('%s is named as wrong: %j', async (pointer, stated: Json, code) => {
    const { person, company } = await pair();
    const body: Json = { related_customer: { id: company }, role: 'employer', ...stated };
    if (stated.related_customer === 'self') body.related_customer = { id: person };
    const problem = await t.client.problem('POST', pathOf(person), code, body);
    expect(problem.errors[0].pointer).toBe(pointer);
  });

  test('twenty at once from both sides make one', async () => {
    const { person, company } = await pair();
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, each) =>
        each % 2 === 0
          ? t.client.request('POST', pathOf(person), { related_customer: { id: company }, role: 'employer' })
          : t.client.request('POST', pathOf(company), { related_customer: { id: person }, role: 'employee' }),
      ),
    );
    expect(replies.filter((reply) => reply.status === 201)).toHaveLength(1);
    expect(replies.filter((reply) => reply.body.code === 'conflict')).toHaveLength(19);
    expect(await listOf(person)).toHaveLength(1);
  });
});

describe('changing', () => {
  const related = async () => {
    const { person, company } = await pair();
    const body = { related_customer: { id: company }, role: 'guarantor', starts_on: '2026-01-01' };
    const { id } = await t.client.post(pathOf(person), body, 201);
    return { person, company, id, body };
  };

  test('dates change on both sides, under the version', async () => {
    const { person, company, id } = await related();
    await t.client.problem(
      'PATCH',
      pathOf(person, id),
      'precondition_required',
      { ends_on: null },
      { headers: { 'content-type': 'application/merge-patch+json' } },
    );
    const changed = await t.client.patch(pathOf(person, id), { starts_on: '2025-12-01' }, '"v1"');
    expect(changed).toMatchObject({ starts_on: '2025-12-01', version: 2 });
    expect(await t.client.get(pathOf(company, id))).toMatchObject({
      role: 'guaranteed',
      starts_on: '2025-12-01',
      version: 2,
    });
    await t.client.patch(pathOf(company, id), { starts_on: null }, '"v1"', 412);
    await t.client.problem('PATCH', pathOf(company, id), 'rule_broken', { ends_on: '2025-11-30' }, patchType);
  });

  test('what ended is kept, can be told again, and is reopened only where nothing stands', async () => {
    const { person, company, id, body } = await related();
    await t.drain();
    const { next_after } = await t.client.get('/v1/events?limit=1000');
    const ended = await t.client.delete(pathOf(company, id), 200, { headers: { 'if-match': '"v1"' } });
    expect(ended).toMatchObject({ role: 'guaranteed', ends_on: '2026-03-01', version: 2 });
    expect(await listOf(person)).toEqual([]);
    expect(await listOf(person, '?include_ended=true')).toMatchObject([{ id, ends_on: '2026-03-01' }]);
    expect((await toldAfter(next_after)).map((event) => event.type)).toEqual([
      'clientele.relationship.ended',
      'clientele.relationship.ended',
    ]);
    const again = await t.client.post(pathOf(person), body, 201);
    await t.client.problem('PATCH', pathOf(person, id), 'conflict', { ends_on: null }, patchType);
    await t.client.delete(pathOf(person, again.id), 200, anyVersion);
    expect(await t.client.patch(pathOf(person, id), { ends_on: null }, '*')).toMatchObject({ ends_on: null });
  });
});

test('a customer outside the data scope is neither related nor shown', async () => {
  const [inside, other, outside] = await Promise.all([
    madeCustomer({ branch: '2001' }),
    madeCustomer({ branch: '2001' }),
    madeCustomer({ branch: '2002' }),
  ]);
  const relate = (to: string, role: string) => ({ related_customer: { id: to }, role });
  const visible = await t.client.post(pathOf(inside.id), relate(other.id, 'spouse'), 201);
  const hidden = await t.client.post(pathOf(inside.id), relate(outside.id, 'parent'), 201);
  const branch = await t.clientWith(['customers:read', 'customers:write'], { branches: ['2001'] });
  expect((await branch.get(pathOf(inside.id))).data.map((one: Json) => one.id)).toEqual([visible.id]);
  await branch.problem('GET', pathOf(inside.id, hidden.id), 'not_found');
  await branch.problem('GET', pathOf(outside.id), 'not_found');
  await branch.problem('GET', pathOf(outside.id, hidden.id), 'not_found');
  await branch.problem('PATCH', pathOf(inside.id, hidden.id), 'not_found', { ends_on: null }, patchType);
  await branch.problem('DELETE', pathOf(inside.id, hidden.id), 'not_found', undefined, anyVersion);
  await branch.problem('POST', pathOf(inside.id), 'not_found', relate(outside.id, 'child'));
  await branch.problem('POST', pathOf(outside.id), 'not_found', relate(inside.id, 'child'));
});

test('the types of relationships are listed with both names', async () => {
  const { data } = await t.client.get('/v1/relationship-types?limit=200');
  const byRole = new Map(data.map((type: Json) => [type.role, type.reciprocal_role]));
  expect(byRole.get('legal_representative')).toBe('represented_organization');
  for (const [role, reciprocal] of byRole) expect(byRole.get(reciprocal)).toBe(role);
});
