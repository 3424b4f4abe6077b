/** Which types of activity a condition measures: one, several, or any. */
import { type SQL, sql } from 'drizzle-orm';
import { type ActivityTypes, anyType } from './schema.js';

/** Each once, in order, so that the same types are the same whatever their order; null for any. */
export function typesOf(activity: ActivityTypes): readonly string[] | null {
  if (Array.isArray(activity)) return [...new Set(activity)].sort();
  return activity === anyType ? null : [activity];
}

/** As what it is kept: the same of the same types. */
export const keyOfTypes = (activity: ActivityTypes): string => typesOf(activity)?.join(' ') ?? anyType;

export const isOfTypes = (activity: ActivityTypes, type: string): boolean =>
  typesOf(activity)?.includes(type) ?? true;

/** Of several types an index on (customer, type, time) is read in one range each. */
export function ofTypesSql(column: SQL, activity: ActivityTypes): SQL {
  const types = typesOf(activity);
  if (types === null) return sql`true`;
  const [first, ...others] = types;
  return others.length === 0 ? sql`${column} = ${first}` : sql`${column} = any(${sql.param(types)}::text[])`;
}
