/**
 * The document as Specmatic is to read it: with things of a running service in the parameters, each operation with
 * things of its own, and without the few parts of JSON Schema that it does not know.
 */

import { randomBytes } from 'node:crypto';
import type { TestApp } from '../support/app.js';
import { type TryOut, tryOut } from '../support/approvals.js';
import type { OpenApi } from '../support/contract.js';
import { anEarnRule } from '../support/earning.js';
import { aProgramme, aReward, giveLoyalty, makeProgrammes, someTiers } from '../support/loyalty.js';
import { type Sample, sampleOf, sendSample } from '../support/operations.js';
import { aWaitingImport } from '../support/waiting-import.js';

type Schema = { [key: string]: unknown; properties?: Record<string, Schema>; anyOf?: Schema[] };
type Parameter = { name: string; in: string; required?: boolean; schema: Schema; examples?: object };
type Media = { schema: Schema; examples?: { example: { value: unknown } } };
type Operation = {
  operationId: string;
  responses: Record<string, { content?: Record<string, Media> }>;
  parameters?: Parameter[];
  requestBody?: { content: Record<string, Media> };
};
export type Document = {
  paths: Record<string, Record<string, Operation>>;
  webhooks?: unknown;
  components: { schemas: Record<string, Schema> };
};
type Names = Record<string, string>;

const anything = (prefix: string) => prefix + randomBytes(6).toString('hex');
const identifier = () => ({ scheme: 'core_banking', value: anything('SM') });

function sample(t: TestApp, operationId: string, names: Names = {}): Sample {
  const row = t.app.operations.find(({ id }) => id === operationId);
  if (row === undefined) throw new Error(`there is no operation ${operationId}`);
  return sampleOf(t.app.swagger() as unknown as OpenApi, row, names);
}

async function aCustomer({ client }: TestApp): Promise<Names> {
  const person = () => ({
    kind: 'person',
    full_name: '李雷',
    source: 'core',
    identifiers: [identifier(), identifier()],
  });
  const one = await client.post('/v1/customers', person(), 201);
  const other = await client.post('/v1/customers', person(), 201);
  const related = { related_customer: { id: other.id }, role: 'spouse', source: 'core' };
  const { id } = await client.post(`/v1/customers/${one.id}/relationships`, related, 201);
  return { id: one.id, identifier_id: one.identifiers[0].id, relationship_id: id };
}

async function aHolding(t: TestApp): Promise<Names> {
  const [owner, joint] = [await aCustomer(t), await aCustomer(t)];
  const stated = {
    source: 'core',
    number: anything('62'),
    category: 'deposit',
    parties: [
      { customer: { id: owner.id }, role: 'primary_owner' },
      { customer: { id: joint.id }, role: 'joint_owner' },
    ],
  };
  const { holding } = await t.client.post('/v1/holdings/upsert', stated, 201);
  const { data } = await t.client.get(`/v1/holdings/${holding.id}/parties`);
  const party = data.find(({ role }: { role: string }) => role === 'joint_owner');
  return { id: holding.id, party_id: party.id };
}

async function aDefinition(t: TestApp, operationId: string, name: string): Promise<Names> {
  const names = { [name]: anything('sm_') };
  const { target, body } = sample(t, operationId, names);
  await t.client.send('PUT', target, 201, body);
  return names;
}

async function aMerge(t: TestApp): Promise<Names> {
  const [survivor, merged] = [await aCustomer(t), await aCustomer(t)];
  const pair = { survivor: { id: survivor.id }, merged: { id: merged.id } };
  const { id } = await t.client.post('/v1/merges', pair, 201);
  return { id };
}

/** An import that has not begun: it can be cancelled, and gone on with. */
async function anImport({ client }: TestApp): Promise<Names> {
  const headers = { 'content-type': 'application/x-ndjson', 'upload-complete': '?0' };
  const { body } = await client.request('POST', '/v1/imports?kind=activities', '', { headers });
  return { id: body.id, 'upload-offset': '0' };
}

