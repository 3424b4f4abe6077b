/**
 * Who may not read what identifies is told it nowhere. A customer whose every identifying field is a canary is read,
 * searched, listed and written through every operation, twice: with `customers:read_sensitive` the replies hold the
 * canaries, without it they hold none. Which operations can tell them is found in the document: one that is new and is
 * asked nothing here fails.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OperationRow } from '../../src/platform/http/operation.js';
import { allScopes, type Scope } from '../../src/platform/scopes.js';
import { startTestApp, type TestApp } from '../support/app.js';
import type { Client, Response } from '../support/client.js';
import type { OpenApi } from '../support/contract.js';
import { sampleOf, sendSample } from '../support/operations.js';

/** By what it is, as it must not be seen. */
const canaries = {
  full_name: '金丝雀甲乙',
  given_name: '甲乙丙',
  family_name: '金丝雀丁',
  legal_name: '金丝雀法定名',
  short_name: '金丝雀小名',
  birth_date: '1990-03-07',
  phone: '13987650123',
  email: 'zyxcanary@example.org',
  line: '金丝雀路八十八号',
  district: '金丝雀区',
  province: '金丝雀省',
  postal_code: '518126',
  national_id: '110101199003074258',
  passport: 'EZ7654321',
  attribute: 'zyx-sensitive-value',
  former_attribute: 'zyx-former-value',
  number: '6222029876543210988',
  relative: 'Zyxrelative Quillon',
};
/** What is no secret to a reader: it must be seen in both. */
const open = { city: '开放城', attribute: 'open-attribute-value', company: '开放贸易有限公司' };

type World = { customer: string; company: string; holding: string; party: string; import: string };
type Request = { known?: Record<string, string>; body?: unknown };

let t: TestApp;
let document: OpenApi;
let world: World;
let counter = 0;
const unique = (prefix: string) => {
  counter += 1;
  return `${prefix}${counter}`;
};

const customerNumber = 'ZYXC7700';
const person = (stated: Record<string, unknown> = {}) => ({
  kind: 'person',
  full_name: canaries.full_name,
  given_name: canaries.given_name,
  family_name: canaries.family_name,
  legal_name: canaries.legal_name,
  short_name: canaries.short_name,
  birth_date: canaries.birth_date,
  city: open.city,
  identifiers: [
    { scheme: 'core_banking', value: customerNumber },
    { scheme: 'national_id', value: canaries.national_id },
    { scheme: 'passport', value: canaries.passport },
  ],
  contact_points: [
    { kind: 'phone', value: canaries.phone },
    { kind: 'email', value: canaries.email },
    {
      kind: 'address',
      address: {
        lines: [canaries.line],
        district: canaries.district,
        province: canaries.province,
        postal_code: canaries.postal_code,
        city: open.city,
        country: 'CN',
      },
    },
  ],
  attributes: { hidden: canaries.attribute, shown: open.attribute },
  source: 'core',
  ...stated,
});
const holding = () => ({
  source: 'core',
  number: canaries.number,
  category: 'deposit',
  parties: [{ customer: { scheme: 'core_banking', value: customerNumber }, role: 'primary_owner' }],
});

beforeAll(async () => {
  t = await startTestApp();
  document = t.app.swagger() as unknown as OpenApi;
  for (const [name, sensitivity] of Object.entries({
    hidden: 'sensitive',
    gone: 'sensitive',
    shown: 'internal',
  })) {
    const searchable = sensitivity === 'internal';
    const body = { description: name, json_schema: { type: 'string' }, sensitivity, searchable };
    await t.client.put(`/v1/attributes/${name}`, body, 201);
  }
  world = await aWorld();
});
afterAll(() => t.stop());

