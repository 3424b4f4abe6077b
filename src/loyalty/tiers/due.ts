/** Members of whom something has happened that may change their tiers. Nothing is kept where a programme has none. */
import { sql } from 'drizzle-orm';
import type { Tx } from '../../db/client.js';

/** The customer is locked. */
export const markTier = (tx: Tx, customerId: string, programme: string, at: string): Promise<number> =>
  tx.run(sql`
    insert into loyalty_tier_due (customer_id, programme, marked_at, cause)
    select ${customerId}, ${programme}, ${at}, 'booked'
    where exists (select from loyalty_tier_models where programme = ${programme})
    on conflict do nothing`);
