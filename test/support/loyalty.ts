/** Loyalty as tests want it: programmes, and customers who have points. */
import { randomUUID } from 'node:crypto';
import type { Client } from './client.js';

/** A programme as most tests want it: a year to the end of the month, no waiting, debts and gifts allowed. */
export const aProgramme = (key: string) => ({
  key,
  name: key,
  description: '',
  unit: 'points',
  time_zone: 'Asia/Shanghai',
  status: 'open',
  expiry: { policy: 'end_of_month', after: 'P12M' },
  pending_for: 'PT0S',
  cost_per_point: '0.0050',
  breakage: '0.15',
  debt: 'allow',
  refund_of_expired: { policy: 'restore', for: 'P30D' },
  adjustment_limit: 10_000,
  hold_for: 'PT30M',
  notice_before: 'P30D',
  transferable: true,
  conversions: [] as { to: string; rate: string }[],
});

/** Programmes that convert into one another, however often it is asked for. */
export async function makeProgrammes(client: Client): Promise<void> {
  const conversions = [{ to: 'miles', rate: '0.5' }];
  for (const programme of [aProgramme('miles'), { ...aProgramme('rewards'), conversions }])
    await client.request('POST', '/v1/loyalty/programmes', programme);
  const path = '/v1/loyalty/programmes/rewards';
  const { key: _, ...content } = { ...aProgramme('rewards'), conversions };
  await client.put(path, content, 200, { headers: { 'if-match': '*' } });
  await client.request('PUT', `${path}/tiers`, tiersForAll());
  await client.put(`${path}/tiers`, tiersForAll(), 200, { headers: { 'if-match': '*' } });
}

/** A customer takes part in both, and has points; what was credited can be taken back, and what is held captured. */
export async function giveLoyalty(client: Client, id: string) {
  await makeProgrammes(client);
  for (const programme of ['miles', 'rewards'])
    await client.request('PUT', `/v1/customers/${id}/loyalty/${programme}`, { status: 'open' });
  const path = `/v1/customers/${id}/loyalty/rewards`;
  const accrued = await client.post(`${path}/accruals`, { points: 1000, reason: 'Welcome' }, 201);
  const held = await client.post(`${path}/holds`, { points: 10, reason: 'Checkout' }, 201);
  const use = () => client.post(`${path}/benefit-uses`, { benefit: 'lounge', reason: 'PVG' }, 201);
  await use();
  const used = await use();
  return {
    programme: 'rewards',
    use_id: used.use.use_id as string,
    operation_id: accrued.operation_id as string,
    hold_id: held.hold_id as string,
    order_id: await placeAnOrder(client, id),
  };
}
/** Tiers by calendar years, with a month of grace and a warning two months ahead. */
export const someTiers = () => ({
  qualify: { by: 'points' } as object,
  period: { kind: 'calendar', starts_month: 1 } as object,
  grace: 'P30D',
  downgrade: 'one_step',
  warn_before: 'P60D',
  tiers: [
    { key: 'member', name: 'Member', lower_bound: '0', benefits: [] as object[], vip: null as object | null },
    { key: 'silver', name: 'Silver', lower_bound: '5000', benefits: [], vip: null },
    {
      ...{ key: 'gold', name: 'Gold', lower_bound: '20000' },
      benefits: [{ key: 'lounge', name: 'Lounge', description: '', kind: 'travel', quota: 6, per: 'year' }],
      vip: { description: 'A manager of its own', manager_role: 'primary', case_priority: 'high' },
    },
  ],
});

/** So that everybody has a benefit that does not run out. */
function tiersForAll() {
  const { tiers, ...model } = someTiers();
  const benefits = [
    { key: 'lounge', name: 'Lounge', description: '', kind: 'travel', quota: null, per: 'year' },
  ];
  return { ...model, tiers: tiers.map((tier) => ({ ...tier, benefits })) };
}

/** A reward as most tests want it: handed out, as many as are asked for, to everybody. */
export const aReward = (key: string) => ({
  key,
  ...{ name: key, description: '', status: 'active', delivery: 'manual', points: 100, stock: null },
  ...{ per_customer: null, valid_from: null, valid_to: null, eligibility: null },
});

/** Of a reward that has codes, however often it is asked for. */
export async function placeAnOrder(client: Client, id: string): Promise<string> {
  const catalogue = '/v1/loyalty/programmes/rewards/rewards';
  await client.request('POST', catalogue, { ...aReward('coffee'), delivery: 'code', points: 80 });
  await client.post(`${catalogue}/coffee/codes`, { codes: [`${id} ${randomUUID()}`] }, 200);
  const { order } = await client.post(
    `/v1/customers/${id}/loyalty/rewards/orders`,
    { reward: 'coffee' },
    201,
  );
  return order.order_id as string;
}

/** All that is wrong with the books of a programme, to the last page. */
export async function findingsOf(client: Client, programme: string, limit = 1000) {
  // biome-ignore lint/suspicious/noExplicitAny: whatever the service answered
  const findings: any[] = [];
  const checked = { accounts: 0, closings: 0 };
  for (let cursor = ''; ; ) {
    // biome-ignore lint/suspicious/noExplicitAny: whatever the service answered
    const part: any = await client.post(
      `/v1/loyalty/${programme}/verify?limit=${limit}${cursor}`,
      undefined,
      200,
    );
    findings.push(...part.findings);
    checked.accounts += part.accounts;
    checked.closings += part.closings;
    if (part.next_cursor === null) return { findings, ...checked };
    cursor = `&cursor=${encodeURIComponent(part.next_cursor)}`;
  }
}
