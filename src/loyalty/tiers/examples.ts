/** What the document shows of tiers. */
const customer_id = '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d';
export const useId = '0197f3c2-6b7e-7c31-9d52-3f6a1e2b4c5d';

const lounge = {
  key: 'lounge',
  name: '机场贵宾厅',
  description: 'A visit to an airport lounge',
  kind: 'travel',
  quota: 6,
  per: 'year',
};
const vip = {
  description: 'A dedicated manager, and cases first',
  manager_role: 'primary',
  case_priority: 'high',
};
export const tiersInExample = {
  qualify: { by: 'points' },
  period: { kind: 'calendar', starts_month: 1 },
  grace: 'P30D',
  downgrade: 'one_step',
  warn_before: 'P60D',
  tiers: [
    { key: 'member', name: '会员', lower_bound: '0', benefits: [], vip: null },
    { key: 'silver', name: '银卡', lower_bound: '5000', benefits: [], vip: null },
    { key: 'gold', name: '金卡', lower_bound: '20000', benefits: [lounge], vip },
  ],
};
export const tiersExample = {
  programme: 'rewards',
  version: 1,
  ...tiersInExample,
  state: 'current',
  created_at: '2026-01-05T08:00:00Z',
};
const period_from = '2026-01-01';
export const memberTierExample = {
  customer_id,
  programme: 'rewards',
  as_of: '2026-06-01T04:00:00Z',
  tier: 'gold',
  name: '金卡',
  rank: 2,
  since: '2026-03-01T04:00:00Z',
  cause: 'reached',
  decided_at: '2026-03-01T04:00:03Z',
  model_version: 1,
  qualify: 'points',
  amount: '21500',
  counted_from: period_from,
  period: { from: period_from, to: '2027-01-01' },
  keep: {
    lower_bound: '20000',
    amount: '21500',
    missing: '0',
    review_at: '2027-01-30T16:00:00Z',
    until: '2028-01-30T16:00:00Z',
  },
  next: null,
  benefits: [{ ...lounge, used: 2, left: 4, period_from }],
  vip: { ...vip, manager: 'RM007', lacks: [] },
  pending: false,
};
export const useExample = {
  use_id: useId,
  customer_id,
  programme: 'rewards',
  benefit: 'lounge',
  tier: 'gold',
  used_at: '2026-06-01T04:00:00Z',
  reason: 'Lounge at PVG',
  reference: null,
  taken_back_at: null,
  taken_back_reason: null,
};
export const useDoneExample = { use: useExample, used: 3, left: 3, period_from };
