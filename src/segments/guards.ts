/** Publishing a rule, or ending a segment, moves customers: the bank can ask a second person first. */
import { sql } from 'drizzle-orm';
import { array, json, type Reader, type Tx } from '../db/client.js';
import type { Guarded, Planned } from '../platform/approvals/guarded.js';
import { canonicalJson } from '../platform/canonical-json.js';
import type { Ctx } from '../platform/context.js';
import { brokenRules, DomainError, fieldError, notFound } from '../platform/errors.js';
import { reservedKeys } from '../platform/http/paths.js';
import { checkVersion } from '../platform/http/versions.js';
import type { LoadFacts } from '../rules/facts.js';
import type { Rule } from '../rules/schema.js';
import { readsOf } from '../rules/touches.js';
import { segmentsNamed, type Vocabulary } from '../rules/vocabulary.js';
import { type Forecast, forecastEnd, forecastRule } from './forecast.js';
import { ruleErrors } from './service.js';
import { newestVocabulary } from './vocabulary.js';

export type SegmentInput = {
  key: string;
  name: string;
  description: string;
  kind?: 'rule' | 'static';
  /** none of a static segment */
  rule?: Rule;
  member_events?: boolean;
};
export type SegmentChange = Omit<SegmentInput, 'kind'> & { versions: number[] | undefined };
export type SegmentEnd = { key: string; versions: number[] | undefined };

/** What a change came to. */
export type Published = { rule_version: number };

const scope = 'segments:write';
const threshold = {
  counts: 'customers that enter or leave',
  of: ({ forecast }: Planned) => {
    const moved = forecast as Forecast | null;
    return moved === null ? null : moved.enters + moved.leaves;
  },
};
const about = (key: string) => ({ subject: { type: 'segment', id: key }, customers: [] });

export const createGuard = (facts: LoadFacts): Guarded<SegmentInput, Published> => ({
  operation: 'createSegment',
  scope,
  threshold,
  forecast: async (ctx, { key, rule }) =>
    rule === undefined
      ? nobody
      : forecastRule(ctx, await checkedVocabulary(ctx.database, facts, key, rule), key, rule),

  async plan(tx, _ctx, { key, ...input }) {
    if (reservedKeys.includes(key)) {
      throw new DomainError('rule_broken', `The key ${key} is a word of the API's paths.`, {
        errors: [{ in: 'body', pointer: '/key', code: 'reserved', message: 'choose another key' }],
      });
    }
    if ((await tx.rows(sql`select from segments where key = ${key}`)).length > 0) throw taken(key);
    if (input.rule !== undefined) await checkedVocabulary(tx, facts, key, input.rule);
    return {
      ...about(key),
      summary: `Create segment ${key}`,
      content: { version: 1, ...input },
      weighty: true,
    };
  },

  async execute(tx, ctx, { key, ...input }) {
    const inserted = await tx.run(sql`
      insert into segments (key, name, description, kind, version, created_at, updated_at)
      values (${key}, ${input.name}, ${input.description}, ${input.kind ?? 'rule'}, 1, ${ctx.now}, ${ctx.now}) on conflict do nothing`);
    if (inserted === 0) throw taken(key);
    if (input.rule === undefined) await insertStatic(tx, ctx, key);
    else await insertVersion(tx, ctx, facts, { ...input, key, version: 1, rule: input.rule });
    return told(ctx, 'created', key, 1);
  },
});

const taken = (key: string) =>
  new DomainError('conflict', `The key ${key} is taken, or was by a segment that is deleted.`);

const nobody: Forecast = { enters: 0, leaves: 0 };

/** Without a rule it is static. */
type Present = { version: number; name: string; description: string; rule: Rule | null };

/** The segment, which nobody else changes until the transaction ends. Throws 404. */
async function present(reader: Reader, key: string, lock = sql``): Promise<Present> {
  const [row] = await reader.rows<Present>(sql`
    select s.version, s.name, s.description, v.rule
    from segments s join segment_versions v on v.segment = s.key and v.version = s.version
    where s.key = ${key} and s.deleted_at is null ${lock}`);
  if (row === undefined) throw notFound('segment');
  return row;
}

const locked = sql`for update of s`;
/** The rule that takes the place of another one; undefined where it stays as it is. Throws where the kind is another one. */
function newRule(former: Rule | null, rule: Rule | undefined): Rule | undefined {
  if (former === null) {
    if (rule === undefined) return undefined;
    throw fieldError('/rule', 'static_segment', 'Who is in a static segment follows from no rule.');
  }
  if (rule === undefined) throw fieldError('/rule', 'required', 'A segment of the kind rule has a rule.');
  return canonicalJson(former) === canonicalJson(rule) ? undefined : rule;
}