/** Of today at the bank: one that is asked for without a day is there. */
async function aRate({ client, now }: TestApp): Promise<Names> {
  const business_date = (await now()).slice(0, 10);
  const items = [{ currency: 'USD', rate: '7.1', business_date, source: 'treasury' }];
  await client.post('/v1/exchange-rates', { items });
  return { currency: 'USD' };
}

async function aSegment({ client }: TestApp): Promise<Names> {
  const key = anything('sm_');
  const rule = { fact: 'holdings.net', op: 'gt', value: '300000' };
  await client.post('/v1/segments', { key, name: key, description: 'Some', rule }, 201);
  return { key };
}

async function aListedCustomer(t: TestApp): Promise<Names> {
  const key = anything('sm_');
  await t.client.post('/v1/segments', { key, name: key, description: 'Some', kind: 'static' }, 201);
  return { key, customer_id: (await aCustomer(t)).id ?? '' };
}

/** Things of a kind, made anew for each operation that names one: what one test does to it disturbs no other. */
const makers: Record<string, (t: TestApp, approvals: TryOut, actor: string) => Promise<Names>> = {
  '/v1/customers/by-identifier/{scheme}/{value}': async ({ client }) => {
    const one = identifier();
    await client.post('/v1/customers', { kind: 'person', source: 'core', identifiers: [one] }, 201);
    return one;
  },
  '/v1/customers/{id}': aCustomer,
  '/v1/customers/{id}/segments/{key}/explanation': async (t) => ({
    ...(await aCustomer(t)),
    ...(await aSegment(t)),
  }),
  '/v1/loyalty/programmes/{programme}': async ({ client }) => {
    const programme = anything('sm_');
    await client.post('/v1/loyalty/programmes', aProgramme(programme), 201);
    await client.put(`/v1/loyalty/programmes/${programme}/tiers`, someTiers(), 201);
    return { programme };
  },
  '/v1/loyalty/programmes/{programme}/earn-rules/{key}': async ({ client }) => {
    const [programme, key] = [anything('sm_'), anything('sm_')];
    await client.post('/v1/loyalty/programmes', aProgramme(programme), 201);
    await client.post(`/v1/loyalty/programmes/${programme}/earn-rules`, anEarnRule(key), 201);
    return { programme, key };
  },
  '/v1/loyalty/programmes/{programme}/rewards/{reward}': async ({ client }) => {
    await makeProgrammes(client);
    const reward = anything('sm_');
    const made = { ...aReward(reward), delivery: 'code' };
    await client.post('/v1/loyalty/programmes/rewards/rewards', made, 201);
    return { programme: 'rewards', reward };
  },
  '/v1/loyalty/{programme}': async ({ client }) => {
    await makeProgrammes(client);
    return { programme: 'rewards' };
  },
  '/v1/customers/{id}/loyalty/{programme}': async (t) => {
    const { id = '' } = await aCustomer(t);
    return { id, ...(await giveLoyalty(t.client, id)) };
  },
  '/v1/holdings/{id}': aHolding,
  '/v1/attributes/{name}': (t) => aDefinition(t, 'putAttribute', 'name'),
  '/v1/identifier-schemes/{key}': (t) => aDefinition(t, 'putIdentifierScheme', 'key'),
  '/v1/sources/{key}': (t) => aDefinition(t, 'putSource', 'key'),
  '/v1/feeds/{key}': (t) => aDefinition(t, 'putFeed', 'key'),
  '/v1/imports/{id}': anImport,
  '/v1/imports/{id}/confirm': async (t) => ({ id: await aWaitingImport(t) }),
  '/v1/merges/{id}': aMerge,
  '/v1/segments/{key}': aSegment,
  '/v1/segments/{key}/members/{customer_id}': aListedCustomer,
  '/v1/exchange-rates/{currency}': aRate,
  '/v1/assignments/{id}': async (t) => {
    await t.client.request('POST', '/v1/staff', { code: 'RM009', name: 'Li Lei' });
    const customer = { id: (await aCustomer(t)).id };
    const { id } = await t.client.post('/v1/assignments', { customer, staff: 'RM009', role: 'primary' }, 201);
    return { id };
  },
  '/v1/assignments/transfers/{id}': async ({ client }) => {
    await client.request('POST', '/v1/staff', { code: 'RM009', name: 'Li Lei' });
    const { id } = await client.post(
      '/v1/assignments/transfers',
      { from: { staff: 'RM1' }, to: 'RM009' },
      201,
    );
    return { id };
  },
  '/v1/branches/{code}': async ({ client }) => {
    const code = anything('SM');
    await client.post('/v1/branches', { code, name: code, kind: 'branch' }, 201);
    return { code };
  },
  '/v1/staff/{code}': async ({ client }) => {
    const code = anything('SM');
    await client.post('/v1/staff', { code, name: code }, 201);
    return { code };
  },
  '/v1/api-keys/{id}': async ({ client }) => {
    const { id } = await client.post('/v1/api-keys', { name: 'some', scopes: ['customers:read'] }, 201);
    return { id };
  },
  '/v1/approvals/{id}': async (_t, approvals, actor) => ({ id: await approvals.ask([], actor) }),
  '/v1/approval-policies/{operation}': async () => ({ operation: 'putSegment' }),
};

