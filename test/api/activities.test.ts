import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ poolSize: 20 });
});
afterAll(() => t.stop());

type Item = Record<string, unknown>;
type Rejected = { index: number; problem: { code: string; status: number; errors?: { pointer: string }[] } };

let counter = 0;
const nextId = () => {
  counter += 1;
  return `A${counter}`;
};

const anActivity = (stated: Item = {}): Item => ({
  source: 'core',
  source_id: nextId(),
  type: 'card_payment',
  occurred_at: '2026-02-03T10:00:00+08:00',
  amount: '12.50',
  currency: 'CNY',
  direction: 'out',
  ...stated,
});

async function newCustomer(stated: Item = {}): Promise<{ id: string; number: string }> {
  const made = await t.client.post('/v1/customers', aCustomer(stated), 201);
  return { id: made.id, number: made.identifiers[0].value };
}

const send = (items: Item[], query = '', client = t.client) =>
  client.post(`/v1/activities${query}`, { items });
const listed = async (id: string, query = '') =>
  (await t.client.get(`/v1/customers/${id}/activities${query}`)).data as Item[];
const totalsOf = async (id: string) =>
  (
    await t.database.pool.query(
      'select type, direction, count, amount, unvalued, first_at, last_at from activity_totals where customer_id = $1 order by type, direction',
      [id],
    )
  ).rows;
const countOf = async (text: string, values: unknown[]) =>
  (await t.database.pool.query(`select count(*)::int as count ${text}`, values)).rows[0].count as number;

