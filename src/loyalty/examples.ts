/** What the document shows of loyalty: one customer, who has earned 250 points and used 80. */
const customer_id = '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d';
const lot_id = '0197f3c2-4b7e-7c31-9d52-3f6a1e2b4c5d';
export const operationId = '0197f3c2-2b7e-7c31-9d52-3f6a1e2b4c5d';
const account_id = '0197f3c2-5b7e-7c31-9d52-3f6a1e2b4c5d';

export const programmeInExample = {
  name: '积分奖励',
  description: 'Points for card payments and visits',
  unit: '积分',
  time_zone: 'Asia/Shanghai',
  status: 'open',
  expiry: { policy: 'end_of_month', after: 'P12M' },
  pending_for: 'PT0S',
  cost_per_point: '0.0050',
  breakage: '0.15',
  debt: 'allow',
  refund_of_expired: { policy: 'restore', for: 'P30D' },
  adjustment_limit: 10000,
  hold_for: 'PT30M',
  notice_before: 'P30D',
  transferable: true,
  conversions: [],
};
export const programmeExample = {
  key: 'rewards',
  version: 1,
  ...programmeInExample,
  created_at: '2026-01-05T08:00:00Z',
  updated_at: '2026-01-05T08:00:00Z',
};

const balance = {
  outstanding: 170,
  available: 170,
  pending: 0,
  held: 0,
  debt: 0,
  next_expiry: { at: '2027-03-31T16:00:00Z', points: 170 },
};
export const accountExample = {
  customer_id,
  programme: 'rewards',
  unit: '积分',
  status: 'open',
  enrolled_at: '2026-01-05T08:00:00Z',
  closed_at: null,
  version: 3,
  balance,
};

const times = {
  earned_at: '2026-03-01T04:00:00Z',
  available_at: '2026-03-01T04:00:00Z',
  expires_at: '2027-03-31T16:00:00Z',
};
const operation = {
  operation_id: operationId,
  customer_id,
  programme: 'rewards',
  booked_at: '2026-03-01T04:00:00Z',
  paid_debt: 0,
  new_debt: 0,
  forfeited: 0,
  restored: 0,
  hold_id: null,
  hold_expires_at: null,
  reverses_id: null,
  related_operation_id: null,
};
export const operationExample = (kind: string, points: number) => ({
  ...operation,
  kind,
  points,
  lots: [{ lot_id, ...times, points }],
  balance,
});

export const entryExample = {
  account_id,
  number: 2,
  operation_id: operationId,
  kind: 'redemption',
  points: -80,
  balance_after: 170,
  booked_at: '2026-03-01T04:00:00Z',
  recorded_at: '2026-03-01T04:00:00Z',
  reason: 'Umbrella',
  reference: { source: 'shop', source_id: 'O-1001' },
  reverses_id: null,
  postings: [
    { ledger: 'member', lot_id, points: -80 },
    { ledger: 'redeemed', lot_id: null, points: 80 },
  ],
};
export const lotExample = {
  account_id,
  lot_id,
  ...times,
  operation_id: operationId,
  amount: 250,
  remaining: 170,
  held: 0,
  state: 'usable',
};
