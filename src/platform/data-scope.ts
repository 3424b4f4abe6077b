/** Which customers a caller may see: the same condition in every list, count, export and write. */
import { type SQL, sql } from 'drizzle-orm';
import { array } from '../db/client.js';
import type { Ctx } from './context.js';
import { inEffect } from './in-effect.js';

type Reaching = Pick<Ctx, 'reach'>;

/** The condition on the customers table under an alias. */
export function visibleCustomer({ reach }: Reaching, alias = 'customers'): SQL {
  const at = (name: string) => sql.raw(`${alias}.${name}`);
  if (reach === null) return sql`true`;
  if ('codes' in reach) return sql`${at('branch')} = any(${array(reach.codes, 'text')})`;
  if ('staff' in reach) return inBook(at('id'), reach);
  return sql`${at('id')} = ${reach.customer}::uuid`;
}

/** Whether somebody looks after the customer at the instant, in whatever role but for what `which` says of it. */
const inBook = (id: SQL, { staff, at }: { staff: string; at: string }, which = sql`true`): SQL => sql`exists (
  select from assignments book where book.customer_id = ${id} and book.staff = ${staff}
    and ${inEffect('book', at)} and ${which})`;

/** The same condition on an event, by what it says of its customer: where it was, and who looked after it. */
export function visibleEvent({ reach }: Reaching): SQL {
  if (reach === null) return sql`true`;
  if ('codes' in reach) return sql`scope_branch = any(${array(reach.codes, 'text')})`;
  if ('staff' in reach)
    return sql`(scope_manager = ${reach.staff} or scope_staff @> ${array([reach.staff], 'text')})`;
  return sql`scope_customer = ${reach.customer}::uuid`;
}

export type EventScope = {
  scope_customer: string | null;
  scope_branch: string | null;
  scope_manager: string | null;
  scope_staff: readonly string[] | null;
};

/** The same of an event in memory. */
export function isVisibleEvent({ reach }: Reaching, event: EventScope): boolean {
  if (reach === null) return true;
  if ('codes' in reach) return event.scope_branch !== null && codeSet(reach.codes).has(event.scope_branch);
  if ('staff' in reach)
    return event.scope_manager === reach.staff || event.scope_staff?.includes(reach.staff) === true;
  return event.scope_customer === reach.customer;
}

const sets = new WeakMap<readonly string[], ReadonlySet<string>>();

/** A tree has thousands of codes, a batch as many customers. */
function codeSet(codes: readonly string[]): ReadonlySet<string> {
  const known = sets.get(codes) ?? new Set(codes);
  sets.set(codes, known);
  return known;
}

/** What a write leaves behind. */
export type Place = {
  id: string;
  branch: string | null;
  manager: string | null;
  /** it is in the caller's book whoever its manager is: as an assistant's or a cover's */
  assisted: boolean;
};

/** Whether a customer is within reach once a write has come about. */
export function staysInReach({ reach }: Reaching, { id, branch, manager, assisted }: Place): boolean {
  if (reach === null) return true;
  if ('codes' in reach) return branch !== null && codeSet(reach.codes).has(branch);
  if ('staff' in reach) return manager === reach.staff || assisted;
  return id === reach.customer;
}

/** Of the customers table under an alias: `in_reach`, and `assisted` as places have it. */
export function reachColumns(ctx: Reaching, alias = 'customers'): SQL {
  const { reach } = ctx;
  const assisted =
    reach !== null && 'staff' in reach
      ? inBook(sql.raw(`${alias}.id`), reach, sql`book.role <> 'primary'`)
      : sql`false`;
  return sql`${visibleCustomer(ctx, alias)} as in_reach, ${assisted} as assisted`;
}
