/**
 * The catalogue of events is the OpenAPI document's `webhooks`. Every type in it is told by somebody, nothing else is
 * told, and each event as it is served is a CloudEvent by the package of that name, and valid against its webhook.
 */
import { CloudEvent, HTTP, type Message } from 'cloudevents';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventTypes } from '../../src/events/catalogue.js';
import { DomainError } from '../../src/platform/errors.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { actorOf, tryOut } from '../support/approvals.js';
import { type OpenApi, validators } from '../support/contract.js';
import { anEarnRule } from '../support/earning.js';
import { openStream } from '../support/event-stream.js';
import { aCustomer } from '../support/factories.js';
import { aProgramme, giveLoyalty, placeAnOrder, someTiers } from '../support/loyalty.js';
import { sampleOf, sendSample } from '../support/operations.js';
import { aWaitingImport } from '../support/waiting-import.js';

type Webhook = {
  post: {
    operationId: string;
    summary: string;
    description: string;
    requestBody: { content: Record<string, { examples: Record<string, { value: unknown }> }> };
  };
};
type Served = Record<string, unknown> & { type: string; id: string };

const mediaType = 'application/cloudevents+json';

let t: TestApp;
let document: OpenApi & { webhooks: Record<string, Webhook> };
let served: Served[];
beforeAll(async () => {
  t = await startTestApp();
  document = JSON.parse(JSON.stringify(t.app.swagger()));
  await doEverything();
  served = await readAll();
});
afterAll(() => t.stop());

/** The example of every operation that changes something, and what the examples do not bring about. */
async function doEverything() {
  const trace = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' };
  const stated = aCustomer({ city: '上海', customer_since: '2026-02-01' });
  const { id } = await t.client.post('/v1/customers', stated, 201, { headers: trace });
  for (const row of t.app.operations.filter(({ method }) => ['POST', 'PUT'].includes(method)))
    await sendSample(t.client, sampleOf(document, row, { id }));
  await t.client.patch(`/v1/customers/${id}`, { city: '北京' }, '*');
  const holding = {
    source: 'core',
    number: '6222020000000088',
    category: 'deposit',
    status: 'active',
    currency: 'CNY',
    parties: [{ customer: { id }, role: 'primary_owner' }],
  };
  await t.client.post('/v1/holdings/upsert', holding, 201);
  await t.client.post('/v1/holdings/upsert', { ...holding, status: 'closed' });
  const other = await t.client.post('/v1/customers', aCustomer(), 201);
  const relationships = `/v1/customers/${id}/relationships`;
  const related = await t.client.post(
    relationships,
    { related_customer: { id: other.id }, role: 'spouse' },
    201,
  );
  for (const dates of [{ starts_on: '2020-01-01' }, { ends_on: '2026-01-01' }])
    await t.client.patch(`${relationships}/${related.id}`, dates, '*');

  const rule = (value: string) => ({ name: 'S', description: '', rule: { fact: 'city', op: 'eq', value } });
  await t.client.post('/v1/segments', { key: 'catalogued', ...rule('北京') }, 201);
  await t.drain();
  const ifMatch = { headers: { 'if-match': '*' } };
  await t.client.put('/v1/segments/catalogued', rule('上海'), 200, ifMatch);
  await t.drain();
  await t.client.delete('/v1/segments/catalogued', 204, ifMatch);

  const paid = {
    source: 'cards',
    source_id: 'catalogued',
    customer: { id },
    type: 'card_payment',
    occurred_at: '2026-02-27T03:00:00Z',
    amount: '1000',
    currency: 'JPY',
  };
  await t.client.post('/v1/activities', { items: [paid] });
  const rate = { currency: 'JPY', rate: '0.0457', business_date: '2026-02-27', source: 'treasury' };
  await t.client.post('/v1/exchange-rates', { items: [rate] });

  const policy = { attribution: 'full', average_days: 'calendar' };
  await t.client.put('/v1/balance-policy', policy, 200, ifMatch);
  const model = { types: ['card_payment'], window: { last: 'P1Y' }, refresh_every: 'P1D' };
  await t.client.put('/v1/rfm/model', model, 200, ifMatch);

  const attribute = {
    description: 'A',
    json_schema: { type: 'string' },
    sensitivity: 'internal',
    searchable: true,
  };
  await t.client.put('/v1/attributes/catalogued', attribute, 201);
  await t.client.put('/v1/attributes/catalogued', { ...attribute, description: 'B' }, 200, ifMatch);
  const scheme = { name: 'A', normaliser: 'upper', sensitive: false, path_safe: false };
  await t.client.put('/v1/identifier-schemes/catalogued', scheme, 201);
  await t.client.put('/v1/identifier-schemes/catalogued', { ...scheme, name: 'B' }, 200, ifMatch);

  const source = { name: 'A', description: '', priority: 500, priorities: {} };
  await t.client.put('/v1/sources/catalogued', source, 201);
  await t.client.put('/v1/sources/catalogued', { ...source, name: 'B' }, 200, ifMatch);

  await t.client.patch('/v1/branches/0102', { kind: 'outlet' }, '*');
  await t.client.post('/v1/assignments', { customer: { id }, staff: 'RM009', role: 'primary' }, 201);
  await t.client.post('/v1/assignments', { customer: { id }, staff: 'RM009', role: 'primary' }, 201);
  await t.client.patch('/v1/staff/RM009', { active_to: '2040-01-01' }, '*');
  const twin = await t.client.post('/v1/customers', { kind: 'person', full_name: 'Twin' }, 201);
  const merge = await t.client.post('/v1/merges', { survivor: { id }, merged: { id: twin.id } }, 201);
  await t.client.post(`/v1/merges/${merge.id}/revert`, undefined, 200, ifMatch);

  await earnAndUse(id);
  await t.client.put('/v1/approval-policies/putSegment', { required: false }, 200, ifMatch);
  let refuses = false;
  const { ask } = await tryOut(t, {
    execute: async () => {
      if (refuses) throw new DomainError('conflict', 'It is closed.');
    },
  });
  const decide = async (action: string) =>
    t.client.post(`/v1/approvals/${await ask([id])}/${action}`, { reason: 'R' });
  await decide('approve');
  await decide('reject');
  refuses = true;
  await decide('approve');
  await t.client.post(`/v1/approvals/${await ask([id], await actorOf(t, t.client))}/withdraw`, {});
  await ask([id]);
  await t.travelTo(new Date(Date.parse(await t.now()) + 8 * 86_400_000).toISOString());

  const headers = { 'content-type': 'application/x-ndjson' };
  const upload = (query: string) =>
    t.client.post(`/v1/imports?kind=activities${query}`, '{}\n', 202, { headers });
  const cancelled = await upload('');
  await t.client.post(`/v1/imports/${cancelled.id}/cancel`, undefined);
  await upload('&on_error=abort');
  await upload('');
  await t.drain();

  const confirmed = await aWaitingImport(t);
  await t.client.post(`/v1/imports/${confirmed}/confirm`, undefined);
  await t.drain();
  const { feed } = await t.client.get(`/v1/imports/${confirmed}`);
  const {
    key: _key,
    version: _version,
    updated_at: _at,
    ...declared
  } = await t.client.get(`/v1/feeds/${feed}`);
  await t.client.put(`/v1/feeds/${feed}`, { ...declared, description: 'Another' }, 200, ifMatch);

  const activity = {
    source: 'cards',
    source_id: 'CORRECTED',
    customer: { id },
    type: 'login',
    occurred_at: '2026-01-05',
  };
  for (const source_version of [0, 1])
    await t.client.post('/v1/activities', {
      items: [{ ...activity, source_version, channel: source_version === 0 ? 'app' : 'web' }],
    });
  await t.drain();
}

