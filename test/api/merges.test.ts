/** Two customers become one, everything of theirs with them, and can be parted again. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reassignments } from '../../src/merges/reassignments.js';
import { allJobs } from '../../src/worker.js';
import { startTestApp, type TestApp } from '../support/app.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.stop());

type Json = Record<string, unknown>;

let count = 0;
const nextNumber = () => {
  count += 1;
  return `MRG${count}`;
};
const numbered = (value: string) => ({ scheme: 'core_banking', value });

async function aCustomerOf(number: string, stated: Json = {}) {
  const { customer } = await t.client.post(
    '/v1/customers/upsert',
    { kind: 'person', identifiers: [numbered(number)], source: 'core', ...stated },
    201,
  );
  return customer;
}

const anActivity = (number: string, more: Json = {}) => ({
  source: 'cards',
  source_id: nextNumber(),
  customer: numbered(number),
  type: 'card_payment',
  occurred_at: '2026-02-10T04:00:00Z',
  amount: '10.00',
  currency: 'CNY',
  direction: 'out',
  ...more,
});
const record = (...items: Json[]) => t.client.post('/v1/activities', { items });

const aHoldingOf = (number: string, owner: string, more: Json = {}) =>
  t.client.post(
    '/v1/holdings/upsert',
    {
      source: 'core',
      number,
      category: 'deposit',
      currency: 'CNY',
      opened_on: '2025-01-01',
      balance: '100.00',
      balance_date: '2026-02-01',
      parties: [{ customer: numbered(owner), role: 'primary_owner' }],
      ...more,
    },
    201,
  );

/** A survivor and a merged one, each with something of everything. */
async function aPair(survivorStated: Json = {}, mergedStated: Json = {}) {
  const [a, b, c] = [nextNumber(), nextNumber(), nextNumber()];
  const phone = (value: string) => ({ kind: 'phone', value, primary: true });
  const survivor = await aCustomerOf(a, {
    full_name: '王小明',
    contact_points: [phone('13900010001'), { kind: 'email', value: 'both@example.com' }],
    ...survivorStated,
  });
  const merged = await aCustomerOf(b, {
    full_name: '王晓明',
    city: '上海',
    contact_points: [phone('13900010002'), { kind: 'email', value: 'both@example.com' }],
    ...mergedStated,
  });
  const other = await aCustomerOf(c);
  await t.client.post(
    `/v1/customers/${merged.id}/relationships`,
    { related_customer: { id: other.id }, role: 'spouse' },
    201,
  );
  await t.client.post(
    `/v1/customers/${merged.id}/relationships`,
    { related_customer: { id: survivor.id }, role: 'parent' },
    201,
  );
  await aHoldingOf(`H${a}`, a);
  const { holding } = await aHoldingOf(`H${b}`, b, {
    parties: [
      { customer: numbered(b), role: 'primary_owner' },
      { customer: numbered(a), role: 'joint_owner' },
      { customer: numbered(c), role: 'authorised' },
    ],
  });
  await record(
    anActivity(a),
    anActivity(b, { amount: '5.00' }),
    anActivity(b, { type: 'login', amount: undefined, currency: undefined, direction: undefined }),
  );
  return { a, b, survivor, merged, other, holding };
}

/** The tables that hold something of a customer. */
async function rowsOf(customerId: string): Promise<string[]> {
  const names = reassignments.flatMap(({ tables }) => tables);
  const found = await Promise.all(
    names.map(async (name) => {
      const { rows } = await t.database.pool.query(`select from ${name} where customer_id = $1 limit 1`, [
        customerId,
      ]);
      return rows.length > 0 ? [name] : [];
    }),
  );
  return found.flat().sort();
}

const merge = (survivor: string, merged: string, more: Json = {}, status = 201) =>
  t.client.post('/v1/merges', { survivor: { id: survivor }, merged: { id: merged }, ...more }, status);
const revert = (id: string, status = 200) =>
  t.client.post(`/v1/merges/${id}/revert`, undefined, status, { headers: { 'if-match': '*' } });

