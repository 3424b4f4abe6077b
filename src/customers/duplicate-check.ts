/** Proposes customers that may be the same as one. Whether they are, a person decides. */
import { sql } from 'drizzle-orm';
import type { Reader } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import { brokenRules, notFound } from '../platform/errors.js';
import { type Among, findCandidates, throughIndexes } from './candidates.js';
import { type Definitions, loadDefinitions } from './definitions.js';
import { type DuplicateSubject, scoreDuplicate, thresholds } from './duplicates.js';
import { prepareCustomer } from './preparation.js';
import type { CustomerStatement } from './schemas.js';
import { criteriaOf, isFindable, type Matches, readMatches, type Scored } from './search.js';
import { getCustomer } from './service.js';
import { knownSubject, readSubjects, statedSubject } from './subjects.js';

/** Names are looked at in all ways unless very many have them. */
const enough = 200;

/** Those that the conditions admit, from a score on. */
async function findDuplicates(
  reader: Reader,
  definitions: Definitions,
  subject: DuplicateSubject,
  among: Among,
  from: number,
): Promise<{ scored: Scored[]; truncated: boolean }> {
  const { ids, truncated } = await findCandidates(reader, criteriaOf(subject), among, enough);
  const scored = (await readSubjects(reader, definitions, ids))
    .map((candidate) => ({ subject: candidate, score: scoreDuplicate(subject, candidate) }))
    .filter(({ score }) => score.score >= from);
  return { scored, truncated: truncated && scored.length > 0 };
}

/** The likely duplicates of a known customer, among those that the caller may see. */
export async function listDuplicates(ctx: Ctx, id: string, limit: number): Promise<Matches> {
  const definitions = await loadDefinitions(ctx.database);
  return throughIndexes(ctx, async (reader) => {
    const subject = await knownSubject(ctx, reader, definitions, await getCustomer(ctx, id, reader));
    if (subject === undefined) throw notFound('customer');
    const among = {
      indexed: visibleCustomer(ctx),
      other: sql`${isFindable} and customers.id <> ${id}::uuid`,
    };
    const found = await findDuplicates(reader, definitions, subject, among, thresholds.possible);
    return readMatches(reader, found.scored, limit, found.truncated);
  });
}

export type DuplicateCheck = Matches & { elsewhere: { branch: string | null }[] };

/**
 * The likely duplicates of a customer that is about to be created. It alone answers across data scopes, and of
 * what lies outside only which branches have a likely one; a key that is bound to one customer learns nothing.
 *
 * @throws DomainError 422 as creating the customer would
 */
export async function checkDuplicates(ctx: Ctx, input: CustomerStatement): Promise<DuplicateCheck> {
  const definitions = await loadDefinitions(ctx.database);
  const world = { keyring: ctx.keyring, bank: ctx.bank, definitions, now: ctx.now };
  const { prepared, problems } = prepareCustomer(world, input);
  if (problems.length > 0) throw brokenRules(problems);
  const subject = statedSubject(definitions, prepared);
  return throughIndexes(ctx, async (reader) => {
    const inside = { indexed: visibleCustomer(ctx), other: isFindable };
    const found = await findDuplicates(reader, definitions, subject, inside, thresholds.possible);
    const matches = await readMatches(reader, found.scored, matchesMax, found.truncated);
    return { ...matches, elsewhere: await findElsewhere(ctx, reader, definitions, subject) };
  });
}

const matchesMax = 20;

async function findElsewhere(
  ctx: Ctx,
  reader: Reader,
  definitions: Definitions,
  subject: DuplicateSubject,
): Promise<DuplicateCheck['elsewhere']> {
  if (ctx.dataScope === null || 'customer' in ctx.dataScope) return [];
  const outside = { indexed: sql`true`, other: sql`(${visibleCustomer(ctx)}) is not true and ${isFindable}` };
  const { scored } = await findDuplicates(reader, definitions, subject, outside, thresholds.likely);
  const branches = new Set(scored.map((one) => one.subject.branch));
  return [...branches].sort().map((branch) => ({ branch }));
}
