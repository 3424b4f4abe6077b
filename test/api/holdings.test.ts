import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadDefinitions } from '../../src/customers/definitions.js';
import { resolveHoldings } from '../../src/holdings/keys.js';
import { prepareHolding } from '../../src/holdings/preparation.js';
import { upsertHoldings } from '../../src/holdings/upsert.js';
import { transact } from '../../src/platform/transact.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.stop());

type Json = Record<string, unknown>;

let counter = 0;
const aNumber = () => {
  counter += 1;
  return `62220212345678${String(counter).padStart(5, '0')}`;
};

const madeCustomer = async (stated: Json = {}): Promise<{ id: string }> =>
  t.client.post('/v1/customers', aCustomer(stated), 201);

const primary = (id: string, more: Json = {}) => ({ customer: { id }, role: 'primary_owner', ...more });

async function aHolding(stated: Json = {}): Promise<Json> {
  const parties = stated.parties ?? [primary((await madeCustomer()).id)];
  return { source: 'core', number: aNumber(), category: 'deposit', ...stated, parties };
}

const upsert = (body: Json, status = 200) => t.client.post('/v1/holdings/upsert', body, status);

const eventsOf = async (subject: string, after = 0) => {
  await t.drain();
  const { data } = await t.client.get(`/v1/events?after=${after}&limit=1000`);
  return data.filter(
    (event: { subject: string; type: string }) =>
      event.subject === subject && !event.type.startsWith('clientele.segment.'),
  );
};

const marked = async (id: string) => {
  const { rows } = await t.database.pool.query(
    'select version, touched from review_state where customer_id = $1',
    [id],
  );
  return rows[0];
};