async function aWorld(): Promise<World> {
  const former = { gone: canaries.former_attribute };
  const customer = await t.client.post(
    '/v1/customers',
    person({ attributes: { ...person().attributes, ...former } }),
    201,
  );
  // a value that stands no longer is told with its source
  await t.client.patch(`/v1/customers/${customer.id}`, { attributes: { gone: null } }, '*');
  const twin = [{ scheme: 'passport', value: unique('EX765432') }];
  await t.client.post('/v1/customers', person({ identifiers: twin }), 201);
  const company = await t.client.post(
    '/v1/customers',
    { kind: 'organization', full_name: open.company, legal_name: open.company, source: 'core' },
    201,
  );
  const relative = await t.client.post(
    '/v1/customers',
    { kind: 'person', full_name: canaries.relative, source: 'core' },
    201,
  );
  const relate = (id: string) => ({ related_customer: { id }, role: 'spouse', source: 'core' });
  await t.client.post(`/v1/customers/${customer.id}/relationships`, relate(relative.id), 201);
  await t.client.post(`/v1/customers/${company.id}/relationships`, relate(customer.id), 201);
  const made = await t.client.post('/v1/holdings/upsert', holding(), 201);
  const item = { source: 'core', source_id: 'M1', type: 'login', occurred_at: '2026-02-01T00:00:00Z' };
  await t.client.post('/v1/activities', { items: [{ ...item, customer: { id: customer.id } }] });
  const sent = await t.client.request(
    'POST',
    '/v1/imports?kind=customers',
    JSON.stringify(person({ kind: 'x' })),
    {
      headers: { 'content-type': 'application/x-ndjson' },
    },
  );
  await t.drain();
  return {
    customer: customer.id,
    company: company.id,
    holding: made.holding.id,
    party: made.holding.parties[0].id,
    import: sent.body.id,
  };
}

/** What is asked of an operation, where its example in the document would not tell of the customer. */
const requests: Record<string, () => Request | Promise<Request>> = {
  createCustomer: () => ({
    body: person({ identifiers: [{ scheme: 'passport', value: unique('EZ765432') }] }),
  }),
  upsertCustomer: () => ({ body: person() }),
  getCustomerByIdentifier: () => ({ known: { scheme: 'core_banking', value: customerNumber } }),
  putCustomerByIdentifier: () => ({
    known: { scheme: 'core_banking', value: customerNumber },
    body: person({ identifiers: undefined }),
  }),
  patchCustomer: () => ({ body: { language: unique('en-x') } }),
  addIdentifier: () => ({ body: { scheme: 'passport', value: unique('EY765432') } }),
  removeIdentifier: () => ({}),
  lookupCustomer: () => ({ body: { scheme: 'national_id', value: canaries.national_id } }),
  searchCustomers: () => ({
    body: { name: canaries.full_name, phone: canaries.phone, birth_date: canaries.birth_date },
  }),
  checkDuplicates: () => ({ body: person() }),
  upsertHolding: () => ({ body: { ...holding(), product: unique('product') } }),
  lookupHolding: () => ({ body: { source: 'core', number: canaries.number } }),
  patchHolding: () => ({ body: { product: unique('product') } }),
  addHoldingParty: () => ({ body: { customer: { id: world.company }, role: 'authorised' } }),
  patchHoldingParty: async () => ({
    known: { party_id: await authorised() },
    body: { starts_on: '2026-01-01' },
  }),
  endHoldingParty: async () => ({ known: { party_id: await authorised() } }),
  createRelationship: async () => {
    const other = await t.client.post('/v1/customers', { kind: 'person', full_name: canaries.relative }, 201);
    return { body: { related_customer: { id: other.id }, role: 'child' } };
  },
  getRelationship: async () => ({ known: { relationship_id: await related() } }),
  patchRelationship: async () => ({
    known: { relationship_id: await related() },
    body: { starts_on: '2026-01-01' },
  }),
  endRelationship: async () => ({ known: { relationship_id: await related() } }),
};

async function authorised(): Promise<string> {
  const party = { customer: { id: world.company }, role: 'authorised' };
  const { parties } = await t.client.post(`/v1/holdings/${world.holding}/parties`, party);
  return parties.find(({ role }: { role: string }) => role === 'authorised').id;
}

async function related(): Promise<string> {
  const other = await t.client.post('/v1/customers', { kind: 'person', full_name: canaries.relative }, 201);
  const body = { related_customer: { id: other.id }, role: 'parent' };
  return (await t.client.post(`/v1/customers/${world.customer}/relationships`, body, 201)).id;
}

const idFor = (path: string) => {
  if (path.startsWith('/v1/holdings/')) return world.holding;
  return path.startsWith('/v1/imports/') ? world.import : world.customer;
};

async function ask(client: Client, row: OperationRow): Promise<Response> {
  const { known, body } = (await requests[row.id]?.()) ?? {};
  const sample = sampleOf(document, row, { id: idFor(row.path), ...known });
  return sendSample(client, body === undefined ? sample : { ...sample, body });
}

