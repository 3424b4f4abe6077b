/** Programmes are made and changed: each change is a version, and the same again makes none. */
import { isDeepStrictEqual } from 'node:util';
import { sql } from 'drizzle-orm';
import { json, type Reader, type Tx } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { brokenRules, DomainError, fieldError } from '../platform/errors.js';
import { reservedKeys } from '../platform/http/paths.js';
import { checkVersion, requiredVersions } from '../platform/http/versions.js';
import type { PageRequest } from '../platform/pagination.js';
import { type Effect, transact } from '../platform/transact.js';
import { programmeProblems, readProgramme, type StoredProgramme, selectProgramme } from './programme.js';
import type { ProgrammeCreate, ProgrammeIn } from './schemas.js';

/** words of paths beside the programmes */
const reserved = [...reservedKeys, 'programmes', 'verify'];
/** each is a fact or two, and every read of facts reads them all */
const mostProgrammes = 50;

export const listProgrammes = (ctx: Ctx, page: PageRequest): Promise<StoredProgramme[]> =>
  ctx.database.rows(sql`${selectProgramme}
    where ${page.after === undefined ? sql`true` : sql`p.key > ${page.after[0]}`} order by p.key limit ${page.limit + 1}`);

export const getProgramme = (ctx: Ctx, key: string): Promise<StoredProgramme> =>
  readProgramme(ctx.database, key);

export function createProgramme(ctx: Ctx, { key, ...content }: ProgrammeCreate): Promise<StoredProgramme> {
  return transact<StoredProgramme>(ctx, async (tx) => {
    if (reserved.includes(key)) throw fieldError('/key', 'reserved', 'is a word of paths: choose another');
    await refuseBroken(tx, key, content);
    const made = await tx.run(sql`
      insert into loyalty_programmes (key, version, created_at) values (${key}, 1, ${ctx.now}) on conflict do nothing`);
    if (made === 0) throw new DomainError('conflict', 'There is a programme of this key already.');
    const [count] = await tx.rows<{ all: number }>(sql`select count(*)::int as all from loyalty_programmes`);
    if ((count?.all ?? 0) > mostProgrammes)
      throw new DomainError('conflict', `There are ${mostProgrammes} programmes already.`);
    return publish(tx, ctx, { key, version: 1, content, created_at: ctx.now, updated_at: ctx.now });
  });
}

export type PutProgramme = { key: string; content: ProgrammeIn; ifMatch: string | undefined };

export function putProgramme(ctx: Ctx, { key, content, ifMatch }: PutProgramme): Promise<StoredProgramme> {
  return transact<StoredProgramme>(ctx, async (tx) => {
    const known = await readProgramme(tx, key, sql`for update of p`);
    checkVersion(requiredVersions(ifMatch), known.version);
    await refuseBroken(tx, key, content);
    if (isDeepStrictEqual(known.content, content)) return { value: known, audit: [] };
    const version = known.version + 1;
    await tx.run(sql`update loyalty_programmes set version = ${version} where key = ${key}`);
    return publish(tx, ctx, { ...known, version, content, updated_at: ctx.now });
  });
}

async function refuseBroken(reader: Reader, key: string, content: ProgrammeIn): Promise<void> {
  const known = await reader.rows<{ key: string }>(sql`select key from loyalty_programmes`);
  const errors = programmeProblems(
    content,
    key,
    known.map((one) => one.key),
  );
  if (errors.length > 0) throw brokenRules(errors);
}

async function publish(tx: Tx, ctx: Ctx, programme: StoredProgramme): Promise<Effect<StoredProgramme>> {
  const { key, version, content } = programme;
  await tx.run(sql`
    insert into loyalty_programme_versions (programme, version, content, created_at, created_by)
    values (${key}, ${version}, ${json(content)}, ${ctx.now}, ${ctx.actor})`);
  const type = 'loyalty_programme.published';
  return {
    value: programme,
    audit: [{ action: type, subjectType: 'loyalty_programme', subjectId: key, details: { version } }],
    events: [{ type, subject: key, subjectVersion: 0, occurredAt: ctx.now, data: { version } }],
  };
}
