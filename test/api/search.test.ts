import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listDuplicates } from '../../src/customers/duplicate-check.js';
import { searchCustomers } from '../../src/customers/search.js';
import type { Reader } from '../../src/db/client.js';
import type { Ctx } from '../../src/platform/context.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
  await t.database.pool.query(`
    insert into attribute_definitions (name, description, json_schema, sensitivity, searchable, updated_at) values
      ('campus', 'Where a student lives', '{"type": "string"}', 'internal', true, '2026-01-01'),
      ('shoe_size', 'Not worth an index', '{"type": "number"}', 'internal', false, '2026-01-01'),
      ('faith', 'Nobody’s business', '{"type": "string"}', 'sensitive', true, '2026-01-01')`);
});
afterAll(() => t.stop());

type Found = {
  customer: { id: string; full_name: string | null; legal_name: string | null };
  score: number;
  weight: number;
  reasons: { code: string; weight: number }[];
};

const create = async (stated: Record<string, unknown>): Promise<string> =>
  (await t.client.post('/v1/customers', aCustomer(stated), 201)).id;

const search = (body: unknown, client = t.client): Promise<{ data: Found[]; truncated: boolean }> =>
  client.post('/v1/customers/search', body);

const codes = ({ reasons }: Found) => reasons.map(({ code }) => code);
const names = (found: { data: Found[] }) =>
  found.data.map(({ customer }) => customer.full_name ?? customer.legal_name);

describe('by name', () => {
  beforeAll(async () => {
    for (const full_name of ['张伟', '张玮', '张伟明', '李四', '王晓东', 'Hans Müller', 'John Smith'])
      await create({ full_name });
    await create({ full_name: undefined, family_name: '欧阳', given_name: '建国' });
    const legal_name = '上海华联科技有限公司';
    await create({ kind: 'organization', full_name: undefined, legal_name, short_name: '华联科技' });
  });

  test.each([
    ['张伟', '张伟', 'name_same'],
    ['张偉', '张伟', 'name_homophone'],
    ['张伟', '张伟明', 'name_part'],
    ['伟', '张伟', 'name_part'],
    ['zhangwei', '张伟', 'name_romanised'],
    ['Zhang Wei', '张伟', 'name_romanised'],
    ['wei zhang', '张伟', 'name_romanised'],
    ['zw', '张伟', 'name_initials'],
    ['wei', '张伟', 'name_part_sound'],
    ['晓东', '王晓东', 'name_part'],
    ['小东', '王晓东', 'name_part_sound'],
    ['xiaodong', '王晓东', 'name_part_sound'],
    ['muller', 'Hans Müller', 'name_part'],
    ['mueller', 'Hans Müller', 'name_part_similar'],
    ['MULLER, Hans', 'Hans Müller', 'name_reordered'],
    ['smiht', 'John Smith', 'name_part_similar'],
    ['jonh smith', 'John Smith', 'name_similar'],
    ['华联科技', '上海华联科技有限公司', 'name_same'],
    ['华联', '上海华联科技有限公司', 'name_part'],
    ['上海华联', '上海华联科技有限公司', 'name_contained'],
    ['hua lian', '上海华联科技有限公司', 'name_part_sound'],
  ])('%s finds %s: %s', async (name, expected, code) => {
    const found = await search({ name });
    const match = found.data.find(({ customer }) =>
      [customer.full_name, customer.legal_name].includes(expected),
    );
    expect(match, JSON.stringify(names(found))).toBeDefined();
    expect(codes(match as Found)).toEqual([code]);
    expect(names(found)).not.toContain('李四');
  });

  test('the same name ranks above one that it is part of, and above one that sounds like it', async () => {
    expect(names(await search({ name: '张玮' }))).toEqual(['张玮', '张伟']);
    expect(names(await search({ name: '张伟' }))).toEqual(['张伟', '张伟明', '张玮']);
  });

  test('a name made of a family and a given name is found as a whole', async () => {
    const [found] = (await search({ name: '欧阳建国' })).data;
    expect(found).toMatchObject({ reasons: [{ code: 'name_same' }] });
  });

  test('what is no name finds nobody', async () => {
    for (const name of ['!!!', '不存在的人', 'xqzv', '\u200b']) {
      expect(await search({ name })).toEqual({ data: [], truncated: false });
    }
  });
});

