/**
 * What rules may ask of a customer's holdings. A holding counts for its primary owner, or for its owners as the bank's
 * policy says, and while it is not closed. Assets under management are deposits, wealth products, funds, bonds, insurance cash value and metals;
 * loans and card debt are liabilities, never inside. Balances are signed (a loan owed is negative), liabilities
 * are the amount owed, an overpaid card lowers them. A balance in another currency than the bank's is valued at the
 * latest rate; one without a rate is left out, never zero; a customer of whom nothing is valued has these values
 * missing.
 */

import { Big } from 'big.js';
import { type SQL, sql } from 'drizzle-orm';
import { holdingParties, holdings } from '../db/tables/holdings.js';
import { latestRates } from '../db/tables/money.js';
import { converted, minorUnits } from '../platform/currencies.js';
import type { Fact, Passing } from '../rules/facts.js';
import type { Moment } from '../rules/moment.js';
import type { CustomerPicture, HoldingPart } from '../rules/picture.js';
import type { Frame, Source } from '../rules/statement.js';
import { touchNames } from '../rules/touches.js';
import { compareValues } from '../rules/values.js';
import {
  type Attribution,
  nextDay,
  nextDaySql,
  standsOn,
  standsOnSql,
  weightOn,
  weightSql,
} from './attribution.js';
import { assetCategories, liabilityCategories } from './categories.js';
import { type CountingPolicy, dailyOfBalance } from './daily.js';

const touchedBy = [touchNames.holdings];
const valuedCategories: readonly string[] = [...assetCategories, ...liabilityCategories];

const worthSql = ({
  currency,
}: Moment): SQL => sql`(case when ${holdings.currency} = ${currency} then ${holdings.balance}
  else round(${holdings.balance} * ${latestRates.rate}, ${minorUnits(currency)}::integer) end)`;

/** Whose holdings are counted, and what each is worth to its owner: in SQL, and of a picture. */
type Counted = {
  attribution: Attribution;
  source: (moment: Moment) => Source;
  /** in the bank's currency; null without a balance or a rate */
  worth: (moment: Moment) => SQL;
  passing?: Passing;
};

const today = ({ today: day }: Moment) => sql`${day}::date`;

const ofPrimaryOwner: Counted = {
  attribution: 'primary_owner',
  source: () => ({
    name: 'holdings',
    customerId: sql`${holdings.customerId}`,
    rows: () => sql`from ${holdings} left join ${latestRates} on ${latestRates.currency} = ${holdings.currency}
      where ${holdings.status} <> 'closed'`,
  }),
  worth: worthSql,
};

const ownedRows = sql`from ${holdingParties}
  join ${holdings} on ${holdings.customerId} = ${holdingParties.ownerId} and ${holdings.id} = ${holdingParties.holdingId}
  left join ${latestRates} on ${latestRates.currency} = ${holdings.currency}
  where ${holdings.status} <> 'closed' and (${holdingParties.role} = 'primary_owner'
    or ${holdingParties.role} = 'joint_owner' and ${holdingParties.customerId} <> ${holdingParties.ownerId})`;

const everyRole: Source = {
  name: 'owned at any time',
  customerId: sql`${holdingParties.customerId}`,
  rows: () => ownedRows,
};

const ofOwners = (attribution: Attribution): Counted => ({
  attribution,
  source: (moment) => ({
    name: 'owned',
    customerId: sql`${holdingParties.customerId}`,
    rows: () => sql`${ownedRows} and ${standsOnSql('holding_parties', today(moment))}`,
  }),
  worth: (moment) => {
    if (attribution === 'full') return worthSql(moment);
    const weight = weightSql(attribution, today(moment));
    return sql`round(${worthSql(moment)} * ${weight} * 0.01, ${minorUnits(moment.currency)}::integer)`;
  },
  passing: {
    kind: 'day',
    sql: (frame) => frame.column(everyRole, 'next', () => sql`min(${nextDaySql(today(frame.moment))})`),
    value: (picture, moment) => {
      const open = picture.holdings.filter((each) => each.status !== 'closed');
      const days = open.map((each) => nextDay(each.owner, moment.today)).filter((day) => day !== null);
      return days.sort()[0] ?? null;
    },
  },
});

function worthOf({ attribution }: Counted, { rates }: CustomerPicture, moment: Moment, each: HoldingPart) {
  const { currency } = moment;
  const rate = rates.find((one) => one.currency === each.currency);
  if (each.balance === null || (each.currency !== currency && rate === undefined)) return null;
  const worth = rate === undefined ? each.balance : converted(each.balance, rate.rate, currency);
  if (attribution !== 'by_share') return new Big(worth);
  const weight = weightOn(attribution, each.owner, moment.today);
  return new Big(worth).times(weight).times('0.01').round(minorUnits(currency), Big.roundHalfUp);
}

/** The sum of the balances of some categories, and how many are behind it. */
function valued(counted: Counted, frame: Frame, categories: readonly string[]): { sum: SQL; count: SQL } {
  const condition = sql`${holdings.category} = any(${sql.param(categories)}::text[])`;
  const source = counted.source(frame.moment);
  const worth = counted.worth(frame.moment);
  const key = categories.join(' ');
  return {
    sum: sql`coalesce(${frame.column(source, `sum ${key}`, () => sql`sum(${worth}) filter (where ${condition})`)}, 0)`,
    count: frame.count(source, `count ${key}`, () => sql`count(${worth}) filter (where ${condition})`),
  };
}

