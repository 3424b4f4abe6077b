/**
 * Who would have been in a segment at a past instant by the rules that answered then, with what is known today. Nothing
 * of it is stored, so the instant itself stands where a membership has its beginning.
 */
import { sql } from 'drizzle-orm';
import type { Reader } from '../db/client.js';
import type { Ctx } from '../platform/context.js';
import { visibleCustomer } from '../platform/data-scope.js';
import type { PageRequest } from '../platform/pagination.js';
import { compileVerdicts } from '../rules/compile.js';
import type { LoadFacts } from '../rules/facts.js';
import type { Rule } from '../rules/schema.js';
import { pastContext } from './judgement.js';
import type { CustomerSegmentRow, MemberRow } from './rows.js';
import { vocabularyAt } from './vocabulary.js';

/** In one pass over everybody in reach: a page costs as much as a preview. */
export async function restateMembers(
  ctx: Ctx,
  facts: LoadFacts,
  segment: string,
  at: string,
  page: PageRequest,
): Promise<MemberRow[]> {
  const { versions, ...vocabulary } = await vocabularyAt(ctx.database, facts, at);
  const version = versions.get(segment);
  if (version === undefined) return [];
  const after = page.after === undefined ? sql`true` : sql`customers.id > ${page.after[0]}::uuid`;
  const context = await pastContext(ctx.database, ctx, [{ segment }], vocabulary, at);
  const judged = compileVerdicts([{ segment }], vocabulary, context, {
    where: sql`${visibleCustomer(ctx)} and ${after}`,
  });
  return ctx.database.rows<MemberRow>(sql`
    select customer_id, ${at}::timestamptz as entered_at, null as left_at, ${version}::integer as rule_version
    from (${judged}) as judged where verdicts[1] order by customer_id limit ${page.limit + 1}`);
}

/** Of one customer, who is in reach. */
export async function restateSegments(
  reader: Reader,
  ctx: Ctx,
  facts: LoadFacts,
  customerId: string,
  at: string,
): Promise<CustomerSegmentRow[]> {
  const { versions, ...vocabulary } = await vocabularyAt(reader, facts, at);
  const keys = [...versions.keys()].sort();
  if (keys.length === 0) return [];
  const rules = keys.map((segment): Rule => ({ segment }));
  const names = await reader.rows<{ key: string; name: string }>(sql`select key, name from segments`);
  const nameOf = new Map(names.map(({ key, name }) => [key, name]));
  const context = await pastContext(reader, ctx, rules, vocabulary, at);
  const [judged] = await reader.rows<{ verdicts: boolean[] }>(
    compileVerdicts(rules, vocabulary, context, { ids: [customerId] }),
  );
  return keys
    .filter((_, place) => judged?.verdicts[place])
    .map((segment) => ({
      segment,
      name: nameOf.get(segment) ?? segment,
      entered_at: at,
      left_at: null,
      rule_version: versions.get(segment) ?? 1,
      cause: 'restated',
    }));
}