describe('a merge', () => {
  test('moves everything to the survivor, whom the ids and numbers of both answer with', async () => {
    const { a, b, survivor, merged, other, holding } = await aPair();
    const made = await merge(survivor.id, merged.id);
    expect(made).toMatchObject({
      survivor_id: survivor.id,
      merged_id: merged.id,
      state: 'merged',
      report: { moved: { identifiers: 1, contact_points: 1, holdings: 1, relationships: 1, activities: 2 } },
    });
    const one = await t.client.get(`/v1/customers/${merged.id}`);
    expect(one).toMatchObject({
      id: survivor.id,
      merged_from: [merged.id],
      full_name: '王小明',
      city: '上海',
    });
    expect(await t.client.get(`/v1/customers/by-identifier/core_banking/${b}`)).toEqual(one);
    expect(one.identifiers.map((each: Json) => [each.value, each.status])).toEqual([
      [a, 'active'],
      [b, 'superseded'],
    ]);
    const phones = one.contact_points.filter((each: Json) => each.kind === 'phone');
    expect(phones.map((each: Json) => [each.value, each.primary])).toEqual([
      ['+8613900010001', true],
      ['+8613900010002', false],
    ]);
    const profile = await t.client.get(`/v1/customers/${merged.id}/profile`);
    expect(profile.totals).toMatchObject({ aum: '200.00', holdings: 2 });
    expect(profile.activity_totals.find((each: Json) => each.type === 'card_payment')).toMatchObject({
      count: 2,
      amount: '15',
    });
    expect(profile.last_activities).toHaveLength(3);
    expect(profile.relationships.map((each: { related_customer: Json }) => each.related_customer.id)).toEqual(
      [other.id],
    );
    expect(profile.provenance.full_name).toMatchObject([
      { value: '王小明' },
      { value: '王晓明', merged_from: merged.id },
    ]);
    const [related] = (await t.client.get(`/v1/customers/${other.id}/relationships`)).data;
    expect(related.related_customer.id).toBe(survivor.id);
    const { parties } = await t.client.get(`/v1/holdings/${holding.id}`);
    expect(parties.map((each: Json) => [each.customer_id, each.role]).sort()).toEqual(
      [
        [survivor.id, 'primary_owner'],
        [survivor.id, 'joint_owner'],
        [other.id, 'authorised'],
      ].sort(),
    );
    const { data } = await t.client.get('/v1/customers?limit=200');
    expect(data.map((each: Json) => each.id)).not.toContain(merged.id);
    expect(await rowsOf(merged.id)).toEqual(['review_state']);
  });

  test('is told of both, and judges the survivor anew', async () => {
    const { survivor, merged } = await aPair();
    await t.drain();
    const member = await t.client.get(`/v1/customers/${merged.id}/segments`);
    expect(member.data.length).toBeGreaterThan(0);
    const { next_after } = await t.client.get('/v1/events?after=0&limit=1000');
    await merge(survivor.id, merged.id);
    await t.drain();
    const { data } = await t.client.get(`/v1/events?after=${next_after}&limit=1000`);
    const told = data.filter((each: Json) => each.type === 'clientele.customer.merged');
    expect(told.map((each: Json) => each.subject).sort()).toEqual([merged.id, survivor.id].sort());
    expect(told[0].data).toMatchObject({ survivor_id: survivor.id, merged_id: merged.id });
    const { pending } = await t.client.get(`/v1/customers/${survivor.id}/segments`);
    expect(pending).toBe(false);
    const timeline = await t.client.get(`/v1/customers/${survivor.id}/timeline?limit=200`);
    const subjects = timeline.data.filter((each: Json) => each.type === 'customer.created');
    expect(subjects.length).toBeGreaterThanOrEqual(2);
  });

  test('has a plan that says whose value stands and why, and a hash that a change makes void', async () => {
    const { survivor, merged } = await aPair({ gender: 'male' }, { customer_since: '2010-01-01' });
    const body = {
      survivor: { id: survivor.id },
      merged: { id: merged.id },
      survivorship: { full_name: 'merged' },
    };
    const planned = await t.client.post('/v1/merges?dry_run=true', body);
    expect(planned.plan.fields).toEqual(
      expect.arrayContaining([
        { field: 'full_name', take: 'merged', reason: 'chosen' },
        { field: 'city', take: 'merged', reason: 'only_one' },
        { field: 'gender', take: 'survivor', reason: 'only_one' },
        { field: 'customer_since', take: 'merged', reason: 'only_one' },
      ]),
    );
    expect((await t.client.get(`/v1/customers/${merged.id}`)).id).toBe(merged.id);
    await t.client.patch(`/v1/customers/${merged.id}`, { city: '北京' }, '*');
    await t.client.problem('POST', `/v1/merges?plan_hash=${planned.plan_hash}`, 'plan_changed', body);
    const again = await t.client.post('/v1/merges?dry_run=true', body);
    await t.client.post(`/v1/merges?plan_hash=${again.plan_hash}`, body, 201);
    expect(await t.client.get(`/v1/customers/${survivor.id}`)).toMatchObject({
      full_name: '王晓明',
      city: '北京',
      gender: 'male',
      customer_since: '2010-01-01',
    });
  });

  test('of the core asks nobody, and sent again answers with what stands', async () => {
    await t.client.put('/v1/approval-policies/createMerge', { required: true }, 200, {
      headers: { 'if-match': '*' },
    });
    const { a, b, survivor } = await aPair();
    const body = {
      survivor: numbered(a),
      merged: numbered(b),
      authority: 'source_of_record',
      source: 'core',
    };
    const made = await t.client.post('/v1/merges', body, 201);
    expect(made).toMatchObject({ survivor_id: survivor.id, authority: 'source_of_record', source: 'core' });
    expect(await t.client.post('/v1/merges', body, 200)).toEqual(made);
    // a number that nobody has yet: what comes for it later is the survivor's
    const unknown = { ...body, merged: numbered(nextNumber()) };
    await t.client.problem('POST', '/v1/merges', 'not_found', { ...unknown, authority: 'decision' });
    await t.client.problem('POST', '/v1/merges?dry_run=true', 'not_found', unknown);
    expect(await t.client.post('/v1/merges', unknown, 201)).toMatchObject({ survivor_id: survivor.id });
    expect((await t.client.post('/v1/customers/lookup', unknown.merged)).id).toBe(survivor.id);
    const pair = await aPair();
    const waiting = await merge(pair.survivor.id, pair.merged.id, {}, 202);
    expect(waiting).toMatchObject({ operation: 'createMerge', state: 'pending' });
    await t.client.put('/v1/approval-policies/createMerge', { required: false }, 200, {
      headers: { 'if-match': '*' },
    });
  });

  test('is refused of one with itself, of another kind, of unknown fields and of nobody', async () => {
    const { survivor, merged } = await aPair();
    const company = await t.client.post('/v1/customers', { kind: 'organization', legal_name: 'X' }, 201);
    const pair = (other: string, more: Json = {}) => ({
      survivor: { id: survivor.id },
      merged: { id: other },
      ...more,
    });
    const refused = (body: Json, code: string) => t.client.problem('POST', '/v1/merges', code, body);
    expect((await refused(pair(survivor.id), 'rule_broken')).errors[0].code).toBe('same_customer');
    expect((await refused(pair(company.id), 'rule_broken')).errors[0].code).toBe('other_kind');
    expect(
      (await refused(pair(merged.id, { survivorship: { shoe_size: 'merged' } }), 'rule_broken')).errors[0]
        .pointer,
    ).toBe('/survivorship/shoe_size');
    expect((await refused(pair('0197f3c2-1b7e-7c31-9d52-000000000000'), 'not_found')).errors[0].pointer).toBe(
      '/merged',
    );
    await refused(pair(merged.id, { authority: 'source_of_record' }), 'rule_broken');
    const outside = await t.clientWith(['merges:write'], { branches: ['9999'] });
    await outside.problem('POST', '/v1/merges', 'not_found', pair(merged.id));
  });

  test('two at once of the same two happen once', async () => {
    const { survivor, merged } = await aPair();
    const replies = await Promise.all(
      [0, 1, 2, 3].map((place) =>
        t.client.request('POST', '/v1/merges', {
          survivor: { id: place % 2 === 0 ? survivor.id : merged.id },
          merged: { id: place % 2 === 0 ? merged.id : survivor.id },
        }),
      ),
    );
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const { status } of replies) expect([200, 201, 409, 422]).toContain(status);
  });
});