/** Makes a new version of the rule; the same rule again makes none. */
export const putGuard = (facts: LoadFacts): Guarded<SegmentChange, Published> => ({
  operation: 'putSegment',
  scope,
  threshold,
  async forecast(ctx, { key, rule }) {
    const before = await present(ctx.database, key);
    const next = newRule(before.rule, rule);
    if (next === undefined) return nobody;
    return forecastRule(ctx, await checkedVocabulary(ctx.database, facts, key, next), key, next);
  },

  async plan(tx, _ctx, { key, versions, ...input }) {
    const { version, ...former } = await present(tx, key, locked);
    checkVersion(versions, version);
    const rule = newRule(former.rule, input.rule);
    const isNewRule = rule !== undefined;
    if (isNewRule) await checkedVocabulary(tx, facts, key, rule);
    const next = version + (isNewRule ? 1 : 0);
    return {
      ...about(key),
      summary: isNewRule
        ? `Publish version ${next} of the rule of segment ${key}`
        : `Change how segment ${key} is called`,
      content: { base_version: version, former, version: next, ...input },
      weighty: isNewRule,
    };
  },

  async execute(tx, ctx, { key, ...input }) {
    const former = await present(tx, key);
    const rule = newRule(former.rule, input.rule);
    const next = former.version + (rule === undefined ? 0 : 1);
    await tx.run(sql`
      update segments set name = ${input.name}, description = ${input.description}, version = ${next}, updated_at = ${ctx.now}
      where key = ${key}`);
    if (rule !== undefined) await insertVersion(tx, ctx, facts, { ...input, key, version: next, rule });
    return told(ctx, 'updated', key, next);
  },
});

/** Its members leave; past memberships stay readable by customer. */
export const deleteGuard: Guarded<SegmentEnd, Published> = {
  operation: 'deleteSegment',
  scope,
  threshold,
  forecast: (ctx, { key }) => forecastEnd(ctx, key),

  async plan(tx, _ctx, { key, versions }) {
    const { version, ...former } = await present(tx, key, locked);
    checkVersion(versions, version);
    await refuseWhereNamed(tx, key);
    return {
      ...about(key),
      summary: `Delete segment ${key}`,
      content: { base_version: version, former },
      weighty: true,
    };
  },

  async execute(tx, ctx, { key }) {
    const { version } = await present(tx, key);
    await tx.run(sql`update segments set deleted_at = ${ctx.now} where key = ${key}`);
    return told(ctx, 'deleted', key, version);
  },
};

/**
 * Rules that name a segment which is gone could not be judged: those of other segments, of what earns points, and of
 * who can have a reward that can be ordered. Throws `conflict`.
 */
async function refuseWhereNamed(tx: Tx, key: string): Promise<void> {
  const rows = await tx.rows<{ key: string; rule: Rule }>(sql`
    select s.key, v.rule from segments s join segment_versions v on v.segment = s.key
      and (v.version in (s.version, s.live_version) or v.started_at is not null and v.completed_at is null)
    where s.deleted_at is null and v.rule is not null and s.key <> ${key}
    union all
    select format('earn rule %s of %s', r.key, r.programme), v.content -> 'condition'
    from loyalty_earn_rules r
    join loyalty_earn_rule_versions v on v.programme = r.programme and v.rule = r.key and v.version = r.version
    where r.deleted_at is null and jsonb_typeof(v.content -> 'condition') = 'object'
    union all
    select format('reward %s of %s', r.reward, r.programme), v.content -> 'eligibility'
    from loyalty_rewards r
    join loyalty_reward_versions v on v.programme = r.programme and v.reward = r.reward and v.version = r.version
    where v.content ->> 'status' = 'active' and jsonb_typeof(v.content -> 'eligibility') = 'object'`);
  const naming = rows.filter(({ rule }) => segmentsNamed(rule).includes(key)).map((row) => row.key);
  if (naming.length === 0) return;
  const names = [...new Set(naming)].sort().join(', ');
  throw new DomainError('conflict', `The segment is named by the rules of ${names}: change these first.`);
}

/** What there is, where the rule can be judged by it. Throws `rule_broken`. */
export async function checkedVocabulary(
  reader: Reader,
  facts: LoadFacts,
  key: string | undefined,
  rule: Rule,
): Promise<Vocabulary> {
  const table = await newestVocabulary(reader, facts);
  const errors = ruleErrors(rule, table, key);
  if (errors.length > 0) throw brokenRules(errors);
  return table;
}

type NewVersion = { key: string; version: number; rule: Rule; member_events?: boolean };

async function insertVersion(tx: Tx, ctx: Ctx, facts: LoadFacts, made: NewVersion) {
  const { key, version, rule, member_events = false } = made;
  const reads = readsOf(rule, await newestVocabulary(tx, facts));
  await tx.run(sql`
    insert into segment_versions (segment, version, rule, reads, member_events, created_at, created_by)
    values (${key}, ${version}, ${json(rule)}, ${array(reads, 'text')}, ${member_events}, ${ctx.now}, ${ctx.actor})`);
}

/** Nobody is judged by it. */
async function insertStatic(tx: Tx, ctx: Ctx, key: string) {
  await tx.run(sql`
    insert into segment_versions (segment, version, rule, reads, created_at, created_by, started_at, completed_at)
    values (${key}, 1, null, '{}', ${ctx.now}, ${ctx.actor}, ${ctx.now}, ${ctx.now})`);
}

function told(ctx: Ctx, verb: 'created' | 'updated' | 'deleted', key: string, version: number) {
  const details = { rule_version: version };
  const type = `segment.${verb}`;
  return {
    value: details,
    audit: [{ action: type, subjectType: 'segment', subjectId: key, details }],
    events: [{ type, subject: key, subjectVersion: 0, occurredAt: ctx.now, data: details }],
  };
}