describe('creating and reading', () => {
  test('a holding comes back as it was stated, with the defaults of the bank', async () => {
    const owner = await madeCustomer();
    const made = await upsert(
      await aHolding({
        number: ' 6222 0212 3456 7890 128 ',
        product: 'CURRENT',
        balance: '12500.50',
        balance_date: '2026-02-27',
        opened_on: '2024-03-01',
        attributes: { interest: { rate: '0.35' } },
        parties: [primary(owner.id, { share: '100' })],
        source_time: '2026-02-28T08:00:00Z',
      }),
      201,
    );
    expect(made).toMatchObject({ outcome: 'created', ignored_fields: [] });
    expect(made.holding).toMatchObject({
      source: 'core',
      number: '6222021234567890128',
      category: 'deposit',
      product: 'CURRENT',
      status: 'active',
      currency: 'CNY',
      opened_on: '2024-03-01',
      closed_on: null,
      balance: '12500.50',
      balance_date: '2026-02-27',
      attributes: { interest: { rate: '0.35' } },
      primary_owner_id: owner.id,
      source_time: '2026-02-28T08:00:00Z',
      version: 1,
    });
    expect(made.holding.parties).toMatchObject([
      { customer_id: owner.id, role: 'primary_owner', share: '100' },
    ]);
    const reply = await t.client.request('GET', `/v1/holdings/${made.holding.id}`);
    expect(reply.body).toEqual(made.holding);
    expect(reply.headers.get('etag')).toBe('"v1"');
    const again = await t.client.request('GET', `/v1/holdings/${made.holding.id}`, undefined, {
      headers: { 'if-none-match': '"v1"' },
    });
    expect(again.status).toBe(304);
    const found = await t.client.post('/v1/holdings/lookup', {
      source: 'core',
      number: '6222021234567890128',
    });
    expect(found.id).toBe(made.holding.id);
    await t.client.problem('POST', '/v1/holdings/lookup', 'not_found', {
      source: 'cards',
      number: '6222021234567890128',
    });
  });

  test('the number is encrypted at rest, and masked without the scope to read it', async () => {
    const number = aNumber();
    const { holding } = await upsert(await aHolding({ number }), 201);
    const { rows } = await t.database.pool.query(
      `select h.*, encode(number_sealed, 'escape') as sealed from holdings h where id = $1`,
      [holding.id],
    );
    expect(JSON.stringify(rows)).not.toContain(number);
    const masked = await t.clientWith(['customers:read']);
    const seen = await masked.request('GET', `/v1/holdings/${holding.id}`);
    expect(JSON.stringify(seen.body)).not.toContain(number.slice(4, -4));
    expect(seen.body.number).toBe(`${number.slice(0, 4)}****${number.slice(-4)}`);
    expect(seen.headers.get('etag')).toBe('"v1m"');
    const list = await masked.get(`/v1/customers/${holding.primary_owner_id}/holdings`);
    expect(list.data[0].holding.number).toBe(seen.body.number);
  });

  test.each([
    ['/category', { category: undefined }, 'rule_broken'],
    ['/parties', { parties: [] }, 'rule_broken'],
    ['/parties', { parties: 'two owners' }, 'rule_broken'],
    ['/closed_on', { closed_on: '2026-01-01' }, 'rule_broken'],
    ['/closed_on', { status: 'closed', opened_on: '2026-01-02', closed_on: '2026-01-01' }, 'rule_broken'],
    ['/balance', { balance: 12 }, 'malformed_request'],
    ['/balance', { balance: '12,50' }, 'malformed_request'],
    ['/category', { category: 'nft' }, 'malformed_request'],
    ['/number', { number: '  ' }, 'rule_broken'],
    ['/iban', { iban: 'x' }, 'malformed_request'],
  ])('%s is named as wrong: %j', async (pointer, stated: Json, code) => {
    const two = [primary((await madeCustomer()).id), primary((await madeCustomer()).id)];
    const body = await aHolding(stated.parties === 'two owners' ? { parties: two } : stated);
    const problem = await t.client.problem('POST', '/v1/holdings/upsert', code, body);
    expect(problem.errors[0].pointer).toBe(pointer);
  });

  test('a party that nobody knows is refused, or becomes a stub', async () => {
    const unknown = { scheme: 'core_banking', value: `NOBODY${counter}` };
    const body = await aHolding({ parties: [{ customer: unknown, role: 'primary_owner' }] });
    const problem = await t.client.problem('POST', '/v1/holdings/upsert', 'not_found', body);
    expect(problem.errors[0].pointer).toBe('/parties/0/customer');
    const { holding } = await upsert({ ...body, on_unknown: 'create' }, 201);
    const stub = await t.client.get(`/v1/customers/by-identifier/core_banking/${unknown.value}`);
    expect(stub).toMatchObject({ id: holding.primary_owner_id, stub: true, status: 'active' });
    await t.client.problem('POST', '/v1/holdings/upsert', 'not_found', {
      ...body,
      parties: [primary('01a20f85-d334-7342-8ae8-7073e642d9b7')],
      on_unknown: 'create',
    });
  });

  test('what is refused makes no stub', async () => {
    const unknown = { scheme: 'core_banking', value: `NOSTUB${counter}` };
    const parties = [{ customer: unknown, role: 'primary_owner' }];
    await t.client.problem('POST', '/v1/holdings/upsert', 'rule_broken', {
      source: 'core',
      number: aNumber(),
      parties,
      on_unknown: 'create',
    });
    await t.client.problem('GET', `/v1/customers/by-identifier/core_banking/${unknown.value}`, 'not_found');
  });
});

