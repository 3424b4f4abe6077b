/**
 * What orders take of a reward and give back. All of them count in one row, which is locked after the customer and held
 * to the end: so no more are sold than there are, however many are ordered at once.
 */
import { sql } from 'drizzle-orm';
import type { Tx } from '../../db/client.js';
import type { Ctx } from '../../platform/context.js';
import { DomainError } from '../../platform/errors.js';
import { placeOfCode } from './codes.js';
import type { StoredOrder } from './order.js';
import type { RewardKey, StoredReward } from './reward.js';

/** Takes one, and of a reward with codes keeps a code for the order. Throws 409 where none is left. */
export async function takeOne(
  tx: Tx,
  { programme, key: reward, delivery }: StoredReward,
  orderId: string,
): Promise<string | null> {
  const taken = await tx.run(sql`
    update loyalty_reward_stock set taken = taken + 1
    where programme = ${programme} and reward = ${reward} and (stock is null or taken < stock)`);
  if (taken === 0) throw new DomainError('out_of_stock', 'None of the reward is left. Nothing was done.');
  if (delivery === 'manual') return null;
  const [code] = await tx.rows<{ code_id: string }>(sql`
    update loyalty_reward_codes set order_id = ${orderId}
    where programme = ${programme} and reward = ${reward} and code_id = (
      select code_id from loyalty_reward_codes
      where programme = ${programme} and reward = ${reward} and order_id is null order by code_id limit 1)
    returning code_id`);
  if (code === undefined) throw new Error('a reward has fewer codes than its stock says');
  return code.code_id;
}

/** The code of an order that was never issued is free for another one. */
export async function giveOneBack(tx: Tx, order: RewardKey & Pick<StoredOrder, 'code_id'>): Promise<void> {
  const { programme, reward, code_id: codeId } = order;
  await tx.run(sql`
    update loyalty_reward_stock set taken = taken - 1 where programme = ${programme} and reward = ${reward}`);
  if (codeId !== null)
    await tx.run(sql`
      update loyalty_reward_codes set order_id = null
      where programme = ${programme} and reward = ${reward} and code_id = ${codeId}`);
}

/** What an order was given, to be told in the reply that issues it. */
export async function codeOf(
  { database, keyring }: Ctx,
  { programme, reward, code_id: codeId }: RewardKey & Pick<StoredOrder, 'code_id'>,
): Promise<string | null> {
  if (codeId === null) return null;
  const [row] = await database.rows<{ code_sealed: Buffer }>(sql`
    select code_sealed from loyalty_reward_codes
    where programme = ${programme} and reward = ${reward} and code_id = ${codeId}`);
  return row === undefined ? null : keyring.decrypt(row.code_sealed, placeOfCode(codeId));
}
