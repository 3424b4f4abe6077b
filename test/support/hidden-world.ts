/** A customer that a caller cannot see, with all that customers have: what the examples of the document name is its own. */
import type { TestApp } from './app.js';
import { tryOut } from './approvals.js';
import type { OpenApi } from './contract.js';
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
  const identifiers = [...new Map(named.map((one) => [JSON.stringify(one), one])).values()];
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
  const started = await sendExample(t, document, 'createImport');
  const approval = await (await tryOut(t)).ask([customer.id]);
  await t.drain();
  const { data } = await t.client.get(`/v1/customers/${customer.id}/segments`);
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
    segment: data[0].segment,
    secrets: [
      approval,
      customer.id,
      relative.id,
      relationship.id,
      holdingId,
      String(started.id),
      'Canary',
      '13900019999',
      'RM_HIDDEN',
    ],
  };
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
