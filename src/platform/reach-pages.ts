/**
 * Pages of lists by customer, for callers with a reach, that read about as much as they answer wherever their customers
 * lie. With `branch = any(…)` and an order by id PostgreSQL has two ways, and each has a reach for which it reads the
 * whole bank: along the ids, where a wide reach has few customers or has them at the end; by the codes, where it has very
 * many.
 *
 * So both are walked, and neither for long: first a bounded piece along the ids, which fills a page where the reach is
 * dense. Else the first customer of each code is asked for; a page's rows can only lie under the codes whose first ones
 * come first, as many as the page has rows. A book has its own index, in the order of ids.
 */
import { type SQL, sql } from 'drizzle-orm';
import { array } from '../db/client.js';
import type { Ctx } from './context.js';
import { inEffect } from './in-effect.js';

export type ReachList = {
  /** ids after this one, or from it on where `isFrom` */
  after: string | undefined;
  isFrom?: boolean;
  /** how many ids at most */
  limit: number;
  /** how many rows fill a page, where that is not as many */
  enough?: number;
  /** ids of what the list is about, as `id`, in order: from where a condition on the column says, and at most so many */
  along: (from: (column: SQL) => SQL, most: number) => SQL;
  /** what the list asks of a customer, of `customers c` */
  condition: SQL;
};

/** Reads the rows of customers that `ids` gives, as a query with `id` and `seen`, and hands `seen` through. */
type Read<T> = (ids: SQL) => Promise<(T & { seen: number | null })[]>;

/** with fewer codes, asking each of them costs less than a piece along the ids */
const fewCodes = 20;

const pieceOf = (limit: number): number => Math.max(1000, limit * 10);

/** `undefined` where the reach needs nothing of this: the bank, and one customer. */
export function readInReach<T>(
  { reach }: Pick<Ctx, 'reach'>,
  list: ReachList,
  read: Read<T>,
): Promise<T[]> | undefined {
  if (reach === null || 'customer' in reach) return undefined;
  if ('staff' in reach) return read(ofBook(reach, list));
  return readByCodes(reach.codes, list, read);
}

const beyond = (column: SQL, { after, isFrom }: ReachList): SQL => {
  if (after === undefined) return sql`true`;
  return isFrom === true ? sql`${column} >= ${after}::uuid` : sql`${column} > ${after}::uuid`;
};

async function readByCodes<T>(codes: readonly string[], list: ReachList, read: Read<T>): Promise<T[]> {
  if (codes.length > fewCodes) {
    const piece = pieceOf(list.limit);
    const rows = await read(alongIds(codes, list, piece));
    if (rows.length >= (list.enough ?? list.limit) || (rows[0]?.seen ?? piece) < piece) return rows;
  }
  return read(byCodes(codes, list));
}

/** `offset 0`: each customer is looked up on its own, in the order of ids, until there are enough. */
function alongIds(codes: readonly string[], list: ReachList, most: number): SQL {
  const piece = list.along((column) => beyond(column, list), most);
  return sql`(
    select u.id, (select count(*)::int from (${piece}) p) as seen
    from (${piece}) p cross join lateral (
      select c.id from customers c
      where c.id = p.id and c.branch = any(${array(codes, 'text')}) and ${list.condition} offset 0) u
    order by p.id limit ${list.limit})`;
}

function byCodes(codes: readonly string[], list: ReachList): SQL {
  const under = (code: SQL, limit: number) => sql`
    select c.id from customers c where c.branch = ${code} and ${beyond(sql`c.id`, list)} and ${list.condition}
    order by c.id limit ${limit}`;
  return sql`(
    with firsts as materialized (
      select codes.code from unnest(${array(codes, 'text')}) as codes(code)
      cross join lateral (${under(sql`codes.code`, 1)}) f order by f.id limit ${list.limit})
    select u.id, null::int as seen from firsts cross join lateral (${under(sql`firsts.code`, list.limit)}) u
    order by u.id limit ${list.limit})`;
}

function ofBook({ staff, at }: { staff: string; at: string }, list: ReachList): SQL {
  return sql`(
    select u.id, null::int as seen from (
      select distinct book.customer_id as id from assignments book
      where book.staff = ${staff} and ${beyond(sql`book.customer_id`, list)}
        and ${inEffect('book', at)}
      order by 1) b
    cross join lateral (select c.id from customers c where c.id = b.id and ${list.condition} offset 0) u
    order by b.id limit ${list.limit})`;
}
