/** Who takes part in a loyalty programme whose tiers go by what is spent has to be looked at again: nothing where none does. */
import { plainArray } from '../db/array-literals.js';
import type { Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';

/** The customers are locked. */
export async function markSpenders(tx: Tx, ctx: Ctx, customerIds: readonly string[]): Promise<void> {
  await tx.named(
    'mark_spenders',
    `insert into loyalty_tier_due (customer_id, programme, marked_at, cause)
     select distinct a.customer_id, a.programme, $2::timestamptz, 'booked'
     from loyalty_tier_models m
     join loyalty_accounts a on a.programme = m.programme and a.customer_id = any($1::uuid[]) and a.status = 'open'
     where m.content -> 'qualify' ->> 'by' = 'spend'
       and m.version = (select max(l.version) from loyalty_tier_models l where l.programme = m.programme)
     order by a.customer_id, a.programme on conflict do nothing`,
    [plainArray(customerIds), ctx.now],
  );
}
