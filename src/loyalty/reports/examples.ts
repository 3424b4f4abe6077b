/** What the document shows of reports: one programme with a little of everything. */
const programme = 'rewards';
const as_of = '2026-03-31T16:00:00Z';
const time_zone = 'Asia/Shanghai';

export const trialBalanceExample = {
  programme,
  as_of,
  ledgers: [
    { ledger: 'member', points: 170 },
    { ledger: 'issued', points: -300 },
    { ledger: 'redeemed', points: 80 },
    { ledger: 'expired', points: 40 },
    { ledger: 'cancelled', points: 10 },
  ],
  total: 0,
  debt: 0,
};
export const liabilityExample = {
  programme,
  as_of,
  programme_version: 1,
  outstanding: 170,
  cost_per_point: '0.0050',
  breakage: '0.15',
  currency: 'CNY',
  liability: '0.7225',
};
export const forecastExample = {
  programme,
  as_of,
  time_zone,
  months: [{ month: '2026-04', points: 170 }],
  later: 0,
  never: 0,
  kept_by_holds: 0,
  debt: 0,
};
export const reconciliationExample = {
  programme,
  from: null,
  to: as_of,
  outstanding_before: 0,
  issued: 300,
  redeemed: 80,
  expired: 40,
  cancelled: 10,
  outstanding_after: 170,
  difference: 0,
};
export const breakageExample = {
  programme,
  as_of,
  issued: 300,
  expired: 40,
  rate: '0.133333',
  expected: '0.15',
};
export const statisticsExample = {
  programme,
  time_zone,
  outstanding_before: 0,
  months: [{ month: '2026-03', issued: 300, redeemed: 80, expired: 40, cancelled: 10, outstanding: 170 }],
};
export const verificationExample = {
  programme,
  as_of,
  accounts: 1,
  closings: 1,
  findings: [],
  next_cursor: null,
};