/** Parameters that no path names, and what to send in them. */
const others: Record<string, Names> = { header: { 'if-match': '*' }, query: { kind: 'activities' } };

/**
 * Parameters whose values nobody can make up: they are signed, computed of a body, or name a state that the service
 * keeps. `wait` holds an answer back. All of them have tests of their own.
 */
const secretive = [
  'cursor',
  'wait',
  'repr-digest',
  'upload-complete',
  'idempotency-key',
  'if-none-match',
  'plan_hash',
  'feed',
  'business_date',
  'mode',
  'control_rows',
  'control_amount',
  'control_sha256',
  'correction',
];

/**
 * Specmatic puts the members of all alternatives together; of `oneOf` it takes one, and ours exclude each other. Those
 * that only tell what must be there, or a format, say nothing to it.
 */
function withAlternativesApart(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withAlternativesApart);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { anyOf, ...rest } = schema as Schema;
  const isBare = anyOf?.every((one) => ['required', 'format'].includes(Object.keys(one).join())) === true;
  const kept = anyOf === undefined || isBare ? rest : { ...rest, oneOf: anyOf };
  const format = isBare ? anyOf?.[0]?.format : undefined;
  return Object.fromEntries([
    ...Object.entries(kept).map(([name, inner]) => [
      name,
      name === 'examples' ? inner : withAlternativesApart(inner),
    ]),
    ...(format === undefined ? [] : [['format', format]]),
  ]);
}

/** Of these 200 is seldom: a dry run, or a file that has come before. */
const seldom = ['deleteSegment', 'createImport', 'continueImport'];

/** Of several ways of success Specmatic would want each from the same request: the one is left that comes. */
function leaveOneSuccess({ operationId, responses }: Operation, isThere: boolean): void {
  const successes = Object.keys(responses).filter((status) => status.startsWith('2'));
  const isMaking = responses[201] !== undefined && !(isThere && responses[200] !== undefined);
  const left = isMaking
    ? '201'
    : ['200', '204', '202'].find(
        (status) => successes.includes(status) && !(seldom.includes(operationId) && status === '200'),
      );
  for (const status of successes) if (status !== left) delete responses[status];
}

/**
 * One upload goes on once, in the type that it was begun in; rejections come in that type too. Of a reply that is JSON,
 * and something else where that is asked for, the JSON is looked at.
 */
function leaveOneMediaType({ requestBody, responses }: Operation): void {
  for (const content of [requestBody?.content, responses[200]?.content]) {
    const one = ['application/json', 'application/x-ndjson'].find((type) => content?.[type] !== undefined);
    if (content === undefined || one === undefined) continue;
    for (const type of Object.keys(content)) if (type !== one) delete content[type];
  }
}