describe('after a merge', () => {
  test('what comes late for the merged one reaches the survivor', async () => {
    const { b, survivor, merged } = await aPair();
    await merge(survivor.id, merged.id);
    await record(
      anActivity(b, { amount: '7.00' }),
      { ...anActivity(b), customer: { id: merged.id } },
      { ...anActivity(b), customer: undefined, holding: { source: 'core', number: `H${b}` } },
    );
    expect((await t.client.get(`/v1/customers/${survivor.id}/activities?limit=200`)).data).toHaveLength(6);
    const upserted = await t.client.post('/v1/customers/upsert', {
      identifiers: [numbered(b)],
      source: 'core',
      gender: 'male',
    });
    expect(upserted.customer).toMatchObject({ id: survivor.id, gender: 'male' });
    await t.client.patch(`/v1/customers/${merged.id}`, { language: 'zh-CN' }, '*');
    expect((await t.client.get(`/v1/customers/${survivor.id}`)).language).toBe('zh-CN');
  });

  test('who is bound to either of the two reaches the survivor', async () => {
    const { survivor, merged } = await aPair();
    const self = await t.clientWith(['customers:read'], { customer: merged.id });
    await self.problem('GET', `/v1/customers/${survivor.id}/summary`, 'not_found');
    await merge(survivor.id, merged.id);
    for (const id of [survivor.id, merged.id]) {
      expect((await self.get(`/v1/customers/${id}/summary`)).id).toBe(survivor.id);
    }
  });

  test('the two records that go on being told of do not take turns', async () => {
    const { a, b, survivor, merged } = await aPair();
    await merge(survivor.id, merged.id, { survivorship: { full_name: 'merged' } });
    for (let night = 1; night <= 2; night += 1) {
      for (const [number, name] of [
        [a, '王小明'],
        [b, '王晓明'],
        [a, '王小明二'],
      ] as const) {
        await t.client.post('/v1/customers/upsert', {
          identifiers: [numbered(number)],
          source: 'core',
          full_name: name,
          source_time: `2026-02-0${night}T00:00:00Z`,
        });
      }
      expect((await t.client.get(`/v1/customers/${survivor.id}`)).full_name).toBe('王晓明');
    }
  });

  test('an activity that is sent again is the one that is known', async () => {
    const { b, survivor, merged } = await aPair();
    const known = anActivity(b);
    await record(known);
    await merge(survivor.id, merged.id);
    expect(await record(known)).toMatchObject({ accepted: 0, duplicates: 1 });
  });

  test('the merged one can be merged no more, and the survivor can be merged on', async () => {
    const first = await aPair();
    const second = await aPair();
    await merge(first.survivor.id, first.merged.id);
    await merge(second.survivor.id, first.survivor.id);
    const last = await t.client.get(`/v1/customers/${first.merged.id}`);
    expect(last).toMatchObject({ id: second.survivor.id });
    expect(last.merged_from.sort()).toEqual([first.merged.id, first.survivor.id].sort());
    expect((await t.client.get(`/v1/customers/by-identifier/core_banking/${first.b}`)).id).toBe(
      second.survivor.id,
    );
    expect(last.identifiers).toHaveLength(3);
  });

  test('a kept reply of the merged id is not taken for the survivor', async () => {
    const { survivor, merged } = await aPair();
    const kept = await t.client.request('GET', `/v1/customers/${merged.id}`);
    await merge(survivor.id, merged.id);
    const headers = { 'if-none-match': String(kept.headers.get('etag')) };
    expect((await t.client.request('GET', `/v1/customers/${merged.id}`, undefined, { headers })).status).toBe(
      200,
    );
  });
});