/** Every way in which points come and go. What is left of them, and of a hold, is over when the clock moves. */
async function earnAndUse(id: string): Promise<void> {
  const { hold_id, operation_id, order_id, use_id } = await giveLoyalty(t.client, id);
  await earnByRules(id);
  const path = `/v1/customers/${id}/loyalty/rewards`;
  await t.client.post(`${path}/benefit-uses/${use_id}/take-back`, { reason: 'R' }, 201);
  const move = (what: string, body: object, status = 201) =>
    t.client.post(`${path}/${what}`, { reason: 'R', ...body }, status);
  await t.client.request('POST', `${path}/holds/${hold_id}/void`);
  await t.client.post(`${path}/orders/${order_id}/issue`, undefined, 201);
  await move(`orders/${order_id}/refund`, {});
  await move(`orders/${await placeAnOrder(t.client, id)}/cancel`, {});
  const used = await move('redemptions', { points: 10 });
  for (const operation of [used.operation_id, operation_id])
    await move('reversals', { operation_id: operation });
  await move('adjustments', { points: 100 });
  await move('transfers', { points: 10, to_programme: 'miles' });
  await move('holds', { points: 10 });
  const headers = { 'if-match': '*' };
  const miles = `/v1/customers/${id}/loyalty/miles`;
  for (const status of ['closed', 'open']) await t.client.put(miles, { status }, 200, { headers });
  const brief = { ...aProgramme('brief'), expiry: { policy: 'duration', after: 'P2D' } };
  await t.client.post('/v1/loyalty/programmes', brief, 201);
  await t.client.put(`/v1/customers/${id}/loyalty/brief`, { status: 'open' }, 201);
  const accrue = () =>
    t.client.post(`/v1/customers/${id}/loyalty/brief/accruals`, { points: 5, reason: 'R' }, 201);
  await accrue();
  await reachAndRisk(id, brief.key, accrue);
  await t.drain();
}

