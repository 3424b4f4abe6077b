import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { aCustomer } from '../support/factories.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ startAt: '2026-03-10T04:00:00Z' });
});
afterAll(() => t.stop());

let holdingNumber = 62_220_000;

async function aBankedCustomer(branch = '0101') {
  const customer = await t.client.post('/v1/customers', aCustomer({ branch, city: '上海' }), 201);
  holdingNumber += 1;
  const party = { customer: { id: customer.id }, role: 'primary_owner' };
  const holding = {
    source: 'core',
    currency: 'CNY',
    status: 'active',
    opened_on: '2020-01-01',
    parties: [party],
  };
  await t.client.post(
    '/v1/holdings/upsert',
    {
      ...holding,
      number: `D${holdingNumber}`,
      category: 'deposit',
      balance: '1200000.50',
      balance_date: '2026-03-09',
    },
    201,
  );
  await t.client.post(
    '/v1/holdings/upsert',
    {
      ...holding,
      number: `L${holdingNumber}`,
      category: 'loan',
      balance: '-200000.25',
      balance_date: '2026-03-09',
    },
    201,
  );
  const items = Array.from({ length: 7 }, (_, index) => ({
    source: 'cards',
    source_id: `${customer.id}-${index}`,
    customer: { id: customer.id },
    type: 'card_payment',
    occurred_at: `2026-03-0${index + 1}T02:00:00Z`,
    amount: '10.10',
    currency: 'CNY',
    direction: 'out',
    initiated_by: 'customer',
  }));
  await t.client.post('/v1/activities', { items });
  await t.drain();
  return customer;
}

test('the profile is the whole picture', async () => {
  const customer = await aBankedCustomer();
  const other = await t.client.post('/v1/customers', aCustomer({ full_name: '李雷' }), 201);
  await t.client.post(
    `/v1/customers/${customer.id}/relationships`,
    { related_customer: { id: other.id }, role: 'spouse' },
    201,
  );
  const profile = await t.client.get(`/v1/customers/${customer.id}/profile`);
  expect(profile.totals).toEqual({
    currency: 'CNY',
    aum: '1200000.50',
    liabilities: '200000.25',
    net: '1000000.25',
    holdings: 2,
    unvalued: 0,
  });
  expect(profile.segments.map((one: { segment: string }) => one.segment)).toEqual(['high_net_worth']);
  expect(profile.holdings.map((one: { holding: { category: string } }) => one.holding.category)).toEqual([
    'deposit',
    'loan',
  ]);
  expect(profile.relationships[0]).toMatchObject({
    role: 'spouse',
    related_customer: { id: other.id, display_name: '李雷' },
  });
  expect(profile.activity_totals).toMatchObject([{ type: 'card_payment', count: 7, amount: '70.7' }]);
  expect(profile.last_activities).toHaveLength(7);
  expect(profile.provenance.city[0]).toMatchObject({ source: 'core', value: '上海' });
  expect(profile.customer.status).toBe('active');
});

test('the summary is small, and unchanged while nothing changes', async () => {
  const { id } = await aBankedCustomer();
  const first = await t.client.request('GET', `/v1/customers/${id}/summary`);
  expect(first.body).toMatchObject({ segments: ['high_net_worth'], totals: { net: '1000000.25' } });
  const headers = { 'if-none-match': String(first.headers.get('etag')) };
  expect((await t.client.request('GET', `/v1/customers/${id}/summary`, undefined, { headers })).status).toBe(
    304,
  );
});