describe('a revert', () => {
  /** All that there is of both, but for versions and the times of changes. */
  async function picture(ids: readonly string[]) {
    const all = [];
    for (const id of ids) {
      const profile = await t.client.get(`/v1/customers/${id}/profile`);
      const { version: _version, updated_at: _updated, ...customer } = profile.customer;
      const { as_of: _asOf, review: _review, segments: _segments, ...rest } = profile;
      const activities = await t.client.get(`/v1/customers/${id}/activities?limit=200`);
      const relationships = await t.client.get(`/v1/customers/${id}/relationships?include_ended=true`);
      all.push({ ...rest, customer, activities, relationships });
    }
    return all;
  }

  test('gives both back as they were', async () => {
    const { b, survivor, merged, other } = await aPair({ gender: 'female' }, { birth_date: '1990-01-01' });
    const ids = [survivor.id, merged.id, other.id];
    const before = await picture(ids);
    const made = await merge(survivor.id, merged.id, { survivorship: { full_name: 'merged' } });
    const reverted = await revert(made.id);
    expect(reverted).toMatchObject({
      state: 'reverted',
      report: { later: { to_survivor: {}, to_merged: {} } },
    });
    expect(await picture(ids)).toEqual(before);
    expect((await t.client.get(`/v1/customers/by-identifier/core_banking/${b}`)).id).toBe(merged.id);
    await t.drain();
    expect((await t.client.get(`/v1/customers/${merged.id}/segments`)).data.length).toBeGreaterThan(0);
    await t.client.problem('POST', `/v1/merges/${made.id}/revert`, 'conflict', undefined, {
      headers: { 'if-match': '*' },
    });
    // and it can be done again
    await merge(survivor.id, merged.id);
  });

  test('gives what was told since to whom it named, and counts it', async () => {
    const { a, b, survivor, merged } = await aPair();
    const made = await merge(survivor.id, merged.id);
    await record(anActivity(b, { amount: '3.00' }), anActivity(a), anActivity(a));
    await t.client.post('/v1/customers/upsert', {
      identifiers: [numbered(b), numbered(`${b}X`)],
      source: 'core',
      full_name: '王新',
    });
    await t.client.post('/v1/customers/upsert', { identifiers: [numbered(a)], source: 'core', city: '广州' });
    await t.client.patch(`/v1/customers/${survivor.id}`, { language: 'zh-CN' }, '*');
    const { report } = await revert(made.id);
    expect(report.later).toMatchObject({
      to_survivor: { activities: 2, fields: 2 },
      to_merged: { activities: 1, fields: 1, identifiers: 1 },
    });
    expect(await t.client.get(`/v1/customers/${survivor.id}`)).toMatchObject({
      full_name: '王小明',
      city: '广州',
      language: 'zh-CN',
    });
    expect(await t.client.get(`/v1/customers/by-identifier/core_banking/${b}X`)).toMatchObject({
      id: merged.id,
      full_name: '王新',
      city: '上海',
      language: null,
    });
    const totals = (await t.client.get(`/v1/customers/${merged.id}/profile`)).activity_totals;
    expect(totals.find((each: Json) => each.type === 'card_payment')).toMatchObject({
      count: 2,
      amount: '8',
    });
  });

  test('of the last merge comes first', async () => {
    const first = await aPair();
    const second = await aPair();
    const ids = [first.survivor.id, first.merged.id, second.survivor.id];
    const before = await picture(ids);
    const one = await merge(first.survivor.id, first.merged.id);
    const two = await merge(second.survivor.id, first.survivor.id);
    await t.client.problem('POST', `/v1/merges/${one.id}/revert`, 'conflict', undefined, {
      headers: { 'if-match': '*' },
    });
    await revert(two.id);
    expect((await t.client.get(`/v1/customers/${first.merged.id}`)).id).toBe(first.survivor.id);
    await revert(one.id);
    expect(await picture(ids)).toEqual(before);
  });
});

