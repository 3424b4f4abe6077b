import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { residentIdCheckCharacter } from '../../src/customers/identifier-schemes.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.stop());

const create = async (stated: Record<string, unknown>): Promise<string> =>
  (await t.client.post('/v1/customers', aCustomer(stated), 201)).id;

/** The same number with 15 digits and with 18 characters. */
function residentId(sequence: string) {
  const first17 = `11010519491231${sequence}`;
  const value = first17 + residentIdCheckCharacter(first17);
  const scheme = 'national_id';
  return { old: { scheme, value: `110105491231${sequence}` }, upgraded: { scheme, value } };
}

describe('a resident id in its two forms', () => {
  test.each([
    ['15 after 18', residentId('002').upgraded, residentId('002').old],
    ['18 after 15', residentId('003').old, residentId('003').upgraded],
  ])('%s is a customer of its own, and proposed as the same', async (_, first, second) => {
    const name = { kind: 'person', full_name: '赵敏', source: 'core' };
    const made = await t.client.post('/v1/customers/upsert', { ...name, identifiers: [first] }, 201);
    const other = await t.client.post('/v1/customers/upsert', { ...name, identifiers: [second] }, 201);
    expect(other.outcome).toBe('created');
    expect(other.customer.identifiers[0].value).toBe(second.value);
    const again = await t.client.post('/v1/customers/upsert', { ...name, identifiers: [second] }, 200);
    expect(again.customer.id).toBe(other.customer.id);
    expect((await t.client.post('/v1/customers/lookup', first)).id).toBe(made.customer.id);

    const proposed = await t.client.get(`/v1/customers/${other.customer.id}/duplicates`);
    expect(proposed.data[0]).toMatchObject({
      customer: { id: made.customer.id },
      reasons: [{ code: 'resident_id_upgraded' }, { code: 'name_same' }],
    });
    expect(proposed.data[0].score).toBeGreaterThan(0.95);
    expect(proposed.data[0].score).toBeLessThan(1);

    const found = await t.client.post('/v1/customers/search', { identifier: second });
    expect(found.data.map((one: { customer: { id: string } }) => one.customer.id)).toEqual([
      other.customer.id,
      made.customer.id,
    ]);
    expect(found.data[0]).toMatchObject({ score: 1, reasons: [{ code: 'identifier_same' }] });
    expect(found.data[1].reasons).toEqual([{ code: 'resident_id_upgraded', weight: 14 }]);
  });

  test('whoever states both forms has both', async () => {
    const { old, upgraded } = residentId('004');
    const name = { kind: 'person', full_name: '赵敏', source: 'core' };
    const made = await t.client.post('/v1/customers/upsert', { ...name, identifiers: [old, upgraded] }, 201);
    for (const form of [old, upgraded])
      expect((await t.client.post('/v1/customers/lookup', form)).id).toBe(made.customer.id);
  });
});

