/** What a caller that is bound to some customers sees and changes, where no path names the customer. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DataScope } from '../../src/platform/context.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { Client } from '../support/client.js';
import { aCustomer } from '../support/factories.js';
import { startProvider, type TestProvider } from '../support/oidc.js';

let t: TestApp;
let provider: TestProvider;
beforeAll(async () => {
  provider = await startProvider({
    staff: { scope: 'imports:read imports:write activities:write customers:read' },
  });
  t = await startTestApp({ env: provider.env });
});
afterAll(async () => {
  await t.stop();
  await provider.stop();
});

const patchType = { headers: { 'if-match': '*', 'content-type': 'application/merge-patch+json' } };

describe('a write', () => {
  test.each([
    ['branch', { branches: ['1101'] }, { branch: null }],
    ['branch', { branches: ['1101'] }, { branch: '1102' }],
    ['relationship_manager', { manager: 'RM11' }, { relationship_manager: null }],
    ['relationship_manager', { manager: 'RM11' }, { relationship_manager: 'RM12' }],
  ] as [string, DataScope, object][])(
    'that would take a customer out of reach by its %s is refused',
    async (field, reach, change) => {
      const own = aCustomer({ branch: '1101', relationship_manager: 'RM11' });
      const { id } = await t.client.post('/v1/customers', own, 201);
      const scoped = await t.clientWith(['customers:read', 'customers:write'], reach);
      const problem = await scoped.problem('PATCH', `/v1/customers/${id}`, 'rule_broken', change, patchType);
      expect(problem.errors[0]).toMatchObject({ pointer: `/${field}`, code: 'outside_data_scope' });
      const stated = { ...own, ...change, identifiers: own.identifiers };
      await scoped.problem('POST', '/v1/customers/upsert', 'rule_broken', stated);
      expect(await t.client.get(`/v1/customers/${id}`)).toMatchObject({
        branch: '1101',
        relationship_manager: 'RM11',
        version: 1,
      });
      // what is late changes nothing, so it takes nobody out of reach
      const late = { ...stated, source_time: '2020-01-01T00:00:00Z' };
      expect((await scoped.post('/v1/customers/upsert', late)).outcome).toBe('unchanged');
    },
  );

  test('that names a hidden customer claims none of its other identifiers', async () => {
    const hidden = aCustomer({ branch: '1199' });
    await t.client.post('/v1/customers', hidden, 201);
    const scoped = await t.clientWith(['customers:write'], { branches: ['1101'] });
    const another = { scheme: 'core_banking', value: 'NOTYETTAKEN' };
    const stated = { ...hidden, identifiers: [...(hidden.identifiers as object[]), another] };
    await scoped.problem('POST', '/v1/customers/upsert', 'not_found', stated);
    const { rows } = await t.database.pool.query('select from identifier_keys where value_index = $1', [
      another.value,
    ]);
    expect(rows).toEqual([]);
  });
});

describe('a key', () => {
  test('that is bound to one customer reaches it in whatever spelling its id was given', async () => {
    const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
    const scopes = ['customers:read', 'customers:write'];
    const made = await t.client.post(
      '/v1/api-keys',
      { name: 'self', scopes, data_scope: { customer: id.toUpperCase() } },
      201,
    );
    expect(made.data_scope).toEqual({ customer: id });
    const self = new Client(t.origin, made.secret);
    expect((await self.get('/v1/customers')).data).toHaveLength(1);
    await self.patch(`/v1/customers/${id}`, { city: '北京' }, '*');
  });

  test.each([
    { branches: ['1101'] },
    { manager: 'RM11' },
    { customer: '01a20f85-d334-7342-8ae8-7073e642d9b7' },
  ])('that is bound to %j changes nothing that is the whole bank’s, whatever its scopes', async (reach) => {
    const scoped = await t.clientWith(['admin'], reach);
    const wider = { name: 'wider', scopes: ['admin'] };
    await scoped.problem('POST', '/v1/api-keys', 'bank_wide', wider);
    await scoped.problem('GET', '/v1/api-keys', 'bank_wide');
    const attribute = { description: 'x', json_schema: { type: 'string' }, sensitivity: 'internal' };
    await scoped.problem('PUT', '/v1/attributes/of_mine', 'bank_wide', { ...attribute, searchable: false });
    const rule = { fact: 'tenure_days', op: 'lt', value: 90 };
    const segment = { key: 'of_mine', name: 'Mine', description: '', rule };
    await scoped.problem('POST', '/v1/segments', 'bank_wide', segment);
    await scoped.get('/v1/segments');
    await scoped.get('/v1/customers');
  });
});

describe('counts', () => {
  test('of customers that wait for their review are those in reach', async () => {
    await t.drain();
    for (const branch of ['1201', '1202', '1202'])
      await t.client.post('/v1/customers', aCustomer({ branch }), 201);
    const unreviewed = async (reach: DataScope) => {
      const client = await t.clientWith(['segments:read'], reach);
      return (await client.get('/v1/segments/new/members')).freshness;
    };
    expect(await unreviewed(null)).toMatchObject({ unreviewed: 3 });
    expect(await unreviewed({ branches: ['1202'] })).toMatchObject({ unreviewed: 2 });
    expect(await unreviewed({ branches: ['1209'] })).toMatchObject({
      unreviewed: 0,
      oldest_unreviewed_at: null,
    });
  });
});

describe('the feed', () => {
  test('passes over what is out of reach, and moves on all the same', async () => {
    await t.drain();
    const { next_after: start } = await t.client.get('/v1/events?limit=1000');
    const mine = await t.client.post('/v1/customers', aCustomer({ branch: '1301' }), 201);
    for (let others = 0; others < 5; others += 1)
      await t.client.post('/v1/customers', aCustomer({ branch: '1302' }), 201);
    const last = await t.client.post('/v1/customers', aCustomer({ branch: '1301' }), 201);
    await t.client.post('/v1/customers', aCustomer({ branch: '1302' }), 201);
    await t.drain();
    const all = await t.client.get(`/v1/events?after=${start}&limit=1000`);
    const scoped = await t.clientWith(['events:read'], { branches: ['1301'] });
    const seen: { subject: string; sequence: string }[] = [];
    let after = start;
    for (;;) {
      const page = await scoped.get(`/v1/events?after=${after}&limit=1`);
      seen.push(...page.data);
      if (page.data.length === 0) {
        after = page.next_after;
        break;
      }
      expect(page.next_after).toBeGreaterThan(after);
      after = page.next_after;
    }
    expect(after).toBe(all.next_after);
    expect(new Set(seen.map(({ subject }) => subject))).toEqual(new Set([mine.id, last.id]));
    const wanted = all.data.filter(({ subject }: { subject: string }) =>
      [mine.id, last.id].includes(subject),
    );
    expect(seen.map(({ sequence }) => sequence)).toEqual(
      wanted.map(({ sequence }: { sequence: string }) => sequence),
    );
  });
});

describe('imports', () => {
  const reach = (branch: string) => ({ clientele_branches: [branch] });
  const staff = async (branch: string, sub = 'staff-9') =>
    new Client(t.origin, await provider.forge('staff', { claims: { sub, ...reach(branch) } }));
  const begin = async (client: Client) => {
    const headers = { 'content-type': 'application/x-ndjson', 'upload-complete': '?0' };
    const reply = await client.request('POST', '/v1/imports?kind=activities&source=core', '{}\n', {
      headers,
    });
    expect(reply.status, JSON.stringify(reply.body)).toBe(202);
    return reply.body as { id: string; received_bytes: number };
  };
  const goOn = (client: Client, one: { id: string; received_bytes: number }) =>
    client.request('PATCH', `/v1/imports/${one.id}`, '{}\n', {
      headers: { 'content-type': 'application/x-ndjson', 'upload-offset': String(one.received_bytes) },
    });

  test('are seen by whoever has sent them, with the reach that they had', async () => {
    const one = await begin(await staff('1401'));
    const again = await staff('1401');
    expect((await again.get('/v1/imports')).data.map(({ id }: { id: string }) => id)).toEqual([one.id]);
    for (const other of [await staff('1402'), await staff('1401', 'staff-10')]) {
      expect((await other.get('/v1/imports')).data).toEqual([]);
      await other.problem('GET', `/v1/imports/${one.id}`, 'not_found');
      await other.problem('GET', `/v1/imports/${one.id}/rejections`, 'not_found');
      await other.problem('POST', `/v1/imports/${one.id}/cancel`, 'not_found');
      expect((await goOn(other, one)).status).toBe(404);
    }
    expect((await goOn(again, one)).status).toBe(202);
  });

  test('are gone on with by whoever began them alone: what they do is told of one', async () => {
    const one = await begin(await staff('1401'));
    const reply = await goOn(t.client, one);
    expect([reply.status, reply.body.code]).toEqual([409, 'conflict']);
    await t.client.get(`/v1/imports/${one.id}`);
    await t.client.post(`/v1/imports/${one.id}/cancel`, undefined);
  });
});
