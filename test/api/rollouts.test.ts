/** New versions of rules: evaluated beside those that answer, step by step, whatever happens meanwhile. */
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Rule } from '../../src/rules/schema.js';
import { reviewBatch } from '../../src/segments/review.js';
import { rollOut } from '../../src/segments/rollout.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { reviewOnce } from '../support/buckets.js';
import { aCustomer } from '../support/factories.js';
import { expectRecomputed, expectSound } from '../support/recomputation.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-01T04:00:00Z' });
});
afterAll(() => t.stop());

const inCity = (...cities: string[]): Rule => ({ fact: 'city', op: 'in', value: cities });
const headers = { 'if-match': '*' };

const create = (key: string, rule: Rule, more = {}) =>
  t.client.post('/v1/segments', { key, name: key, description: '', rule, ...more }, 201);
const change = (key: string, rule: Rule, more = {}) =>
  t.client.put(`/v1/segments/${key}`, { name: key, description: '', rule, ...more }, 200, { headers });
const arrive = async (city: string): Promise<string> =>
  (await t.client.post('/v1/customers', aCustomer({ city }), 201)).id;
const membersOf = async (key: string): Promise<string[]> =>
  (await t.client.get(`/v1/segments/${key}/members?limit=200`)).data.map(
    (one: { customer_id: string }) => one.customer_id,
  );
const step = async () => rollOut(await t.context(), t.deps.facts);

type Event = { type: string; subject: string; data: Record<string, unknown> };
const eventsOf = async (segment: string): Promise<Event[]> =>
  (await t.client.get('/v1/events?limit=1000')).data.filter(
    (event: Event) => event.subject === segment || event.data.segment === segment,
  );

test('the former version answers until the new one has judged everybody, and writes meanwhile count for both', async () => {
  await create('near', inCity('苏州'));
  const [stays, comes, goes] = [await arrive('苏州'), await arrive('无锡'), await arrive('苏州')];
  await t.drain();
  expect(await membersOf('near')).toEqual([stays, goes].sort());

  await change('near', inCity('无锡', '常州'));
  await step();
  await step();
  expect(await t.client.get('/v1/segments/near')).toMatchObject({
    rule_version: 2,
    live_version: 1,
    state: 'evaluating',
    progress: { done: 3, total: 3 },
  });
  expect(await membersOf('near')).toEqual([stays, goes].sort());
  // everybody is judged by both: who changes now is in neither list by mistake
  await t.client.patch(`/v1/customers/${stays}`, { city: '常州' }, '*');
  const late = await arrive('常州');
  for (let bucket = 0; bucket < 16; bucket += 1) await reviewOnce(t, bucket);
  expect(await membersOf('near')).toEqual([goes]);
  await t.drain();
  expect(await t.client.get('/v1/segments/near')).toMatchObject({
    live_version: 2,
    state: 'current',
    progress: null,
  });
  expect(await membersOf('near')).toEqual([stays, comes, late].sort());
  const told = await eventsOf('near');
  expect(told.filter((one) => one.type === 'clientele.segment.published').map((one) => one.data)).toEqual([
    { rule_version: 1, entered: 2, left: 0 },
    { rule_version: 2, entered: 3, left: 1 },
  ]);
  expect(told.filter((one) => one.data.cause === 'rule_version')).toEqual([]);
  await expectSound(t);
});

test('members of a first version enter as they are judged, and whoever is asked for is judged at once', async () => {
  const id = await arrive('盐城');
  await t.drain();
  await create('first', inCity('盐城'));
  await step();
  expect(await t.client.get('/v1/segments/first')).toMatchObject({ live_version: 1, state: 'evaluating' });
  expect(await membersOf('first')).toEqual([]);
  const why = await t.client.get(`/v1/customers/${id}/segments/first/explanation`);
  expect(why).toMatchObject({ member: true, explanation: { verdict: true } });
  await t.drain();
  expect(await t.client.get('/v1/segments/first')).toMatchObject({ state: 'current', progress: null });
  expect(await membersOf('first')).toEqual([id]);
  await expectSound(t);
});

