/**
 * A stable share of all customers: each has a place between 0 and 1,000,000 that follows from the salt and the
 * customer's id alone, the first 48 bits of SHA-256 of `salt:id` modulo a million, and is in while its place is below
 * the percentage. So whoever is in stays in as the percentage grows, another salt draws anew, and the holdout is what
 * the sample does not hold.
 */
import { createHash } from 'node:crypto';
import { type SQL, sql } from 'drizzle-orm';
import { customers } from '../db/tables/customers.js';
import type { Judged, Seen } from './conditions.js';
import type { CustomerPicture } from './picture.js';
import type { SampleCondition } from './schema.js';
import type { Frame } from './statement.js';
import { jsonSql } from './values.js';

const places = 1_000_000;

/** Percent, with up to four decimals, as the number of places that are in. */
export const placesIn = (percent: number): number => Math.round((percent * places) / 100);

export function placeOf(salt: string, id: string): number {
  const hash = createHash('sha256').update(`${salt}:${id}`).digest('hex');
  return Number.parseInt(hash.slice(0, 12), 16) % places;
}

export function placeSql(salt: string, id: SQL): SQL {
  const hash = sql`encode(sha256(convert_to(${salt}::text || ':' || ${id}::text, 'UTF8')), 'hex')`;
  return sql`((('x' || left(${hash}, 12))::bit(48)::bigint % ${places})::integer)`;
}

export function judgeSample({ sample: { percent, salt } }: SampleCondition, frame: Frame): Judged {
  const place = frame.value(`place:${salt}`, () => placeSql(salt, sql`${customers.id}`));
  const verdict = sql`(${place} < ${placesIn(percent)}::integer)`;
  return { verdict, value: jsonSql('integer', place), instants: [], days: [] };
}

export function seeSample({ sample }: SampleCondition, { customer }: CustomerPicture): Seen {
  const value = placeOf(sample.salt, customer.id);
  return { verdict: value < placesIn(sample.percent), value, nextChange: null };
}
