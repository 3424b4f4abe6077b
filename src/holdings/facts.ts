/**
 * What rules may ask of a customer's holdings. A holding counts for its primary owner, and while it is not
 * closed. Assets under management are deposits, wealth products, funds, bonds, insurance cash value and metals;
 * loans and card debt are liabilities, never inside. Balances are signed (a loan owed is negative), liabilities
 * are the amount owed, an overpaid card lowers them. A balance in another currency than the bank's is not valued
 * and left out, never zero; a customer of whom nothing is valued has these values missing.
 */

import { Big } from 'big.js';
import { type SQL, sql } from 'drizzle-orm';
import { holdings } from '../db/tables/holdings.js';
import type { Fact } from '../rules/facts.js';
import type { Moment } from '../rules/moment.js';
import type { CustomerPicture } from '../rules/picture.js';
import type { Frame, Source } from '../rules/statement.js';
import { touchNames } from '../rules/touches.js';
import { assetCategories, liabilityCategories } from './categories.js';

const touchedBy = [touchNames.holdings];
const valuedCategories: readonly string[] = [...assetCategories, ...liabilityCategories];

const open: Source = {
  name: 'holdings',
  customerId: sql`${holdings.customerId}`,
  rows: () => sql`from ${holdings} where ${holdings.status} <> 'closed'`,
};

/** The sum of the balances of some categories, and how many are behind it. */
function valued(frame: Frame, categories: readonly string[]): { sum: SQL; count: SQL } {
  const condition = sql`${holdings.currency} = ${frame.moment.currency} and ${holdings.category} = any(${sql.param(categories)}::text[])`;
  const key = categories.join(' ');
  return {
    sum: sql`coalesce(${frame.column(open, `sum ${key}`, () => sql`sum(${holdings.balance}) filter (where ${condition})`)}, 0)`,
    count: frame.count(
      open,
      `count ${key}`,
      () => sql`count(${holdings.balance}) filter (where ${condition})`,
    ),
  };
}

const openOf = (picture: CustomerPicture) => picture.holdings.filter((each) => each.status !== 'closed');

function balances(picture: CustomerPicture, { currency }: Moment, categories: readonly string[]): Big[] {
  return openOf(picture).flatMap((each) =>
    each.balance !== null && each.currency === currency && categories.includes(each.category)
      ? [new Big(each.balance)]
      : [],
  );
}

const total = (amounts: readonly Big[]) => amounts.reduce((sum, each) => sum.plus(each), new Big(0));

/** Of what is valued at all: the signed sum over some categories. */
const position = (name: string, description: string, categories: readonly string[], sign: 1 | -1): Fact => ({
  name: `holdings.${name}`,
  type: 'money',
  unit: "the bank's currency",
  description,
  touchedBy,
  sql: (frame) =>
    sql`(case when ${valued(frame, valuedCategories).count} > 0 then ${sql.raw(sign === 1 ? '' : '-')}${valued(frame, categories).sum} end)`,
  value: (picture, moment) => {
    if (balances(picture, moment, valuedCategories).length === 0) return null;
    return total(balances(picture, moment, categories))
      .times(sign)
      .toFixed();
  },
});

const balanceOf = (category: string): Fact => ({
  name: `holdings.${category}.balance`,
  type: 'money',
  unit: "the bank's currency",
  description: `Sum of the signed balances of category ${category}; missing where none is valued`,
  touchedBy,
  sql: (frame) => {
    const { sum, count } = valued(frame, [category]);
    return sql`(case when ${count} > 0 then ${sum} end)`;
  },
  value: (picture, moment) => {
    const amounts = balances(picture, moment, [category]);
    return amounts.length === 0 ? null : total(amounts).toFixed();
  },
});

const count: Fact = {
  name: 'holdings.count',
  type: 'integer',
  unit: 'holdings',
  description: 'How many holdings are not closed',
  touchedBy,
  sql: (frame) => frame.count(open, 'count', () => sql`count(*)`),
  value: (picture) => openOf(picture).length,
};

const products: Fact = {
  name: 'holdings.products',
  type: 'text_list',
  description: 'The product codes of the holdings that are not closed',
  touchedBy,
  sql: (frame) =>
    frame.column(
      open,
      'products',
      () => sql`array_agg(distinct ${holdings.product}) filter (where ${holdings.product} is not null)`,
    ),
  value: (picture) => {
    const codes = new Set(openOf(picture).flatMap(({ product }) => (product === null ? [] : [product])));
    return codes.size === 0 ? null : [...codes].sort();
  },
};

export const holdingFacts = (): Fact[] => [
  position('aum', 'Assets under management', assetCategories, 1),
  position('liabilities', 'What is owed on loans, mortgages and credit cards', liabilityCategories, -1),
  position('net', 'Assets under management less liabilities', valuedCategories, 1),
  count,
  products,
  ...valuedCategories.map(balanceOf),
];