test('each who comes and goes is told of, where that is asked for', async () => {
  await create('told', inCity('扬州'), { member_events: true });
  const ids = [await arrive('扬州'), await arrive('扬州')];
  await t.drain();
  await change('told', inCity('镇江'), { member_events: true });
  await t.drain();
  const told = (await eventsOf('told')).filter((one) => one.data.cause === 'rule_version');
  expect(told.map((one) => `${one.type} ${one.subject}`).sort()).toEqual(
    ids.flatMap((id) => [`clientele.segment.entered ${id}`, `clientele.segment.left ${id}`]).sort(),
  );
});

test('segments that name it follow at the same instant', async () => {
  await create('base', inCity('宁波'));
  await create('above', { all: [{ segment: 'base' }, { fact: 'kind', op: 'eq', value: 'person' }] });
  await create('top', { not: { segment: 'above' } });
  const id = await arrive('温州');
  await t.drain();
  expect(await membersOf('above')).toEqual([]);
  await change('base', inCity('温州'));
  await t.drain();
  expect(await membersOf('above')).toEqual([id]);
  expect(await membersOf('top')).not.toContain(id);
  const { rows } = await t.database.pool.query(
    `select array_agg(distinct coalesce(left_at, entered_at)) as instants from memberships
     where customer_id = $1 and segment in ('base', 'above', 'top') and left_evidence is distinct from evidence`,
    [id],
  );
  expect(rows[0].instants).toHaveLength(1);
  await expectRecomputed(t);
});

test('what others name is not deleted under them', async () => {
  const problem = await t.client.problem('DELETE', '/v1/segments/base', 'conflict', undefined, { headers });
  expect(problem.detail).toContain('above');
});

test('a version that is published while another is evaluated comes after it', async () => {
  await create('thrice', inCity('金华'));
  await t.drain();
  await change('thrice', inCity('衢州'));
  await step();
  await change('thrice', inCity('舟山'));
  const id = await arrive('舟山');
  await t.drain();
  expect(await t.client.get('/v1/segments/thrice')).toMatchObject({ rule_version: 3, live_version: 3 });
  expect(await membersOf('thrice')).toEqual([id]);
  await expectRecomputed(t);
});

test('two workers at once do each step once', async () => {
  for (let n = 0; n < 3; n += 1) await create(`raced_${n}`, inCity('绍兴'), { member_events: true });
  const ids = [await arrive('绍兴'), await arrive('绍兴')].sort();
  await Promise.all(Array.from({ length: 30 }, () => step()));
  await t.drain();
  for (let n = 0; n < 3; n += 1) {
    expect(await membersOf(`raced_${n}`)).toEqual(ids);
    expect((await eventsOf(`raced_${n}`)).filter((one) => one.type.endsWith('entered'))).toHaveLength(2);
  }
});

test('who wakes up late, when another has the lease, changes nothing', async () => {
  await create('late', inCity('台州'));
  await t.drain();
  const [lease] = await t.database.rows<{ bucket: number; token: number }>(
    sql`select bucket, token from review_leases where bucket = 3`,
  );
  await t.database.rows(sql`update review_leases set token = token + 1 where bucket = 3`);
  const before = await t.database.rows(sql`select customer_id, version from review_state order by 1`);
  await t.database.rows(sql`update review_state set marked_at = ${await t.now()}, touched = '{customer}'`);
  expect(await reviewBatch(await t.context(), t.deps.facts, lease as { bucket: number; token: number })).toBe(
    0,
  );
  expect(await t.database.rows(sql`select customer_id, version from review_state order by 1`)).toEqual(
    before,
  );
  await t.drain();
});

