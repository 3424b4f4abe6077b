/**
 * The Berka bank as the API takes it. What the files do not say is not said: clients have no names, card and loan no
 * balance of 1999. A loan states what is owed by the last that the files tell of it: what was lent on the day it was
 * granted, or nothing at its end where it was paid back (status A). The cards draw on the account of their
 * disposition, so they are debit cards, without a balance of their own.
 */
import {
  type BerkaFiles,
  birthOf,
  crowns,
  type Disposition,
  dateOf,
  groupBy,
  hellers,
  isMoneyIn,
  type Loan,
  lastBalances,
  type Transaction,
} from './files.js';

export const scheme = 'berka_client';
export const source = 'berka';
/** when the bank told all this: midnight of 1999-01-01 in Prague */
export const toldAt = '1998-12-31T23:00:00Z';

const common = { source, source_time: toldAt };

export const customerOf = (clientId: string) => ({ scheme, value: clientId });

export function customerLines({ clients, districts }: BerkaFiles): object[] {
  const byId = new Map(districts.map((district) => [district.A1, district]));
  return clients.map((client) => {
    const { date, gender } = birthOf(client.birth_number);
    const district = byId.get(client.district_id);
    return {
      kind: 'person',
      birth_date: date,
      gender,
      city: district?.A2,
      branch: client.district_id,
      attributes: { region: district?.A3 },
      identifiers: [customerOf(client.client_id)],
      ...common,
    };
  });
}

const roleOf = { OWNER: 'primary_owner', DISPONENT: 'authorised' } as const;

/** Numbers have one normal form, in capitals. */
export const accountNumber = (accountId: string) => `ACCOUNT-${accountId}`;

export function holdingLines(files: BerkaFiles): object[] {
  return [...accountLines(files), ...cardLines(files), ...loanLines(files)];
}

function accountLines({ accounts, dispositions, orders, transactions }: BerkaFiles): object[] {
  const parties = groupBy(dispositions, (row) => row.account_id);
  const standing = groupBy(orders, (row) => row.account_id);
  const balances = lastBalances(transactions);
  return accounts.map((account) => {
    const last = balances.get(account.account_id);
    return {
      ...common,
      number: accountNumber(account.account_id),
      category: 'deposit',
      product: 'current_account',
      currency: 'CZK',
      opened_on: dateOf(account.date),
      ...(last === undefined ? {} : { balance: crowns(last.balance), balance_date: last.date }),
      attributes: {
        frequency: account.frequency,
        standing_orders: (standing.get(account.account_id) ?? []).map((order) => ({
          order: order.order_id,
          to: `${order.bank_to}/${order.account_to}`,
          amount: order.amount,
          purpose: order.k_symbol.trim(),
        })),
      },
      parties: (parties.get(account.account_id) ?? []).map((row) => ({
        customer: customerOf(row.client_id),
        role: roleOf[row.type],
      })),
    };
  });
}

const owner = (clientId: string) => [{ customer: customerOf(clientId), role: 'primary_owner' }];

function cardLines({ cards, dispositions }: BerkaFiles): object[] {
  const clientOf = new Map(dispositions.map((row) => [row.disp_id, row.client_id]));
  return cards.map((card) => ({
    ...common,
    number: `CARD-${card.card_id}`,
    category: 'debit_card',
    product: `card_${card.type}`,
    opened_on: dateOf(card.issued),
    parties: owner(clientOf.get(card.disp_id) ?? ''),
  }));
}

/** The client that a loan and the transactions of an account belong to. */
export const ownersOf = (dispositions: readonly Disposition[]): Map<string, string> =>
  new Map(dispositions.filter((row) => row.type === 'OWNER').map((row) => [row.account_id, row.client_id]));

/** The same day some months later; the days of the files' loans are in every month. */
function monthsAfter(date: string, months: number): string {
  const [year = 0, month = 0, day = 0] = date.split('-').map(Number);
  const last = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  return new Date(Date.UTC(year, month - 1 + months, Math.min(day, last))).toISOString().slice(0, 10);
}

export function loanBalance(loan: Loan): { balance: bigint; date: string } {
  const granted = dateOf(loan.date);
  if (loan.status !== 'A') return { balance: -hellers(loan.amount), date: granted };
  return { balance: 0n, date: monthsAfter(granted, Number(loan.duration)) };
}

function loanLines({ loans, dispositions }: BerkaFiles): object[] {
  const owners = ownersOf(dispositions);
  return loans.map((loan) => {
    const { balance, date } = loanBalance(loan);
    return {
      ...common,
      number: `LOAN-${loan.loan_id}`,
      category: 'loan',
      product: `loan_${loan.duration}_months`,
      status: loan.status === 'A' ? 'closed' : 'active',
      opened_on: dateOf(loan.date),
      ...(loan.status === 'A' ? { closed_on: date } : {}),
      balance: crowns(balance),
      balance_date: date,
      attributes: { account: loan.account_id, monthly_payment: loan.payments, contract: loan.status },
      parties: owner(owners.get(loan.account_id) ?? ''),
    };
  });
}

const bankTypes: Record<string, string> = {
  UROK: 'interest',
  SLUZBY: 'statement_fee',
  'SANKC. UROK': 'penalty_interest',
};

const customerTypes: Record<string, { type: string; channel?: string }> = {
  VKLAD: { type: 'cash_deposit', channel: 'branch' },
  VYBER: { type: 'cash_withdrawal', channel: 'branch' },
  'VYBER KARTOU': { type: 'card_withdrawal', channel: 'atm' },
  'PREVOD Z UCTU': { type: 'transfer_in' },
  'PREVOD NA UCET': { type: 'transfer_out' },
};

export function activityLines({ transactions }: BerkaFiles): object[] {
  return transactions.map((row) => activityOf(row));
}

export function activityOf(row: Transaction): object {
  const ofBank = bankTypes[row.k_symbol];
  const ofCustomer = customerTypes[row.operation];
  if (ofBank === undefined && ofCustomer === undefined) throw new Error(`what is ${row.operation}?`);
  return {
    source,
    source_id: row.trans_id,
    holding: { source, number: accountNumber(row.account_id) },
    ...(ofBank === undefined ? ofCustomer : { type: ofBank }),
    occurred_at: dateOf(row.date),
    amount: row.amount,
    currency: 'CZK',
    direction: isMoneyIn(row) ? 'in' : 'out',
    initiated_by: ofBank === undefined ? 'customer' : 'bank',
    ...(row.k_symbol.trim() === '' ? {} : { attributes: { purpose: row.k_symbol } }),
  };
}
