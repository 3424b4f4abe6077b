/** The catalogue: rewards are made and changed by version, and codes are added to those that have them. */
import { isDeepStrictEqual } from 'node:util';
import { sql } from 'drizzle-orm';
import { array, json, type Reader, type Tx } from '../../db/client.js';
import type { Ctx } from '../../platform/context.js';
import {
  bodyProblem,
  brokenRules,
  DomainError,
  type FieldProblem,
  fieldError,
} from '../../platform/errors.js';
import { reservedKeys } from '../../platform/http/paths.js';
import { checkVersion, requiredVersions } from '../../platform/http/versions.js';
import { newId } from '../../platform/ids.js';
import { microsOf } from '../../platform/instants.js';
import type { PageRequest } from '../../platform/pagination.js';
import { type Effect, transact } from '../../platform/transact.js';
import { checkRule } from '../../rules/check.js';
import type { LoadFacts } from '../../rules/facts.js';
import { readVocabulary } from '../earning/world.js';
import { readProgramme } from '../programme.js';
import { placeOfCode } from './codes.js';

import { type RewardKey, readReward, type StoredReward, selectReward } from './reward.js';
import type { RewardCodesAdded, RewardCreate, RewardIn } from './schemas.js';

const mostRewards = 10_000;

export async function listRewards(ctx: Ctx, programme: string, page: PageRequest): Promise<StoredReward[]> {
  await readProgramme(ctx.database, programme);
  return ctx.database.rows(sql`${selectReward}
    where r.programme = ${programme} and ${page.after === undefined ? sql`true` : sql`r.reward > ${page.after[0]}`}
    order by r.reward limit ${page.limit + 1}`);
}

export const getReward = (ctx: Ctx, key: RewardKey): Promise<StoredReward> => readReward(ctx.database, key);

export function createReward(
  ctx: Ctx,
  facts: LoadFacts,
  programme: string,
  { key, delivery, ...content }: RewardCreate,
): Promise<StoredReward> {
  return transact<StoredReward>(ctx, async (tx) => {
    if (reservedKeys.includes(key))
      throw fieldError('/key', 'reserved', 'is a word of paths: choose another');
    await readProgramme(tx, programme);
    await refuseBroken(tx, facts, delivery, content);
    const made = await tx.run(sql`
      insert into loyalty_rewards (programme, reward, version, delivery, created_at)
      values (${programme}, ${key}, 1, ${delivery}, ${ctx.now}) on conflict do nothing`);
    if (made === 0) throw new DomainError('conflict', 'There is a reward of this key already.');
    const [count] = await tx.rows<{ all: number }>(
      sql`select count(*)::int as all from loyalty_rewards where programme = ${programme}`,
    );
    if ((count?.all ?? 0) > mostRewards)
      throw new DomainError('conflict', `There are ${mostRewards} rewards in the programme already.`);
    await tx.run(sql`
      insert into loyalty_reward_stock (programme, reward, stock, taken)
      values (${programme}, ${key}, ${stockOf(delivery, content)}, 0)`);
    return publish(tx, ctx, { programme, reward: key }, { version: 1, content });
  });
}

const stockOf = (delivery: StoredReward['delivery'], { stock }: RewardIn) =>
  delivery === 'code' ? 0 : stock;

export type PutReward = RewardKey & { content: RewardIn; ifMatch: string | undefined };

export function putReward(ctx: Ctx, facts: LoadFacts, { content, ifMatch, ...key }: PutReward) {
  return transact<StoredReward>(ctx, async (tx) => {
    const known = await readReward(tx, key, sql`for update of r`);
    checkVersion(requiredVersions(ifMatch), known.version);
    await refuseBroken(tx, facts, known.delivery, content);
    if (isDeepStrictEqual(known.content, content)) return { value: known, audit: [] };
    const version = known.version + 1;
    await tx.run(sql`
      update loyalty_rewards set version = ${version} where programme = ${key.programme} and reward = ${key.reward}`);
    if (known.delivery === 'manual') await restock(tx, key, content.stock);
    return publish(tx, ctx, key, { version, content });
  });
}

