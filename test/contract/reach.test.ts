/**
 * The authorisation table, whom a caller may see: what lies outside of its data scope is the same as what does not
 * exist, in every read, list, count, search and write, for keys and for tokens. Its rows are made from the operations;
 * listed by hand is how a resource that stands in a path comes to be, and what an operation whose path names none does
 * about customers. One that is not listed fails.
 */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DataScope } from '../../src/platform/context.js';
import type { OperationRow } from '../../src/platform/http/operation.js';
import { allScopes } from '../../src/platform/scopes.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { Client } from '../support/client.js';
import type { OpenApi } from '../support/contract.js';
import { openStream } from '../support/event-stream.js';
import { aHiddenWorld, resourceOf, type World } from '../support/hidden-world.js';
import { startProvider, type TestProvider } from '../support/oidc.js';
import { sampleOf, sendSample } from '../support/operations.js';

/** Resources that are the bank's, not a customer's: a data scope does not hide them. */
const ofTheBank = [
  '/v1/approval-policies',
  '/v1/approval-policies/{operation}',
  '/v1/balance-policy',
  '/v1/levels/model',
  '/v1/loyalty/programmes',
  '/v1/loyalty/programmes/{programme}',
  '/v1/loyalty/programmes/{programme}/earn-rules',
  '/v1/loyalty/programmes/{programme}/earn-rules/{key}',
  '/v1/loyalty/programmes/{programme}/tiers',
  '/v1/loyalty/programmes/{programme}/rewards',
  '/v1/loyalty/programmes/{programme}/rewards/{reward}',
  '/v1/exchange-rates',
  '/v1/exchange-rates/{currency}',
  '/v1/attributes/{name}',
  '/v1/identifier-schemes/{key}',
  '/v1/segments/{key}',
  '/v1/sources/{key}',
  '/v1/sources',
  '/v1/feeds',
  '/v1/feeds/{key}',
  '/v1/watermarks',
  '/v1/attributes',
  '/v1/identifier-schemes',
  '/v1/segments',
  '/v1/relationship-types',
  '/v1/facts',
  '/v1/rules/validate',
  '/v1/rfm/model',
];

type Request = { known?: Record<string, string>; query?: string; body?: unknown };

/** Operations that leave out what lies out of reach: asked so that whoever may see the hidden customer is told of it. */
const leavingOut: Record<string, (world: World) => Request> = {
  listCustomers: () => ({ query: '?limit=200' }),
  searchCustomers: () => ({ body: { name: 'Hidden Canary' } }),
  checkDuplicates: () => ({
    body: {
      kind: 'person',
      full_name: 'Hidden Canary',
      birth_date: '1970-01-02',
      contact_points: [{ kind: 'phone', value: '13900019999' }],
    },
  }),
  listSegmentMembers: ({ segment }) => ({ known: { key: segment } }),
  listSegmentChanges: ({ segment }) => ({ known: { key: segment } }),
  listEvents: () => ({ query: '?limit=1000' }),
  listApprovals: () => ({ query: '?limit=200' }),
  listImports: () => ({ query: '?limit=200' }),
  listBranches: () => ({ query: '?limit=200' }),
  listStaff: () => ({ query: '?limit=200' }),
  listAssignments: () => ({ query: '?limit=200' }),
  listMerges: () => ({ query: '?limit=200' }),
};

/** Operations whose bodies name customers or holdings: the examples name hidden ones. */
const namingInBody = [
  'upsertCustomer',
  'lookupCustomer',
  'recordActivities',
  'createAssignment',
  'upsertHolding',
  'lookupHolding',
  'lookupGroupPosition',
  'createMerge',
];

/** Operations that tell numbers alone, held to the reach in `test/api/{segment-history,explanations,rfm}.test.ts`. */
const counting = ['readSegmentStatistics', 'previewSegment', 'getRfmDistribution'];

/** Operations whose reply has no end. */
const streaming = ['streamEvents'];

/** Operations that make something of the caller's own. */
const makingOwn = ['createCustomer', 'createImport'];

/** Operations that are about whoever of some customers is in reach. */
const handingOver = ['transferAssignments'];

/** What it names is told apart by nothing: `test/api/token-exchange.test.ts`. */
const exchanging = ['exchangeToken'];

// who may change definitions changes memberships of all, by what they are
const everything = allScopes.filter((scope) => !['admin', 'definitions:write'].includes(scope));