/** Whom and what the examples speak of is there before they are sent; whom they make is somebody else. */
async function makeWhatExamplesName(t: TestApp, document: Document): Promise<void> {
  for (const id of ['upsertCustomer', 'upsertHolding']) await sendSample(t.client, sample(t, id));
  const { related_customer } = sample(t, 'createRelationship').body as { related_customer: Names };
  const related = { kind: 'person', source: 'core', identifiers: [related_customer] };
  await t.client.post('/v1/customers', related, 201);
  changeExample(document, '/v1/customers', (value) => ({ ...value, identifiers: [identifier()] }));
}

function changeExample(document: Document, path: string, change: (value: Schema) => object): void {
  const example = document.paths[path]?.post?.requestBody?.content['application/json']?.examples?.example;
  if (example === undefined) throw new Error(`${path} has no example`);
  example.value = change(example.value as Schema);
}

/** Specmatic follows a schema that leads back to itself without end: it sends single conditions, and is sent any rule. */
function straightenRules(document: Document): void {
  const { Rule, Segment } = document.components.schemas;
  if (Rule?.anyOf !== undefined) Rule.anyOf = Rule.anyOf.filter(({ $ref }) => $ref !== undefined);
  if (Segment?.properties !== undefined) Segment.properties.rule = {};
  const rule = { fact: 'tenure_days', op: 'gte', value: 90 };
  changeExample(document, '/v1/rules/validate', (value) => ({ ...value, rule }));
}

function putInNames(path: string, method: string, operation: Operation, names: Names): void {
  operation.parameters = (operation.parameters ?? []).filter(
    ({ name, required }) => required === true || !secretive.includes(name),
  );
  for (const parameter of operation.parameters) {
    if (parameter.name === 'idempotency-key') {
      // any will do, but for each request another; longer ones are in quotes, as it has none
      parameter.examples = { example: { value: anything('sm_') } };
      parameter.schema = { ...parameter.schema, maxLength: 255 };
      continue;
    }
    const isAsked = parameter.in === 'header' || parameter.required === true;
    const value = names[parameter.name] ?? (isAsked ? others[parameter.in]?.[parameter.name] : undefined);
    if (value === undefined) {
      if (parameter.in === 'path') throw new Error(`who is named by ${method} ${path}?`);
      continue;
    }
    parameter.examples = { example: { value } };
    // it would think of others, which name a state that is not
    if (parameter.in === 'header')
      Object.assign(parameter, { required: true, schema: { type: 'string', enum: [value] } });
  }
}

export async function documentForSpecmatic(t: TestApp): Promise<Document> {
  const document = structuredClone(t.app.swagger()) as unknown as Document;
  delete document.webhooks;
  // has no end
  delete document.paths['/v1/events/stream'];
  await makeWhatExamplesName(t, document);
  const approvals = await tryOut(t);
  const { data } = await t.client.get('/v1/api-keys');
  const actor = `key:${data[0].id}`;
  for (const [path, operations] of Object.entries(document.paths)) {
    const prefix = Object.keys(makers)
      .filter((one) => path === one || path.startsWith(`${one}/`))
      .sort((a, b) => b.length - a.length)[0];
    for (const [method, operation] of Object.entries(operations)) {
      const { operationId } = operation;
      // what one has asked for is asked for once: each operation has an approval that somebody else has asked for
      const requester = operationId === 'withdrawApproval' ? actor : `key:${operationId}`;
      const names = (await makers[prefix ?? '']?.(t, approvals, requester)) ?? {};
      putInNames(path, method, operation, names);
      leaveOneSuccess(operation, /^(put|upsert)/.test(operationId));
      leaveOneMediaType(operation);
    }
  }
  straightenRules(document);
  return withAlternativesApart(document) as Document;
}
