/** The segments that a new bank begins with: each can be, holds whom it says, and is the bank's own to change. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { touchNames } from '../../src/rules/touches.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer, aHolding } from '../support/factories.js';

type Body = Record<string, unknown>;
type Seeded = { key: string; name: string; description: string; rule: unknown; state: string };

let t: TestApp;
let seeded: Seeded[];

/** The statements of the migrations, on a database that has no customer yet, or has. */
async function seed(): Promise<void> {
  const folder = path.resolve(import.meta.dirname, '../../migrations');
  const files = (await readdir(folder)).filter((name) =>
    /_(segment_catalogue|silent_by_own_value)\.sql$/.test(name),
  );
  for (const file of files.sort()) {
    await t.database.pool.query(await readFile(path.join(folder, file), 'utf8'));
  }
}

beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-10T04:00:00Z' });
  const former = (await t.client.get('/v1/segments')).data.map(({ key }: Seeded) => key);
  await seed();
  const { data } = await t.client.get('/v1/segments?limit=100');
  seeded = data.filter(({ key }: Seeded) => !former.includes(key));
});
afterAll(() => t.stop());

let counter = 0;

async function customer(stated: Body = {}): Promise<string> {
  const body = aCustomer({ birth_date: '1980-05-05', status: 'active', ...stated });
  return (await t.client.post('/v1/customers', body, 201)).id;
}

async function hold(id: string, balance: string, stated: Body = {}): Promise<void> {
  counter += 1;
  const body = { ...aHolding(`SEED${counter}`, { id }), balance, balance_date: '2025-06-01', ...stated };
  await t.client.post('/v1/holdings/upsert', body, 201);
}

async function act(id: string, type: string, days: readonly string[], stated: Body = {}): Promise<void> {
  const items = days.map((day) => {
    counter += 1;
    return {
      source: 'core',
      source_id: `SEED${counter}`,
      customer: { id },
      type,
      occurred_at: `${day}T03:00:00Z`,
      ...stated,
    };
  });
  expect(await t.client.post('/v1/activities', { items })).toMatchObject({ accepted: items.length });
}

const person = async (work: (id: string) => Promise<void>, stated: Body = {}) => {
  const id = await customer(stated);
  await work(id);
  return id;
};

/** Of each segment somebody who is in it, and somebody who is nearly. */
const examples: Record<string, { inside: () => Promise<string>; outside: () => Promise<string> }> = {
  young_adults: {
    inside: () => customer({ birth_date: '2008-03-10' }),
    outside: () => customer({ birth_date: '2008-03-11' }),
  },
  seniors: {
    inside: () => customer({ birth_date: '1966-03-10' }),
    outside: () => customer({ birth_date: '1966-03-10', status: 'deceased' }),
  },
  minors: {
    inside: () => customer({ birth_date: '2008-03-11' }),
    outside: () => customer({ birth_date: '2008-03-10' }),
  },
  business_customers: {
    inside: () => customer({ kind: 'organization', birth_date: undefined }),
    outside: () => customer(),
  },
  digital_active: {
    inside: () => person((id) => act(id, 'login', ['2026-02-09', '2026-02-20', '2026-02-21', '2026-03-09'])),
    outside: () => person((id) => act(id, 'login', ['2026-02-07', '2026-02-20', '2026-02-21', '2026-03-09'])),
  },
  digital_lapsed: {
    inside: () => person((id) => act(id, 'login', ['2025-12-31'])),
    outside: () => person((id) => act(id, 'login', ['2025-12-31', '2026-03-01'])),
  },
  card_active: {
    inside: () =>
      person((id) =>
        act(id, 'card_payment', ['2026-03-01', '2026-03-02', '2026-03-03', '2026-03-04', '2026-03-05'], {
          initiated_by: 'customer',
        }),
      ),
    outside: () =>
      person((id) =>
        act(id, 'card_payment', ['2026-03-01', '2026-03-02', '2026-03-03', '2026-03-04', '2026-03-05'], {
          initiated_by: 'bank',
        }),
      ),
  },
  salary_receivers: {
    inside: () =>
      person((id) => act(id, 'salary', ['2025-12-30', '2026-01-02', '2026-02-28'], { direction: 'in' })),
    outside: () =>
      person((id) => act(id, 'salary', ['2025-12-30', '2026-01-02', '2026-03-01'], { direction: 'in' })),
  },
  silent: {
    inside: () =>
      person(async (id) => {
        await hold(id, '5000', { balance_date: '2025-09-30' });
        await hold(id, '-4500', { balance_date: '2025-10-01' });
      }),
    // never had more than it has
    outside: () => person((id) => hold(id, '500')),
  },
  affluent: {
    inside: () => person((id) => hold(id, '500000')),
    outside: () => person((id) => hold(id, '1000000.01')),
  },
  private_banking: {
    inside: () => person((id) => hold(id, '6000000')),
    outside: () =>
      person(async (id) => {
        await hold(id, '6000000');
        await hold(id, '-0.01', { category: 'loan' });
      }),
  },
  lasting_high_net_worth: {
    inside: () => person((id) => hold(id, '1000000.01')),
    outside: () => person((id) => hold(id, '2000000', { balance_date: '2026-01-01' })),
  },
  qualified_investor_candidates: {
    inside: () =>
      person((id) => hold(id, '3000000', { opened_on: '2024-03-10' }), { customer_since: '2024-03-10' }),
    outside: () => person((id) => hold(id, '9000000'), { customer_since: '2024-03-11' }),
  },
  borrowers: {
    inside: () => person((id) => hold(id, '-0.01', { category: 'credit_card' })),
    outside: () => person((id) => hold(id, '10', { category: 'credit_card' })),
  },
};

