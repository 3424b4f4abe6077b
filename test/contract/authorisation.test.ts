/**
 * The authorisation table: every operation that is registered refuses those without a key, those without its scope,
 * and hides what lies outside the caller's data scope as if it did not exist. Nothing here is listed by hand but what
 * is open to all, and how a resource that stands in a path comes to be.
 */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DataScope } from '../../src/platform/context.js';
import type { OperationRow } from '../../src/platform/http/operation.js';
import { allScopes, type Scope } from '../../src/platform/scopes.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { tryOut } from '../support/approvals.js';
import { Client } from '../support/client.js';
import type { OpenApi } from '../support/contract.js';
import { identifiersIn, sampleOf, sendSample } from '../support/operations.js';

/** Operations that ask for no key. */
const openToAll = ['getLiveness', 'getReadiness'];

/** Paths beside the operations: documentation, without a key. */
const documentation = ['/docs', '/openapi.json'];

/** Resources that are the bank's, not a customer's: a data scope does not hide them. */
const ofTheBank = [
  '/v1/approval-policies/{operation}',
  '/v1/api-keys/{id}',
  '/v1/attributes/{name}',
  '/v1/identifier-schemes/{key}',
  '/v1/segments/{key}',
];

type World = {
  /** by the beginning of a path: what stands in its parameters, for a customer outside the caller's reach */
  hidden: Record<string, Record<string, string>>;
  customerId: string;
  /** must not be seen by an outsider, whatever is asked */
  secrets: string[];
};

let t: TestApp;
let document: OpenApi;
let operations: OperationRow[];

beforeAll(async () => {
  t = await startTestApp();
  document = t.app.swagger() as unknown as OpenApi;
  operations = t.app.operations;
});
afterAll(() => t.stop());

const nameOf = (row: OperationRow) => `${row.method} ${row.path}`;

/** What a customer outside of the caller's reach has: everything that the examples speak of belongs to it. */
async function aHiddenWorld(): Promise<World> {
  const named = operations.flatMap((row) => identifiersIn(row.bodyExample));
  const identifiers = [...new Map(named.map((one) => [JSON.stringify(one), one])).values()];
  const customer = await t.client.post(
    '/v1/customers',
    {
      kind: 'person',
      full_name: 'Hidden Canary',
      branch: '9901',
      relationship_manager: 'RM_HIDDEN',
      identifiers: identifiers.slice(0, 20),
      contact_points: [{ kind: 'phone', value: '13900019999' }],
      source: 'core',
    },
    201,
  );
  const relative = await t.client.post(
    '/v1/customers',
    { kind: 'person', full_name: 'Relative Canary', branch: '9901', relationship_manager: 'RM_HIDDEN' },
    201,
  );
  const { holding } = await sendExample('upsertHolding');
  await sendExample('recordActivities');
  const relationship = await t.client.post(
    `/v1/customers/${customer.id}/relationships`,
    { related_customer: { id: relative.id }, role: 'spouse', source: 'core' },
    201,
  );
  const holdingId = String(holding?.id);
  const parties = await t.client.get(`/v1/holdings/${holdingId}/parties`);
  const started = await sendExample('createImport');
  const approval = await (await tryOut(t)).ask([customer.id]);
  await t.drain();
  const ids = {
    id: customer.id,
    identifier_id: customer.identifiers[0].id,
    relationship_id: relationship.id,
  };
  return {
    hidden: {
      '/v1/approvals/{id}': { id: approval },
      '/v1/customers/by-identifier/{scheme}/{value}':
        identifiers.find((one) => one.scheme === 'core_banking') ?? {},
      '/v1/customers/{id}': ids,
      '/v1/holdings/{id}': { id: holdingId, party_id: parties.data[0].id },
      '/v1/imports/{id}': { id: String(started.id) },
    },
    customerId: customer.id,
    secrets: [
      approval,
      customer.id,
      relative.id,
      relationship.id,
      holdingId,
      'Canary',
      '13900019999',
      'RM_HIDDEN',
    ],
  };
}

/** Sends an operation's example, and returns the body of the reply. */
async function sendExample(id: string) {
  const row = operations.find((one) => one.id === id);
  if (row === undefined) throw new Error(`there is no operation ${id}`);
  const { body } = await sendSample(t.client, sampleOf(document, row));
  return body as Record<string, { id: string }>;
}

/** The beginning of the path that names a resource, up to its last parameter of its own. */
const resourceOf = (world: World, path: string) =>
  Object.keys(world.hidden)
    .filter((prefix) => path === prefix || path.startsWith(`${prefix}/`))
    .sort((a, b) => b.length - a.length)[0];

