/** Bodies that are valid as they stand; whatever a test is about is given. */
let counter = 0;

export const aCustomer = (stated: Record<string, unknown> = {}): Record<string, unknown> => {
  counter += 1;
  return {
    kind: 'person',
    full_name: '王小明',
    branch: '0101',
    identifiers: [{ scheme: 'core_banking', value: `T${process.pid}N${counter}` }],
    source: 'core',
    ...stated,
  };
};

/** A holding whose primary owner is `customer`. */
export const aHolding = (number: string, customer: unknown): Record<string, unknown> => ({
  source: 'core',
  number,
  category: 'deposit',
  status: 'active',
  currency: 'CNY',
  opened_on: '2020-03-01',
  balance: '100.00',
  balance_date: '2026-01-05',
  parties: [{ customer, role: 'primary_owner' }],
});
