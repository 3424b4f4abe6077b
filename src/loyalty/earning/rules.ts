/** Earn rules as definitions: each change is a version, and what an activity earned goes by the version that earned it. */
import { isDeepStrictEqual } from 'node:util';
import { sql } from 'drizzle-orm';
import { json, type Reader, type Tx } from '../../db/client.js';
import type { Guarded } from '../../platform/approvals/guarded.js';
import type { Ctx } from '../../platform/context.js';
import { brokenRules, DomainError, fieldError, notFound } from '../../platform/errors.js';
import { reservedKeys } from '../../platform/http/paths.js';
import { checkVersion } from '../../platform/http/versions.js';
import type { PageRequest } from '../../platform/pagination.js';
import { type Effect, transact } from '../../platform/transact.js';
import type { LoadFacts } from '../../rules/facts.js';
import type { Vocabulary } from '../../rules/vocabulary.js';
import { readProgramme } from '../programme.js';
import { planOccasions } from './rounds.js';
import { type EarnRuleContent, earnRuleProblems, earnRuleWarnings, type Warning } from './rule.js';
import type { EarnRuleOut } from './schemas.js';
import { readVocabulary, readWorld } from './world.js';

export type RuleKey = { programme: string; key: string };
export type EarnRuleInput = RuleKey & { content: EarnRuleContent };
export type EarnRuleChange = EarnRuleInput & { versions: number[] | undefined };
export type Published = { version: number };

type StoredRule = RuleKey & {
  version: number;
  content: EarnRuleContent;
  used: number;
  created_at: string;
  updated_at: string;
};

/** Each is judged for each activity of a member. */
const mostRules = 200;

const selectRule = sql`
  select r.programme, r.key, r.version, v.content, coalesce(b.used, 0) as used, r.created_at, v.created_at as updated_at
  from loyalty_earn_rules r
  join loyalty_earn_rule_versions v on v.programme = r.programme and v.rule = r.key and v.version = r.version
  left join loyalty_earn_budgets b on b.programme = r.programme and b.rule = r.key`;

const shown = ({ content, ...row }: StoredRule, vocabulary: Vocabulary): EarnRuleOut => ({
  ...content,
  ...row,
  warnings: earnRuleWarnings(content, vocabulary),
});

export async function listEarnRules(
  ctx: Ctx,
  facts: LoadFacts,
  programme: string,
  page: PageRequest,
): Promise<EarnRuleOut[]> {
  await readProgramme(ctx.database, programme);
  const rows = await ctx.database.rows<StoredRule>(sql`${selectRule}
    where r.programme = ${programme} and r.deleted_at is null
      and ${page.after === undefined ? sql`true` : sql`r.key > ${page.after[0]}`} order by r.key limit ${page.limit + 1}`);
  const vocabulary = await readVocabulary(ctx.database, facts);
  return rows.map((row) => shown(row, vocabulary));
}

export async function getEarnRule(ctx: Ctx, facts: LoadFacts, key: RuleKey): Promise<EarnRuleOut> {
  const rule = await present(ctx.database, key);
  return shown(rule, await readVocabulary(ctx.database, facts));
}

/** Throws 404. */
async function present(reader: Reader, { programme, key }: RuleKey, lock = sql``): Promise<StoredRule> {
  const [row] = await reader.rows<StoredRule>(
    sql`${selectRule} where r.programme = ${programme} and r.key = ${key} and r.deleted_at is null ${lock}`,
  );
  if (row === undefined) throw notFound('earn rule');
  return row;
}

const locked = sql`for update of r`;
const scope = 'loyalty:write';
const about = ({ programme, key }: RuleKey) => ({
  subject: { type: 'earn_rule', id: `${programme}/${key}` },
  customers: [],
});
/** What warns is barred unless a second person has looked at it; what earns nothing yet does no harm. */
const isRequired = ({ status }: EarnRuleContent, warnings: readonly Warning[]): boolean =>
  warnings.length > 0 && status === 'active';

/** Throws `rule_broken`. */
async function checked(
  reader: Reader,
  facts: LoadFacts,
  { programme, key, content }: EarnRuleInput,
): Promise<Warning[]> {
  await readProgramme(reader, programme);
  const world = await readWorld(reader, facts, programme, key);
  if (world.rules.size >= mostRules)
    throw new DomainError('conflict', `The programme has ${mostRules} rules already.`);
  const errors = earnRuleProblems(content, world);
  if (errors.length > 0) throw brokenRules(errors);
  return earnRuleWarnings(content, world.vocabulary);
}