async function earnByRules(id: string): Promise<void> {
  const rules = '/v1/loyalty/programmes/rewards/earn-rules';
  const visits = { earns: { activities: ['visit'] }, points: { fixed: 1 } };
  for (const key of ['visits', 'visits_no_more']) await t.client.post(rules, anEarnRule(key, visits), 201);
  const headers = { 'if-match': '*' };
  await t.client.delete(`${rules}/visits_no_more`, 204, { headers });
  const occurred_at = (await t.now()).slice(0, 10);
  const visit = { source: 'cards', source_id: 'V', customer: { id }, type: 'visit', occurred_at };
  await t.client.post('/v1/activities', { items: [visit] });
}

/** A tier that was reached by what is taken back, a day before its warning. */
async function reachAndRisk(id: string, programme: string, accrue: () => Promise<{ operation_id: string }>) {
  const [member, silver] = someTiers().tiers;
  const rolling = { period: { kind: 'rolling', length: 'P28D' }, grace: 'P0D', warn_before: 'P27D' };
  const tiers = { ...someTiers(), ...rolling, tiers: [member, { ...silver, lower_bound: '10' }] };
  await t.client.put(`/v1/loyalty/programmes/${programme}/tiers`, tiers, 201);
  const { operation_id } = await accrue();
  await t.drain();
  await t.client.post(
    `/v1/customers/${id}/loyalty/${programme}/reversals`,
    { operation_id, reason: 'R' },
    201,
  );
}

async function readAll(): Promise<Served[]> {
  const all: Served[] = [];
  for (let after = 0; ; ) {
    const page = await t.client.get(`/v1/events?after=${after}&limit=1000`);
    if (page.data.length === 0) return all;
    all.push(...page.data);
    after = page.next_after;
  }
}

const parse = (body: unknown, type = mediaType) =>
  HTTP.toEvent({ headers: { 'content-type': type }, body: JSON.stringify(body) } as Message);

describe.each(Object.entries(eventTypes))('%s', (type, declared) => {
  const webhookOf = () => document.webhooks[`clientele.${type}`]?.post as Webhook['post'];
  const validatorOf = () =>
    validators(document)([
      'webhooks',
      `clientele.${type}`,
      'post',
      'requestBody',
      'content',
      mediaType,
      'schema',
    ]);

  test('is well named and described, with an example that is valid', () => {
    expect(type).toMatch(/^[a-z_]+\.[a-z_]+$/);
    const { operationId, summary, description, requestBody } = webhookOf();
    expect(operationId).toMatch(/^on([A-Z][a-z]+)+$/);
    expect(summary).toMatch(/^[A-Z].{5,60}[^.]$/);
    expect(description.length).toBeGreaterThan(30);
    expect(declared.data).toMatchObject({ additionalProperties: false });
    for (const property of Object.values(declared.data.properties))
      expect((property as { description?: string }).description, type).toBeTruthy();
    const example = requestBody.content[mediaType]?.examples.example?.value;
    const validate = validatorOf();
    expect(validate(example), JSON.stringify(validate.errors)).toBe(true);
    const event = parse(example) as CloudEvent;
    expect([event.type, event.validate()]).toEqual([`clientele.${type}`, true]);
    expect(validate({ ...(example as object), type: 'clientele.other.happened' })).toBe(false);
    expect(validate({ ...(example as object), data: { name: '王小明' } })).toBe(false);
  });

  test('is told, and is what its webhook says', () => {
    const told = served.filter((one) => one.type === `clientele.${type}`);
    expect(told.length).toBeGreaterThan(0);
    const validate = validatorOf();
    for (const one of told) expect(validate(one), JSON.stringify([one, validate.errors])).toBe(true);
  });
});

test('nothing else is told, or described', () => {
  const declared = Object.keys(eventTypes).map((type) => `clientele.${type}`);
  expect(Object.keys(document.webhooks)).toEqual(declared);
  expect(new Set(served.map((one) => one.type))).toEqual(new Set(declared));
});

test('what is served is a CloudEvent, one by one, as a batch and in a stream', async () => {
  for (const one of served) {
    const event = parse(one) as CloudEvent<Record<string, unknown>>;
    expect(event).toBeInstanceOf(CloudEvent);
    expect(event.validate()).toBe(true);
    expect(new CloudEvent({ ...one }, true).toJSON()).toMatchObject({ ...one, time: expect.any(String) });
  }
  const batch = parse(served.slice(0, 20), 'application/cloudevents-batch+json') as CloudEvent[];
  expect(batch.map((event) => event.id)).toEqual(served.slice(0, 20).map((one) => one.id));
  expect(served.some((one) => one.traceparent !== undefined)).toBe(true);
  const stream = await openStream(t.origin, { secret: t.client.secret ?? '' });
  await stream.until(() => stream.events.length >= served.length);
  stream.leave();
  await stream.ended;
  expect(stream.events.map((one) => one.event)).toEqual(served);
});
