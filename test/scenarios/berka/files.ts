/**
 * The files of the Berka bank (PKDD'99): one line a row, fields apart by semicolons, texts in quotes, dates as
 * YYMMDD of the 20th century. Money is read as whole hellers, so that sums are exact.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'csv-parse/sync';

export const berkaFolder = path.resolve(import.meta.dirname, '../../../../shared/data/berka');
export const berkaIsThere = existsSync(path.join(berkaFolder, 'trans.asc'));

export type Client = { client_id: string; birth_number: string; district_id: string };
export type District = { A1: string; A2: string; A3: string };
export type Account = { account_id: string; district_id: string; frequency: string; date: string };
export type Disposition = {
  disp_id: string;
  client_id: string;
  account_id: string;
  type: 'OWNER' | 'DISPONENT';
};
export type Card = { card_id: string; disp_id: string; type: string; issued: string };
export type Loan = {
  loan_id: string;
  account_id: string;
  date: string;
  amount: string;
  duration: string;
  payments: string;
  status: 'A' | 'B' | 'C' | 'D';
};
export type Order = {
  order_id: string;
  account_id: string;
  bank_to: string;
  account_to: string;
  amount: string;
  k_symbol: string;
};
export type Transaction = {
  trans_id: string;
  account_id: string;
  date: string;
  type: 'PRIJEM' | 'VYDAJ' | 'VYBER';
  operation: string;
  amount: string;
  balance: string;
  k_symbol: string;
  bank: string;
  account: string;
};

const rowsOf = <T>(name: string): T[] =>
  parse(readFileSync(path.join(berkaFolder, `${name}.asc`)), { columns: true, delimiter: ';' }) as T[];

export type BerkaFiles = ReturnType<typeof readBerka>;

export function readBerka() {
  return {
    clients: rowsOf<Client>('client'),
    districts: rowsOf<District>('district'),
    accounts: rowsOf<Account>('account'),
    dispositions: rowsOf<Disposition>('disp'),
    cards: rowsOf<Card>('card'),
    loans: rowsOf<Loan>('loan'),
    orders: rowsOf<Order>('order'),
    transactions: rowsOf<Transaction>('trans'),
  };
}

/** 930217, or 930217 00:00:00 -> 1993-02-17 */
export const dateOf = (text: string): string =>
  `19${text.slice(0, 2)}-${text.slice(2, 4)}-${text.slice(4, 6)}`;

/** Women carry 50 more in the month. */
export function birthOf(birthNumber: string): { date: string; gender: 'female' | 'male' } {
  const month = Number(birthNumber.slice(2, 4));
  const isFemale = month > 50;
  const written = String(isFemale ? month - 50 : month).padStart(2, '0');
  return {
    date: dateOf(`${birthNumber.slice(0, 2)}${written}${birthNumber.slice(4, 6)}`),
    gender: isFemale ? 'female' : 'male',
  };
}

/** 700.00 -> 70000n; the files write at most two digits after the point. */
export function hellers(amount: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d{1,4}))?$/.exec(amount);
  if (match === null) throw new Error(`not an amount: ${amount}`);
  const [, sign, whole = '', fraction = ''] = match;
  if (/[1-9]/.test(fraction.slice(2))) throw new Error(`less than a heller: ${amount}`);
  const value = BigInt(whole) * 100n + BigInt(fraction.slice(0, 2).padEnd(2, '0'));
  return sign === '-' ? -value : value;
}

export const crowns = (value: bigint): string => {
  const digits = String(value < 0n ? -value : value).padStart(3, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
};

export const isMoneyIn = (transaction: Transaction): boolean => transaction.type === 'PRIJEM';
export const signed = (transaction: Transaction): bigint =>
  isMoneyIn(transaction) ? hellers(transaction.amount) : -hellers(transaction.amount);

export function groupBy<T>(rows: readonly T[], keyOf: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group === undefined) groups.set(keyOf(row), [row]);
    else group.push(row);
  }
  return groups;
}

/**
 * The balance after the last transaction of each account. Rows of one day stand in no order, so of the last day's
 * rows the last is the one whose balance agrees best with the sum of all amounts so far; the bank rounds interest in
 * the running balance, so the two differ a little.
 */
export function lastBalances(
  transactions: readonly Transaction[],
): Map<string, { balance: bigint; date: string }> {
  return new Map(
    [...groupBy(transactions, (row) => row.account_id)].map(([account, rows]) => {
      const sum = rows.reduce((total, row) => total + signed(row), 0n);
      const lastDate =
        rows
          .map((row) => row.date)
          .sort()
          .at(-1) ?? '';
      const distance = (row: Transaction) => Math.abs(Number(hellers(row.balance) - sum));
      const last = rows
        .filter((row) => row.date === lastDate)
        .reduce((best, row) => (distance(row) < distance(best) ? row : best));
      return [account, { balance: hellers(last.balance), date: dateOf(lastDate) }];
    }),
  );
}
