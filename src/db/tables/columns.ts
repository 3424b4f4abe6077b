/**
 * Every column says what kind of data it holds and how long it is kept.
 *
 * The class follows JR/T 0171-2020 for personal financial information: C3 credentials, C2 what identifies a
 * person or a financial position, C1 internal. A contract test fails on a column without one.
 */
import { getTableColumns } from 'drizzle-orm';
import type { PgColumnBuilderBase, PgTable } from 'drizzle-orm/pg-core';
import { customType, numeric, timestamp } from 'drizzle-orm/pg-core';

export type DataClass = 'C1' | 'C2' | 'C3';

/** How long a value is kept. The periods themselves are the bank's policy, these are its names. */
export type Retention =
  /** as long as the definition stands, and its versions with it */
  | 'definition'
  /** from the start of the relationship to the legal period after its end */
  | 'relationship'
  /** the legal period after the transaction ended */
  | 'transaction'
  /** the audit period */
  | 'audit'
  /** days: replay stores, staging, deliveries */
  | 'transient';

type Classification = { dataClass: DataClass; retention: Retention };

/** Marks a column with its data class and retention; `classificationOf` reads it back. */
export function held<T extends PgColumnBuilderBase>(
  dataClass: DataClass,
  retention: Retention,
  column: T,
): T {
  const { config } = column as unknown as { config: { classification?: Classification } };
  config.classification = { dataClass, retention };
  return column;
}

/** The classification of each column of a table, undefined where it was forgotten. */
export function classificationOf(table: PgTable): Map<string, Classification | undefined> {
  return new Map(
    Object.values(getTableColumns(table)).map((column) => [
      column.name,
      (column as unknown as { config: { classification?: Classification } }).config.classification,
    ]),
  );
}

/** An instant with microseconds, read as PostgreSQL prints it in UTC. */
export const instant = (name: string) =>
  timestamp(name, { withTimezone: true, precision: 6, mode: 'string' });

/** Money and rates: exact, read as a decimal string. */
export const decimal = (name: string) => numeric(name);

/** Ciphertext, hashes, staged bytes. */
export const bytes = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' });

/**
 * The three columns of a value that is encrypted at rest and found by equality: ciphertext, the id of the key
 * that made it, and the blind index (HMAC of the normalised value).
 */
export const sealed = (name: string, retention: Retention) => ({
  sealed: held('C2', retention, bytes(`${name}_sealed`)),
  keyId: held('C1', retention, customType<{ data: string }>({ dataType: () => 'text' })(`${name}_key_id`)),
});