function openOf({ attribution }: Counted, picture: CustomerPicture, moment: Moment): HoldingPart[] {
  const counts = ({ kept, owner }: HoldingPart) =>
    attribution === 'primary_owner' ? kept : standsOn(owner, moment.today);
  return picture.holdings.filter((each) => each.status !== 'closed' && counts(each));
}

function balances(
  counted: Counted,
  picture: CustomerPicture,
  moment: Moment,
  categories: readonly string[],
): Big[] {
  return openOf(counted, picture, moment).flatMap((each) => {
    const worth = categories.includes(each.category) ? worthOf(counted, picture, moment, each) : null;
    return worth === null ? [] : [worth];
  });
}

const total = (amounts: readonly Big[]) => amounts.reduce((sum, each) => sum.plus(each), new Big(0));

/** What they have in common. */
const common = ({ passing }: Counted) => ({ touchedBy, ...(passing === undefined ? {} : { passing }) });

/** Of what is valued at all: the signed sum over some categories. */
const position = (
  counted: Counted,
  name: string,
  description: string,
  categories: readonly string[],
  sign: 1 | -1,
): Fact => ({
  ...common(counted),
  name: `holdings.${name}`,
  type: 'money',
  unit: "the bank's currency",
  description,
  sql: (frame) =>
    sql`(case when ${valued(counted, frame, valuedCategories).count} > 0 then ${sql.raw(sign === 1 ? '' : '-')}${valued(counted, frame, categories).sum} end)`,
  value: (picture, moment) => {
    if (balances(counted, picture, moment, valuedCategories).length === 0) return null;
    return total(balances(counted, picture, moment, categories))
      .times(sign)
      .toFixed();
  },
});

const balanceOf = (counted: Counted, category: string): Fact => ({
  ...common(counted),
  name: `holdings.${category}.balance`,
  type: 'money',
  unit: "the bank's currency",
  description: `Sum of the signed balances of category ${category}; missing where none is valued`,
  sql: (frame) => {
    const { sum, count } = valued(counted, frame, [category]);
    return sql`(case when ${count} > 0 then ${sum} end)`;
  },
  value: (picture, moment) => {
    const amounts = balances(counted, picture, moment, [category]);
    return amounts.length === 0 ? null : total(amounts).toFixed();
  },
});

const count = (counted: Counted): Fact => ({
  ...common(counted),
  name: 'holdings.count',
  type: 'integer',
  unit: 'holdings',
  description: 'How many holdings are not closed',
  sql: (frame) => frame.count(counted.source(frame.moment), 'count', () => sql`count(*)`),
  value: (picture, moment) => openOf(counted, picture, moment).length,
});

const unvalued = (counted: Counted): Fact => ({
  ...common(counted),
  name: 'holdings.unvalued',
  type: 'integer',
  unit: 'holdings',
  description: 'How many assets and debts have no value: no balance, or a currency without a rate',
  sql: (frame) => {
    const worth = counted.worth(frame.moment);
    const condition = sql`${holdings.category} = any(${sql.param(valuedCategories)}::text[]) and ${worth} is null`;
    const source = counted.source(frame.moment);
    return frame.count(source, 'unvalued', () => sql`count(*) filter (where ${condition})`);
  },
  value: (picture, moment) =>
    openOf(counted, picture, moment).filter(
      (each) => valuedCategories.includes(each.category) && worthOf(counted, picture, moment, each) === null,
    ).length,
});

const products = (counted: Counted): Fact => ({
  ...common(counted),
  name: 'holdings.products',
  type: 'text_list',
  description: 'The product codes of the holdings that are not closed',
  sql: (frame) =>
    frame.column(
      counted.source(frame.moment),
      'products',
      () =>
        sql`array_agg(distinct ${holdings.product} collate "C") filter (where ${holdings.product} is not null)`,
    ),
  value: (picture, moment) => {
    const open = openOf(counted, picture, moment);
    const codes = new Set(open.flatMap(({ product }) => (product === null ? [] : [product])));
    return codes.size === 0 ? null : [...codes].sort((one, other) => compareValues('text', one, other));
  },
});

export function holdingFacts(policy: CountingPolicy): Fact[] {
  const { attribution } = policy;
  const counted = attribution === 'primary_owner' ? ofPrimaryOwner : ofOwners(attribution);
  const owed = 'What is owed on loans, mortgages and credit cards';
  const byDay = (name: string, fact: Fact): Fact => ({ ...fact, daily: dailyOfBalance(name, policy) });
  return [
    byDay('aum', position(counted, 'aum', 'Assets under management', assetCategories, 1)),
    byDay('liabilities', position(counted, 'liabilities', owed, liabilityCategories, -1)),
    byDay('net', position(counted, 'net', 'Assets under management less liabilities', valuedCategories, 1)),
    count(counted),
    unvalued(counted),
    products(counted),
    ...valuedCategories.map((category) => byDay(category, balanceOf(counted, category))),
  ];
}
