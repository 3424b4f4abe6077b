/** Rows as RFC 4180 has them: a header, and quotes where a value needs them. */

type Value = string | number | boolean | null | undefined;

export function csvCell(value: Value, delimiter = ','): string {
  const text = String(value ?? '');
  return /["\r\n]/.test(text) || text.includes(delimiter) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const csvLine = (values: readonly Value[]): string =>
  `${values.map((value) => csvCell(value)).join(',')}\r\n`;

export function csvOf<T extends Record<string, unknown>>(
  columns: readonly (keyof T & string)[],
  rows: readonly T[],
): string {
  const lines = rows.map((row) => csvLine(columns.map((name) => row[name] as Value)));
  return csvLine(columns) + lines.join('');
}