describe('recording', () => {
  test('an activity comes back as it was stated, with what follows from it', async () => {
    const { id, number } = await newCustomer();
    const item = anActivity({
      customer: { scheme: 'core_banking', value: number.toLowerCase() },
      channel: 'pos',
      attributes: { shop: { name: '超市', code: 7 }, 'tags.all': ['a', 'b"\\\t'] },
    });
    expect(await send([item])).toEqual({ accepted: 1, duplicates: 0, superseded: 0, rejected: [] });
    const [one] = await listed(id);
    expect(one).toMatchObject({
      customer_id: id,
      type: 'card_payment',
      occurred_at: '2026-02-03T02:00:00Z',
      precision: 'instant',
      business_date: '2026-02-03',
      amount: '12.5',
      reporting_amount: '12.5',
      currency: 'CNY',
      direction: 'out',
      channel: 'pos',
      initiated_by: 'customer',
      own_transfer: false,
      state: 'current',
      attributes: item.attributes,
    });
  });

  test('a date alone is 00:00 at the bank, with precision day; the business date is the one at the bank', async () => {
    const { id } = await newCustomer();
    await send([
      anActivity({ customer: { id }, occurred_at: '2026-02-03' }),
      anActivity({ customer: { id }, occurred_at: '2026-02-03T17:00:00Z' }),
      anActivity({
        customer: { id },
        occurred_at: '2026-02-04T00:00:00.000001Z',
        business_date: '2026-02-02',
      }),
    ]);
    expect(await listed(id)).toMatchObject([
      { occurred_at: '2026-02-04T00:00:00.000001Z', business_date: '2026-02-02' },
      { occurred_at: '2026-02-03T17:00:00Z', precision: 'instant', business_date: '2026-02-04' },
      { occurred_at: '2026-02-02T16:00:00Z', precision: 'day', business_date: '2026-02-03' },
    ]);
  });

  test('sent again it is a duplicate, however its customer is named and its defaults are spelt', async () => {
    const { id, number } = await newCustomer();
    const item = anActivity({ customer: { id } });
    await send([item]);
    const again = [
      item,
      { ...item, customer: { scheme: 'core_banking', value: number } },
      { ...item, amount: '12.5', initiated_by: 'customer', own_transfer: false, business_date: '2026-02-03' },
      { ...item, occurred_at: '2026-02-03T02:00:00.000Z' },
    ];
    for (const one of again) expect(await send([one])).toMatchObject({ accepted: 0, duplicates: 1 });
    expect(await send(again)).toMatchObject({ accepted: 0, duplicates: 4, rejected: [] });
    expect(await totalsOf(id)).toMatchObject([{ count: 1, amount: '12.5000' }]);
  });

  test.each([
    ['amount', { amount: '12.51' }],
    ['type', { type: 'transfer' }],
    ['instant', { occurred_at: '2026-02-03T10:00:00.000001+08:00' }],
    ['precision', { occurred_at: '2026-02-03' }],
    ['direction', { direction: 'in' }],
    ['attributes', { attributes: { shop: 'B' } }],
    ['channel', { channel: 'atm' }],
  ])('other content under its source id is a conflict: %s', async (_name, change) => {
    const { id } = await newCustomer();
    const item = anActivity({ customer: { id } });
    await send([item]);
    const reply = await send([{ ...item, ...change }, anActivity({ customer: { id } })]);
    expect(reply).toMatchObject({
      accepted: 1,
      duplicates: 0,
      rejected: [
        {
          index: 0,
          problem: { code: 'activity_conflict', status: 409, errors: [{ pointer: '/items/0/source_id' }] },
        },
      ],
    });
    expect(await listed(id)).toHaveLength(2);
  });

  test('another customer under its source id is a conflict', async () => {
    const [first, second] = [await newCustomer(), await newCustomer()];
    const item = anActivity({ customer: { id: first.id } });
    const reply = await send([item, { ...item, customer: { id: second.id } }, item]);
    expect(reply).toMatchObject({ accepted: 1, duplicates: 1, rejected: [{ index: 1 }] });
    expect(await listed(second.id)).toEqual([]);
  });

  test('totals count and sum by type and direction; amounts in other currencies are unvalued', async () => {
    const { id } = await newCustomer();
    const customer = { id };
    await send([
      anActivity({ customer, amount: '0.1' }),
      anActivity({ customer, amount: '0.2', occurred_at: '2025-12-31T23:59:59Z' }),
      anActivity({ customer, amount: '999999999999999.9999', direction: 'in' }),
      anActivity({ customer, amount: '3', currency: 'USD' }),
    ]);
    await send([anActivity({ customer, amount: '0.7' }), { ...anActivity({ customer }), type: 'login' }]);
    expect(await totalsOf(id)).toEqual([
      {
        type: 'card_payment',
        direction: 'in',
        count: 1,
        amount: '999999999999999.9999',
        unvalued: 0,
        first_at: '2026-02-03T02:00:00Z',
        last_at: '2026-02-03T02:00:00Z',
      },
      {
        type: 'card_payment',
        direction: 'out',
        count: 4,
        amount: '1.0000',
        unvalued: 1,
        first_at: '2025-12-31T23:59:59Z',
        last_at: '2026-02-03T02:00:00Z',
      },
      expect.objectContaining({ type: 'login', direction: 'out', count: 1 }),
    ]);
    expect(await listed(id)).toMatchObject([{}, {}, {}, {}, {}, { occurred_at: '2025-12-31T23:59:59Z' }]);
  });

  test('a batch is one event and one audit entry, and marks its customers for review', async () => {
    const [first, second] = [await newCustomer(), await newCustomer()];
    await t.drain();
    const after = await countOf('from outbox', []);
    await send([
      anActivity({ customer: { id: first.id }, type: 'login', amount: undefined, currency: undefined }),
      anActivity({ customer: { id: second.id } }),
      anActivity({ customer: { id: second.id } }),
    ]);
    const { rows } = await t.database.pool.query('select * from outbox order by id offset $1', [after]);
    expect(rows).toMatchObject([
      { type: 'activities.recorded', data: { count: 3, customers: 2, sources: ['core'] } },
    ]);
    const marks = await t.database.pool.query(
      'select touched from review_state where customer_id = any($1::uuid[]) and marked_at is not null',
      [[first.id, second.id]],
    );
    const touched = marks.rows.map((row) => row.touched as string[]);
    expect(touched.flat()).toEqual(expect.arrayContaining(['activity:login', 'activity:card_payment']));
    expect(
      await countOf(
        "from audit_entries where action = 'activities.recorded' and details->>'customers' = '2'",
        [],
      ),
    ).toBe(1);
  });
});

