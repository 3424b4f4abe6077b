/** Where customers and bank meet: one vocabulary for activities, interactions and messages. */
export const channels = [
  'branch',
  'atm',
  'app',
  'web',
  'phone',
  'pos',
  'mail',
  'wechat',
  'partner',
  'other',
] as const;

export type Channel = (typeof channels)[number];
