/** Tiers are made and changed: each change is a version, by which all members are looked at. The same again makes none. */
import { isDeepStrictEqual } from 'node:util';
import { sql } from 'drizzle-orm';
import { json, type Reader } from '../../db/client.js';
import type { Ctx } from '../../platform/context.js';
import { brokenRules, DomainError } from '../../platform/errors.js';
import { checkVersion, requiredVersions } from '../../platform/http/versions.js';
import { transact } from '../../platform/transact.js';
import { readProgramme } from '../programme.js';
import { findTiers, readTiers, tierProblems } from './model.js';
import type { TierModelIn, TierModelOut } from './schemas.js';

export async function getTiers(ctx: Ctx, programme: string): Promise<TierModelOut> {
  const { version, content, created_at } = await readTiers(ctx.database, programme);
  const isCurrent = await isRolledOut(ctx.database, programme, version);
  return { programme, version, ...content, state: isCurrent ? 'current' : 'evaluating', created_at };
}

async function isRolledOut(reader: Reader, programme: string, version: number): Promise<boolean> {
  const [row] = await reader.rows<{ done: boolean }>(sql`
    select r.completed_at is not null and not exists (
      select from loyalty_tier_due d where d.programme = r.programme) as done
    from loyalty_tier_rollouts r where r.programme = ${programme} and r.version = ${version}`);
  return row?.done ?? false;
}

export type PutTiers = { programme: string; content: TierModelIn; ifMatch: string | undefined };

/** The first is put without If-Match, others with it. */
export async function putTiers(ctx: Ctx, { programme, content, ifMatch }: PutTiers) {
  const outcome = await transact<'created' | 'updated' | 'unchanged'>(ctx, async (tx) => {
    await readProgramme(tx, programme, sql`for update of p`);
    const known = await findTiers(tx, programme);
    if (known !== undefined) checkVersion(requiredVersions(ifMatch), known.version);
    else if (ifMatch !== undefined)
      throw new DomainError('stale_version', 'The programme has no tiers yet: send them without If-Match.');
    const errors = tierProblems(content);
    if (errors.length > 0) throw brokenRules(errors);
    if (isDeepStrictEqual(known?.content, content)) return { value: 'unchanged', audit: [] };
    const version = (known?.version ?? 0) + 1;
    await tx.run(sql`
      insert into loyalty_tier_models (programme, version, content, created_at, created_by)
      values (${programme}, ${version}, ${json(content)}, ${ctx.now}, ${ctx.actor})`);
    await tx.run(sql`
      insert into loyalty_tier_rollouts (programme, version) values (${programme}, ${version})
      on conflict (programme) do update set version = excluded.version, rolled_to = null, completed_at = null`);
    const type = 'loyalty_tiers.published';
    return {
      value: known === undefined ? 'created' : 'updated',
      audit: [{ action: type, subjectType: 'loyalty_programme', subjectId: programme, details: { version } }],
      events: [{ type, subject: programme, subjectVersion: 0, occurredAt: ctx.now, data: { version } }],
    };
  });
  return { outcome, tiers: await getTiers(ctx, programme) };
}
