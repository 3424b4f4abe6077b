/** Taking an identifier away from a customer. */
import { sql } from 'drizzle-orm';
import type { Ctx } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { notFound } from '../platform/errors.js';
import { checkVersion } from '../platform/http/versions.js';
import { transact } from '../platform/transact.js';
import { markCustomers } from '../reviews/service.js';

/** Removes an identifier and frees it for others. Throws 404, or 412 where the customer has changed. */
export async function removeIdentifier(
  ctx: Ctx,
  customerId: string,
  identifierId: string,
  versions: number[] | undefined,
): Promise<null> {
  return transact(ctx, async (tx) => {
    const visible = sql`select branch, manager, version from customers
      where id = ${customerId} and merged_into is null and ${visibleCustomer(ctx)}`;
    if ((await tx.rows(visible)).length === 0) throw notFound('customer');
    // keys are locked before customers, everywhere
    const keys = await tx.rows<{ scheme: string }>(sql`
      delete from identifier_keys k using identifiers i
      where i.customer_id = ${customerId} and i.id = ${identifierId} and i.status = 'active'
        and k.scheme = i.scheme and k.value_index = i.value_index and k.customer_id = i.customer_id
      returning k.scheme`);
    if (keys[0] === undefined) throw notFound('identifier');
    const mark = (await markCustomers(tx, ctx, [customerId], ['identifiers'])).get(customerId);
    const [customer] = await tx.rows<{ branch: string | null; manager: string | null; version: number }>(
      visible,
    );
    if (customer === undefined || mark === undefined) throw notFound('customer');
    checkVersion(versions, customer.version);
    await tx.run(sql`
      update identifiers set status = 'removed' where customer_id = ${customerId} and id = ${identifierId}`);
    const version = customer.version + 1;
    await tx.run(
      sql`update customers set version = ${version}, updated_at = ${mark.instant} where id = ${customerId}`,
    );
    const details = { version, fields: ['identifiers'], scheme: keys[0].scheme };
    return {
      value: null,
      audit: [
        { action: 'customer.identifier_removed', subjectType: 'customer', subjectId: customerId, details },
      ],
      events: [
        {
          type: 'customer.updated',
          subject: customerId,
          subjectVersion: mark.version,
          occurredAt: mark.instant,
          scope: { customer: customerId, branch: customer.branch, manager: customer.manager },
          data: { version, fields: ['identifiers'] },
        },
      ],
    };
  });
}