test('rules that a write does not concern are not judged, and lose no instant at which time changes them', async () => {
  await create('fresh', { fact: 'tenure_days', op: 'lt', value: 10 });
  await create('moved', inCity('丽水'));
  const { id } = await t.client.post(
    '/v1/customers',
    aCustomer({ city: '嘉兴', customer_since: '2026-03-01' }),
    201,
  );
  await t.drain();
  // `fresh` is not judged by this write: the instant that is stored of it stays
  await t.client.patch(`/v1/customers/${id}`, { city: '丽水' }, '*');
  await t.drain();
  expect(await membersOf('fresh')).toContain(id);
  await t.travelTo('2026-03-20T00:00:00Z');
  await t.drain();
  expect(await membersOf('fresh')).not.toContain(id);
  expect(await membersOf('moved')).toContain(id);
});

test('a rule that cannot be judged any more says so; the others go on', async () => {
  const attribute = { description: 'How they like to be called', json_schema: { type: 'integer' } };
  const declared = { ...attribute, sensitivity: 'internal', searchable: false };
  await t.client.send('PUT', '/v1/attributes/likes', 201, declared);
  await create('liking', { fact: 'attributes.likes', op: 'gte', value: 3 });
  await create('above_liking', { segment: 'liking' });
  await create('steady', inCity('湖州'));
  const { id } = await t.client.post('/v1/customers', aCustomer({ attributes: { likes: 5 } }), 201);
  await t.drain();
  await t.database.rows(sql`delete from attribute_definitions where name = 'likes'`);
  const other = await arrive('湖州');
  await t.drain();
  expect(await t.client.get('/v1/segments/liking')).toMatchObject({
    state: 'failing',
    error: { pointer: '/rule/fact', code: 'unknown_fact' },
  });
  expect(await t.client.get('/v1/segments/above_liking')).toMatchObject({
    state: 'failing',
    error: { pointer: '/rule/segment', code: 'unknown_segment' },
  });
  expect(await membersOf('liking')).toEqual([id]);
  expect(await membersOf('above_liking')).toEqual([id]);
  expect(await membersOf('steady')).toEqual([other]);
  // another rule mends it
  await change('liking', inCity('湖州'));
  await t.drain();
  expect(await membersOf('above_liking')).toEqual([other]);
  await expectRecomputed(t);
});

test('thousands move at once, all of them and each once', async () => {
  await t.database.rows(sql`
    insert into customers (id, kind, status, stub, full_name, city, attributes, name_tokens, name_folded, version, created_at, updated_at)
    select md5('many' || n)::uuid, 'person', 'active', false, 'Many ' || n, case n % 3 when 0 then '合肥' else '芜湖' end,
      '{}', '{}', '', 1, ${await t.now()}, ${await t.now()} from generate_series(1, 11000) as n`);
  await t.database.rows(sql`
    insert into review_state (customer_id, bucket, version, last_micros, touched, marked_at)
    select id, ('x' || right(id::text, 1))::bit(4)::integer, 1, 0, '{customer}', ${await t.now()} from customers
    where full_name like 'Many %'`);
  await t.drain();
  await create('many', inCity('合肥'), { member_events: true });
  await t.drain();
  await change('many', inCity('芜湖'));
  await t.drain();
  const published = (
    await t.database.rows<{ data: unknown }>(sql`
    select data from outbox where type = 'segment.published' and subject = 'many' order by sequence`)
  ).map((one) => one.data);
  expect(published).toEqual([
    { rule_version: 1, entered: 3666, left: 0 },
    { rule_version: 2, entered: 7334, left: 3666 },
  ]);
  const [told] = await t.database.rows<{ events: number; customers: number }>(sql`
    select count(*)::int as events, count(distinct subject)::int as customers from outbox
    where type = 'segment.entered' and data ->> 'segment' = 'many'`);
  expect(told).toEqual({ events: 3666, customers: 3666 });
  await expectRecomputed(t);
  await expectSound(t);
});