const seen = ({ body, headers }: Response) =>
  [typeof body === 'string' ? body : JSON.stringify(body), ...headers.values()].join('\n');
const found = (text: string) =>
  Object.entries(canaries)
    .filter(([, canary]) => text.includes(canary) || text.includes(encodeURIComponent(canary)))
    .map(([name]) => name);

/** Components that show what identifies. */
const identifying = ['Customer', 'Holding', 'CustomerHolding', 'RelatedCustomer', 'Summary', 'StatedValue'];

/** Names of all components that a part of the document leads to. */
function reached(part: unknown, names = new Set<string>()): Set<string> {
  if (typeof part !== 'object' || part === null) return names;
  const { $ref } = part as { $ref?: string };
  const name = $ref?.split('/').at(-1);
  if (name !== undefined && !names.has(name)) {
    names.add(name);
    reached(document.components.schemas[name], names);
  }
  for (const child of Object.values(part)) reached(child, names);
  return names;
}

function canTell({ path, method }: OperationRow): boolean {
  const replies = Object.entries(document.paths[path]?.[method.toLowerCase()]?.responses ?? {});
  const names = replies
    .filter(([status]) => status < '300')
    .flatMap(([, { content }]) => [...reached(content)]);
  return names.some((name) => identifying.includes(name));
}

const everything = allScopes.filter((scope) => scope !== 'admin');
const withoutSensitive = everything.filter((scope) => !scope.endsWith(':read_sensitive'));
/** deletions end what the others ask for */
const order = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const walked = () =>
  t.app.operations
    .filter((row) => row.scope !== 'admin' && !row.ofTheBank)
    .sort((a, b) => order.indexOf(a.method) - order.indexOf(b.method));

test('the document says which operations can tell what identifies', () => {
  const names = new Set(Object.keys(document.components.schemas));
  expect(identifying.filter((name) => !names.has(name))).toEqual([]);
  expect(walked().filter(canTell).length).toBeGreaterThan(20);
});

test('with the scope every one of them tells it, and without it none of all', async () => {
  const clear = await t.clientWith(everything as Scope[]);
  const masked = await t.clientWith(withoutSensitive as Scope[]);
  const toldInAll = new Set<string>();
  for (const row of walked()) {
    const told = await ask(clear, row);
    const name = `${row.method} ${row.path}: ${seen(told)}`;
    if (canTell(row)) {
      expect(told.status, name).toBeLessThan(300);
      expect(found(seen(told)), name).not.toEqual([]);
    }
    for (const canary of found(seen(told))) toldInAll.add(canary);
    const hidden = await ask(masked, row);
    expect(found(seen(hidden)), `${row.method} ${row.path} without the scope: ${seen(hidden)}`).toEqual([]);
    if (row.id === 'listRejections') expect(hidden.status).toBe(403);
    else expect(hidden.status, `${row.id}: ${seen(hidden)}`).toBe(told.status);
  }
  expect([...toldInAll].sort()).toEqual(Object.keys(canaries).sort());
});

test('with the scope a customer is shown whole, and without it what does not identify is shown as it is', async () => {
  const clear = await t.clientWith(['customers:read', 'customers:read_sensitive']);
  const masked = await t.clientWith(['customers:read']);
  const path = `/v1/customers/${world.customer}/profile`;
  expect(found(JSON.stringify(await clear.get(path))).sort()).toEqual(Object.keys(canaries).sort());
  const profile = await masked.get(path);
  expect(profile.customer).toMatchObject({
    city: open.city,
    attributes: { shown: open.attribute, hidden: '***' },
  });
  const { provenance } = profile;
  // alternates are masked as the value itself is
  for (const field of ['full_name', 'given_name', 'family_name', 'legal_name', 'short_name', 'birth_date'])
    expect(provenance[field][0].value, field).toBe(profile.customer[field]);
  expect(provenance['attributes.shown'][0].value).toBe(open.attribute);
  expect(provenance['attributes.hidden'][0].value).toBe('***');
  expect(provenance['attributes.gone'].map(({ value }: { value: unknown }) => value)).toEqual([null, '***']);
  const company = await masked.get(`/v1/customers/${world.company}/profile`);
  expect(company.customer.full_name).toBe(open.company);
  expect(company.provenance.full_name[0].value).toBe(open.company);
});
