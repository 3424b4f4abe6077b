/** What runs over [starts_at, ends_at): whether it does at an instant. */
import { type SQL, sql } from 'drizzle-orm';

/** Of a table with these columns under an alias. */
export const inEffect = (alias: string, at: unknown): SQL =>
  sql`${sql.raw(alias)}.starts_at <= ${at} and (${sql.raw(alias)}.ends_at is null or ${sql.raw(alias)}.ends_at > ${at})`;
