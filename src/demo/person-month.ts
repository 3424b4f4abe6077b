/** What a person does in a month. */
import type { Doing, MonthOf } from './doing.js';
import type { DemoHolding } from './holdings.js';
import type { Random } from './random.js';
import { workdayUpTo } from './seasons.js';
import type { Habit } from './world.js';

/** On average in an ordinary month. */
const rates: Record<Habit, { card: number; login: number; transfer: number; visit: number; cash: number }> = {
  digital: { card: 10, login: 6, transfer: 1.6, visit: 0.03, cash: 0.1 },
  mixed: { card: 6, login: 2.5, transfer: 0.9, visit: 0.15, cash: 0.5 },
  branch: { card: 2, login: 0.2, transfer: 0.3, visit: 0.8, cash: 1 },
  silent: { card: 0.2, login: 0.1, transfer: 0.05, visit: 0.03, cash: 0.1 },
};

/** Where money goes: merchant category code (ISO 18245), share, median amount. */
const merchants = [
  { mcc: '5411', category: 'groceries', share: 30, median: 84 },
  { mcc: '5812', category: 'restaurants', share: 22, median: 118 },
  { mcc: '4111', category: 'transport', share: 14, median: 21 },
  { mcc: '5311', category: 'online_shopping', share: 18, median: 165 },
  { mcc: '5541', category: 'fuel', share: 6, median: 310 },
  { mcc: '8062', category: 'health', share: 4, median: 240 },
  { mcc: '7832', category: 'entertainment', share: 4, median: 82 },
  { mcc: '4722', category: 'travel', share: 2, median: 1650 },
].map((merchant) => [merchant, merchant.share] as const);

export function personMonth(of: MonthOf): Doing[] {
  const { customer, random } = of;
  const doings = [...income(of), ...spending(of), ...contacts(of), ...transfers(of), ...ofTheBank(of)];
  const { fadesFrom } = customer;
  // drawn for everybody, so that fading changes nothing before it
  return doings.filter((doing) => {
    const stays = random.chance(0.12);
    return stays || doing.initiatedBy === 'bank' || fadesFrom === undefined || doing.day < fadesFrom;
  });
}

const holdingOf = (holdings: readonly DemoHolding[], category: string, day: string) =>
  holdings.find(
    (one) =>
      one.category === category && one.openedOn <= day && (one.closedOn === undefined || day < one.closedOn),
  );

const daytime = (random: Random) => random.integer(7 * 3600, 23 * 3600 - 1);
const officeHours = (random: Random) => random.integer(9 * 3600, 17 * 3600 - 1);
/** Around the usual amount, never nothing. */
const around = (random: Random, amount: number, spread: number) =>
  Math.max(1, Math.round(random.logNormal(amount, spread) * 100) / 100);

function income({ customer, holdings, month, name, random }: MonthOf): Doing[] {
  const isRetired = customer.attributes.occupation === 'retired';
  const earns =
    isRetired ||
    ['employee', 'civil_servant', 'professional'].includes(String(customer.attributes.occupation));
  if (!earns || customer.habit === 'silent') return [];
  const payday = isRetired ? 15 : 8 + (customer.index % 3) * 5;
  const day = workdayUpTo(month, payday);
  const base: Doing = {
    type: isRetired ? 'pension' : 'salary',
    day,
    second: random.integer(2 * 3600, 6 * 3600),
    amount: around(random, customer.income, isRetired ? 0.002 : 0.04),
    direction: 'in',
    initiatedBy: 'third_party',
    channel: 'other',
    holding: holdingOf(holdings, 'deposit', day),
  };
  const bonus: Doing = { ...base, type: 'bonus', amount: around(random, customer.income * 1.8, 0.4) };
  return !isRetired && name.endsWith('-01') ? [base, { ...bonus, second: (base.second ?? 0) + 60 }] : [base];
}

function spending({ customer, holdings, month, random }: MonthOf): Doing[] {
  const level = Math.sqrt(Math.max(customer.income, 3000) / 9000);
  const count = random.times(rates[customer.habit].card * month.factor * level);
  return Array.from({ length: count }, () => {
    const day = random.weighted(month.spending);
    const merchant = random.weighted(merchants);
    const credit = holdingOf(holdings, 'credit_card', day);
    const debit = holdingOf(holdings, 'debit_card', day);
    const isOnline = merchant.category === 'online_shopping' || random.chance(0.35);
    return {
      type: 'card_payment',
      day,
      second: daytime(random),
      amount: around(random, merchant.median * level, 0.6),
      direction: 'out',
      channel: isOnline
        ? random.weighted([
            ['app', 3],
            ['wechat', 4],
          ] as const)
        : 'pos',
      holding: random.chance(0.6) ? (credit ?? debit) : (debit ?? credit),
      attributes: { mcc: merchant.mcc, category: merchant.category },
    };
  });
}

