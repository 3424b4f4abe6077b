/** Examples for the API's documentation: they are sent and answered as they stand. */
export const holdingUpsertExample = {
  source: 'core',
  number: '6222021234567890128',
  category: 'deposit',
  product: 'CURRENT_CNY',
  status: 'active',
  currency: 'CNY',
  opened_on: '2024-03-01',
  balance: '12500.50',
  balance_date: '2026-01-05',
  parties: [{ customer: { scheme: 'core_banking', value: 'C000001' }, role: 'primary_owner', share: '100' }],
  on_unknown: 'create',
  source_time: '2026-01-05T08:00:00Z',
};

const customerId = '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d';

export const partyExample = {
  id: '0197f3c2-1b80-7d44-8f60-8a9b0c1d2e3f',
  customer_id: customerId,
  role: 'primary_owner',
  share: '100',
  starts_on: null,
  ends_on: null,
  recorded_at: '2026-01-05T08:00:01.000000Z',
};

const shown = {
  id: '0197f3c2-1b80-7c33-8e5f-7f8a9b0c1d2e',
  source: 'core',
  number: '6222****0128',
  category: 'deposit',
  product: 'CURRENT_CNY',
  status: 'active',
  status_reason: null,
  currency: 'CNY',
  opened_on: '2024-03-01',
  closed_on: null,
  balance: '12500.50',
  balance_date: '2026-01-05',
  attributes: {},
  source_time: '2026-01-05T08:00:00Z',
  recorded_at: '2026-01-05T08:00:01.000000Z',
  version: 1,
};

export const holdingExample = { ...shown, primary_owner_id: customerId, parties: [partyExample] };

export const customerHoldingExample = {
  party_id: partyExample.id,
  role: 'primary_owner',
  share: '100',
  starts_on: null,
  ends_on: null,
  holding: shown,
};
