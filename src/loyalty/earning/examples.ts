/** What the document shows of earn rules. */
export const earnRuleInExample = {
  name: 'Card payments',
  description: 'A point for each 10 paid by card',
  status: 'active',
  valid_from: null,
  valid_to: null,
  earns: {
    activities: ['card_payment'],
    where: [{ field: 'channel', op: 'in', value: ['app', 'pos'] }],
  },
  condition: { fact: 'kind', op: 'eq', value: 'person' },
  levels: null,
  tiers: null,
  points: { per: '10', points: 1, rounding: 'down' },
  repeat: 'each',
  caps: [{ period: 'month', points: 5000 }],
  budget: 10000000,
  priority: 100,
  stacks: true,
  group: null,
};
export const earnRuleExample = {
  key: 'card_payments',
  programme: 'rewards',
  version: 1,
  ...earnRuleInExample,
  warnings: [],
  used: 1240,
  created_at: '2026-01-05T08:00:00Z',
  updated_at: '2026-01-05T08:00:00Z',
};
