/** Which customers a caller may see: the same condition in every list, count, export and write. */
import { type SQL, sql } from 'drizzle-orm';
import { array } from '../db/client.js';
import type { Ctx, DataScope } from './context.js';

/** The condition on a row that has `branch`, `manager` and the customer's id under the given names. */
export function visible(ctx: Pick<Ctx, 'dataScope'>, columns: { id: SQL; branch: SQL; manager: SQL }): SQL {
  const scope = ctx.dataScope;
  if (scope === null) return sql`true`;
  if ('branches' in scope) return sql`${columns.branch} = any(${array(scope.branches, 'text')})`;
  if ('manager' in scope) return sql`${columns.manager} = ${scope.manager}`;
  return sql`${columns.id} = ${scope.customer}::uuid`;
}

/** The condition on the customers table under an alias. */
export function visibleCustomer(ctx: Pick<Ctx, 'dataScope'>, alias = 'customers'): SQL {
  const at = (name: string) => sql.raw(`${alias}.${name}`);
  return visible(ctx, { id: at('id'), branch: at('branch'), manager: at('manager') });
}

/** The same condition on values. */
export function inScope(
  scope: DataScope,
  customer: { id: string; branch: string | null; manager: string | null },
): boolean {
  if (scope === null) return true;
  if ('branches' in scope) return customer.branch !== null && scope.branches.includes(customer.branch);
  if ('manager' in scope) return customer.manager === scope.manager;
  return customer.id === scope.customer.toLowerCase();
}
