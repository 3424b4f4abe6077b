/** What must come out, reckoned from the rows of the files alone: nothing here knows how they are sent. */
import { type BerkaFiles, dateOf, groupBy, hellers, lastBalances, type Transaction } from './files.js';

/** How many, and how much in hellers. */
export type Total = { count: number; amount: bigint };
export type Totals = Record<string, Total>;

export function addTo(totals: Totals, key: string, amount: bigint, count = 1): void {
  const known = totals[key] ?? { count: 0, amount: 0n };
  totals[key] = { count: known.count + count, amount: known.amount + amount };
}

/** By what the bank calls it: its own rows by the purpose, the customers' by the operation. */
export function kindOf(row: Transaction): string {
  if (row.k_symbol === 'UROK') return 'interest in bank';
  if (row.k_symbol === 'SLUZBY') return 'statement_fee out bank';
  if (row.k_symbol === 'SANKC. UROK') return 'penalty_interest out bank';
  if (row.operation === 'VKLAD') return 'cash_deposit in customer';
  if (row.operation === 'VYBER') return 'cash_withdrawal out customer';
  if (row.operation === 'VYBER KARTOU') return 'card_withdrawal out customer';
  if (row.operation === 'PREVOD Z UCTU') return 'transfer_in in customer';
  return 'transfer_out out customer';
}

export function expectedTotals(rows: readonly Transaction[]): Totals {
  const totals: Totals = {};
  for (const row of rows) addTo(totals, kindOf(row), hellers(row.amount));
  return totals;
}

/** By client, through the owner of the account. */
export function expectedByClient({ transactions, dispositions }: BerkaFiles): Map<string, Totals> {
  const owners = new Map(
    dispositions.filter((row) => row.type === 'OWNER').map((row) => [row.account_id, row.client_id]),
  );
  const rows = groupBy(transactions, (row) => owners.get(row.account_id) ?? 'nobody');
  return new Map([...rows].map(([client, own]) => [client, expectedTotals(own)]));
}

const dayNumber = (date: string) => Date.parse(`${date}T00:00:00Z`) / 86_400_000;

export type Standing = {
  /** of the first account; undefined for those who own none */
  tenureDays: number | undefined;
  /** balances less what is owed, in hellers; undefined where no balance is known */
  net: bigint | undefined;
};

/** Each client on a day. An account's balance, and what a loan was granted for unless it was paid back. */
export function standings(files: BerkaFiles, today: string): Map<string, Standing> {
  const balances = lastBalances(files.transactions);
  const accounts = new Map(files.accounts.map((account) => [account.account_id, account]));
  const loans = groupBy(files.loans, (loan) => loan.account_id);
  const result = new Map<string, Standing>(
    files.clients.map((client) => [client.client_id, { tenureDays: undefined, net: undefined }]),
  );
  for (const { client_id, account_id, type } of files.dispositions) {
    if (type !== 'OWNER') continue;
    const opened = dateOf(accounts.get(account_id)?.date ?? '');
    const owed = (loans.get(account_id) ?? []).filter((loan) => loan.status !== 'A');
    const known = [balances.get(account_id)?.balance, ...owed.map((loan) => -hellers(loan.amount))].filter(
      (amount) => amount !== undefined,
    );
    result.set(client_id, {
      tenureDays: dayNumber(today) - dayNumber(opened),
      net: known.length === 0 ? undefined : known.reduce((sum, amount) => sum + amount, 0n),
    });
  }
  return result;
}

/** What is missing compares as false, and `not` turns that into true. */
export function expectedSegments(
  clients: ReadonlyMap<string, Standing>,
  netAbove: bigint,
  newBelowDays: number,
): Record<'high_net_worth' | 'new' | 'ordinary', string[]> {
  const rich = ({ net }: Standing) => net !== undefined && net > netAbove;
  const isNew = ({ tenureDays }: Standing) => tenureDays !== undefined && tenureDays < newBelowDays;
  const isOld = ({ tenureDays }: Standing) => tenureDays !== undefined && tenureDays >= newBelowDays;
  const those = (test: (standing: Standing) => boolean) =>
    [...clients]
      .filter(([, standing]) => test(standing))
      .map(([client]) => client)
      .sort();
  return {
    high_net_worth: those(rich),
    new: those(isNew),
    ordinary: those((standing) => isOld(standing) && !rich(standing)),
  };
}