describe('upserts', () => {
  test('fifty at once make one holding', async () => {
    const body = await aHolding({ balance: '1' });
    const replies = await Promise.all(
      Array.from({ length: 50 }, () => t.client.request('POST', '/v1/holdings/upsert', body)),
    );
    expect(replies.filter((reply) => reply.status === 201)).toHaveLength(1);
    expect(replies.filter((reply) => reply.status === 200)).toHaveLength(49);
    expect(new Set(replies.map((reply) => reply.body.holding.id)).size).toBe(1);
    expect(replies.every((reply) => reply.body.holding.version === 1)).toBe(true);
  });

  test('fifty at once that name a customer nobody knows make one holding and one stub', async () => {
    const customer = { scheme: 'core_banking', value: 'FIFTYSTUBS' };
    const body = await aHolding({ parties: [{ customer, role: 'primary_owner' }], on_unknown: 'create' });
    const replies = await Promise.all(
      Array.from({ length: 50 }, () => t.client.request('POST', '/v1/holdings/upsert', body)),
    );
    expect(replies.filter((reply) => reply.status === 201)).toHaveLength(1);
    expect(new Set(replies.map((reply) => reply.body.holding?.primary_owner_id)).size).toBe(1);
  });

  test('fifty at once with other balances end at one of them, each counted', async () => {
    const body = await aHolding();
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, each) =>
        t.client.request('POST', '/v1/holdings/upsert', { ...body, balance: `${each + 1}` }),
      ),
    );
    expect(replies.every((reply) => reply.status === 200 || reply.status === 201)).toBe(true);
    const [first] = replies;
    const { version } = await t.client.get(`/v1/holdings/${first?.body.holding.id}`);
    const changes = replies.filter((reply) => reply.body.outcome !== 'unchanged');
    expect(version).toBe(changes.length);
  });

  test('the same again is unchanged, marks nobody and tells nobody', async () => {
    const owner = await madeCustomer();
    const body = await aHolding({
      balance: '100.00',
      attributes: { b: 1, a: { d: 1, c: 2 } },
      parties: [primary(owner.id)],
      source_time: '2026-02-01T00:00:00Z',
    });
    const { holding } = await upsert(body, 201);
    await t.drain();
    const before = await marked(owner.id);
    const { next_after } = await t.client.get('/v1/events?limit=1000');
    for (const source_time of ['2026-02-01T00:00:00Z', '2026-02-02T00:00:00Z']) {
      expect(await upsert({ ...body, balance: '100', source_time })).toMatchObject({
        outcome: 'unchanged',
        ignored_fields: [],
        holding: { version: 1, balance: '100.00' },
      });
    }
    expect(await marked(owner.id)).toEqual(before);
    expect(await eventsOf(owner.id, next_after)).toEqual([]);
    const { rows } = await t.database.pool.query(
      `select count(*)::int as count from audit_entries where subject_id = $1`,
      [holding.id],
    );
    expect(rows[0].count).toBe(1);
  });

  test('attributes stay bounded, however often more of them are told', async () => {
    const body = await aHolding({ attributes: { constructor: 'x' } });
    const key = { source: body.source, number: body.number };
    await upsert(body, 201);
    const named = (from: number) =>
      Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`a${from + index}`, index]));
    await upsert({ ...key, attributes: named(0) });
    for (const attributes of [
      named(40),
      { a0: 'x'.repeat(20_000) },
      { a0: [[[[[[[[1]]]]]]]] },
      { a0: Array(201).fill(1) },
    ]) {
      const problem = await t.client.problem('POST', '/v1/holdings/upsert', 'rule_broken', {
        ...key,
        attributes,
      });
      expect(problem.errors).toMatchObject([{ pointer: '/attributes', code: 'too_much' }]);
    }
    const told = await upsert({
      ...key,
      attributes: Object.fromEntries(Object.keys(named(0)).map((n) => [n, null])),
    });
    expect(told.holding.attributes).toEqual({ constructor: 'x' });
  });

  test('absent is not stated, null clears, and what is older is ignored and said to be', async () => {
    const body = await aHolding({
      product: 'A',
      balance: '10',
      attributes: { x: 1, y: 2 },
      source_time: '2026-02-10T00:00:00Z',
    });
    const key = { source: body.source, number: body.number };
    await upsert(body, 201);
    const next = await upsert({
      ...key,
      product: null,
      attributes: { x: null, z: 3 },
      source_time: '2026-02-11T00:00:00Z',
    });
    expect(next.holding).toMatchObject({
      product: null,
      balance: '10',
      attributes: { y: 2, z: 3 },
      version: 2,
    });
    const older = await upsert({ ...key, product: 'B', balance: '10', source_time: '2026-02-10T12:00:00Z' });
    expect(older).toMatchObject({
      outcome: 'unchanged',
      ignored_fields: [{ field: 'product', reason: 'older' }],
      holding: { product: null, version: 2 },
    });
    const oldBalance = await upsert({
      ...key,
      balance: '5',
      balance_date: '2026-01-31',
      status: 'frozen',
      source_time: '2026-02-12T00:00:00Z',
    });
    expect(oldBalance).toMatchObject({
      outcome: 'updated',
      ignored_fields: [],
      holding: { balance: '10', balance_date: '2026-02-10', status: 'frozen' },
    });
  });

  test('a closure is stated, and taken back', async () => {
    const body = await aHolding({ status: 'closed', closed_on: '2026-02-01' });
    expect((await upsert(body, 201)).holding).toMatchObject({ status: 'closed', closed_on: '2026-02-01' });
    const { holding } = await upsert({ source: body.source, number: body.number, status: 'active' });
    expect(holding).toMatchObject({ status: 'active', closed_on: null });
  });

  test('the first holding makes a prospect an active customer, by the same source', async () => {
    const owner = await madeCustomer();
    const { holding } = await upsert(
      await aHolding({ source: 'cards', parties: [primary(owner.id)], source_time: '2026-02-01T00:00:00Z' }),
      201,
    );
    expect(await t.client.get(`/v1/customers/${owner.id}`)).toMatchObject({ status: 'active', version: 2 });
    const { rows } = await t.database.pool.query(
      `select fields -> 'status' as status from customer_statements where customer_id = $1 and source = 'cards'`,
      [owner.id],
    );
    expect(rows[0].status).toMatchObject({ value: 'active', source_time: '2026-02-01T00:00:00Z' });
    const events = await eventsOf(owner.id);
    expect(events.map((event: { type: string }) => event.type)).toEqual([
      'clientele.customer.created',
      'clientele.holding.created',
      'clientele.customer.updated',
    ]);
    expect(events[1].data).toMatchObject({ holding_id: holding.id, version: 1 });
    const joint = await madeCustomer();
    await upsert(
      await aHolding({
        parties: [primary(owner.id), { customer: { id: joint.id }, role: 'joint_owner' }],
      }),
      201,
    );
    expect(await t.client.get(`/v1/customers/${joint.id}`)).toMatchObject({ status: 'prospect' });
    expect((await marked(joint.id)).touched).toContain('holdings');
  });
});

