/** A customer that a caller cannot see, with all that customers have: what the examples of the document name is its own. */
import type { TestApp } from './app.js';
import { tryOut } from './approvals.js';
import type { OpenApi } from './contract.js';
import { giveLoyalty } from './loyalty.js';
import { identifiersIn, sampleOf, sendSample } from './operations.js';

export type World = {
  /** by the beginning of a path: what stands in its parameters, for a customer outside the caller's reach */
  hidden: Record<string, Record<string, string>>;
  customerId: string;
  /** in which it is */
  segment: string;
  /** must not be seen by an outsider, whatever is asked */
  secrets: string[];
};

/** What a customer outside of the caller's reach has: everything that the examples speak of belongs to it. */
export async function aHiddenWorld(t: TestApp, document: OpenApi): Promise<World> {
  const { operations } = t.app;
  const named = operations.flatMap((row) => identifiersIn(row.bodyExample));
  const example = operations.find(({ id }) => id === 'createMerge')?.bodyExample;
  const { merged } = example as { merged: { scheme: string; value: string } };
  const all = [...new Map(named.map((one) => [JSON.stringify(one), one])).values()];
  const identifiers = all.filter(({ value }) => value !== merged.value);
  await aHiddenBranch(t);
  const customer = await t.client.post(
    '/v1/customers',
    {
      kind: 'person',
      full_name: 'Hidden Canary',
      birth_date: '1970-01-02',
      branch: '9901',
      relationship_manager: 'RM_HIDDEN',
      identifiers: identifiers.slice(0, 20),
      contact_points: [{ kind: 'phone', value: '13900019999' }],
      // another one than the examples': they do not take its phone away
      source: 'crm',
    },
    201,
  );
  const relative = await t.client.post(
    '/v1/customers',
    { kind: 'person', full_name: 'Relative Canary', branch: '9901', relationship_manager: 'RM_HIDDEN' },
    201,
  );
  const { holding } = await sendExample(t, document, 'upsertHolding');
  await sendExample(t, document, 'recordActivities');
  const relationship = await t.client.post(
    `/v1/customers/${customer.id}/relationships`,
    { related_customer: { id: relative.id }, role: 'spouse', source: 'core' },
    201,
  );
  const holdingId = String(holding?.id);
  const parties = await t.client.get(`/v1/holdings/${holdingId}/parties`);
  const [assignment] = (await t.client.get(`/v1/assignments?customer=${customer.id}`)).data;
  const handover = { from: { branch: '9900' }, to: 'RM_HIDDEN' };
  const transfer = await t.client.post('/v1/assignments/transfers', handover, 201);
  const started = await sendExample(t, document, 'createImport');
  const twin = { kind: 'person', full_name: 'Twin Canary', branch: '9901', identifiers: [merged] };
  const { id: twinId } = await t.client.post('/v1/customers', twin, 201);
  const pair = { survivor: { id: customer.id }, merged: { id: twinId } };
  const merge = await t.client.post('/v1/merges', pair, 201);
  // the last of the segments that it is in
  const list = { key: 'zz_hidden_list', name: 'A list', description: '', kind: 'static' };
  await t.client.post('/v1/segments', list, 201);
  await t.client.put(`/v1/segments/${list.key}/members/${customer.id}`, undefined);
  const loyalty = await giveLoyalty(t.client, customer.id);
  const approval = await (await tryOut(t)).ask([customer.id]);
  await t.drain();
  const { data } = await t.client.get(`/v1/customers/${customer.id}/segments`);
  const ids = {
    id: customer.id,
    identifier_id: customer.identifiers[0].id,
    relationship_id: relationship.id,
    key: data[0].segment,
  };
  return {
    hidden: {
      '/v1/approvals/{id}': { id: approval },
      '/v1/assignments/{id}': { id: assignment.id },
      '/v1/assignments/transfers/{id}': { id: transfer.id },
      '/v1/branches/{code}': { code: '9901' },
      '/v1/customers/by-identifier/{scheme}/{value}':
        identifiers.find((one) => one.scheme === 'core_banking') ?? {},
      '/v1/customers/{id}': ids,
      '/v1/customers/{id}/loyalty/{programme}': { id: customer.id, ...loyalty },
      '/v1/holdings/{id}': { id: holdingId, party_id: parties.data[0].id },
      '/v1/imports/{id}': { id: String(started.id) },
      '/v1/segments/{key}/members/{customer_id}': { key: list.key, customer_id: customer.id },
      '/v1/staff/{code}': { code: 'RM_HIDDEN' },
      '/v1/merges/{id}': { id: merge.id },
    },
    customerId: customer.id,
    segment: data[0].segment,
    secrets: [
      approval,
      assignment.id,
      transfer.id,
      customer.id,
      relative.id,
      twinId,
      merge.id,
      relationship.id,
      holdingId,
      loyalty.operation_id,
      loyalty.hold_id,
      loyalty.use_id,
      loyalty.order_id,
      String(started.id),
      'Canary',
      '13900019999',
      'RM_HIDDEN',
    ],
  };
}

/** Where it is, and who looks after it. */
async function aHiddenBranch({ client }: TestApp): Promise<void> {
  const branch = { name: 'Canary branch', kind: 'branch', opens_on: '2020-01-01' };
  await client.post('/v1/branches', { ...branch, code: '9900' }, 201);
  await client.post('/v1/branches', { ...branch, code: '9901', parent: '9900' }, 201);
  const manager = { code: 'RM_HIDDEN', name: 'Canary manager', branch: '9901', active_from: '2020-01-01' };
  await client.post('/v1/staff', manager, 201);
  // whom the examples assign
  await client.post('/v1/staff', { code: 'RM009', name: 'Li Lei', active_from: '2020-01-01' }, 201);
}

/** Sends an operation's example, and returns the body of the reply. */
async function sendExample(t: TestApp, document: OpenApi, id: string) {
  const row = t.app.operations.find((one) => one.id === id);
  if (row === undefined) throw new Error(`there is no operation ${id}`);
  const { body } = await sendSample(t.client, sampleOf(document, row));
  return body as Record<string, { id: string }>;
}

/** The beginning of the path that names a resource, up to its last parameter of its own. */
export const resourceOf = (world: World, path: string): string | undefined =>
  Object.keys(world.hidden)
    .filter((prefix) => path === prefix || path.startsWith(`${prefix}/`))
    .sort((a, b) => b.length - a.length)[0];