test('the summary is as old as the caller lets it be', async () => {
  const { id } = await aBankedCustomer();
  const read = (query: string, headers = {}) =>
    t.client.request('GET', `/v1/customers/${id}/summary${query}`, undefined, { headers });
  const first = await read('');
  expect(first.body).toMatchObject({ pending: false, segments: ['high_net_worth'] });
  expect(first.headers.get('cache-control')).toBe('private, no-cache');
  expect((await read('?max_age=60')).headers.get('cache-control')).toBe('private, max-age=60');
  // what it holds comes to less, and no worker runs
  const parties = [{ customer: { id }, role: 'primary_owner' }];
  await t.client.post('/v1/holdings/upsert', {
    source: 'core',
    number: `D${holdingNumber}`,
    category: 'deposit',
    currency: 'CNY',
    balance: '10',
    balance_date: '2026-03-10',
    parties,
  });
  expect((await read('')).body).toMatchObject({
    pending: true,
    segments: ['high_net_worth'],
    totals: { aum: '10' },
  });
  expect((await read('?max_age=3600')).body).toMatchObject({ pending: true, segments: ['high_net_worth'] });
  await t.travelTo(new Date(Date.parse(await t.now()) + 100_000).toISOString());
  const still = await read('?max_age=3600');
  expect(Number(/max-age=(\d+)/.exec(still.headers.get('cache-control') ?? '')?.[1])).toBeLessThanOrEqual(
    3500,
  );
  const fresh = await read('?max_age=60');
  expect(fresh.body).toMatchObject({ pending: false, segments: ['ordinary'] });
  // judged again it says the same: the caller has it
  const etag = { 'if-none-match': String(fresh.headers.get('etag')) };
  expect((await read('?max_age=0', etag)).status).toBe(304);
  expect((await read('')).body.evaluated_at > fresh.body.evaluated_at).toBe(true);
  await t.drain();
  const events = await t.client.get(`/v1/events?limit=1000&subject=${id}&type=clientele.segment.`);
  expect(
    events.data
      .map(({ type, data }: { type: string; data: { segment: string } }) => `${type} ${data.segment}`)
      .slice(-2)
      .sort(),
  ).toEqual(['clientele.segment.entered ordinary', 'clientele.segment.left high_net_worth']);
  const reader = await t.clientWith(['customers:read'], { branches: ['0202'] });
  await reader.problem('GET', `/v1/customers/${id}/summary?max_age=0`, 'not_found');
});

test('nothing that identifies is told without the scope for it', async () => {
  const { id } = await aBankedCustomer();
  const masked = await t.clientWith(['customers:read']);
  for (const part of ['profile', 'summary', 'timeline']) {
    expect(JSON.stringify(await masked.get(`/v1/customers/${id}/${part}`))).not.toContain('小明');
  }
  expect(JSON.stringify(await masked.get(`/v1/customers/${id}/profile`))).not.toContain(
    String(holdingNumber),
  );
});