describe('a customer with very many activities', () => {
  const total = 26_000;

  /** One in a hundred is a login, so that reading all of those is reading all over. */
  const addMany = (customerId: string) =>
    t.database.pool.query(
      `with made as (
         insert into activities (customer_id, occurred_at, id, type, precision, business_date, amount, currency, direction,
           reporting_amount, initiated_by, own_transfer, source, source_id, source_version, state, recorded_at)
         select $1::uuid, '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 minute', gen_random_uuid(),
           case when n % 100 = 0 then 'login' else 'card_payment' end, 'instant', '2026-01-01', 1, 'CNY', 'out', 1,
           'customer', false, 'bulk', $1::text || '-' || n, 0, 'current', '2026-02-28T00:00:00Z'
         from generate_series(1, ${total}) n returning *
       ), keyed as (
         insert into activity_keys (source, source_id, customer_id, activity_id, occurred_at, content_hash, source_version)
         select source, source_id, customer_id, id, occurred_at, '\\x00', 0 from made
       )
       insert into activity_totals (customer_id, type, direction, initiated_by, count, amount, unvalued, first_at, last_at)
       select customer_id, type, direction, initiated_by, count(*), sum(amount), 0, min(occurred_at), max(occurred_at)
       from made group by 1, 2, 3, 4`,
      [customerId],
    );

  async function logins(id: string): Promise<string[]> {
    const first = await t.client.get(`/v1/customers/${id}/activities?type=login&limit=200`);
    const rest =
      first.next_cursor === null
        ? { data: [] }
        : await t.client.get(
            `/v1/customers/${id}/activities?type=login&limit=200&cursor=${first.next_cursor}`,
          );
    return [...first.data, ...rest.data].map((each: Json) => String(each.source_id));
  }

  test('is merged and parted step by step, and no reader sees half of it', async () => {
    const [a, b] = [nextNumber(), nextNumber()];
    const survivor = await aCustomerOf(a);
    const merged = await aCustomerOf(b);
    await record(anActivity(a, { type: 'login', occurred_at: '2026-01-05T00:00:00Z' }));
    await addMany(merged.id);
    await t.drain();
    const step = async () => {
      const job = allJobs(t.deps).find(({ queue }) => queue === 'merges');
      return job?.work();
    };
    const seen = async (id: string) => {
      const {
        totals: _totals,
        activity_totals,
        last_activities,
      } = await t.client.get(`/v1/customers/${id}/profile`);
      const timeline = await t.client.get(`/v1/customers/${id}/timeline?kind=activity&limit=200`);
      return {
        logins: await logins(id),
        activity_totals,
        last: last_activities.map((each: Json) => each.id),
        timeline: timeline.data.map((each: Json) => each.id),
      };
    };
    const before = { survivor: await seen(survivor.id), merged: await seen(merged.id) };
    const made = await merge(survivor.id, merged.id);
    expect(made.state).toBe('moving');
    await t.client.problem('POST', `/v1/merges/${made.id}/revert`, 'conflict', undefined, {
      headers: { 'if-match': '*' },
    });
    const whole = await seen(survivor.id);
    expect(whole.logins).toHaveLength(total / 100 + 1);
    expect((await t.client.get(`/v1/customers/${survivor.id}/segments`)).pending).toBe(true);
    // what is written meanwhile is there, too, and another merge has to wait
    expect(await record(anActivity(b, { type: 'visit' }))).toMatchObject({ accepted: 1 });
    // corrected where they are: one that has moved, and two that have not
    const bulk = (n: number, more: Json) => ({
      ...anActivity(b, { amount: '1.00' }),
      source: 'bulk',
      source_id: `${merged.id}-${n}`,
      occurred_at: new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString(),
      ...more,
    });
    const reversal = (n: number) =>
      bulk(0, { source_id: `${merged.id}-r${n}`, reverses: { source_id: `${merged.id}-${n}` } });
    const corrections = [
      bulk(total - 1, { source_version: 1, type: 'corrected' }),
      bulk(7, { source_version: 1, type: 'corrected' }),
      reversal(total - 2),
    ];
    expect(await record(...corrections)).toMatchObject({ rejected: [] });
    const third = await aCustomerOf(nextNumber());
    await t.client.problem('POST', '/v1/merges', 'conflict', {
      survivor: { id: survivor.id },
      merged: { id: third.id },
    });
    await step();
    expect((await seen(survivor.id)).logins).toEqual(whole.logins);
    expect((await t.client.get(`/v1/merges/${made.id}`)).state).toBe('moving');
    await t.drain();
    expect(await t.client.get(`/v1/merges/${made.id}`)).toMatchObject({
      state: 'merged',
      report: { moved: { activities: total } },
    });
    const after = await seen(survivor.id);
    expect(after.logins).toEqual(whole.logins);
    expect(after.activity_totals.find((each: Json) => each.type === 'card_payment').count).toBe(
      total - total / 100 - 3,
    );
    expect(after.activity_totals.find((each: Json) => each.type === 'corrected')).toMatchObject({
      count: 2,
      amount: '2',
    });
    expect((await t.client.get(`/v1/customers/${survivor.id}/segments`)).pending).toBe(false);

    expect((await revert(made.id)).state).toBe('reverting');
    const parted = async () => ({ survivor: await seen(survivor.id), merged: await seen(merged.id) });
    const first = await parted();
    expect(first.survivor).toEqual(before.survivor);
    expect(first.merged.logins).toEqual(before.merged.logins);
    await step();
    expect(await parted()).toEqual(first);
    await t.drain();
    expect(await parted()).toEqual(first);
    expect(await t.client.get(`/v1/merges/${made.id}`)).toMatchObject({
      state: 'reverted',
      report: { later: { to_merged: { activities: 4 } } },
    });
    // a superseding one has the key of what it supersedes
    const { rows } = await t.database.pool.query(
      `select count(*)::int as count from activity_keys k join activities a on a.customer_id = k.customer_id
         and a.occurred_at = k.occurred_at and a.id = k.activity_id where k.customer_id = $1`,
      [merged.id],
    );
    expect(rows[0].count).toBe(total + 2);
  });
});