describe('batches', () => {
  test('items about one holding are taken in order; what cannot be leaves nothing, the others go on', async () => {
    const ctx = await t.context();
    const world = { ...ctx, definitions: await loadDefinitions(t.database) };
    const owner = await madeCustomer();
    const [first, second, third] = [aNumber(), aNumber(), aNumber()];
    const parties = [primary(owner.id)];
    const bodies = [
      { source: 'core', number: first, category: 'deposit', balance: '1', parties },
      { source: 'core', number: second, balance: '1' },
      { source: 'core', number: first, balance: '2' },
      { source: 'core', number: second, category: 'loan', balance: '-7', parties },
      { source: 'core', number: first, balance: '2' },
      {
        source: 'core',
        number: third,
        category: 'fund',
        parties: [
          { customer: { scheme: 'core_banking', value: 'UNKNOWN1' }, role: 'authorised' },
          primary(owner.id),
        ],
      },
    ];
    const items = bodies.map((body) => {
      const { key, prepared, problems } = prepareHolding(world, body as never);
      expect(problems).toEqual([]);
      return { key, prepared };
    });
    const outcomes = await transact(ctx, async (tx) => {
      const { outcomes: value, audit, events } = await upsertHoldings(tx, ctx, items);
      return { value, audit, events };
    });
    expect(outcomes.map((one) => (one.ok ? one.outcome : one.error.code))).toEqual([
      'created',
      'rule_broken',
      'updated',
      'created',
      'unchanged',
      'not_found',
    ]);
    const resolved = await resolveHoldings(t.database, ctx.keyring, [
      { source: 'core', number: third },
      { source: 'core', number: ` ${second} ` },
      { source: 'core', number: first },
    ]);
    expect(resolved.map((one) => one?.customerId)).toEqual([undefined, owner.id, owner.id]);
    expect(await t.client.get(`/v1/holdings/${resolved[2]?.holdingId}`)).toMatchObject({
      balance: '2',
      version: 1,
    });
  });

  test('batches that overlap at once end without loss', async () => {
    const ctx = await t.context();
    const world = { ...ctx, definitions: await loadDefinitions(t.database) };
    const owners = await Promise.all(Array.from({ length: 6 }, () => madeCustomer()));
    const numbers = Array.from({ length: 20 }, aNumber);
    const batch = (turn: number) =>
      numbers.map((number, position) => {
        const owner = owners[(position + turn) % owners.length]?.id ?? '';
        const body = {
          source: 'core',
          number,
          category: 'deposit',
          balance: `${turn}`,
          parties: [primary(owner)],
        };
        const { key, prepared } = prepareHolding(world, body as never);
        return { key, prepared };
      });
    const all = await Promise.all(
      Array.from({ length: 12 }, (_, turn) =>
        transact(ctx, async (tx) => {
          const items = turn % 2 === 0 ? batch(turn) : batch(turn).reverse();
          const { outcomes: value, audit, events } = await upsertHoldings(tx, ctx, items);
          return { value, audit, events };
        }),
      ),
    );
    expect(all.flat().every((outcome) => outcome.ok)).toBe(true);
    expect(all.flat().filter((outcome) => outcome.ok && outcome.outcome === 'created')).toHaveLength(20);
    const { rows } = await t.database.pool.query(
      `select count(*)::int as holdings, count(k.holding_id)::int as keyed,
        count(*) filter (where (select count(*) from holding_parties p where p.holding_id = h.id
          and p.role = 'primary_owner' and p.ends_on is null and p.customer_id = h.customer_id) = 1)::int as owned,
        (select count(*)::int from holding_parties p where p.owner_id not in (select customer_id from holdings where id = p.holding_id)) as astray
       from holdings h left join holding_keys k on k.holding_id = h.id and k.customer_id = h.customer_id`,
    );
    expect(rows[0].keyed).toBe(rows[0].holdings);
    expect(rows[0].owned).toBe(rows[0].holdings);
    expect(rows[0].astray).toBe(0);
  });
});

