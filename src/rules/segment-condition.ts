/**
 * Another segment, named by its key. What it asks is judged in place, so the answer is that of the same instant and
 * of the same data; who is in a static segment is read from its list.
 */
import { sql } from 'drizzle-orm';
import { customers } from '../db/tables/customers.js';
import { memberships } from '../db/tables/segments.js';
import type { Judged } from './conditions.js';
import type { CustomerPicture } from './picture.js';
import type { Frame } from './statement.js';

export function judgeStatic(key: string, frame: Frame): Judged {
  const verdict = frame.value(`listed:${key}`, () => listedSql(key, frame));
  return { verdict, value: verdict, instants: [], days: [] };
}

/** What is known now decides, also of an instant that is caught up with; of the past as such, the list of then. */
function listedSql(key: string, { moment }: Frame) {
  const then = sql`${memberships.enteredAt} <= ${moment.now} and (${memberships.leftAt} is null or ${memberships.leftAt} > ${moment.now})`;
  const during = moment.past ? then : sql`${memberships.leftAt} is null`;
  return sql`exists (select from ${memberships} where ${memberships.customerId} = ${customers.id}
    and ${memberships.segment} = ${key} and ${during})`;
}

export const isListed = (key: string, picture: CustomerPicture): boolean =>
  picture.staticSegments.includes(key);