describe('by what is encrypted', () => {
  let id: string;
  beforeAll(async () => {
    id = await create({
      full_name: '陈静',
      birth_date: '1985-03-04',
      identifiers: [{ scheme: 'passport', value: 'E12345678' }],
      contact_points: [
        { kind: 'phone', value: '13900001111' },
        { kind: 'email', value: 'Jing.Chen@example.com' },
      ],
    });
  });

  test.each([
    [{ phone: '+86 139-0000-1111' }, 'phone_same'],
    [{ email: 'jing.chen@EXAMPLE.com' }, 'email_same'],
    [{ identifier: { scheme: 'passport', value: 'e 1234 5678' } }, 'identifier_same'],
    [{ birth_date: '1985-03-04' }, 'birth_date_same'],
  ])('%j: %s', async (criterion, code) => {
    const found = await search(criterion);
    expect(found).toMatchObject({ data: [{ customer: { id } }], truncated: false });
    expect(codes(found.data[0] as Found)).toEqual([code]);
  });

  test('all that is stated adds up; the same identifier is certain', async () => {
    const [one] = (await search({ name: '陈静' })).data;
    const [two] = (await search({ name: '陈静', phone: '13900001111', birth_date: '1985-03-04' })).data;
    expect(one?.score).toBeLessThan(0.5);
    expect(two?.score).toBeGreaterThan(0.99);
    const identifier = { scheme: 'passport', value: 'E12345678' };
    expect((await search({ name: '别人', identifier })).data[0]).toMatchObject({ score: 1 });
  });

  test('what identifies is masked without the scope to read it', async () => {
    const reader = await t.clientWith(['customers:read']);
    const [found] = (await search({ phone: '13900001111' }, reader)).data;
    expect(found?.customer).toMatchObject({ id, full_name: '陈*', birth_date: '1985-**-**' });
  });
});

describe('narrowed', () => {
  let person: string;
  let organization: string;
  beforeAll(async () => {
    person = await create({ full_name: '广源', attributes: { campus: 'north', faith: 'x', shoe_size: 41 } });
    organization = await create({ kind: 'organization', full_name: undefined, legal_name: '广源' });
  });

  const ids = async (body: unknown) => (await search(body)).data.map(({ customer }) => customer.id);

  test('by kind and by searchable attributes', async () => {
    expect(new Set(await ids({ name: '广源' }))).toEqual(new Set([person, organization]));
    expect(await ids({ name: '广源', kind: 'organization' })).toEqual([organization]);
    expect(await ids({ name: '广源', attributes: { campus: 'north' } })).toEqual([person]);
    expect(await ids({ name: '广源', attributes: { campus: 'south' } })).toEqual([]);
    expect(await ids({ attributes: { campus: 'north' } })).toEqual([person]);
  });

  test('not by attributes that are not declared as searchable, or are sensitive', async () => {
    for (const [name, code] of [
      ['shoe_size', 'not_searchable'],
      ['faith', 'not_searchable'],
      ['nothing', 'unknown_attribute'],
    ]) {
      const problem = await t.client.problem('POST', '/v1/customers/search', 'rule_broken', {
        attributes: { [name as string]: 41 },
      });
      expect(problem.errors).toMatchObject([{ in: 'body', pointer: `/attributes/${name}`, code }]);
    }
  });

  test('the limit cuts the least likely, and says so', async () => {
    const found = await search({ name: '广源', limit: 1 });
    expect(found).toMatchObject({ data: [{}], truncated: true });
    expect((await search({ name: '广源' })).truncated).toBe(false);
  });

  test('merged and erased customers are not found', async () => {
    const gone = await create({ full_name: '司马南' });
    expect(await ids({ name: '司马南' })).toEqual([gone]);
    for (const status of ['merged', 'erased']) {
      await t.database.pool.query('update customers set status = $1 where id = $2', [status, gone]);
      expect(await ids({ name: '司马南' })).toEqual([]);
    }
  });
});

test.each([
  [{}, 'rule_broken', ''],
  [{ kind: 'person' }, 'rule_broken', ''],
  [{ name: '  ' }, 'rule_broken', ''],
  [{ phone: '12' }, 'rule_broken', '/phone'],
  [{ email: 'nobody' }, 'rule_broken', '/email'],
  [{ identifier: { scheme: 'nothing', value: '1' } }, 'rule_broken', '/identifier/scheme'],
  [{ identifier: { scheme: 'national_id', value: '1' } }, 'rule_broken', '/identifier/value'],
  [{ birth_date: '1990-02-30' }, 'malformed_request', '/birth_date'],
  [{ name: 'x', limit: 101 }, 'malformed_request', '/limit'],
  [{ name: 'x', attributes: {} }, 'malformed_request', '/attributes'],
])('%j is refused: %s', async (body, code, pointer) => {
  const problem = await t.client.problem('POST', '/v1/customers/search', code, body);
  expect(problem.errors).toMatchObject([{ in: 'body', pointer }]);
});

