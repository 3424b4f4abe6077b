/** One row of the table, and the table. */
export type Row = {
  bench: string;
  ours: string;
  reference: string;
  ratio: number | undefined;
  toReach: string;
  p50: number | undefined;
  p99: number | undefined;
  rows: string;
};

const number = (value: number | undefined, digits: number) =>
  value === undefined ? '' : value.toFixed(digits);

export function table(rows: readonly Row[]): string {
  const lines = rows.map(
    (row) =>
      `| ${row.bench} | ${row.ours} | ${row.reference} | ${number(row.ratio, 2)} | ${row.toReach} | ${number(row.p50, 1)} | ${number(row.p99, 1)} | ${row.rows} |`,
  );
  return [
    '| bench | ours | reference | ratio | to reach | p50 ms | p99 ms | rows |',
    '|---|---|---|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}

export const perSecond = (value: number, what = 's') =>
  `${Math.round(value).toLocaleString('en-US')}/${what}`;