const patchType = { headers: { 'content-type': 'application/merge-patch+json', 'if-match': '*' } };

describe('changing', () => {
  test('needs the present version, and is never late', async () => {
    const { holding } = await upsert(await aHolding({ source_time: '2026-12-01T00:00:00Z' }), 201);
    const path = `/v1/holdings/${holding.id}`;
    await t.client.problem(
      'PATCH',
      path,
      'precondition_required',
      { status: 'frozen' },
      {
        headers: { 'content-type': 'application/merge-patch+json' },
      },
    );
    expect(await t.client.patch(path, { status: 'frozen' }, '"v1"')).toMatchObject({
      status: 'frozen',
      version: 2,
    });
    await t.client.patch(path, { status: 'active' }, '"v1"', 412);
    await t.client.problem(
      'PATCH',
      '/v1/holdings/01a20f85-d334-7342-8ae8-7073e642d9b7',
      'not_found',
      { status: 'active' },
      patchType,
    );
  });

  test('of two at once with the same version one is told that it is late', async () => {
    const { holding } = await upsert(await aHolding(), 201);
    const replies = await Promise.all(
      ['frozen', 'dormant', 'stopped'].map((status) =>
        t.client.request(
          'PATCH',
          `/v1/holdings/${holding.id}`,
          { status },
          { headers: { 'if-match': '"v1"' } },
        ),
      ),
    );
    expect(replies.map((reply) => reply.status).sort()).toEqual([200, 412, 412]);
  });
});