export const createEarnRuleGuard = (facts: LoadFacts): Guarded<EarnRuleInput, Published> => ({
  operation: 'createEarnRule',
  scope,

  async plan(tx, _ctx, input) {
    const { programme, key, content } = input;
    if (reservedKeys.includes(key))
      throw fieldError('/key', 'reserved', 'is a word of paths: choose another');
    const warnings = await checked(tx, facts, input);
    const [known] = await tx.rows(
      sql`select from loyalty_earn_rules where programme = ${programme} and key = ${key}`,
    );
    if (known !== undefined) throw taken(key);
    return {
      ...about(input),
      summary: `Create earn rule ${key} of ${programme}`,
      content: { version: 1, rule: content, warnings },
      weighty: true,
      required: isRequired(content, warnings),
    };
  },

  async execute(tx, ctx, { programme, key, content }) {
    const made = await tx.run(sql`
      insert into loyalty_earn_rules (programme, key, version, created_at)
      values (${programme}, ${key}, 1, ${ctx.now}) on conflict do nothing`);
    if (made === 0) throw taken(key);
    return publish(tx, ctx, { programme, key, content }, 1);
  },
});

const taken = (key: string) =>
  new DomainError('conflict', `The key ${key} is taken, or was by a rule that is deleted.`);

/** Makes a new version; the same again makes none. */
export const putEarnRuleGuard = (facts: LoadFacts): Guarded<EarnRuleChange, Published> => ({
  operation: 'putEarnRule',
  scope,

  async plan(tx, _ctx, input) {
    const { programme, key, content, versions } = input;
    const { version, content: former } = await present(tx, input, locked);
    checkVersion(versions, version);
    const warnings = await checked(tx, facts, input);
    const isNew = !isDeepStrictEqual(former, content);
    return {
      ...about(input),
      summary: isNew
        ? `Publish version ${version + 1} of earn rule ${key} of ${programme}`
        : `Leave earn rule ${key} of ${programme} as it is`,
      content: { base_version: version, former, version: version + (isNew ? 1 : 0), rule: content, warnings },
      weighty: isNew,
      required: isNew && isRequired(content, warnings),
    };
  },

  async execute(tx, ctx, { programme, key, content }) {
    const former = await present(tx, { programme, key }, locked);
    if (isDeepStrictEqual(former.content, content)) return { value: { version: former.version }, audit: [] };
    const version = former.version + 1;
    await tx.run(sql`
      update loyalty_earn_rules set version = ${version} where programme = ${programme} and key = ${key}`);
    return publish(tx, ctx, { programme, key, content }, version);
  },
});

/** What it gave stays, and is corrected by it where an activity is. */
export const deleteEarnRule = (ctx: Ctx, key: RuleKey, versions: number[] | undefined): Promise<void> =>
  transact<void>(ctx, async (tx) => {
    const { version } = await present(tx, key, locked);
    checkVersion(versions, version);
    await tx.run(sql`
      update loyalty_earn_rules set deleted_at = ${ctx.now} where programme = ${key.programme} and key = ${key.key}`);
    return { value: undefined, ...told(ctx, 'deleted', key, version) };
  });

async function publish(
  tx: Tx,
  ctx: Ctx,
  { programme, key, content }: EarnRuleInput,
  version: number,
): Promise<Effect<Published>> {
  await tx.run(sql`
    insert into loyalty_earn_rule_versions (programme, rule, version, content, created_at, created_by)
    values (${programme}, ${key}, ${version}, ${json(content)}, ${ctx.now}, ${ctx.actor})`);
  if ('occasion' in content.earns) await planOccasions(tx, ctx, await readProgramme(tx, programme));
  return { value: { version }, ...told(ctx, 'published', { programme, key }, version) };
}

function told(ctx: Ctx, verb: 'published' | 'deleted', { programme, key }: RuleKey, version: number) {
  const type = `earn_rule.${verb}`;
  return {
    audit: [
      { action: type, subjectType: 'earn_rule', subjectId: `${programme}/${key}`, details: { version } },
    ],
    events: [{ type, subject: key, subjectVersion: 0, occurredAt: ctx.now, data: { programme, version } }],
  };
}
