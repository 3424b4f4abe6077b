/**
 * The order of a customer's accounts in one programme, of which a merge can have brought some: of `loyalty_accounts` as a.
 * The first is the one that new points go to, and whose status says whether the customer takes part: one that is open,
 * its own before those of others, the oldest.
 */
export const accountOrder =
  "a.status = 'closed', a.origin_customer_id nulls first, a.enrolled_at, a.account_id";
