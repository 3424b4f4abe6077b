/** Twenty rules of a bank, and each of them as somebody would write it by hand. */
export type BenchRule = { key: string; rule: object; byHand: string };

const types = ['card_payment', 'transfer_out', 'transfer_in', 'cash_withdrawal', 'login', 'interest'];
const cities = ['上海', '北京', '广州', '深圳'];

const since = (days: number) => `$1::timestamptz - interval '${days} days'`;

const active = (type: string, days: number, having: string) => `
  select customer_id from activities
  where type = '${type}' and state = 'current' and occurred_at > ${since(days)} and occurred_at <= $1
  group by customer_id having ${having}`;

const count = (type: string, days: number, value: number) => ({
  activity: type,
  window: { last: `P${days}D` },
  measure: 'count',
  op: 'gte',
  value,
});
const sum = (type: string, days: number, value: string) => ({
  ...count(type, days, 0),
  measure: 'sum',
  value,
});

/** Behaviour alone, behaviour of those of a city, and two kinds of behaviour at once. */
export const benchRules: BenchRule[] = [
  ...types.map((type, place) => ({
    key: `bench_often_${place}`,
    rule: count(type, 30, 1),
    byHand: active(type, 30, 'count(*) >= 1'),
  })),
  ...types
    .filter((type) => type !== 'login')
    .map((type, place) => ({
      key: `bench_much_${place}`,
      rule: sum(type, 90, '3000'),
      byHand: active(type, 90, 'sum(reporting_amount) >= 3000'),
    })),
  ...cities.map((city, place) => ({
    key: `bench_city_${place}`,
    rule: { all: [{ fact: 'city', op: 'eq', value: city }, count(types[place] as string, 180, 2)] },
    byHand: `select a.customer_id from (${active(types[place] as string, 180, 'count(*) >= 2')}) a
      join customers c on c.id = a.customer_id where c.city = '${city}'`,
  })),
  ...cities.map((_city, place) => ({
    key: `bench_both_${place}`,
    rule: { all: [count(types[place] as string, 90, 1), count(types[place + 1] as string, 90, 1)] },
    byHand: `${active(types[place] as string, 90, 'count(*) >= 1')}
      intersect ${active(types[place + 1] as string, 90, 'count(*) >= 1')}`,
  })),
  {
    key: 'bench_people',
    rule: { fact: 'city', op: 'exists' },
    byHand: 'select id from customers where city is not null',
  },
];

/** With two windows, for the preview. */
export const previewRule = {
  rule: { all: [count('card_payment', 30, 1), sum('transfer_in', 90, '1000')] },
  byHand: `select count(*)::int as count from (
    ${active('card_payment', 30, 'count(*) >= 1')} intersect ${active('transfer_in', 90, 'sum(reporting_amount) >= 1000')}) both_of_them`,
};