describe('parties', () => {
  test('whoever is not named any more ends, the primary owner stays, and all are kept', async () => {
    const [owner, joint, agent] = await Promise.all([madeCustomer(), madeCustomer(), madeCustomer()]);
    const body = await aHolding({
      parties: [
        primary(owner.id, { share: '60' }),
        { customer: { id: joint.id }, role: 'joint_owner', share: '40' },
      ],
      source_time: '2026-02-01T02:00:00Z',
    });
    const { holding } = await upsert(body, 201);
    const next = await upsert({
      source: body.source,
      number: body.number,
      parties: [{ customer: { id: agent.id }, role: 'authorised', starts_on: '2026-02-15' }],
      source_time: '2026-02-20T18:00:00Z',
    });
    expect(next.holding.parties.map((party: Json) => [party.customer_id, party.role])).toEqual([
      [owner.id, 'primary_owner'],
      [agent.id, 'authorised'],
    ]);
    const all = (await t.client.get(`/v1/holdings/${holding.id}/parties`)).data;
    // 18:00 in UTC is the next day at the bank
    expect(all.find((party: Json) => party.customer_id === joint.id)).toMatchObject({
      ends_on: '2026-02-21',
    });
    expect((await t.client.get(`/v1/customers/${joint.id}/holdings`)).data).toEqual([]);
    const ended = await t.client.get(`/v1/customers/${joint.id}/holdings?include_ended=true`);
    expect(ended.data).toMatchObject([{ role: 'joint_owner', share: '40', holding: { id: holding.id } }]);
    expect((await t.client.get(`/v1/customers/${agent.id}/holdings`)).data).toMatchObject([
      { role: 'authorised', starts_on: '2026-02-15', holding: { id: holding.id, balance: null } },
    ]);
    for (const { id } of [owner, joint, agent]) expect((await marked(id)).touched).toContain('holdings');
  });

  test('a new primary owner takes the holding over: its rows move, both are told', async () => {
    const [former, next] = await Promise.all([madeCustomer(), madeCustomer()]);
    const { holding } = await upsert(await aHolding({ balance: '7', parties: [primary(former.id)] }), 201);
    const { next_after } = await t.client.get('/v1/events?limit=1000');
    const path = `/v1/holdings/${holding.id}/parties`;
    const moved = await t.client.post(path, primary(next.id, { starts_on: '2026-03-01' }));
    expect(moved).toMatchObject({ primary_owner_id: next.id, version: 2, balance: '7' });
    const { rows } = await t.database.pool.query(
      `select h.customer_id as row, k.customer_id as key, array_agg(distinct p.owner_id) as owners
       from holdings h join holding_keys k on k.holding_id = h.id join holding_parties p on p.holding_id = h.id
       where h.id = $1 group by 1, 2`,
      [holding.id],
    );
    expect(rows).toEqual([{ row: next.id, key: next.id, owners: [next.id] }]);
    expect((await t.client.get(`/v1/customers/${former.id}/holdings`)).data).toEqual([]);
    expect((await t.client.get(`/v1/customers/${former.id}/holdings?include_ended=true`)).data).toMatchObject(
      [{ role: 'primary_owner', ends_on: '2026-03-01', holding: { id: holding.id, number: holding.number } }],
    );
    expect(await t.client.get(`/v1/customers/${next.id}`)).toMatchObject({ status: 'active' });
    const types = async (id: string) =>
      (await eventsOf(id, next_after)).map((event: { type: string }) => event.type);
    expect(await types(next.id)).toContain('clientele.holding.updated');
    expect(await types(former.id)).toContain('clientele.holding.updated');
    // and back again, through the source
    const body = { source: 'core', number: holding.number, parties: [primary(former.id)] };
    expect((await upsert(body)).holding).toMatchObject({ primary_owner_id: former.id, version: 3 });
    expect(await upsert(body)).toMatchObject({ outcome: 'unchanged' });
  });

  test('a party is changed and ended; a primary owner is not ended without the next', async () => {
    const [owner, agent] = await Promise.all([madeCustomer(), madeCustomer()]);
    const { holding } = await upsert(await aHolding({ parties: [primary(owner.id)] }), 201);
    const path = `/v1/holdings/${holding.id}/parties`;
    const added = await t.client.post(path, { customer: { id: agent.id }, role: 'authorised' });
    expect(added.version).toBe(2);
    const party = (id: string) => added.parties.find((one: Json) => one.customer_id === id).id;
    const problem = await t.client.problem(
      'PATCH',
      `${path}/${party(owner.id)}`,
      'rule_broken',
      { ends_on: '2026-03-01' },
      patchType,
    );
    expect(problem.errors[0].code).toBe('primary_owner_required');
    await t.client.problem(
      'PATCH',
      `${path}/${party(agent.id)}`,
      'malformed_request',
      { share: '100.01' },
      patchType,
    );
    await t.client.patch(`${path}/${party(agent.id)}`, { ends_on: '2026-02-01' }, '"v1"', 412);
    const changed = await t.client.patch(`${path}/${party(agent.id)}`, { starts_on: '2026-01-01' }, '"v2"');
    expect(changed.parties[1]).toMatchObject({ starts_on: '2026-01-01', ends_on: null });
    const left = await t.client.delete(`${path}/${party(agent.id)}`, 200, {
      headers: { 'if-match': '"v3"' },
    });
    expect(left.parties).toHaveLength(1);
    const { data } = await t.client.get(path);
    expect(data[1]).toMatchObject({ customer_id: agent.id, ends_on: '2026-03-01' });
    await t.client.problem(
      'PATCH',
      `${path}/01a20f85-d334-7342-8ae8-7073e642d9b7`,
      'not_found',
      { share: '1' },
      patchType,
    );
  });

  test("owners' shares come to 100 percent at most", async () => {
    const [owner, joint] = await Promise.all([madeCustomer(), madeCustomer()]);
    const problem = await t.client.problem(
      'POST',
      '/v1/holdings/upsert',
      'rule_broken',
      await aHolding({
        parties: [
          primary(owner.id, { share: '60' }),
          { customer: { id: joint.id }, role: 'joint_owner', share: '40.01' },
        ],
      }),
    );
    expect(problem.errors[0].code).toBe('shares_exceed_whole');
  });
});