describe('what is refused', () => {
  test.each<[string, Item, string, string]>([
    ['a field that is not known', { shoe_size: 43 }, 'malformed_request', '/shoe_size'],
    ['a negative amount', { amount: '-1' }, 'malformed_request', '/amount'],
    ['a number as amount', { amount: 12 }, 'malformed_request', '/amount'],
    ['an amount without a currency', { currency: undefined }, 'malformed_request', ''],
    ['a type that is no key', { type: 'Card Payment' }, 'malformed_request', '/type'],
    [
      'a date that the calendar does not have',
      { occurred_at: '2026-02-30' },
      'malformed_request',
      '/occurred_at',
    ],
    [
      'an instant without an offset',
      { occurred_at: '2026-02-03T10:00:00' },
      'malformed_request',
      '/occurred_at',
    ],
    ['a leap second', { occurred_at: '2016-12-31T23:59:60Z' }, 'rule_broken', '/occurred_at'],
    ['a time before 1970', { occurred_at: '1969-12-31' }, 'rule_broken', '/occurred_at'],
    ['a time far ahead', { occurred_at: '2027-03-05T00:00:00Z' }, 'rule_broken', '/occurred_at'],
    ['nobody', { customer: undefined }, 'malformed_request', ''],
    ['an unknown scheme', { customer: { scheme: 'shoe', value: '1' } }, 'rule_broken', '/customer/scheme'],
    ['an unknown id', { customer: { id: '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d' } }, 'not_found', '/customer'],
    [
      'an unknown identifier',
      { customer: { scheme: 'core_banking', value: 'NOBODY1' } },
      'not_found',
      '/customer',
    ],
    ['an unknown holding', { holding: { source: 'core', number: 'NOWHERE' } }, 'not_found', '/holding'],
    ['attributes without end', { attributes: { a: 'x'.repeat(20_000) } }, 'rule_broken', '/attributes'],
  ])('%s, while the others are kept', async (_name, change, code, pointer) => {
    const { id } = await newCustomer();
    const good = anActivity({ customer: { id } });
    const bad = anActivity({ customer: { id }, ...change });
    const { accepted, rejected } = await send([bad, good]);
    expect(accepted).toBe(1);
    const [one] = rejected as Rejected[];
    expect(one).toMatchObject({ index: 0, problem: { code } });
    expect(one?.problem.errors?.[0]?.pointer).toBe(`/items/0${pointer}`);
    expect(await listed(id)).toHaveLength(1);
  });

  test('deep attributes', async () => {
    const { id } = await newCustomer();
    const deep = JSON.parse(`${'{"a":'.repeat(9)}1${'}'.repeat(9)}`);
    const reply = await send([anActivity({ customer: { id }, attributes: deep })]);
    expect(reply.rejected[0].problem.code).toBe('rule_broken');
  });

  test.each([
    ['no items', { items: [] }],
    ['too many', { items: Array.from({ length: 1001 }, () => ({})) }],
    ['no list', { items: {} }],
    ['something else', { items: [{}], dry_run: true }],
  ])('a body that is no batch: %s', async (_name, body) => {
    await t.client.problem('POST', '/v1/activities', 'malformed_request', body);
  });

  test('a choice that there is not', async () => {
    await t.client.problem('POST', '/v1/activities?on_unknown=guess', 'malformed_request', { items: [{}] });
  });
});