test('the timeline pages without loss or repetition, newest first', async () => {
  const { id } = await aBankedCustomer();
  await t.client.patch(`/v1/customers/${id}`, { city: '北京' }, '*');
  await t.drain();
  type Entry = { id: string; at: string; kind: string };
  const whole: { data: Entry[] } = await t.client.get(`/v1/customers/${id}/timeline?limit=200`);
  expect(new Set(whole.data.map((entry) => entry.kind))).toEqual(new Set(['activity', 'change', 'event']));
  const paged: Entry[] = [];
  let cursor: string | null = null;
  do {
    const page: { data: Entry[]; next_cursor: string | null } = await t.client.get(
      `/v1/customers/${id}/timeline?limit=3${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    paged.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor !== null);
  expect(paged).toEqual(whole.data);
  const instants = paged.map((entry) => Date.parse(entry.at));
  expect(instants).toEqual([...instants].sort((left, right) => right - left));
  const activities = await t.client.get(`/v1/customers/${id}/timeline?kind=activity`);
  expect(activities.data).toHaveLength(7);
});

test('what lies outside the data scope is not there', async () => {
  const { id } = await aBankedCustomer('0101');
  const scoped = await t.clientWith(['customers:read'], { branches: ['0202'] });
  for (const part of ['profile', 'summary', 'timeline']) {
    await scoped.problem('GET', `/v1/customers/${id}/${part}`, 'not_found');
  }
});

test('a value told again after another source told otherwise stands first, the other is its alternate', async () => {
  const body = aCustomer({ city: '上海', source_time: '2026-01-01T00:00:00Z' });
  const { customer } = await t.client.post('/v1/customers/upsert', body, 201);
  await t.client.post('/v1/customers/upsert', {
    ...body,
    city: '北京',
    source: 'crm',
    source_time: '2026-01-02T00:00:00Z',
  });
  await t.client.post('/v1/customers/upsert', { ...body, source_time: '2026-01-03T00:00:00Z' });
  const profile = await t.client.get(`/v1/customers/${customer.id}/profile`);
  expect(profile.customer.city).toBe('上海');
  expect(profile.provenance.city).toMatchObject([
    { source: 'core', value: '上海', source_time: '2026-01-03T00:00:00Z' },
    { source: 'crm', value: '北京', source_time: '2026-01-02T00:00:00Z' },
  ]);
});

test('totals are what the facts say: missing where nothing is valued, and what is not valued is counted', async () => {
  const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
  const path = `/v1/customers/${id}/profile`;
  const hold = async (stated: Record<string, unknown>) => {
    holdingNumber += 1;
    const parties = [{ customer: { id }, role: 'primary_owner' }];
    await t.client.post(
      '/v1/holdings/upsert',
      { source: 'core', number: `T${holdingNumber}`, parties, ...stated },
      201,
    );
    return (await t.client.get(path)).totals;
  };
  expect(await hold({ category: 'deposit', currency: 'USD', balance: '5' })).toMatchObject({
    aum: null,
    liabilities: null,
    net: null,
    holdings: 1,
    unvalued: 1,
  });
  expect(await hold({ category: 'debit_card' })).toMatchObject({ aum: null, holdings: 2, unvalued: 1 });
  expect(await hold({ category: 'mortgage', balance: '-3' })).toMatchObject({
    aum: '0',
    liabilities: '3',
    net: '-3',
  });
  expect(await hold({ category: 'fund', balance: '10', status: 'closed' })).toMatchObject({
    aum: '0',
    holdings: 3,
  });
});

test('a related customer outside the data scope is not in the picture', async () => {
  const { id } = await t.client.post('/v1/customers', aCustomer({ branch: '0505' }), 201);
  const other = await t.client.post('/v1/customers', aCustomer({ branch: '0606' }), 201);
  const relation = { related_customer: { id: other.id }, role: 'spouse' };
  await t.client.post(`/v1/customers/${id}/relationships`, relation, 201);
  const scoped = await t.clientWith(['customers:read'], { branches: ['0505'] });
  expect((await scoped.get(`/v1/customers/${id}/profile`)).relationships).toEqual([]);
  expect((await t.client.get(`/v1/customers/${id}/profile`)).relationships).toHaveLength(1);
});

test('a page of the timeline goes on where it ended though more happens meanwhile, also within one instant', async () => {
  const { id } = await t.client.post('/v1/customers', aCustomer(), 201);
  const record = async (first: number, count: number, day: string) => {
    const items = Array.from({ length: count }, (_, each) => ({
      source: 'cards',
      source_id: `${id}-${first + each}`,
      customer: { id },
      type: 'login',
      occurred_at: day,
    }));
    await t.client.post('/v1/activities', { items });
  };
  await record(0, 7, '2026-02-01');
  const path = `/v1/customers/${id}/timeline?kind=activity&limit=3`;
  const seen: string[] = [];
  let cursor: string | null = null;
  for (let turn = 0; ; turn += 1) {
    const next: string = cursor === null ? path : `${path}&cursor=${encodeURIComponent(cursor)}`;
    const page: { data: { id: string }[]; next_cursor: string | null } = await t.client.get(next);
    seen.push(...page.data.map((entry) => entry.id));
    await record(100 + turn, 1, '2026-03-01');
    cursor = page.next_cursor;
    if (cursor === null) break;
    await t.client.problem(
      'GET',
      next.replace('activity', 'change').replace(/&cursor=.*|$/, `&cursor=${encodeURIComponent(cursor)}`),
      'invalid_cursor',
    );
  }
  expect(seen).toHaveLength(7);
  expect(new Set(seen).size).toBe(7);
});
