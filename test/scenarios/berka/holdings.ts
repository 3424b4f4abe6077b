/** Every holding as its parties see it, from the files and from the API: lines of text that can be compared. */
import { accountNumber, loanBalance } from './bank.js';
import { type BerkaFiles, crowns, dateOf, hellers, lastBalances } from './files.js';

type Line = {
  client: string;
  role: string;
  number: string;
  category: string;
  openedOn: string;
  status: string;
  balance: bigint | undefined;
  balanceDate: string | undefined;
  standingOrders: number;
};

const textOf = (line: Line): string =>
  [
    line.client,
    line.role,
    line.number,
    line.category,
    line.openedOn,
    line.status,
    line.balance === undefined ? 'no balance' : `${crowns(line.balance)} on ${line.balanceDate}`,
    `${line.standingOrders} standing orders`,
  ].join(', ');

export function expectedHoldings({
  dispositions,
  accounts,
  orders,
  transactions,
  cards,
  loans,
}: BerkaFiles): string[] {
  const opened = new Map(accounts.map((account) => [account.account_id, dateOf(account.date)]));
  const balances = lastBalances(transactions);
  const owners = new Map<string, string>();
  const common = { status: 'active', balance: undefined, balanceDate: undefined, standingOrders: 0 };
  const lines: Line[] = dispositions.map(({ client_id, account_id, type }) => {
    if (type === 'OWNER') owners.set(account_id, client_id);
    return {
      ...common,
      client: client_id,
      role: type === 'OWNER' ? 'primary_owner' : 'authorised',
      number: accountNumber(account_id),
      category: 'deposit',
      openedOn: opened.get(account_id) ?? '',
      balance: balances.get(account_id)?.balance,
      balanceDate: balances.get(account_id)?.date,
      standingOrders: orders.filter((order) => order.account_id === account_id).length,
    };
  });
  for (const card of cards) {
    const client = dispositions.find((row) => row.disp_id === card.disp_id)?.client_id ?? '';
    const [number, openedOn] = [`CARD-${card.card_id}`, dateOf(card.issued)];
    lines.push({ ...common, client, role: 'primary_owner', number, category: 'debit_card', openedOn });
  }
  for (const loan of loans) {
    const { balance, date: balanceDate } = loanBalance(loan);
    const status = loan.status === 'A' ? 'closed' : 'active';
    const place = { client: owners.get(loan.account_id) ?? '', role: 'primary_owner', category: 'loan' };
    const [number, openedOn] = [`LOAN-${loan.loan_id}`, dateOf(loan.date)];
    lines.push({ ...place, number, openedOn, status, balance, balanceDate, standingOrders: 0 });
  }
  return lines.map(textOf).sort();
}

export type CustomerHolding = {
  role: string;
  holding: {
    number: string;
    category: string;
    opened_on: string;
    status: string;
    balance: string | null;
    balance_date: string | null;
    attributes: { standing_orders?: unknown[] };
  };
};

export const holdingText = (client: string, { role, holding }: CustomerHolding): string =>
  textOf({
    client,
    role,
    number: holding.number,
    category: holding.category,
    openedOn: holding.opened_on,
    status: holding.status,
    balance: holding.balance === null ? undefined : hellers(holding.balance),
    balanceDate: holding.balance_date ?? undefined,
    standingOrders: holding.attributes.standing_orders?.length ?? 0,
  });