const membersOf = async (key: string): Promise<string[]> => {
  const { data } = await t.client.get(`/v1/segments/${key}/members?limit=200`);
  return data.map((one: { customer_id: string }) => one.customer_id);
};

describe('the catalogue', () => {
  test('has segments of each kind, each with an example here', () => {
    expect(seeded.map(({ key }) => key).sort()).toEqual(Object.keys(examples).sort());
    const kinds = seeded.map(({ description }) => description.split('.')[0]);
    expect(new Set(kinds)).toEqual(new Set(['Demographic', 'Behavioural', 'By value']));
    expect(seeded.every(({ state }) => state === 'current')).toBe(true);
  });

  test('is of rules that can be, and reads what is written down of them', async () => {
    const { rows } = await t.database.pool.query('select segment, reads from segment_versions');
    for (const { key, rule } of seeded) {
      const reads = rows.find(({ segment }) => segment === key)?.reads;
      expect(reads).toContain(touchNames.customer);
      expect(await t.client.post('/v1/rules/validate', { rule }), key).toEqual({
        valid: true,
        reads,
        errors: [],
      });
    }
  });

  test('holds whom it says, and no stub', async () => {
    const cases: [string, string, string][] = [];
    for (const [key, { inside, outside }] of Object.entries(examples)) {
      cases.push([key, await inside(), await outside()]);
    }
    await t.drain();
    for (const [key, inside, outside] of cases) {
      const members = await membersOf(key);
      expect(members, key).toContain(inside);
      expect(members, key).not.toContain(outside);
    }
    const ids = cases.map(([, inside]) => inside);
    await t.database.pool.query('update customers set stub = true where id = any($1)', [ids]);
    const mark = `update review_state set marked_at = $2, touched = '{customer}' where customer_id = any($1)`;
    await t.database.pool.query(mark, [ids, '2026-03-10T04:00:00Z']);
    await t.drain();
    for (const [key, inside] of cases) expect(await membersOf(key), key).not.toContain(inside);
  });

  test('calls silent who fell below a fifth of what it had itself, however little that was', async () => {
    const had = (most: string, left: string) =>
      person(async (id) => {
        await hold(id, most, { balance_date: '2025-09-30' });
        await hold(id, left, { balance_date: '2025-10-01' });
      });
    const fallen = await had('2000', '-1601');
    const just = await had('2000', '-1600');
    const rich = await had('9000', '-8000');
    await t.drain();
    const members = await membersOf('silent');
    expect([fallen, just, rich].map((id) => members.includes(id))).toEqual([true, false, false]);
    const { explanation } = await t.client.get(`/v1/customers/${fallen}/segments/silent/explanation`);
    const [floor, share] = explanation.conditions[2].conditions[0].conditions;
    expect(floor).toMatchObject({ value: '399', verdict: true });
    expect(share).toMatchObject({
      value: '399',
      against: { value: '2000', bound: '400', days: { first: '2025-09-01', until: '2026-03-01' } },
    });
  });

  test('is the bank’s own to edit and to delete', async () => {
    for (const { key, name, rule } of seeded) {
      const { headers } = await t.client.request('GET', `/v1/segments/${key}`);
      const stated = {
        name,
        description: 'Ours',
        rule: { any: [rule, { fact: 'city', op: 'eq', value: 'Atlantis' }] },
      };
      await t.client.put(`/v1/segments/${key}`, stated, 200, {
        headers: { 'if-match': headers.get('etag') ?? '' },
      });
    }
    await t.drain();
    const resident = await customer({ city: 'Atlantis' });
    await t.drain();
    for (const { key } of seeded) {
      expect(await membersOf(key), key).toContain(resident);
      const { headers } = await t.client.request('GET', `/v1/segments/${key}`);
      await t.client.delete(`/v1/segments/${key}`, 204, {
        headers: { 'if-match': headers.get('etag') ?? '' },
      });
    }
    await t.drain();
    const { data } = await t.client.get('/v1/segments?limit=100');
    expect(data.map(({ key }: Seeded) => key)).toEqual(['high_net_worth', 'new', 'ordinary']);
  });

  test('is not given to a bank that has customers', async () => {
    await t.database.pool.query('delete from segment_versions where segment = $1', ['seniors']);
    await t.database.pool.query('delete from memberships where segment = $1', ['seniors']);
    await t.database.pool.query('delete from segments where key = $1', ['seniors']);
    await seed();
    const { rows } = await t.database.pool.query('select key from segments where key = $1', ['seniors']);
    expect(rows).toEqual([]);
  });
});