describe('duplicates of a known customer', () => {
  test('are likely ones, the likeliest first, with the reasons, in the caller’s scope', async () => {
    const shared = {
      full_name: '周芷若',
      birth_date: '1991-02-03',
      contact_points: [{ kind: 'phone', value: '13511112222' }],
    };
    const one = await create({ ...shared, branch: '0301' });
    const likeliest = await create({ ...shared, branch: '0301' });
    const misheard = await create({ ...shared, full_name: '周之若', contact_points: [], branch: '0301' });
    await create({ ...shared, branch: '0302' });
    await create({ full_name: '周芷若', branch: '0301' });
    const sister = { full_name: '周芷兰', birth_date: '1993-04-05', branch: '0301' };
    await create({ ...sister, contact_points: shared.contact_points });
    const client = await t.clientWith(['customers:read', 'customers:read_sensitive'], { branches: ['0301'] });
    const found = await client.get(`/v1/customers/${one}/duplicates`);
    expect(found).toMatchObject({
      data: [
        {
          customer: { id: likeliest },
          reasons: [{ code: 'phone_same' }, { code: 'birth_date_same' }, { code: 'name_same' }],
        },
        { customer: { id: misheard }, reasons: [{ code: 'birth_date_same' }, { code: 'name_homophone' }] },
      ],
      truncated: false,
    });
    expect(found.data).toHaveLength(2);
    const cut = await client.get(`/v1/customers/${one}/duplicates?limit=1`);
    expect(cut).toMatchObject({ data: [{ customer: { id: likeliest } }], truncated: true });
    const stranger = await t.clientWith(['customers:read'], { branches: ['0303'] });
    await stranger.problem('GET', `/v1/customers/${one}/duplicates`, 'not_found');
  });

  test('organizations meet on their names, written almost alike', async () => {
    const one = await create({
      kind: 'organization',
      full_name: undefined,
      legal_name: '北京远望信息技术有限公司',
    });
    const other = await create({
      kind: 'organization',
      full_name: undefined,
      legal_name: '北京远望信息技术公司',
      short_name: '远望信息',
    });
    await create({ kind: 'organization', full_name: undefined, legal_name: '北京凌云信息技术有限公司' });
    const same = await create({
      kind: 'organization',
      full_name: undefined,
      legal_name: '北京远望信息技术有限公司',
    });
    const { data } = await t.client.get(`/v1/customers/${one}/duplicates`);
    expect(data.map((found: { customer: { id: string } }) => found.customer.id)).toEqual([same]);
    const founded = { founding_date: '2001-01-08' };
    const check = { kind: 'organization', legal_name: '远望信息', ...founded };
    await t.client.patch(`/v1/customers/${other}`, founded, '*');
    const found = await t.client.post('/v1/customers/duplicate-check', check);
    expect(found.data[0]).toMatchObject({ customer: { id: other } });
  });
});

describe('the check before a customer is made', () => {
  const body = {
    kind: 'person',
    family_name: '黄',
    given_name: '蓉儿',
    birth_date: '1988-08-08',
    branch: '0501',
    identifiers: [{ scheme: 'passport', value: 'G87654321' }],
    contact_points: [{ kind: 'email', value: 'rong@example.com' }],
  };
  const scope = { branches: ['0501'] };
  let inside: string;
  beforeAll(async () => {
    inside = await create({ ...body, identifiers: [], full_name: undefined });
    await create({ ...body, branch: '0502', full_name: '黄蓉儿' });
    await create({ full_name: '黄蓉儿', branch: '0503', birth_date: '1988-08-08', identifiers: [] });
    await create({ full_name: '黄蓉儿', branch: '0504', identifiers: [] });
  });

  test('answers with customers in the scope, and with branches beyond it', async () => {
    const client = await t.clientWith(['customers:write'], scope);
    const found = await client.post('/v1/customers/duplicate-check', body);
    expect(found.data).toMatchObject([
      { customer: { id: inside, full_name: null, birth_date: '1988-**-**' } },
    ]);
    expect(found.elsewhere).toEqual([{ branch: '0502' }, { branch: '0503' }]);
    expect(found.truncated).toBe(false);
    const all = await t.client.post('/v1/customers/duplicate-check', body);
    expect(all.data[0]).toMatchObject({ score: 1, customer: { branch: '0502' } });
    expect(all.data).toHaveLength(3);
    expect(all.elsewhere).toEqual([]);
  });

  test('tells nothing to whoever may see one customer only', async () => {
    const client = await t.clientWith(['customers:write'], { customer: inside });
    const found = await client.post('/v1/customers/duplicate-check', body);
    expect(found.elsewhere).toEqual([]);
    expect(found.data).toHaveLength(1);
  });

  test('writes nothing, and refuses what creating would refuse', async () => {
    const count = async () =>
      (await t.database.pool.query('select count(*) from customers, outbox')).rows[0].count;
    const before = await count();
    await t.client.post('/v1/customers/duplicate-check', body);
    expect(await count()).toBe(before);
    const contact_points = [{ kind: 'phone', value: '12' }];
    const wrong = { ...body, contact_points };
    const problem = await t.client.problem('POST', '/v1/customers/duplicate-check', 'rule_broken', wrong);
    expect(problem.errors).toMatchObject([{ pointer: '/contact_points/0/value' }]);
  });
});
