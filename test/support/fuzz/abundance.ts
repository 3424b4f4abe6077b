/** Several of everything that is listed: a list of which the world has one alone has no second page. */
import { randomUUID } from 'node:crypto';
import type { TestApp } from '../app.js';
import { tryOut } from '../approvals.js';
import { anEarnRule } from '../earning.js';
import { aReward, giveLoyalty, placeAnOrder } from '../loyalty.js';

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
    await t.client.put(`/v1/segments/zz_hidden_list/members/${spare.id}`, undefined);
    add('/v1/segments/{key}/members/{customer_id}', { key: 'zz_hidden_list', customer_id: spare.id });
    add('/v1/customers/{id}/loyalty/{programme}', {
      id: spare.id,
      ...(await giveLoyalty(t.client, spare.id)),
    });
    await placeAnOrder(t.client, spare.id);
    const reward = `spare_${count}`;
    await t.client.post('/v1/loyalty/programmes/rewards/rewards', aReward(reward), 201);
    add('/v1/loyalty/programmes/{programme}/rewards/{reward}', { programme: 'rewards', reward });
    await t.client.post(
      `/v1/customers/${spare.id}/loyalty/rewards/accruals`,
      { points: 5, reason: 'R' },
      201,
    );
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
  // of a policy that nobody has decided on yet, version 0 is the present one
  for (const { operation } of (await t.client.get('/v1/approval-policies')).data)
    await t.client.put(`/v1/approval-policies/${operation}`, { required: false }, 200, {
      headers: { 'if-match': '*' },
    });
  await addEarnRules(t, add);
  await addLoyalty(t, add);
  await addHistory(t);
  await addDefinitions(t);
  const twin = await addCustomer(t);
  await t.client.post('/v1/merges', { survivor: { id: customerId }, merged: { id: twin.id } }, 201);
  await t.drain();
}

async function addEarnRules(t: TestApp, add: Add): Promise<void> {
  for (let count = 0; count < several; count += 1) {
    const rule = anEarnRule(`spare_${count}`, { earns: { activities: ['spare'] } });
    await t.client.post('/v1/loyalty/programmes/rewards/earn-rules', rule, 201);
    add('/v1/loyalty/programmes/{programme}/earn-rules/{key}', { programme: 'rewards', key: rule.key });
  }
}

/** Rules and rewards of the programme in which they all take part. */
async function addLoyalty(t: TestApp, add: Add): Promise<void> {
  const path = '/v1/loyalty/programmes/rewards';
  for (const key of ['spare_cards', 'spare_logins']) {
    await t.client.post(`${path}/earn-rules`, anEarnRule(key), 201);
    await t.client.post(`${path}/rewards`, aReward(key), 201);
  }
  add('/v1/loyalty/programmes/{programme}', { programme: 'rewards' });
}

/** Another balance, and another status, of the holdings. */
async function addHistory(t: TestApp): Promise<void> {
  for (let count = 0; count < several; count += 1) {
    const stated = { balance: '1000000.00', balance_date: '2026-02-05', status: 'frozen' };
    await t.client.post('/v1/holdings/upsert', { source: 'core', number: holdingNumber(count), ...stated });
  }
}

async function addDefinitions(t: TestApp): Promise<void> {
  const source = { name: 'A source', description: '', priority: 500, priorities: {} };
  for (const key of ['spare_core', 'spare_desk']) await t.client.put(`/v1/sources/${key}`, source, 201);
  const feed = {
    description: 'Every night',
    source: 'core',
    kind: 'activities',
    mode: 'upsert',
    delimiter: 'comma',
    control_field: null,
    categories: null,
    max_close_percent: 5,
  };
  for (const key of ['spare_cards', 'spare_accounts']) {
    await t.client.put(`/v1/feeds/${key}`, feed, 201);
  }
  const rate = { rate: '7.1', business_date: '2026-01-05', source: 'treasury' };
  const items = ['USD', 'EUR'].map((currency) => ({ currency, ...rate }));
  await t.client.post('/v1/exchange-rates', { items });
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

const holdingNumber = (count: number) => `62220200000000${count}`;

async function addHolding(t: TestApp, ownerId: string, otherId: string, count: number) {
  const { holding } = await t.client.post(
    '/v1/holdings/upsert',
    {
      source: 'core',
      number: holdingNumber(count),
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