describe('unknown customers', () => {
  test('a stub is made when it is asked for, once for all that name it', async () => {
    const value = `STUB${nextId()}`;
    const customer = { scheme: 'core_banking', value };
    const items = [anActivity({ customer }), anActivity({ customer })];
    expect(await send(items)).toMatchObject({ accepted: 0, rejected: [{ index: 0 }, { index: 1 }] });
    expect(await send(items, '?on_unknown=create')).toMatchObject({ accepted: 2, rejected: [] });
    const made = await t.client.get(`/v1/customers/by-identifier/core_banking/${value}`);
    expect(made).toMatchObject({ stub: true, status: 'prospect' });
    expect(await listed(made.id)).toHaveLength(2);
    const named = await t.client.put(`/v1/customers/by-identifier/core_banking/${value}`, {
      kind: 'organization',
      legal_name: '上海某公司',
    });
    expect(named.customer).toMatchObject({ id: made.id, stub: false, kind: 'organization' });
  });

  test('what conflicts makes no stub', async () => {
    const { id } = await newCustomer();
    const item = anActivity({ customer: { id } });
    await send([item]);
    const value = `STUB${nextId()}`;
    const again = { ...item, customer: { scheme: 'core_banking', value } };
    const reply = await send([again], '?on_unknown=create');
    expect(reply).toMatchObject({ accepted: 0, rejected: [{ problem: { code: 'not_found' } }] });
    await t.client.problem('GET', `/v1/customers/by-identifier/core_banking/${value}`, 'not_found');
  });

  test('fifty at once that name a new customer make one', async () => {
    const customer = { scheme: 'core_banking', value: `STUB${nextId()}` };
    const replies = await Promise.all(
      Array.from({ length: 50 }, () => send([anActivity({ customer })], '?on_unknown=create')),
    );
    expect(replies.reduce((sum, reply) => sum + reply.accepted, 0)).toBe(50);
    const made = await t.client.get(`/v1/customers/by-identifier/core_banking/${customer.value}`);
    expect(await totalsOf(made.id)).toMatchObject([{ count: 50, amount: '625.0000' }]);
  });
});

describe('holdings', () => {
  const aHolding = async (owner: string, number: string) => {
    await t.client.post(
      '/v1/holdings/upsert',
      {
        source: 'core',
        number,
        category: 'deposit',
        currency: 'CNY',
        parties: [{ customer: { id: owner }, role: 'primary_owner' }],
      },
      201,
    );
  };

  test('an activity on a holding belongs to its primary owner, or to the customer that is named beside it', async () => {
    const [owner, other] = [await newCustomer(), await newCustomer()];
    const number = `6222${nextId()}`;
    await aHolding(owner.id, number);
    const holding = { source: 'core', number: ` ${number.slice(0, 4)} ${number.slice(4).toLowerCase()}` };
    const mine = anActivity({ holding });
    await send([mine, anActivity({ holding, customer: { id: other.id } })]);
    const [[first], [second]] = [await listed(owner.id), await listed(other.id)];
    expect(first?.holding_id).toEqual(expect.any(String));
    expect(second?.holding_id).toBe(first?.holding_id);
    expect(await send([{ ...mine, holding: { source: 'core', number } }])).toMatchObject({ duplicates: 1 });
    expect(await send([{ ...mine, holding: undefined, customer: { id: owner.id } }])).toMatchObject({
      rejected: [{ problem: { code: 'activity_conflict' } }],
    });
  });
});

describe('data scope', () => {
  test('what lies outside is as unknown as what does not exist, and makes no stub', async () => {
    const inside = await newCustomer({ branch: 'S1' });
    const outside = await newCustomer({ branch: 'S2' });
    const scoped = await t.clientWith(['activities:write', 'activities:read'], { branches: ['S1'] });
    const customers = await countOf('from customers', []);
    const items = [
      anActivity({ customer: { id: inside.id } }),
      anActivity({ customer: { id: outside.id } }),
      anActivity({ customer: { scheme: 'core_banking', value: outside.number } }),
      anActivity({ customer: { scheme: 'core_banking', value: `NEW${nextId()}` } }),
      anActivity({ customer: { id: '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d' } }),
    ];
    const reply = await send(items, '?on_unknown=create', scoped);
    expect(reply.accepted).toBe(1);
    const problems = (reply.rejected as Rejected[]).map(({ index, problem }) => [
      index,
      problem.code,
      problem.status,
    ]);
    expect(problems).toEqual([1, 2, 3, 4].map((index) => [index, 'not_found', 404]));
    const details = (reply.rejected as { problem: { detail: string } }[]).map(
      ({ problem }) => problem.detail,
    );
    expect(new Set(details).size).toBe(1);
    expect(await countOf('from customers', [])).toBe(customers);
    expect(await listed(outside.id)).toEqual([]);
    await scoped.get(`/v1/customers/${inside.id}/activities`);
    await scoped.problem('GET', `/v1/customers/${outside.id}/activities`, 'not_found');
  });
});

