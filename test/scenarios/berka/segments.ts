/**
 * Ten segments of the Berka bank, and of each the statement that finds the same customers by the tables alone: by
 * business dates, where the rules go by instants in Prague.
 */
import pg from 'pg';
import type { Client } from '../../support/client.js';

type Segment = { rule: object; sql: string };

const sum = (category: string, having: string) => `
  select customer_id from holdings where category ${category} and status <> 'closed' and balance is not null
  group by 1 having ${having}`;

const counted = (type: string, from: string, before: string, having: string) => `
  select customer_id from activities where type = '${type}' and state = 'current'
    and business_date >= '${from}' and business_date < '${before}' group by 1 having ${having}`;

const depositors = counted('cash_deposit', '1993-01-01', '1994-01-01', 'count(*) >= 12');
const inDebt = sum(`in ('deposit', 'loan')`, 'sum(balance) < 0');

export const tenSegments: Readonly<Record<string, Segment>> = {
  women_of_prague: {
    rule: {
      all: [
        { fact: 'city', op: 'eq', value: 'Hl.m. Praha' },
        { fact: 'gender', op: 'eq', value: 'female' },
        { fact: 'age_years', op: 'between', value: [30, 50] },
      ],
    },
    sql: `select id as customer_id from customers where city = 'Hl.m. Praha' and gender = 'female'
      and birth_date > '1948-01-01' and birth_date <= '1969-01-01'`,
  },
  gold_cards: {
    rule: { fact: 'holdings.products', op: 'contains', value: 'card_gold' },
    sql: `select distinct customer_id from holdings where product = 'card_gold' and status <> 'closed'`,
  },
  in_debt: { rule: { fact: 'holdings.net', op: 'lt', value: '0' }, sql: inDebt },
  steady_depositors: {
    rule: {
      activity: 'cash_deposit',
      window: { calendar: 'year', offset: -6 },
      measure: 'count',
      op: 'gte',
      value: 12,
    },
    sql: depositors,
  },
  payers: {
    rule: {
      activity: 'transfer_out',
      window: { calendar: 'quarter', offset: -20 },
      measure: 'sum',
      op: 'gte',
      value: '20000',
    },
    sql: counted('transfer_out', '1994-01-01', '1994-04-01', 'sum(amount) >= 20000'),
  },
  penalised: {
    rule: { activity: 'penalty_interest', measure: 'count', op: 'gte', value: 1 },
    sql: counted('penalty_interest', '1993-01-01', '1999-01-01', 'true'),
  },
  withdrawers: {
    // what happened at midnight five years ago has just left
    rule: { activity: 'cash_withdrawal', window: { last: 'P5Y' }, measure: 'count', op: 'gte', value: 15 },
    sql: counted('cash_withdrawal', '1994-01-02', '1999-01-01', 'count(*) >= 15'),
  },
  gone_quiet: {
    rule: {
      all: [
        { activity: 'cash_withdrawal', measure: 'count', op: 'gte', value: 5 },
        {
          holds_for: {
            periods: 5,
            of: 'year',
            condition: {
              activity: 'cash_withdrawal',
              window: { calendar: 'year' },
              where: [{ field: 'amount', op: 'gt', value: '3000' }],
              measure: 'count',
              op: 'eq',
              value: 0,
            },
          },
        },
      ],
    },
    sql: `${counted('cash_withdrawal', '1993-01-01', '1999-01-01', 'count(*) >= 5')}
      except select customer_id from activities where type = 'cash_withdrawal' and state = 'current'
        and business_date >= '1994-01-01' and amount > 3000`,
  },
  well_balanced: {
    rule: {
      balance: 'aum',
      measure: 'average',
      window: { calendar: 'month', offset: -1 },
      op: 'gte',
      value: '50000',
    },
    // nothing is known of the accounts after the spring of 1994, so the last balance was that of every day
    sql: sum(`= 'deposit' and balance_date <= '1998-12-01'`, 'sum(balance) >= 50000'),
  },
  steady_and_sound: {
    rule: { all: [{ segment: 'steady_depositors' }, { not: { segment: 'in_debt' } }] },
    sql: `${depositors} except (${inDebt})`,
  },
};

export async function makeTenSegments(client: Client): Promise<void> {
  for (const [key, { rule }] of Object.entries(tenSegments)) {
    await client.post('/v1/segments', { key, name: key, description: 'Of the Berka bank', rule }, 201);
  }
}

/** The ids of whom the statement finds, in their order. */
export async function foundBySql(databaseUrl: string, statement: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ customer_id: string }>(statement);
    return rows.map((row) => row.customer_id).sort();
  } finally {
    await client.end();
  }
}
