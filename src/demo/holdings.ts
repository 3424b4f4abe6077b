/** What customers hold: what they own is divided among products, what they owe comes on top. */
import { addDays } from './days.js';
import { cardNumber } from './identifiers.js';
import { type Random, randomOf } from './random.js';
import { ageOf, type DemoCustomer, someone, type World } from './world.js';

export type DemoParty = { customer: DemoCustomer; role: string; share?: string };
export type DemoHolding = {
  source: string;
  number: string;
  category: string;
  product: string;
  status: 'active' | 'closed';
  openedOn: string;
  closedOn?: string;
  balance?: string;
  parties: DemoParty[];
};

/** What the customer's holdings are, the current account first. Marks guarantors in `customer.relations`. */
export function makeHoldings(world: World, customer: DemoCustomer, balanceDay: string): DemoHolding[] {
  if (customer.isSecondRecord) return [];
  const random = randomOf(world.seed, 'holdings', customer.index);
  const bank: Bank = { world, customer, random, balanceDay, made: [] };
  if (customer.kind === 'organization') openForOrganization(bank);
  else openForPerson(bank);
  return bank.made;
}

type Bank = {
  world: World;
  customer: DemoCustomer;
  random: Random;
  balanceDay: string;
  made: DemoHolding[];
};

type Opening = {
  category: string;
  product: string;
  balance?: number;
  parties?: DemoParty[];
  atOnce?: boolean;
};

/** Digits: the branch, the seed, the customer, and a number for each account. */
function accountNumber({ world, customer, made }: Bank): string {
  const padded = (value: number, length: number) => String(value).padStart(length, '0');
  return `6${customer.branch}${padded(world.seed, 2)}${padded(customer.index + 1, 6)}${padded(made.length + 1, 2)}`;
}

const cardIssuer = '629800';

function open(bank: Bank, opening: Opening): DemoHolding {
  const { customer, random, world, made } = bank;
  const { category, product, balance } = opening;
  const isCard = category.endsWith('_card');
  const latest = addDays(world.anchor, -8);
  const age = opening.atOnce === true || customer.joinedOn >= latest ? 0 : random.integer(0, 1500);
  const openedOn = addDays(customer.joinedOn, age);
  const holding: DemoHolding = {
    source: isCard ? 'cards' : (sources[category] ?? 'core'),
    number: isCard
      ? cardNumber(cardIssuer, world.seed * 10_000_000 + (customer.index + 1) * 10 + (made.length % 10))
      : accountNumber(bank),
    category,
    product,
    status: 'active',
    openedOn: openedOn > latest && age > 0 ? latest : openedOn,
    ...(balance === undefined ? {} : { balance: balance.toFixed(2) }),
    parties: [{ customer, role: 'primary_owner' }, ...(opening.parties ?? [])],
  };
  made.push(holding);
  return holding;
}

const sources: Record<string, string> = {
  wealth_product: 'wealth',
  fund: 'wealth',
  bond: 'wealth',
  precious_metal: 'wealth',
  insurance: 'bancassurance',
  loan: 'lending',
  mortgage: 'lending',
};

function openForPerson(bank: Bank): void {
  const { customer, random, world } = bank;
  const age = ageOf(world, customer);
  const parts = portfolio(customer, age, random);
  const share = (part: { weight: number }) =>
    (customer.wealth * part.weight) / parts.reduce((sum, one) => sum + one.weight, 0);
  for (const part of parts) {
    open(bank, { ...part, balance: share(part), atOnce: part.category === 'deposit' });
  }
  if (random.chance(0.95)) open(bank, { category: 'debit_card', product: '借记卡', atOnce: true });
  const isNew = customer.joinedOn > addDays(world.anchor, -60);
  if (isNew || customer.habit === 'silent') return;
  if (customer.habit !== 'branch' && random.chance(0.5)) {
    open(bank, {
      category: 'credit_card',
      product: '标准信用卡',
      balance: -random.logNormal(customer.income * 0.35, 0.9),
    });
  }
  if (age > 26 && age < 58 && random.chance(0.22)) openMortgage(bank);
  if (age > 24 && age < 60 && random.chance(0.09))
    openLoan(bank, random.logNormal(60_000, 0.6), '个人消费贷款');
  if (random.chance(0.08))
    close(open(bank, { category: 'time_deposit', product: '一年期定期存款', balance: 0 }), bank);
}

