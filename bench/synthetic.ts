/** Customers, holdings and activities for measuring: the same from run to run, spread as a bank's are. */
const cities = ['上海', '北京', '广州', '深圳', '杭州', '成都', '武汉', '南京'];
const families = ['王', '李', '张', '刘', '陈', '杨', '赵', '黄', '周', '吴'];
const givens = ['伟', '芳', '娜', '敏', '静', '丽', '强', '磊', '军', '洋', '小明', '建国', '秀英', '志强'];
const types = ['card_payment', 'transfer_out', 'transfer_in', 'cash_withdrawal', 'login', 'interest'];
const channels = ['pos', 'app', 'app', 'atm', 'app', 'branch'];
const day = 86_400_000;
const begin = Date.UTC(2024, 0, 1);

/** A number that looks random, of an index: no state, so that any row can be made anew. */
function scatter(index: number, salt: number): number {
  let value = Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(salt + 1, 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 16), 0x45d9f3b);
  value = Math.imul(value ^ (value >>> 13), 0x45d9f3b);
  return (value ^ (value >>> 16)) >>> 0;
}

const pick = <T>(list: readonly T[], index: number, salt: number): T =>
  list[scatter(index, salt) % list.length] as T;

const money = (index: number, salt: number, below: number) =>
  `${scatter(index, salt) % below}.${String(scatter(index, salt + 50) % 100).padStart(2, '0')}`;

const number = (index: number) => `B${String(index).padStart(7, '0')}`;

export function customer(index: number): object {
  const family = pick(families, index, 1);
  const given = pick(givens, index, 2);
  return {
    kind: 'person',
    full_name: family + given,
    family_name: family,
    given_name: given,
    birth_date: new Date(begin - (18 * 365 + (scatter(index, 3) % 20_000)) * day).toISOString().slice(0, 10),
    city: pick(cities, index, 4),
    branch: String(100 + (scatter(index, 5) % 50)),
    identifiers: [{ scheme: 'core_banking', value: number(index) }],
    contact_points: [
      { kind: 'phone', value: `138${String(index).padStart(8, '0')}`, label: 'mobile', primary: true },
    ],
    source: 'core',
    source_time: '2024-01-01T00:00:00Z',
  };
}

export function holding(index: number, customers: number): object {
  const category = index < customers ? 'deposit' : 'wealth_product';
  return {
    source: 'core',
    number: `H${index}`,
    category,
    product: category === 'deposit' ? 'current' : 'term_90',
    opened_on: new Date(begin - (scatter(index, 6) % 3000) * day).toISOString().slice(0, 10),
    balance: money(index, 7, category === 'deposit' ? 200_000 : 1_500_000),
    balance_date: '2024-01-01',
    parties: [
      { customer: { scheme: 'core_banking', value: number(index % customers) }, role: 'primary_owner' },
    ],
    source_time: '2024-01-01T00:00:00Z',
  };
}

/** One of two years of activities, of a customer named as a core system names it. */
export function activity(source: string, index: number, customers: number): object {
  const kind = scatter(index, 8) % types.length;
  const common = {
    source,
    source_id: `${source}-${index}`,
    customer: { scheme: 'core_banking', value: number(scatter(index, 9) % customers) },
    type: types[kind],
    occurred_at: new Date(begin + (scatter(index, 10) % (730 * 86_400)) * 1000).toISOString(),
    channel: channels[kind],
  };
  if (types[kind] === 'login') return common;
  const direction = types[kind] === 'transfer_in' || types[kind] === 'interest' ? 'in' : 'out';
  return {
    ...common,
    amount: money(index, 11, 5000),
    currency: 'CNY',
    direction,
    initiated_by: types[kind] === 'interest' ? 'bank' : 'customer',
  };
}
