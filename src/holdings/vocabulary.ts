/** The words for holdings: one vocabulary for all features. */

/** What a bank counts as the customer's assets with it. */
export const assetCategories = [
  'deposit',
  'time_deposit',
  'wealth_product',
  'fund',
  'bond',
  'insurance',
  'precious_metal',
] as const;

/** Where the customer owes the bank: a negative balance is what is owed. */
export const liabilityCategories = ['loan', 'mortgage', 'credit_card'] as const;

export const categories = [...assetCategories, ...liabilityCategories, 'debit_card', 'service'] as const;
export type Category = (typeof categories)[number];

export const statuses = ['pending', 'active', 'suspended', 'stopped', 'frozen', 'dormant', 'closed'] as const;
export type HoldingStatus = (typeof statuses)[number];

export const roles = ['primary_owner', 'joint_owner', 'authorised', 'guarantor', 'beneficiary'] as const;
export type PartyRole = (typeof roles)[number];

/** Those between whom the shares of a holding are divided. */
export const ownerRoles: readonly PartyRole[] = ['primary_owner', 'joint_owner'];