type Part = { category: string; product: string; weight: number };

/** Which products share in the wealth, and how; the current account always does. */
function portfolio(customer: DemoCustomer, age: number, random: Random): Part[] {
  const risk = Number(customer.attributes.risk_level);
  const isRich = customer.wealth > 300_000;
  const hasSavings = customer.wealth > 30_000;
  const offers: [number, Part][] = [
    [
      age > 55 ? 0.75 : 0.35,
      { category: 'time_deposit', product: '三年期定期存款', weight: age > 55 ? 1.4 : 0.7 },
    ],
    [isRich ? 0.9 : 0.3, { category: 'wealth_product', product: '稳健增利理财90天', weight: 1 }],
    [
      isRich ? 0.7 : risk >= 3 ? 0.45 : 0.05,
      { category: 'fund', product: '沪深300指数基金', weight: 0.5 + risk / 8 },
    ],
    [0.12, { category: 'insurance', product: '终身寿险', weight: 0.4 }],
    [isRich ? 0.35 : 0.03, { category: 'bond', product: '储蓄国债', weight: 0.5 }],
    [0.05, { category: 'precious_metal', product: '积存金', weight: 0.2 }],
  ];
  const chosen = offers.filter(([probability]) => hasSavings && random.chance(probability));
  const current = { category: 'deposit', product: '活期存款', weight: 0.25 + random.integer(0, 50) / 100 };
  return [current, ...chosen.map(([, part]) => part)];
}

function openMortgage(bank: Bank): void {
  const { customer, random } = bank;
  const spouse = customer.relations.find(({ role }) => role === 'spouse')?.to;
  open(bank, {
    category: 'mortgage',
    product: '个人住房贷款',
    balance: -random.logNormal(620_000, 0.5),
    parties: spouse === undefined ? [] : [{ customer: spouse, role: 'joint_owner', share: '50' }],
  });
}

/** Two loans in five have a guarantor. */
function openLoan(bank: Bank, amount: number, product: string): void {
  const { customer, random, world } = bank;
  const fits = (one: DemoCustomer) =>
    one.kind === 'person' && !one.isSecondRecord && one.index < customer.index;
  const guarantor = random.chance(0.4) ? someone(world, random, fits) : undefined;
  const parties = guarantor === undefined ? [] : [{ customer: guarantor, role: 'guarantor' }];
  const { openedOn } = open(bank, { category: 'loan', product, balance: -amount, parties });
  if (guarantor !== undefined)
    customer.relations.push({ to: guarantor, role: 'guarantor', startsOn: openedOn });
}

function close(holding: DemoHolding, { balanceDay }: Bank): void {
  const closedOn = addDays(holding.openedOn, 365);
  if (closedOn > balanceDay) return;
  holding.status = 'closed';
  holding.closedOn = closedOn;
}

function openForOrganization(bank: Bank): void {
  const { customer, random } = bank;
  const leader = customer.relations.find(({ role }) => role === 'legal_representative')?.to;
  const parties = leader === undefined ? [] : [{ customer: leader, role: 'authorised' }];
  const hasTime = random.chance(0.25);
  const hasWealth = random.chance(0.2);
  const rest = (hasTime ? 0.3 : 0) + (hasWealth ? 0.25 : 0);
  open(bank, {
    category: 'deposit',
    product: '单位结算账户',
    balance: customer.wealth * (1 - rest),
    parties,
    atOnce: true,
  });
  if (hasTime)
    open(bank, { category: 'time_deposit', product: '单位定期存款', balance: customer.wealth * 0.3 });
  if (hasWealth)
    open(bank, { category: 'wealth_product', product: '对公结构性存款', balance: customer.wealth * 0.25 });
  if (random.chance(0.3)) openLoan(bank, random.logNormal(customer.income * 3, 0.8), '流动资金贷款');
}
