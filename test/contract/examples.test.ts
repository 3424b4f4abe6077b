/**
 * The examples of the document are sent to a running service as they stand, and each does what it shows. What a path
 * names is made by the examples too; listed by hand is only what an operation needs to be there in a certain state.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OperationRow } from '../../src/platform/http/operation.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { type TryOut, tryOut } from '../support/approvals.js';
import type { OpenApi } from '../support/contract.js';
import { openStream } from '../support/event-stream.js';
import { giveLoyalty, makeProgrammes } from '../support/loyalty.js';
import { mediaTypesOf, type Sample, sampleOf, sendSample } from '../support/operations.js';
import { aWaitingImport } from '../support/waiting-import.js';

type Names = Record<string, string>;
// biome-ignore lint/suspicious/noExplicitAny: whatever the service answered
type Body = any;

let t: TestApp;
let document: OpenApi;
let approvals: TryOut;
beforeAll(async () => {
  t = await startTestApp();
  document = t.app.swagger() as unknown as OpenApi;
});
afterAll(() => t.stop());

/** Sends an operation's example; fails where it is not answered as a success. */
async function replay(
  id: string,
  names: Names = {},
  headers: Record<string, string> = {},
  type?: string,
  known?: Body,
): Promise<Body> {
  const sample = sampleOf(document, rowOf(id), names, type);
  const reply = await sendSample(t.client, {
    ...sample,
    headers: { ...sample.headers, ...headers },
    ...(known === undefined ? {} : { body: { ...(sample.body as object), ...known } }),
  });
  expect(reply.status, `${id} ${type ?? ''}: ${JSON.stringify(reply.body)}`).toBeLessThan(300);
  return reply.body;
}

const rowOf = (id: string): OperationRow => {
  const row = t.app.operations.find((one) => one.id === id);
  if (row === undefined) throw new Error(`there is no operation ${id}`);
  return row;
};

const bodyOf = (id: string): Body => (sampleOf(document, rowOf(id)) as Sample).body;

/** Where a definition's first PUT makes it, an `If-Match` would ask for one that is there. */
async function define(id: string, names: Names): Promise<Names> {
  const { target, body } = sampleOf(document, rowOf(id), names);
  const reply = await t.client.request('PUT', target, body);
  expect(reply.status, JSON.stringify(reply.body)).toBe(201);
  return names;
}

/** Both customers of the example, unless they are one already. */
async function aPairToMerge(): Promise<Names> {
  const { survivor, merged } = bodyOf('createMerge');
  for (const one of [survivor, merged]) {
    const reply = await t.client.request('POST', '/v1/customers/upsert', {
      kind: 'person',
      identifiers: [one],
    });
    expect(reply.status).toBeLessThan(300);
  }
  return {};
}

/** With points of its own that are held, and others that can be taken back. */
async function aMember(): Promise<Names> {
  const { id } = await replay('lookupCustomer');
  return { id, ...(await giveLoyalty(t.client, id)) };
}

const idOf = async (making: Promise<Body>): Promise<Names> => ({ id: String((await making).id) });

/** What stands in the paths of operations that name something. */
const named: Record<string, () => Promise<Names>> = {
  '/v1/customers/by-identifier/{scheme}/{value}': async () => bodyOf('createCustomer').identifiers[0],
  '/v1/customers/{id}': async () => {
    const { id, identifiers } = await replay('lookupCustomer');
    const related = bodyOf('createRelationship').related_customer;
    await t.client.post('/v1/customers', { kind: 'person', source: 'core', identifiers: [related] }, 201);
    const segment = { ...bodyOf('createSegment'), key: 'explained' };
    await t.client.request('POST', '/v1/segments', segment);
    return { id, identifier_id: identifiers[0].id, key: segment.key };
  },
  '/v1/holdings/{id}': async () => {
    const { id } = (await replay('upsertHolding')).holding;
    return { id };
  },
  '/v1/attributes/{name}': () => define('putAttribute', { name: 'preferred_branch' }),
  '/v1/identifier-schemes/{key}': () => define('putIdentifierScheme', { key: 'card_system' }),
  '/v1/sources/{key}': () => define('putSource', { key: 'crm_system' }),
  '/v1/feeds/{key}': () => define('putFeed', { key: 'core_deposits' }),
  '/v1/imports/{id}': () => idOf(replay('createImport')),
  '/v1/exchange-rates/{currency}': async () => ({
    currency: bodyOf('recordExchangeRates').items[0].currency,
  }),
  '/v1/assignments/{id}': () => idOf(replay('createAssignment')),
  '/v1/assignments/transfers/{id}': () => idOf(replay('transferAssignments')),
  '/v1/branches/{code}': async () => ({ code: bodyOf('createBranch').code }),
  '/v1/staff/{code}': async () => ({ code: bodyOf('createStaff').code }),
  '/v1/merges/{id}': async () => {
    await aPairToMerge();
    return idOf(replay('createMerge'));
  },
  '/v1/segments/{key}': async () => ({ key: bodyOf('createSegment').key }),
  '/v1/segments/{key}/members/{customer_id}': async () => {
    const list = { key: 'invited', name: 'Invited', description: '', kind: 'static' };
    await t.client.post('/v1/segments', list, 201);
    return { key: list.key, customer_id: (await replay('lookupCustomer')).id };
  },
  '/v1/loyalty/programmes/{programme}/earn-rules/{key}': async () => ({
    programme: bodyOf('createLoyaltyProgramme').key,
    key: bodyOf('createEarnRule').key,
  }),
  '/v1/loyalty/programmes/{programme}': async () => {
    await makeProgrammes(t.client);
    return { programme: bodyOf('createLoyaltyProgramme').key };
  },
  '/v1/loyalty/programmes/{programme}/rewards/{reward}': async () => ({
    programme: bodyOf('createLoyaltyProgramme').key,
    reward: bodyOf('createLoyaltyReward').key,
  }),
  '/v1/loyalty/{programme}': async () => ({ programme: bodyOf('createLoyaltyProgramme').key }),
  '/v1/customers/{id}/loyalty/{programme}': () => aMember(),
  '/v1/api-keys/{id}': () => idOf(replay('createApiKey')),
  '/v1/approvals/{id}': async () => ({ id: await approvals.ask([(await replay('lookupCustomer')).id]) }),
  '/v1/approval-policies/{operation}': async () => ({ operation: 'putSegment' }),
};