describe('many at once', () => {
  test('the same batch from ten connections counts once', async () => {
    const customers = await Promise.all(Array.from({ length: 20 }, () => newCustomer()));
    const items = Array.from({ length: 300 }, (_, index) =>
      anActivity({ customer: { id: customers[(index * 7) % 20]?.id }, amount: '1' }),
    );
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, turn) => send(turn % 2 === 0 ? items : [...items].reverse())),
    );
    expect(replies.reduce((sum, reply) => sum + reply.accepted, 0)).toBe(300);
    expect(replies.reduce((sum, reply) => sum + reply.duplicates, 0)).toBe(2700);
    for (const { id } of customers)
      expect(await totalsOf(id)).toMatchObject([{ count: 15, amount: '15.0000' }]);
  });

  test('unordered batches of the same customers do not wait for one another for ever', async () => {
    const customers = await Promise.all(Array.from({ length: 60 }, () => newCustomer()));
    const shuffled = () =>
      customers
        .map(({ id }) => ({ id, place: Math.random() }))
        .sort((left, right) => left.place - right.place)
        .map(({ id }) => anActivity({ customer: { id }, amount: '2' }));
    const before = await deadlocks();
    const replies = await Promise.all(Array.from({ length: 120 }, () => send(shuffled())));
    expect(replies.every((reply) => reply.accepted === 60)).toBe(true);
    expect(await deadlocks()).toBe(before);
    for (const { id } of customers)
      expect(await totalsOf(id)).toMatchObject([{ count: 120, amount: '240.0000' }]);
  });

  async function deadlocks(): Promise<number> {
    const { rows } = await t.database.pool.query(
      'select deadlocks from pg_stat_database where datname = current_database()',
    );
    return rows[0].deadlocks;
  }

  test('batches of years that nobody has had before make one partition each', async () => {
    const { id } = await newCustomer();
    const years = [1971, 1983, 1999, 2004];
    const replies = await Promise.all(
      Array.from({ length: 12 }, () =>
        send(years.map((year) => anActivity({ customer: { id }, occurred_at: `${year}-07-01T00:00:00Z` }))),
      ),
    );
    expect(replies.every((reply) => reply.accepted === 4)).toBe(true);
    expect(await listed(id, '?to=2000-01-01')).toHaveLength(36);
  });
});

describe('listing', () => {
  test('pages go on where they ended, with filters, newest first', async () => {
    const { id } = await newCustomer();
    const items = Array.from({ length: 25 }, (_, index) =>
      anActivity({
        customer: { id },
        occurred_at: `202${4 + (index % 3)}-01-0${1 + (index % 5)}T00:00:00Z`,
        direction: index % 2 === 0 ? 'in' : 'out',
        type: index % 5 === 0 ? 'login' : 'transfer',
      }),
    );
    await send(items);
    const seen: Item[] = [];
    for (let cursor = ''; ; ) {
      const page = await t.client.get(`/v1/customers/${id}/activities?limit=4${cursor}`);
      seen.push(...page.data);
      if (page.next_cursor === null) break;
      cursor = `&cursor=${page.next_cursor}`;
    }
    expect(seen).toHaveLength(25);
    expect(new Set(seen.map((one) => one.id)).size).toBe(25);
    const instants = seen.map((one) => one.occurred_at as string);
    expect(instants).toEqual([...instants].sort().reverse());
    expect(await listed(id, '?type=login')).toHaveLength(5);
    expect(await listed(id, '?direction=in&type=login')).toHaveLength(3);
    expect(await listed(id, '?from=2025-01-01&to=2026-01-01')).toHaveLength(8);
    const first = await t.client.get(`/v1/customers/${id}/activities?limit=1`);
    await t.client.problem(
      'GET',
      `/v1/customers/${id}/activities?limit=1&type=login&cursor=${first.next_cursor}`,
      'invalid_cursor',
    );
  });

  test('nobody has activities who does not exist', async () => {
    const path = '/v1/customers/0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d/activities';
    await t.client.problem('GET', path, 'not_found');
  });
});