describe('who may call', () => {
  test('every operation but a few asks for a scope that exists', () => {
    expect(operations.length).toBeGreaterThan(20);
    const open = operations.filter((row) => row.scope === null).map((row) => row.id);
    expect(open.sort()).toEqual([...openToAll].sort());
    for (const row of operations) if (row.scope !== null) expect(allScopes, row.id).toContain(row.scope);
  });

  test('every route of the server is an operation, or documentation', () => {
    const known = new Set(
      operations.flatMap((row) => [nameOf(row), nameOf({ ...row, method: 'HEAD' as never })]),
    );
    const routes = t.app
      .printRoutes({ commonPrefix: false, includeHooks: false })
      .split('\n')
      .reduce<{ stack: string[]; found: string[] }>(
        ({ stack, found }, line) => {
          const match = /^((?:│ {3}| {4})*)(?:├── |└── )(\S+)(?: \((.*)\))?$/.exec(line);
          if (match === null) return { stack, found };
          const [, indent = '', part = '', methods] = match;
          const path = [...stack.slice(0, indent.length / 4), part];
          const full = path.join('').replaceAll(/:(\w+)/g, '{$1}');
          return {
            stack: path,
            found: [
              ...found,
              ...(methods ?? '')
                .split(', ')
                .filter(Boolean)
                .map((method) => `${method} ${full}`),
            ],
          };
        },
        { stack: [], found: [] },
      ).found;
    expect(routes.length).toBeGreaterThan(operations.length);
    const others = routes.filter((route) => !known.has(route));
    const strange = others.filter(
      (route) => !documentation.some((path) => route.split(' ')[1]?.startsWith(path)),
    );
    expect(strange).toEqual([]);
    expect([...known].filter((name) => !name.startsWith('HEAD') && !routes.includes(name))).toEqual([]);
  });

  test('a request without a key, or with a wrong one, is told to bring one', async () => {
    for (const row of operations.filter(({ scope }) => scope !== null)) {
      const sample = sampleOf(document, row);
      for (const secret of [undefined, 'ck_unknown_0123456789abcdefghij', 'nonsense']) {
        const reply = await sendSample(new Client(t.origin, secret), sample);
        expect([reply.status, reply.body.code], nameOf(row)).toEqual([401, 'unauthenticated']);
        expect(reply.headers.get('www-authenticate')).toBe('Bearer');
      }
    }
  });

  test('a key with every scope but the one is told that it lacks it', async () => {
    const clients = new Map<Scope, Client>();
    for (const row of operations) {
      if (row.scope === null) continue;
      const others = allScopes.filter((scope) => scope !== row.scope && scope !== 'admin');
      const client = clients.get(row.scope) ?? (await t.clientWith(others));
      clients.set(row.scope, client);
      const reply = await sendSample(client, sampleOf(document, row));
      expect([reply.status, reply.body.code], nameOf(row)).toEqual([403, 'insufficient_scope']);
    }
  });

  test('a key with that scope alone is let in', async () => {
    const clients = new Map<Scope, Client>();
    for (const row of operations.filter(({ method }) => method === 'GET')) {
      if (row.scope === null) continue;
      const client = clients.get(row.scope) ?? (await t.clientWith([row.scope]));
      clients.set(row.scope, client);
      const reply = await sendSample(client, sampleOf(document, row));
      expect([200, 404, 422], `${nameOf(row)}: ${JSON.stringify(reply.body)}`).toContain(reply.status);
    }
  });
});

describe('whom a caller may see', () => {
  let world: World;
  let before: Record<string, string>;
  beforeAll(async () => {
    world = await aHiddenWorld();
    before = await everythingOf(world.customerId);
  });

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

  const reaches: [string, DataScope][] = [
    ['branches', { branches: ['8801'] }],
    ['a book', { manager: 'RM_OTHER' }],
    ['one customer', { customer: '01a20f85-d334-7342-8ae8-7073e642d9b7' }],
  ];
  // who may change definitions changes memberships of all, by what they are
  const everything = allScopes.filter(
    (scope) => !['admin', 'segments:write', 'definitions:write'].includes(scope),
  );
  const order = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
  const inOrder = () => [...operations].sort((a, b) => order.indexOf(a.method) - order.indexOf(b.method));

  test('every path with a parameter says whose its resource is', () => {
    const unplaced = operations
      .filter(({ path }) => path.includes('{') && resourceOf(world, path) === undefined)
      .filter(({ path }) => !ofTheBank.some((known) => path === known || path.startsWith(`${known}/`)))
      .map(nameOf);
    expect(unplaced).toEqual([]);
  });

  test.each(reaches)(
    'outside of %s, what exists and what does not are the same 404',
    async (_name, reach) => {
      const outsider = await t.clientWith(everything, reach);
      for (const row of inOrder()) {
        const resource = resourceOf(world, row.path);
        if (resource === undefined || row.scope === 'admin') continue;
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

  test.each(reaches)(
    'outside of %s, no operation tells of a hidden customer or changes it',
    async (_name, reach) => {
      const outsider = await t.clientWith(everything, reach);
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