describe('a data scope', () => {
  test('bounds what a search finds', async () => {
    const inside = await create({ full_name: '孙行者', branch: '0201', relationship_manager: 'RM9' });
    await create({
      full_name: '孙行者',
      branch: '0202',
      contact_points: [{ kind: 'phone', value: '13700007777' }],
    });
    for (const scope of [{ branches: ['0201', '0203'] }, { manager: 'RM9' }, { customer: inside }]) {
      const client = await t.clientWith(['customers:read'], scope);
      const found = await search({ name: '孙行者', phone: '13700007777' }, client);
      expect(found.data.map(({ customer }) => customer.id)).toEqual([inside]);
    }
  });
});

describe('a name that very many have', () => {
  beforeAll(async () => {
    await create({ full_name: '王芳', branch: '0400' });
    await t.database.pool.query(`
      insert into customers (id, kind, status, stub, full_name, branch, attributes, name_tokens, name_folded, version,
        created_at, updated_at)
      select gen_random_uuid(), kind, status, stub, full_name, branch, attributes, name_tokens, name_folded, version,
        created_at, updated_at
      from customers, generate_series(1, 2500) where full_name = '王芳'`);
  });

  test('shows some and says that there are others', async () => {
    const found = await search({ name: '王芳', limit: 100 });
    expect(found.data).toHaveLength(100);
    expect(found.truncated).toBe(true);
    const others = await search({ name: '王芳', kind: 'organization' });
    expect(others).toEqual({ data: [], truncated: true });
  });

  test('does not push out the one who was born on the day, has the phone, or is of the branch', async () => {
    const contact_points = [{ kind: 'phone', value: '13600006666' }];
    const wanted = await create({
      full_name: '王芳',
      branch: '0401',
      birth_date: '1977-07-07',
      contact_points,
    });
    for (const known of [{ birth_date: '1977-07-07' }, { phone: '13600006666' }]) {
      expect((await search({ name: '王芳', ...known })).data[0]?.customer.id).toBe(wanted);
    }
    const client = await t.clientWith(['customers:read'], { branches: ['0401'] });
    expect(await search({ name: '王芳' }, client)).toMatchObject({
      data: [{ customer: { id: wanted } }],
      truncated: false,
    });
  });

  test('no search reads a table as a whole', async () => {
    await t.database.pool.query('analyze customers');
    const plans: string[] = [];
    const ctx = explaining(await t.context(), plans);
    const [{ customer } = { customer: { id: '' } }] = (await search({ name: '陈静' })).data;
    const branch = { codes: ['0400'] };
    const book = { staff: 'RM1', at: ctx.now };
    await searchCustomers(ctx, { name: '王芳', birth_date: '1977-07-07', phone: '13600006666' });
    await searchCustomers(ctx, { name: 'hans müler', kind: 'person', email: 'a@example.com' });
    await searchCustomers({ ...ctx, reach: branch }, { name: 'wang', attributes: { campus: 'north' } });
    await searchCustomers({ ...ctx, reach: book }, { attributes: { campus: 'north' } });
    await listDuplicates(ctx, customer.id, 10);
    expect(plans.length).toBeGreaterThan(10);
    expect(plans.filter((plan) => /Seq Scan on (?!attribute_definitions)/.test(plan))).toEqual([]);
  });
});

/** The same context, that also keeps the plan of each statement. */
function explaining(ctx: Ctx, plans: string[]): Ctx {
  const explained = (reader: Reader): Reader => ({
    ...reader,
    async rows<T>(query: Parameters<Reader['rows']>[0]) {
      const lines = await reader.rows<{ 'QUERY PLAN': string }>(sql`explain ${query}`);
      plans.push(lines.map((line) => line['QUERY PLAN']).join('\n'));
      return reader.rows<T>(query);
    },
  });
  const begin: Ctx['database']['begin'] = (work, isolation) =>
    ctx.database.begin((tx) => work({ ...tx, ...explained(tx) }), isolation);
  return { ...ctx, database: { ...ctx.database, begin } };
}
