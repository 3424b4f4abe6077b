/** What the document shows of rewards: a cup of coffee that is ordered and issued. */
import { operationExample, operationId } from '../examples.js';

export const rewardInExample = {
  name: '咖啡券',
  description: 'A cup of coffee at one of our branches',
  status: 'active',
  points: 80,
  stock: null,
  per_customer: 100,
  valid_from: null,
  valid_to: null,
  eligibility: { fact: 'status', op: 'ne', value: 'closed' },
};
export const rewardExample = {
  programme: 'rewards',
  key: 'coffee',
  version: 1,
  delivery: 'code',
  ...rewardInExample,
  taken: 1,
  available: 99,
  created_at: '2026-01-05T08:00:00Z',
  updated_at: '2026-01-05T08:00:00Z',
};
export const orderExample = {
  order_id: '0197f3c2-6b7e-7c31-9d52-3f6a1e2b4c5d',
  version: 2,
  customer_id: '0197f3c2-1b7e-7c31-9d52-3f6a1e2b4c5d',
  programme: 'rewards',
  reward: 'coffee',
  reward_version: 1,
  status: 'issued',
  points: 80,
  hold_id: '0197f3c2-3b7e-7c31-9d52-3f6a1e2b4c5d',
  operation_id: operationId,
  reserved_at: '2026-03-01T04:00:00Z',
  expires_at: '2026-03-01T04:30:00Z',
  issued_at: '2026-03-01T04:01:00Z',
  ended_at: null,
  cause: null,
  reason: null,
};
const reserved = { ...orderExample, status: 'reserved', operation_id: null, issued_at: null };
const ended = { ended_at: '2026-03-02T04:00:00Z', cause: 'asked', reason: 'Not wanted' };
export const doneExamples = {
  reserved: { order: reserved, operation: operationExample('hold', 0), code: null },
  issued: { order: orderExample, operation: operationExample('redemption', -80), code: 'COFFEE-7Q2M' },
  cancelled: {
    order: { ...reserved, status: 'cancelled', ...ended },
    operation: operationExample('void', 0),
    code: null,
  },
  refunded: {
    order: { ...orderExample, status: 'refunded', ...ended },
    operation: operationExample('refund', 80),
    code: null,
  },
};