async function restock(tx: Tx, { programme, reward }: RewardKey, stock: number | null): Promise<void> {
  const changed = await tx.run(sql`
    update loyalty_reward_stock set stock = ${stock}::bigint
    where programme = ${programme} and reward = ${reward} and (${stock}::bigint is null or taken <= ${stock}::bigint)`);
  if (changed === 0) throw fieldError('/stock', 'taken', 'is less than what is ordered already');
}

async function refuseBroken(
  reader: Reader,
  facts: LoadFacts,
  delivery: StoredReward['delivery'],
  { stock, eligibility, valid_from: from, valid_to: to }: RewardIn,
): Promise<void> {
  const errors: FieldProblem[] = [];
  const add = (pointer: string, code: string, message: string) =>
    errors.push(bodyProblem(pointer, code, message));
  if (delivery === 'code' && stock !== null)
    add('/stock', 'by_codes', 'must be null: there are as many as there are codes');
  if (from !== null && to !== null && microsOf(from) >= microsOf(to))
    add('/valid_to', 'range', 'must be after valid_from');
  if (eligibility !== null)
    for (const problem of checkRule(eligibility, await readVocabulary(reader, facts)))
      errors.push({ ...problem, in: 'body', pointer: `/eligibility${problem.pointer}` });
  if (errors.length > 0) throw brokenRules(errors);
}

async function publish(
  tx: Tx,
  ctx: Ctx,
  key: RewardKey,
  { version, content }: Pick<StoredReward, 'version' | 'content'>,
): Promise<Effect<StoredReward>> {
  const { programme, reward } = key;
  await tx.run(sql`
    insert into loyalty_reward_versions (programme, reward, version, content, created_at, created_by)
    values (${programme}, ${reward}, ${version}, ${json(content)}, ${ctx.now}, ${ctx.actor})`);
  return { value: await readReward(tx, key), ...told(ctx, key, 'published', { version }) };
}

function told({ now }: Ctx, { programme, reward }: RewardKey, verb: string, more: Record<string, unknown>) {
  const type = `loyalty_reward.${verb}`;
  const data = { programme, ...more };
  return {
    audit: [{ action: type, subjectType: 'loyalty_reward', subjectId: reward, details: data }],
    events: [{ type, subject: reward, subjectVersion: 0, occurredAt: now, data }],
  };
}

/** Throws 409 for a reward that is handed out by hand. */
export function addCodes(ctx: Ctx, key: RewardKey, codes: readonly string[]): Promise<RewardCodesAdded> {
  return transact<RewardCodesAdded>(ctx, async (tx) => {
    const { delivery } = await readReward(tx, key);
    if (delivery !== 'code') throw new DomainError('conflict', 'The reward has no codes: it is handed out.');
    const { programme, reward } = key;
    // before the codes are there, as an order that takes one does it
    await tx.rows(sql`
      select from loyalty_reward_stock where programme = ${programme} and reward = ${reward} for update`);
    const rows = [...new Set(codes)].map((code) => ({ id: newId(), code }));
    const added = await tx.run(sql`
      insert into loyalty_reward_codes (programme, reward, code_id, code_sealed, code_key_id, code_index, added_at)
      select ${programme}, ${reward}, id, code_sealed, ${ctx.keyring.currentKeyId}, code_index, ${ctx.now}
      from unnest(${array(
        rows.map(({ id }) => id),
        'uuid',
      )}, ${array(
        rows.map(({ id, code }) => ctx.keyring.encrypt(code, placeOfCode(id))),
        'bytea',
      )}, ${array(
        rows.map(({ code }) => ctx.keyring.blindIndex(`loyalty_reward_code:${programme}:${reward}`, code)),
        'text',
      )}) as c(id, code_sealed, code_index)
      on conflict (programme, reward, code_index) do nothing`);
    const [stock] = await tx.rows<{ available: number }>(sql`
      update loyalty_reward_stock set stock = stock + ${added}::bigint
      where programme = ${programme} and reward = ${reward} returning stock - taken as available`);
    return {
      value: { added, known: codes.length - added, available: stock?.available ?? 0 },
      ...(added === 0 ? { audit: [] } : told(ctx, key, 'codes_added', { count: added })),
    };
  });
}