const someCustomer = '01a20f85-d334-7342-8ae8-7073e642d9b7';
/** By what a caller is bound to: as a key has it, and as a token says it. */
const reaches: Record<string, { dataScope: DataScope; claims: Record<string, unknown> }> = {
  // of a branch that has closed nothing is left; whoever is below another one is in reach of it
  branches: {
    dataScope: { branches: ['8800', '9901'] },
    claims: { clientele_branches: ['8800', '9901'] },
  },
  'a book': { dataScope: { manager: 'RM_OTHER' }, claims: { clientele_manager: 'RM_OTHER' } },
  'one customer': { dataScope: { customer: someCustomer }, claims: { clientele_customer: someCustomer } },
};
const callers = Object.keys(reaches).flatMap((reach) => [['key', reach] as const, ['token', reach] as const]);

let t: TestApp;
let provider: TestProvider;
let document: OpenApi;
let operations: OperationRow[];

beforeAll(async () => {
  const scope = everything.join(' ');
  provider = await startProvider(
    Object.fromEntries(
      Object.entries(reaches).map(([name, { claims }]) => [clientOf(name), { scope, claims }]),
    ),
  );
  t = await startTestApp({ env: { ...provider.env, EVENT_STREAM_HEARTBEAT_SECONDS: '1' } });
  document = t.app.swagger() as unknown as OpenApi;
  operations = t.app.operations;
});
afterAll(async () => {
  await t.stop();
  await provider.stop();
});

const clientOf = (reach: string) => reach.replaceAll(' ', '-');
const nameOf = (row: OperationRow) => `${row.method} ${row.path}`;

/** A caller with every scope that may not see the hidden customer. */
async function outsiderOf(kind: 'key' | 'token', reach: string): Promise<Client> {
  return kind === 'key'
    ? t.clientWith(everything, reaches[reach]?.dataScope)
    : new Client(t.origin, await provider.token(clientOf(reach)));
}

