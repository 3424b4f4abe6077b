/** What the documentation of levels shows. */
import type { CustomerLevelOut, LevelModelIn } from './schemas.js';

export const modelExample = {
  measure: 'aum',
  settle_days: 1,
  movement: { preset: 'quarter' },
  levels: [
    { key: 'basic', name: 'Basic', description: 'Everybody.', lower_bound: null },
    {
      key: 'gold',
      name: 'Gold',
      description: "A common bound of the market, the bank's own choice.",
      lower_bound: '500000',
    },
    {
      key: 'private_bank',
      name: 'Private banking',
      description: "The regulator's bound of a private-bank customer.",
      lower_bound: '6000000',
      movement: { preset: 'half_year' },
    },
  ],
} satisfies LevelModelIn;

const quarter = {
  preset: 'quarter',
  up: 'next_month',
  months_below: 3,
  watch_months: 0,
  down_to: 'last_month',
} as const;
const [basic, gold, privateBank] = modelExample.levels;

export const shownModelExample = {
  version: 1,
  measure: 'aum',
  settle_days: 1,
  currency: 'CNY',
  movement: quarter,
  levels: [
    { ...basic, movement: null },
    { ...gold, movement: null },
    { ...privateBank, movement: { ...quarter, preset: 'half_year', months_below: 6 } },
  ],
  state: 'current',
  created_at: '2026-01-01T00:00:00Z',
};

const month = { unvalued: 0, level: 'gold' } as const;

export const levelExample: CustomerLevelOut = {
  customer_id: '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d',
  as_of: '2026-03-10T04:00:00.000Z',
  basis: 'recorded',
  level: 'gold',
  name: 'Gold',
  rank: 1,
  since: '2026-02-01T16:00:00.000Z',
  cause: 'month_close',
  decided_at: '2026-02-01T16:00:03.120Z',
  model_version: 1,
  measure: 'aum',
  currency: 'CNY',
  state: 'below',
  months_below: 1,
  keep: { lower_bound: '500000', missing: '88000.00', months_left: 2 },
  next: { level: 'private_bank', name: 'Private banking', lower_bound: '6000000', missing: '5588000.00' },
  raised: null,
  next_review: '2026-04-01T16:00:00.000Z',
  months: [
    { ...month, month: '2026-01', average: '500000.00', reached: 'gold', outcome: 'up', months_below: 0 },
    { ...month, month: '2026-02', average: '412000.00', reached: 'basic', outcome: 'below', months_below: 1 },
  ],
  bounds: [
    { level: 'basic', lower_bound: null },
    { level: 'gold', lower_bound: '500000' },
    { level: 'private_bank', lower_bound: '6000000' },
  ],
  pending: false,
};
