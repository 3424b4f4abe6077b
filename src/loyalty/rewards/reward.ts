/** A reward as it is kept: every version stays, and an order names the one that it was made by. */
import { type SQL, sql } from 'drizzle-orm';
import type { Reader } from '../../db/client.js';
import { notFound } from '../../platform/errors.js';
import type { RewardIn, RewardOut } from './schemas.js';

export type StoredReward = {
  programme: string;
  key: string;
  version: number;
  delivery: 'code' | 'manual';
  content: RewardIn;
  taken: number;
  available: number | null;
  created_at: string;
  updated_at: string;
};

/** With the version that is in force, and how many are left. */
export const selectReward = sql`
  select r.programme, r.reward as key, r.version, r.delivery, v.content, s.taken, s.stock - s.taken as available,
    r.created_at, v.created_at as updated_at
  from loyalty_rewards r
  join loyalty_reward_versions v on v.programme = r.programme and v.reward = r.reward and v.version = r.version
  join loyalty_reward_stock s on s.programme = r.programme and s.reward = r.reward`;

export type RewardKey = { programme: string; reward: string };

/** Throws 404. */
export async function readReward(
  reader: Reader,
  { programme, reward }: RewardKey,
  lock: SQL = sql``,
): Promise<StoredReward> {
  const [row] = await reader.rows<StoredReward>(
    sql`${selectReward} where r.programme = ${programme} and r.reward = ${reward} ${lock}`,
  );
  if (row === undefined) throw notFound('reward');
  return row;
}

export const toReward = ({ content, ...reward }: StoredReward): RewardOut => ({ ...reward, ...content });