describe('data scope', () => {
  const scopes = ['customers:read', 'customers:write'] as const;

  test('a holding is seen by whoever sees a party of it, and changed by whoever sees its owner', async () => {
    const [owner, joint] = await Promise.all([
      madeCustomer({ branch: '1001' }),
      madeCustomer({ branch: '1002' }),
    ]);
    const parties = [primary(owner.id), { customer: { id: joint.id }, role: 'joint_owner' }];
    const { holding } = await upsert(await aHolding({ parties }), 201);
    const ofOwner = await t.clientWith(scopes, { branches: ['1001'] });
    const ofJoint = await t.clientWith(scopes, { branches: ['1002'] });
    const ofNobody = await t.clientWith(scopes, { branches: ['1003'] });
    const path = `/v1/holdings/${holding.id}`;

    const [shownToOwner, shownToJoint] = [await ofOwner.get(path), await ofJoint.get(path)];
    expect(shownToOwner.parties.map((party: Json) => party.customer_id)).toEqual([owner.id]);
    expect(shownToJoint).toMatchObject({ primary_owner_id: null, parties: [{ customer_id: joint.id }] });
    expect((await ofJoint.get(`${path}/parties`)).data).toHaveLength(1);
    await ofJoint.problem('PATCH', path, 'not_found', { status: 'frozen' }, patchType);
    expect((await ofJoint.get(`/v1/customers/${joint.id}/holdings`)).data).toHaveLength(1);
    await ofJoint.problem('GET', `/v1/customers/${owner.id}/holdings`, 'not_found');

    const lookup = { source: 'core', number: holding.number };
    await ofNobody.problem('GET', path, 'not_found');
    await ofNobody.problem('GET', `${path}/parties`, 'not_found');
    await ofNobody.problem('POST', '/v1/holdings/lookup', 'not_found', lookup);
    await ofNobody.problem('POST', '/v1/holdings/upsert', 'not_found', { ...lookup, balance: '1' });
    await ofNobody.problem('POST', `${path}/parties`, 'not_found', parties[1]);

    // whom the key cannot see it cannot end
    await ofOwner.post('/v1/holdings/upsert', { ...lookup, parties: [primary(owner.id)] });
    expect((await t.client.get(path)).parties).toHaveLength(2);
  });

  test('a customer outside is as unknown as one that is not there, and neither makes a stub', async () => {
    const [inside, outside] = await Promise.all([
      madeCustomer({ branch: '1001' }),
      madeCustomer({ branch: '1002' }),
    ]);
    const ofBranch = await t.clientWith(scopes, { branches: ['1001'] });
    const refused = async (customer: Json) => {
      const body = await aHolding({
        on_unknown: 'create',
        parties: [primary(inside.id), { customer, role: 'authorised' }],
      });
      const problem = await ofBranch.problem('POST', '/v1/holdings/upsert', 'not_found', body);
      return { ...problem, instance: '' };
    };
    const nobody = { scheme: 'core_banking', value: 'NOBODYATALL' };
    const { identifiers } = await t.client.get(`/v1/customers/${outside.id}`);
    const known = { scheme: 'core_banking', value: identifiers[0].value };
    expect(await refused(known)).toEqual(await refused(nobody));
    expect(await refused({ id: outside.id })).toEqual(await refused(nobody));
    await t.client.problem('GET', '/v1/customers/by-identifier/core_banking/NOBODYATALL', 'not_found');
  });
});

test('a customer with many holdings is read in pages that meet', async () => {
  const owner = await madeCustomer();
  for (let made = 0; made < 5; made += 1) await upsert(await aHolding({ parties: [primary(owner.id)] }), 201);
  const seen: string[] = [];
  let path = `/v1/customers/${owner.id}/holdings?limit=2`;
  for (;;) {
    const { data, next_cursor } = await t.client.get(path);
    seen.push(...data.map((one: { party_id: string }) => one.party_id));
    if (next_cursor === null) break;
    path = `/v1/customers/${owner.id}/holdings?limit=2&cursor=${encodeURIComponent(next_cursor)}`;
  }
  expect(new Set(seen).size).toBe(5);
  expect(seen).toHaveLength(5);
});
