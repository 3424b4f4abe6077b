/** Personal data that occurs nowhere else: where it shows, it has leaked. */

export const canaries = {
  name: '金丝雀甲乙',
  latinName: 'Zyxcanary Quillon',
  phone: '13987650123',
  email: 'zyxcanary@example.org',
  address: '金丝雀路八十八号',
  nationalId: '110101199003074258',
  customerNumber: 'ZYXC7700',
  card: '6222029876543210988',
  attribute: 'zyx-attribute-value',
  city: '金丝雀城',
  birthDate: '1990-03-07',
  amount: '77123.41',
  idempotencyKey: 'zyx-idempotency-key',
  merchant: 'zyx-merchant',
};

/** Which of them a text holds. */
export const found = (text: string) =>
  Object.entries(canaries)
    .filter(([, canary]) => text.includes(canary) || text.includes(encodeURIComponent(canary)))
    .map(([kind]) => kind);
