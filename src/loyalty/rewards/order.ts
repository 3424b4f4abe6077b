/** An order as it is kept, and as it is told. */
import { type SQL, sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.js';
import { notFound } from '../../platform/errors.js';
import { microsOf } from '../../platform/instants.js';
import type { OrderOut } from './schemas.js';

export type StoredOrder = OrderOut & { code_id: string | null };
export type OrderKey = { id: string; programme: string; order_id: string };

const columns = sql`order_id, version, customer_id, programme, reward, reward_version, status, points, hold_id, operation_id, code_id,
  reserved_at, expires_at, issued_at, ended_at, cause, reason`;

export const readOrders = (reader: Reader, condition: SQL): Promise<StoredOrder[]> =>
  reader.rows<StoredOrder>(sql`select ${columns} from loyalty_orders where ${condition}`);

/** Throws 404. */
export async function readOrder(reader: Reader, { id, programme, order_id }: OrderKey): Promise<StoredOrder> {
  const [order] = await readOrders(
    reader,
    sql`customer_id = ${id} and programme = ${programme} and order_id = ${order_id}`,
  );
  if (order === undefined) throw notFound('order');
  return order;
}

const timedOut = { status: 'cancelled', cause: 'timed_out' } as const;

/** One whose time is over is cancelled, whether or not somebody has written it down yet. */
export function asOf(order: StoredOrder, now: string): StoredOrder {
  if (order.status !== 'reserved' || microsOf(order.expires_at) > microsOf(now)) return order;
  return { ...order, ...timedOut, version: order.version + 1, ended_at: order.expires_at };
}

export const toOrder = ({ code_id: _, ...order }: StoredOrder): OrderOut => order;
