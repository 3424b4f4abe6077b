/** Where a customer's activities are: with it, but for what a merge or its revert is still moving. */
import { type SQL, sql } from 'drizzle-orm';
import { array, type Reader } from '../db/client.js';

type Moving = {
  arriving_from: string | null;
  arriving_origins: string[] | null;
  leaving_origins: string[] | null;
};

/**
 * The condition on `activities`, by an alias or its name, that they are the customer's. It stays right while more of
 * them move: each statement sees every activity once, wherever it is.
 */
export async function activitiesOf(reader: Reader, customerId: string, alias = 'activities'): Promise<SQL> {
  const [state] = await reader.rows<Moving>(sql`
    select arriving_from, arriving_origins, leaving_origins from review_state where customer_id = ${customerId}
      and (arriving_from is not null or leaving_origins is not null)`);
  const column = (name: string) => sql.raw(`${alias}.${name}`);
  const own = sql`${column('customer_id')} = ${customerId}::uuid`;
  if (state === undefined) return own;
  const cameFrom = (origins: readonly string[]) =>
    sql`coalesce(${column('origin_customer_id')} = any(${array(origins, 'uuid')}), false)`;
  const staying =
    state.leaving_origins === null ? own : sql`${own} and not ${cameFrom(state.leaving_origins)}`;
  if (state.arriving_from === null) return staying;
  const there = sql`${column('customer_id')} = ${state.arriving_from}::uuid`;
  const arriving =
    state.arriving_origins === null ? there : sql`${there} and ${cameFrom(state.arriving_origins)}`;
  return sql`(${staying} or ${arriving})`;
}
