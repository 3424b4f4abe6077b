/** Several of everything that is listed: a list of which the world has one alone has no second page. */
import { randomUUID } from 'node:crypto';
import type { TestApp } from '../app.js';
import { tryOut } from '../approvals.js';

type Add = (path: string, place: Record<string, string>) => void;

/** Of what a request can use up there are as many. */
const several = 4;

/** @param customerId whom all of it belongs to */
export async function addAbundance(t: TestApp, customerId: string, add: Add): Promise<void> {
  const approvals = await tryOut(t);
  for (let count = 0; count < several; count += 1) {
    const key = await t.client.post('/v1/api-keys', { name: 'spare', scopes: ['customers:read'] }, 201);
    add('/v1/api-keys/{id}', { id: key.id });
    add('/v1/imports/{id}', { id: await beginImport(t, customerId, `fuzz-${count}`) });
    const spare = await addCustomer(t);
    // the same plan twice is one approval
    add('/v1/approvals/{id}', { id: await approvals.ask([customerId, spare.id]) });
    add('/v1/customers/{id}', { id: spare.id, identifier_id: spare.identifiers[0].id });
    await addRelationship(t, customerId, spare.id);
    add('/v1/holdings/{id}', await addHolding(t, customerId, spare.id, count));
  }
  const activities = Array.from({ length: several }, (_, count) => loginOf(customerId, `listed-${count}`));
  await t.client.post('/v1/activities', { items: activities });
  // the second has the name of what every object has
  for (const name of ['spare_note', 'constructor'])
    await t.client.put(
      `/v1/attributes/${name}`,
      { description: 'A text', json_schema: { type: 'string' }, sensitivity: 'sensitive', searchable: false },
      201,
    );
  await t.drain();
}

const loginOf = (id: string, sourceId: string) => ({
  source: 'cards',
  source_id: sourceId,
  customer: { id },
  type: 'login',
  occurred_at: '2026-01-01T00:00:00Z',
});

/** One that more can be added to, and that can be cancelled. */
async function beginImport(t: TestApp, customerId: string, sourceId: string): Promise<string> {
  const line = `${JSON.stringify(loginOf(customerId, sourceId))}\n`;
  const headers = { 'content-type': 'application/x-ndjson', 'upload-complete': '?0' };
  return (await t.client.post('/v1/imports?kind=activities', line, 202, { headers })).id;
}

const addCustomer = (t: TestApp) =>
  t.client.post(
    '/v1/customers',
    {
      kind: 'person',
      full_name: 'Spare Person',
      branch: '9901',
      identifiers: [{ scheme: 'crm', value: randomUUID() }],
    },
    201,
  );

const addRelationship = (t: TestApp, customerId: string, relatedId: string) =>
  t.client.post(
    `/v1/customers/${customerId}/relationships`,
    { related_customer: { id: relatedId }, role: 'child', source: 'core' },
    201,
  );

async function addHolding(t: TestApp, ownerId: string, otherId: string, count: number) {
  const { holding } = await t.client.post(
    '/v1/holdings/upsert',
    {
      source: 'core',
      number: `62220200000000${count}`,
      category: 'deposit',
      status: 'active',
      currency: 'CNY',
      opened_on: '2020-03-01',
      balance: '1250000.00',
      balance_date: '2026-01-05',
      parties: [
        { customer: { id: ownerId }, role: 'primary_owner' },
        { customer: { id: otherId }, role: 'joint_owner' },
      ],
    },
    201,
  );
  const { data } = await t.client.get(`/v1/holdings/${holding.id}/parties`);
  return { id: holding.id as string, party_id: data[0].id as string };
}
