/** The one vocabulary of holding categories. */
export const assetCategories = [
  'deposit',
  'time_deposit',
  'wealth_product',
  'fund',
  'bond',
  'insurance',
  'precious_metal',
] as const;
export const liabilityCategories = ['loan', 'mortgage', 'credit_card'] as const;
/** Without a balance of their own. */
export const otherCategories = ['debit_card', 'service'] as const;
export const categories = [...assetCategories, ...liabilityCategories, ...otherCategories] as const;