function contacts({ customer, holdings, month, random }: MonthOf): Doing[] {
  const rate = rates[customer.habit];
  const logins = Array.from({ length: random.times(rate.login) }, (): Doing => {
    const channel = random.chance(0.88) ? 'app' : 'web';
    return { type: 'login', day: random.pick(month.days), second: daytime(random), channel };
  });
  const visits = Array.from({ length: random.times(rate.visit) }, (): Doing[] => {
    const day = random.pick(month.workdays);
    const second = officeHours(random);
    const visit: Doing = {
      type: 'branch_visit',
      day,
      second,
      channel: 'branch',
      attributes: { branch: customer.branch },
    };
    const cash: Doing = {
      type: 'cash_deposit',
      day,
      second: second + random.integer(300, 1500),
      amount: Math.max(100, Math.round(random.logNormal(2000, 0.8) / 100) * 100),
      direction: 'in',
      channel: 'branch',
      holding: holdingOf(holdings, 'deposit', day),
    };
    return random.chance(0.4) ? [visit, cash] : [visit];
  });
  const withdrawals = Array.from({ length: random.times(rate.cash) }, (): Doing => {
    const day = random.weighted(month.spending);
    return {
      type: 'cash_withdrawal',
      day,
      second: daytime(random),
      amount: random.weighted([
        [300, 3],
        [500, 4],
        [1000, 4],
        [2000, 3],
        [5000, 1],
      ] as const),
      direction: 'out',
      channel: 'atm',
      holding: holdingOf(holdings, 'debit_card', day) ?? holdingOf(holdings, 'deposit', day),
    };
  });
  return [...logins, ...visits.flat(), ...withdrawals];
}

function transfers({ customer, holdings, month, random }: MonthOf): Doing[] {
  const toOthers = Array.from({ length: random.times(rates[customer.habit].transfer) }, (): Doing => {
    const day = random.weighted(month.spending);
    const isIncoming = random.chance(0.35);
    return {
      type: 'transfer',
      day,
      second: daytime(random),
      amount: around(random, customer.income * 0.15, 0.9),
      direction: isIncoming ? 'in' : 'out',
      ...(isIncoming ? { initiatedBy: 'third_party' as const } : {}),
      channel: customer.habit === 'branch' ? 'branch' : 'app',
      holding: holdingOf(holdings, 'deposit', day),
    };
  });
  const day = random.pick(month.days);
  const savings = ['wealth_product', 'fund', 'time_deposit'].map((category) =>
    holdingOf(holdings, category, day),
  );
  const target = savings.find((one) => one !== undefined && random.chance(0.15));
  if (target === undefined) return toOthers;
  const purchase: Doing = {
    type: 'investment_purchase',
    day,
    second: officeHours(random),
    amount: Math.max(1000, Math.round(random.logNormal(customer.income, 0.7) / 1000) * 1000),
    direction: 'out',
    ownTransfer: true,
    channel: customer.habit === 'branch' ? 'branch' : 'app',
    holding: holdingOf(holdings, 'deposit', day),
    attributes: { product: target.product },
  };
  return [...toOthers, purchase];
}

/** What the bank does by itself: interest each quarter, instalments each month, a card's fee each year. */
function ofTheBank({ customer, holdings, month, name, random }: MonthOf): Doing[] {
  const made: Doing[] = [];
  const on = (dayOfMonth: number) => month.days[dayOfMonth - 1] ?? '';
  const monthNumber = Number(name.slice(5));
  const deposit = holdingOf(holdings, 'deposit', on(21));
  if (monthNumber % 3 === 0 && deposit?.balance !== undefined) {
    const amount = Math.round(Number(deposit.balance) * random.normal(1, 0.1) * 0.0005 * 25) / 100;
    if (amount > 0)
      made.push({
        type: 'interest',
        day: on(21),
        amount,
        direction: 'in',
        initiatedBy: 'bank',
        holding: deposit,
      });
  }
  for (const category of ['mortgage', 'loan']) {
    const debt = holdingOf(holdings, category, on(20));
    if (debt === undefined) continue;
    const amount =
      Math.round(Math.abs(Number(debt.balance)) * (category === 'mortgage' ? 0.0058 : 0.045) * 100) / 100;
    made.push({
      type: 'loan_payment',
      day: on(20),
      amount,
      direction: 'out',
      initiatedBy: 'bank',
      holding: debt,
    });
  }
  const card = holdingOf(holdings, 'credit_card', on(5));
  if (card !== undefined && monthNumber === 1 + (customer.index % 12)) {
    made.push({ type: 'fee', day: on(5), amount: 100, direction: 'out', initiatedBy: 'bank', holding: card });
  }
  return made;
}