test('what is written while two are merged and parted, again and again, is all there', async () => {
  const { a, b, survivor, merged } = await aPair();
  const before = 3;
  let sent = 0;
  let isDone = false;
  const writer = async (number: string) => {
    while (!isDone) {
      const item = anActivity(number, {
        type: 'visit',
        amount: undefined,
        currency: undefined,
        direction: undefined,
      });
      expect(await record(item)).toMatchObject({ accepted: 1, rejected: [] });
      sent += 1;
      const stated = { identifiers: [numbered(number)], source: 'core', city: `城${sent}` };
      await t.client.post('/v1/customers/upsert', stated);
    }
  };
  const writers = [a, b, a, b].map(writer);
  for (let round = 0; round < 4; round += 1) {
    const { id } = await merge(survivor.id, merged.id);
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (round < 3) await revert(id);
  }
  isDone = true;
  await Promise.all(writers);
  expect(await rowsOf(merged.id)).toEqual(['review_state']);
  const { rows } = await t.database.pool.query(
    'select count(*)::int as count from activities where customer_id = $1',
    [survivor.id],
  );
  expect(rows[0].count).toBe(before + sent);
  const totals = (await t.client.get(`/v1/customers/${survivor.id}/profile`)).activity_totals;
  expect(totals.find((each: Json) => each.type === 'visit').count).toBe(sent);
  const { rows: places } = await t.database.pool.query(
    `select count(*)::int as count from activity_keys k join activities a on a.customer_id = k.customer_id
       and a.occurred_at = k.occurred_at and a.id = k.activity_id where k.customer_id = $1`,
    [survivor.id],
  );
  expect(places[0].count).toBe(before + sent);
});