/** What a reply tells that other paths of the same thing name. */
const learned: Record<string, (body: Body) => Names> = {
  createRelationship: ({ id }) => ({ relationship_id: id }),
  listHoldingParties: ({ data }) => ({
    party_id: data.find(({ role }: { role: string }) => role !== 'primary_owner')?.id,
  }),
};

/** What else an operation needs than a thing that is there; `body` is what no example can know. */
const prepared: Record<
  string,
  (type?: string) => Promise<{ names: Names; headers?: Record<string, string>; body?: Body }>
> = {
  useBenefit: async () => ({ names: await aMember() }),
  takeBackBenefitUse: async () => ({ names: await aMember() }),
  captureLoyaltyHold: async () => ({ names: await aMember() }),
  voidLoyaltyHold: async () => ({ names: await aMember() }),
  issueLoyaltyOrder: async () => ({ names: await aMember() }),
  refundLoyaltyOrder: async () => {
    const names = await aMember();
    await replay('issueLoyaltyOrder', names);
    return { names };
  },
  reverseLoyaltyOperation: async () => {
    const names = await aMember();
    return { names, body: { operation_id: names.operation_id } };
  },
  continueImport: async (type) => {
    const begun = type === 'text/csv' ? type : undefined;
    const { id, received_bytes } = await replay('createImport', {}, { 'upload-complete': '?0' }, begun);
    return { names: { id }, headers: { 'upload-offset': String(received_bytes) } };
  },
  confirmImport: async () => ({ names: { id: await aWaitingImport(t) } }),
  createMerge: async () => ({ names: await aPairToMerge() }),
  withdrawApproval: async () => ({ names: { id: await approvals.ask([], await myself()) } }),
};

/** Who sends the examples, as the service names them. */
async function myself(): Promise<string> {
  const { data } = await replay('listApiKeys');
  return `key:${data.find(({ name }: { name: string }) => name === 'test').id}`;
}

const prefixOf = (path: string) =>
  Object.keys(named)
    .filter((prefix) => path === prefix || path.startsWith(`${prefix}/`))
    .sort((a, b) => b.length - a.length)[0];

/** Operations in the order in which a newcomer tries them: what makes first, what takes away last. */
function inOrder(): OperationRow[] {
  const first = [
    ...['createCustomer', 'upsertCustomer', 'createRelationship', 'upsertHolding', 'addHoldingParty'],
    ...['listHoldingParties', 'recordActivities', 'createSegment', 'recordExchangeRates'],
    ...['createBranch', 'createStaff', 'createAssignment', 'createLoyaltyProgramme'],
    ...['createEarnRule'],
    ...['createLoyaltyReward'],
  ];
  const rank = ({ id, method }: OperationRow) => {
    const place = first.indexOf(id);
    return place >= 0 ? place : method === 'DELETE' ? first.length + 1 : first.length;
  };
  return t.app.operations.filter(({ id }) => id !== 'streamEvents').sort((a, b) => rank(a) - rank(b));
}

test('each example does what it shows', async () => {
  const names: Record<string, Names> = {};
  for (const row of inOrder()) {
    approvals ??= await tryOut(t);
    if (row.method === 'DELETE') await t.drain();
    const prefix = prefixOf(row.path);
    if (prefix === undefined && row.path.includes('{')) throw new Error(`who is named by ${row.path}?`);
    const isFresh = /^(approve|reject|withdraw|cancel)/.test(row.id);
    if (prefix !== undefined && (isFresh || names[prefix] === undefined))
      names[prefix] = (await named[prefix]?.()) ?? {};
    const [first, ...others] = mediaTypesOf(document, row);
    for (const type of [first, ...others]) {
      const own = await prepared[row.id]?.(type);
      const here = own?.names ?? names[prefix ?? ''] ?? {};
      const body = await replay(row.id, here, own?.headers, type, own?.body);
      if (prefix !== undefined) names[prefix] = { ...names[prefix], ...learned[row.id]?.(body) };
    }
  }
});

test('no line of an import is rejected', async () => {
  await t.drain();
  const { data } = await t.client.get('/v1/imports?state=completed');
  expect(data.length).toBeGreaterThan(0);
  for (const { id, kind, feed } of data) {
    if (feed !== null) continue;
    expect(kind).toBe('activities');
    const rejections = await t.client.get(`/v1/imports/${id}/rejections`);
    expect(rejections.replace(/^source,.*\n/, '')).toBe('');
  }
});

test('the stream of events is opened as its example shows', async () => {
  const { target } = sampleOf(document, rowOf('streamEvents'));
  const query = target.replace('/v1/events/stream', '');
  await t.drain();
  const stream = await openStream(t.origin, { secret: t.client.secret ?? '', query });
  await stream.until(() => stream.events.length > 0);
  stream.leave();
});