describe('whom a caller may see', () => {
  let world: World;
  let before: Record<string, string>;
  beforeAll(async () => {
    world = await aHiddenWorld(t, document);
    await closeAndPlan(world.customerId);
    before = await everythingOf(world.customerId);
  });

  /** The hidden branch has closed, and whoever asks is to look after the hidden customer one day. */
  async function closeAndPlan(customerId: string): Promise<void> {
    const branch = { name: 'A branch', kind: 'branch', opens_on: '2020-01-01' };
    await t.client.post('/v1/branches', { ...branch, code: '8800' }, 201);
    await t.client.post('/v1/branches', { ...branch, code: '8801', parent: '8800' }, 201);
    const successor = { ...branch, name: 'Canary successor', code: '9902', parent: '9900' };
    await t.client.post('/v1/branches', successor, 201);
    await t.client.patch('/v1/branches/9901', { closes_on: '2026-01-01', successor: '9902' }, '*');
    await t.client.post('/v1/staff', { code: 'RM_OTHER', name: 'Somebody', active_from: '2020-01-01' }, 201);
    for (const role of ['primary', 'assistant'])
      await t.client.post(
        '/v1/assignments',
        { customer: { id: customerId }, staff: 'RM_OTHER', role, from: '2036-01-01T00:00:00Z' },
        201,
      );
    await t.drain();
  }

  /** All rows of a customer, but what follows from definitions. */
  async function everythingOf(customerId: string): Promise<Record<string, string>> {
    const { rows: tables } = await t.database.pool.query(`
      select table_name as name from information_schema.columns c
      where table_schema = 'public' and column_name = 'customer_id' and table_name not in ('memberships', 'review_state')
        and not exists (select from pg_inherits i where i.inhrelid = to_regclass(c.table_name)) order by 1`);
    const all: Record<string, string> = {};
    for (const { name } of tables) {
      const { rows } = await t.database.pool.query(
        `select to_jsonb(r) as row from ${name} r where customer_id = $1 order by 1`,
        [customerId],
      );
      all[name] = createHash('sha256').update(JSON.stringify(rows)).digest('hex');
    }
    const own = await t.database.pool.query(
      'select to_jsonb(c) as row, s.version from customers c join review_state s on s.customer_id = c.id where c.id = $1',
      [customerId],
    );
    return { ...all, customers: JSON.stringify(own.rows) };
  }

  const order = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
  const inOrder = () => [...operations].sort((a, b) => order.indexOf(a.method) - order.indexOf(b.method));

  const rowOf = (id: string) => {
    const row = operations.find((one) => one.id === id);
    if (row === undefined) throw new Error(`there is no operation ${id}`);
    return row;
  };

  test('every operation says what it does about customers out of reach', () => {
    const listed = [
      ...Object.keys(leavingOut),
      ...namingInBody,
      ...makingOwn,
      ...counting,
      ...handingOver,
      ...exchanging,
      ...streaming,
    ];
    expect(new Set(listed).size).toBe(listed.length);
    for (const id of listed) expect(resourceOf(world, rowOf(id).path), id).toBeUndefined();
    const unplaced = operations
      .filter((row) => row.scope !== null && !row.ofTheBank && !listed.includes(row.id))
      .filter(({ path }) => resourceOf(world, path) === undefined && !ofTheBank.includes(path))
      .map(nameOf);
    expect(unplaced).toEqual([]);
  });

  test.each(callers)(
    'for a %s outside of %s, what exists and what does not are the same 404',
    async (kind, reach) => {
      const outsider = await outsiderOf(kind, reach);
      for (const row of inOrder()) {
        const resource = resourceOf(world, row.path);
        if (resource === undefined || row.ofTheBank) continue;
        const unknown = await sendSample(
          outsider,
          sampleOf(document, row, resource.includes('{scheme}') ? { value: 'NOBODY' } : {}),
        );
        const hidden = await sendSample(outsider, sampleOf(document, row, world.hidden[resource]));
        const message = `${nameOf(row)}: ${JSON.stringify(hidden.body)}`;
        expect([hidden.status, hidden.body.code], message).toEqual([404, 'not_found']);
        // an upsert creates what it does not find: that an identifier is taken cannot be hidden
        if (row.method === 'PUT' && document.paths[row.path]?.put?.responses[201] !== undefined) continue;
        expect({ ...hidden.body, instance: '' }, nameOf(row)).toEqual({ ...unknown.body, instance: '' });
      }
    },
  );

  test.each(callers)(
    'to a %s outside of %s, no operation tells of a hidden customer or changes it',
    async (kind, reach) => {
      const outsider = await outsiderOf(kind, reach);
      const own = await t.client.request('POST', '/v1/customers', {
        kind: 'person',
        full_name: 'Insider',
        branch: '8801',
        relationship_manager: 'RM_OTHER',
      });
      for (const row of inOrder()) {
        if (row.scope === 'admin') continue;
        const samples = [sampleOf(document, row)];
        if (row.path.startsWith('/v1/customers/{id}'))
          samples.push(sampleOf(document, row, { id: own.body.id }));
        for (const sample of samples) {
          const reply = await sendSample(outsider, sample);
          const seen = JSON.stringify(reply.body) + [...reply.headers.values()].join(' ');
          expect(reply.status, `${nameOf(row)}: ${seen}`).toBeLessThan(500);
          for (const secret of world.secrets)
            expect(seen.includes(secret), `${nameOf(row)} tells ${secret}: ${seen}`).toBe(false);
        }
      }
      await t.drain();
      expect(await everythingOf(world.customerId)).toEqual(before);
    },
  );

  test.each([
    ['the region', { branches: ['9900'] }],
    ['the successor of a closed branch', { branches: ['9902'] }],
    ['a book', { manager: 'RM_HIDDEN' }],
    ['the customer', undefined],
  ] as [string, DataScope | undefined][])(
    '%s is enough to reach it with every read',
    async (_name, reach) => {
      const insider = await t.clientWith(everything, reach ?? { customer: world.customerId });
      for (const row of inOrder().filter(({ method, ofTheBank }) => method === 'GET' && !ofTheBank)) {
        const resource = resourceOf(world, row.path);
        // they are of whoever made them
        if (resource === undefined || /imports|approvals|transfers/.test(resource)) continue;
        const reply = await sendSample(insider, sampleOf(document, row, world.hidden[resource]));
        // nobody but their own region sees a branch that has closed
        if (/branches|staff/.test(resource)) continue;
        if (/relationship_id|party_id|holdings.{id}$/.test(row.path) && reach === undefined) continue;
        expect(reply.status, `${nameOf(row)}: ${JSON.stringify(reply.body)}`).toBe(200);
      }
      const { data } = await insider.get('/v1/customers');
      expect(data.map(({ id }: { id: string }) => id)).toContain(world.customerId);
      const members = await insider.get(`/v1/segments/${world.segment}/members?limit=200`);
      expect(JSON.stringify(members)).toContain(world.customerId);
      expect(JSON.stringify(await insider.get('/v1/events?limit=1000'))).toContain(world.customerId);
      expect(JSON.stringify(await insider.get('/v1/assignments'))).toContain(world.customerId);
    },
  );

  test.each(Object.keys(leavingOut))('%s leaves out what lies out of reach, and it alone', async (id) => {
    const row = rowOf(id);
    const { known, query = '', body } = leavingOut[id]?.(world) ?? {};
    const sample = sampleOf(document, row, known);
    const sent = { ...sample, target: sample.target + query, ...(body === undefined ? {} : { body }) };
    const told = JSON.stringify((await sendSample(t.client, sent)).body);
    expect(
      world.secrets.some((secret) => told.includes(secret)),
      told,
    ).toBe(true);
    for (const [kind, reach] of callers) {
      const reply = await sendSample(await outsiderOf(kind, reach), sent);
      const seen = JSON.stringify(reply.body);
      expect(reply.status, seen).toBe(200);
      for (const secret of world.secrets) expect(seen.includes(secret), `${secret}: ${seen}`).toBe(false);
    }
  });

  test('the stream of events passes over what lies out of reach, and moves on', async () => {
    const { next_after: head } = await t.client.get('/v1/events?limit=1000');
    const told = await openStream(t.origin, { secret: t.client.secret ?? '', query: '?after=0' });
    await told.until(() => told.events.some(({ event }) => event.subject === world.customerId));
    told.leave();
    for (const [kind, reach] of callers) {
      const { secret = '' } = await outsiderOf(kind, reach);
      const stream = await openStream(t.origin, { secret, query: '?after=0' });
      await stream.until(() => stream.lastId() >= head);
      const seen = JSON.stringify([stream.events, stream.comments]);
      for (const secret of world.secrets) expect(seen.includes(secret), `${secret}: ${seen}`).toBe(false);
      stream.leave();
    }
  });

  test.each(namingInBody)('%s finds nobody out of reach, and takes the same of whoever may', async (id) => {
    const sample = sampleOf(document, rowOf(id));
    for (const [kind, reach] of callers) {
      const outsider = await outsiderOf(kind, reach);
      const { status, body } = await outsider.request(sample.method, sample.target, sample.body);
      // of a batch each item is judged
      const codes = status === 200 ? body.rejected.map(codeOf) : [body.code];
      expect([...new Set(codes)], `${status} ${JSON.stringify(body)}`).toEqual(['not_found']);
      if (status === 200) expect(body).toMatchObject({ accepted: 0, duplicates: 0 });
      else expect(status).toBe(404);
    }
    const { status, body } = await t.client.request(sample.method, sample.target, sample.body);
    expect(status, JSON.stringify(body)).toBeLessThan(300);
    expect(body.rejected ?? []).toEqual([]);
  });

  const codeOf = ({ problem }: { problem: { code: string } }) => problem.code;

  test('what is made lies within reach, or is seen by its maker alone', async () => {
    for (const [kind, reach] of callers) {
      const outsider = await outsiderOf(kind, reach);
      const elsewhere = { kind: 'person', full_name: 'Stranger', branch: '0101' };
      const refused = await outsider.problem('POST', '/v1/customers', 'rule_broken', elsewhere);
      expect(refused.errors[0].code).toBe('outside_data_scope');
      const made = await sendSample(outsider, sampleOf(document, rowOf('createImport')));
      await outsider.get(`/v1/imports/${made.body.id}`);
      const another = await t.clientWith(everything, reaches[reach]?.dataScope);
      await another.problem('GET', `/v1/imports/${made.body.id}`, 'not_found');
    }
  });

  test('a book or a branch that is handed over is handed over as far as it is in reach', async () => {
    const present = await everythingOf(world.customerId);
    for (const [kind, reach] of callers.filter(([, one]) => one !== 'a book')) {
      const outsider = await outsiderOf(kind, reach);
      for (const from of [{ staff: 'RM_HIDDEN' }, { branch: '9900' }]) {
        const transfer = await outsider.post('/v1/assignments/transfers', { from, to: 'RM009' }, 201);
        expect(transfer).toMatchObject({ total: 0, done: 0, state: 'completed' });
      }
    }
    expect(await everythingOf(world.customerId)).toEqual(present);
  });

  test('the same requests do reach the customer for whoever may', async () => {
    const seen: string[] = [];
    for (const row of inOrder()) {
      const resource = resourceOf(world, row.path);
      if (resource === undefined) continue;
      const reply = await sendSample(t.client, sampleOf(document, row, world.hidden[resource]));
      expect([404, 401, 403], `${nameOf(row)}: ${JSON.stringify(reply.body)}`).not.toContain(reply.status);
      seen.push(JSON.stringify(reply.body));
    }
    for (const secret of world.secrets)
      expect(
        seen.some((body) => body.includes(secret)),
        secret,
      ).toBe(true);
  });
});
